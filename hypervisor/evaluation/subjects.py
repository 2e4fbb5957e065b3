"""The subjects of rules, from the registry: its sites, devices and groups."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

from hypervisor.base.instants import BEGINNING, micros
from hypervisor.evaluation import facts, upstream
from hypervisor.evaluation.chains import chains, splice
from hypervisor.evaluation.facts import ForecastFacts, SeriesFacts, SubjectFacts
from hypervisor.evaluation.power_schedule import lightings, supplies
from hypervisor.registry.model import Device as RegisteredDevice
from hypervisor.registry.model import Group, Registry, Revision, Site
from rules._inputs import Calendar, Device, Steps
from sensors._domain import Catalogue

_OF_DATUM = frozenset({"level", "daily_max_level"})  # measured from the gauge's zero

_ASIDE = "site:"
_Registered = TypeVar("_Registered", Site, RegisteredDevice, Group)


def build_subjects(
    registry: Registry,
    catalogue: Catalogue,
    zone: str = "Europe/Paris",
    *,
    failed: dict[str, Exception] | None = None,
) -> dict[str, SubjectFacts]:
    """Every subject, by its key: a site's name, `device/<name>`, `group/<name>`.

    A subject that cannot be built is left out; `failed` takes the site or subject, and the error.
    """
    index = _RegistryIndex(registry, catalogue, zone, {} if failed is None else failed)
    every = [site for site in registry.sites.values() if site.id is not None]
    sites = {subject.key: subject for subject in index.each(index.site, every)}
    subjects = [*upstream.join_upstream(join_inputs(sites), index.flowing)]
    devices = [device for device in registry.devices.values() if device.name in index]
    subjects += index.each(index.alone, devices, "device/")
    groups = registry.groups.values()
    subjects += index.each(lambda group: index.group(group, sites), groups, "group/")
    return {subject.key: subject for subject in subjects}


def join_inputs(sites: Mapping[str, SubjectFacts]) -> Iterator[SubjectFacts]:
    """The sites, each with the series of others that its forecasts are made from."""
    for site in sites.values():
        forecasts = {
            quantity: replace(
                forecast,
                inputs={
                    key: sites[key.site].series[key.quantity]
                    for key in sorted(forecast.named, key=lambda key: (key.site, key.quantity))
                    if key.site in sites and key.quantity in sites[key.site].series
                },
            )
            for quantity, forecast in site.forecasts.items()
        }
        yield replace(site, forecasts=forecasts) if forecasts else site


@dataclass(kw_only=True, slots=True)
class _Site:
    """What is registered at a site."""

    devices: list[RegisteredDevice] = field(default_factory=list)
    thresholds: dict[str, Steps] = field(default_factory=dict)
    breaks: tuple[int, ...] = ()
    forecasts: dict[str, ForecastFacts] = field(default_factory=dict)


class _RegistryIndex:
    """The registry by site, device and group."""

    def __init__(
        self, registry: Registry, catalogue: Catalogue, zone: str, failed: dict[str, Exception]
    ) -> None:
        self._registry = registry
        self._failed = failed
        self._zone = zone
        self._calendars: dict[tuple[float, float], Calendar] = {}
        self._common = catalogue.common
        self._revisions: dict[tuple[str, str], list[Revision]] = {}
        for revision in registry.revisions:
            self._revisions.setdefault((revision.kind, revision.key), []).append(revision)
        self._sites = {name: _Site() for name in registry.sites}
        for device in registry.devices.values():
            self._sites[device.site].devices.append(device)
        self._thresholds: dict[str, dict[str, Steps]] = {}  # of devices
        self._members: dict[str, dict[str, list[Revision]]] = {}  # group -> device -> revisions
        for (kind, key), history in self._revisions.items():
            self._sort(kind, key, history, catalogue)
        self._answering = {
            name: facts.answering(revisions)
            for (kind, name), revisions in self._revisions.items()
            if kind == "feed"
        }
        self._devices = {device.name: self._device(device) for device in registry.devices.values()}
        self._series: dict[str, dict[str, SeriesFacts]] = {}
        for (device_name, quantity), series in registry.series.items():
            if series.id is not None and quantity in catalogue.quantities:
                revisions = self._revisions.get(("series", f"{device_name}/{quantity}"), [])
                try:
                    series_facts = facts.series(
                        series.id, device_name, catalogue.quantities[quantity], revisions
                    )
                except Exception as error:  # noqa: BLE001  one series stops no other
                    self._fail(registry.devices[device_name].site, error)
                    continue
                breaks = self._sites[registry.devices[device_name].site].breaks
                if breaks and quantity in _OF_DATUM:
                    series_facts = replace(series_facts, breaks=breaks)
                self._series.setdefault(device_name, {})[quantity] = series_facts
        self._unlit: dict[str, Exception] = {}  # subjects whose supply cannot be read
        by_what = registry, self._members, self._revisions, self._unlit
        self._supplies, self._lightings = supplies(*by_what), lightings(*by_what)

    def _sort(self, kind: str, key: str, revisions: list[Revision], catalogue: Catalogue) -> None:
        owner, _, name = key.rpartition("/")
        if kind == "threshold":
            try:
                limit = facts.threshold(name, revisions, catalogue)
            except Exception as error:  # noqa: BLE001  one threshold stops no other
                self._fail(owner, error)
                return
            if owner.startswith("device/"):
                self._thresholds.setdefault(owner.removeprefix("device/"), {})[name] = limit
            elif owner in self._sites:
                self._sites[owner].thresholds[name] = limit
        elif kind == "forecast" and owner in self._sites:
            self._sites[owner].forecasts[name] = facts.forecast(revisions)
        elif kind == "datum" and key in self._sites:
            self._sites[key].breaks = _moved(revisions)
        elif kind == "member" and name in self._registry.devices:
            self._members.setdefault(owner, {})[name] = revisions

    def _device(self, registered: RegisteredDevice) -> Device:
        answers = self._answering.get(str(registered.properties.get("feed")))
        revisions = self._revisions.get(("device", registered.name), [])
        try:
            return facts.device(registered, revisions, answers=answers)
        except Exception as error:  # noqa: BLE001  one device stops no other
            self._fail(registered.site, error)
            return facts.device(registered, [])

    def each(
        self,
        make: Callable[[_Registered], SubjectFacts],
        registered: Iterable[_Registered],
        prefix: str = "",
    ) -> Iterator[SubjectFacts]:
        """A subject of each entry that one can be built from; `prefix`: of their keys."""
        for entry in registered:
            try:
                yield make(entry)
            except Exception as error:  # noqa: BLE001  one subject stops no other
                self._fail(f"{prefix}{entry.name}", error)

    def _fail(self, name: str, error: Exception) -> None:
        self._failed.setdefault(name, error)

    def __contains__(self, device: str) -> bool:
        """Whether a device measures anything."""
        return device in self._series

    def site(self, site: Site) -> SubjectFacts:
        """A site: what its devices measure, except lamps behind a cabinet of it."""
        here = self._sites[site.name]
        own = [device for device in here.devices if (device.name, site.name) not in self._fed_here]
        chosen, doubled = self._chosen(own)
        return SubjectFacts(
            key=site.name,
            per="site",
            domain=site.domain,
            site=site.id,
            place=site.name,
            titles={"site": site.title, "device": "", "group": ""},
            series=chosen,
            devices=self._together(own, chosen.values()),
            thresholds=here.thresholds,
            doubled=doubled,
            calendar=self._calendar(site),
            lighting=self._lightings.get(site.name),
            forecasts=here.forecasts,
        )

    def alone(self, device: RegisteredDevice) -> SubjectFacts:
        """A device by itself; its own thresholds take precedence over its site's."""
        self._require_lit([f"device/{device.name}"])
        site = self._registry.sites[device.site]
        groups = self._groups_of.get(device.name, ())
        title = self._registry.groups[groups[0]].title if groups else ""
        supply = self._supplies.get(device.name)
        return SubjectFacts(
            key=f"device/{device.name}",
            per="device",
            domain=site.domain,
            site=site.id,
            place=site.name,
            titles={"site": site.title, "device": device.name, "group": title},
            series=self._series[device.name],
            devices={device.name: self._devices[device.name]},
            thresholds={
                **self._sites[site.name].thresholds,
                **self._thresholds.get(device.name, {}),
            },
            supplies={device.name: supply} if supply else {},
            calendar=self._calendar(site),
            lighting=self._lightings.get(f"device/{device.name}"),
        )

    def group(self, group: Group, sites: Mapping[str, SubjectFacts]) -> SubjectFacts:
        """A group: its members, and what is measured at the site of its cabinet."""
        members = sorted(self._members.get(group.name, {}))
        self._require_lit([f"group/{group.name}", *(f"device/{member}" for member in members)])
        words = dict.fromkeys(q for m in members for q in self._series.get(m, {}))
        base = sites.get(group.site or "")
        series: dict[str, SeriesFacts] = {}
        for member in members:
            absent = self._absent(group.name, member)
            for quantity, series_facts in self._series.get(member, {}).items():
                withdrawn = facts.any_of(absent, series_facts.withdrawn)
                series[f"{quantity}@{member}"] = replace(series_facts, withdrawn=withdrawn)
        devices = {member: self._devices[member] for member in members}
        if base is not None:
            for name, series_facts in base.series.items():
                aside = _aside(series_facts)
                plain = name not in words and "@" not in name
                series[name if plain else f"{series_facts.quantity.name}@{aside.device}"] = aside
            devices |= {f"{_ASIDE}{name}": device for name, device in base.devices.items()}
        homes = [self._registry.sites[self._registry.devices[m].site] for m in members]
        place = base or next((sites[home.name] for home in homes if home.name in sites), None)
        title = base.titles["site"] if base else group.title
        return SubjectFacts(
            key=f"group/{group.name}",
            per="group",
            domain=place.domain if place else "",
            site=base.site if base else None,
            place=base.place if base else None,
            titles={"site": title, "device": "", "group": group.title},
            series=series,
            devices=devices,
            thresholds=base.thresholds if base else {},
            group={word: tuple(f"{word}@{member}" for member in members) for word in words},
            doubled={q: at for q, at in base.doubled.items() if q not in words} if base else {},
            supplies={m: self._supplies[m] for m in members if m in self._supplies},
            calendar=place.calendar if place else None,
            lighting=self._lightings.get(f"group/{group.name}"),
        )

    def _calendar(self, site: Site) -> Calendar | None:
        """By the place of a site, else of its commune; neighbours share one."""
        area = self._registry.areas.get(site.commune or "")
        for lon, lat in ((site.lon, site.lat), *([(area.lon, area.lat)] if area else [])):
            if lon is not None and lat is not None:
                spot = round(lon, 2), round(lat, 2)
                if spot not in self._calendars:
                    self._calendars[spot] = Calendar(zone=self._zone, lon=spot[0], lat=spot[1])
                return self._calendars[spot]
        return None

    @property
    def flowing(self) -> Mapping[str, Sequence[upstream.Link]]:
        """The links into each site."""
        return upstream.upstream_links(self._revisions, self._fail)

    @cached_property
    def _groups_of(self) -> Mapping[str, Sequence[str]]:
        """The groups that a device was ever a member of."""
        groups: dict[str, list[str]] = {}
        for group in sorted(self._members.keys() & self._registry.groups.keys()):
            for member in self._members[group]:
                groups.setdefault(member, []).append(group)
        return groups

    @cached_property
    def _fed_here(self) -> frozenset[tuple[str, str]]:
        """Lamps, each with the site of its cabinet: their series are not the site's."""
        return frozenset(
            (member, group.site)
            for group in self._registry.groups.values()
            if group.kind == "cabinet" and group.site is not None
            for member in self._members.get(group.name, ())
        )

    def _require_lit(self, subjects: Iterable[str]) -> None:
        """Raises why the supply of one of them cannot be read."""
        for subject in subjects:
            if subject in self._unlit:
                raise self._unlit[subject]

    def _absent(self, group: str, member: str) -> Steps | None:
        """1 while a device is not a member of a group, or not commissioned yet."""
        belongs = {BEGINNING: 1.0} | {
            micros(revision.effective): float(revision.value is None)
            for revision in self._members[group][member]
        }
        unborn = {BEGINNING: 1.0, self._devices[member].commissioned: 0.0}
        return facts.any_of(facts.steps(belongs), facts.steps(unborn))

    def _chosen(
        self, devices: Sequence[RegisteredDevice]
    ) -> tuple[dict[str, SeriesFacts], dict[str, int]]:
        """The series of a site: one of each quantity, of a gauge and its successors.

        The others have names that no rule can use: they are signs of life. Also from when on (µs)
        two devices in service measure a quantity.
        """
        measures = {
            device.name: self._series.get(device.name, {}).keys() - self._common
            for device in devices
        }
        service = {device.name: self._devices[device.name].in_service for device in devices}
        ended = {
            name: int(steps.at[-1]) for name, steps in service.items() if steps.value[-1] == 0.0
        }
        candidates: dict[str, list[SeriesFacts]] = {}
        for chain in chains(devices, measures, ended):
            by_quantity: dict[str, list[RegisteredDevice]] = {}
            for device in chain:
                for quantity in self._series.get(device.name, {}):
                    by_quantity.setdefault(quantity, []).append(device)
            for quantity, owners in by_quantity.items():
                parts = [self._series[owner.name][quantity] for owner in owners]
                until = [ended[owner.name] for owner in owners if owner.name in ended]
                candidates.setdefault(quantity, []).append(splice(parts, until))
        chosen: dict[str, SeriesFacts] = {}
        doubled: dict[str, int] = {}
        for quantity, others in candidates.items():
            others.sort(key=self._commissioned)
            serving = [
                series for series in others if facts.is_in_service(self._devices[series.device])
            ]
            if len(serving) > 1:
                doubled[quantity] = self._commissioned(serving[1])
            first = serving[0] if serving else others[-1]
            for other in others:
                chosen[quantity if other is first else f"{quantity}@{other.device}"] = other
        return chosen, doubled

    def _commissioned(self, series: SeriesFacts) -> int:
        return self._devices[series.sources[0].device].commissioned

    def _together(
        self, devices: Iterable[RegisteredDevice], series: Iterable[SeriesFacts]
    ) -> dict[str, Device]:
        """A site's devices; a successor is in service from its commissioning on."""
        successors = {
            source.device for series_facts in series for source in series_facts.sources[1:]
        }
        devices_by_name = {
            device.name: self._devices[device.name]
            for device in devices
            if device.name in self._series
        }
        for name in successors & devices_by_name.keys():
            own = devices_by_name[name]
            since = facts.concatenate_steps([(own.commissioned, own.in_service)])
            devices_by_name[name] = replace(own, in_service=since)
        return devices_by_name


def _moved(revisions: Iterable[Revision]) -> tuple[int, ...]:
    """When (µs) a gauge's zero changed."""
    zeros = {micros(revision.effective): revision.value for revision in revisions}
    times = sorted(zeros)
    return tuple(after for at, after in pairwise(times) if zeros[at] != zeros[after])


def _aside(series_facts: SeriesFacts) -> SeriesFacts:
    """A series of a group's site, under another device name: the device may be a member, too."""
    renamed = (replace(each, device=f"{_ASIDE}{each.device}") for each in series_facts.sources)
    return replace(series_facts, sources=tuple(renamed))
