"""The registry described plainly to simulators: devices, groups, assets as of a time."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypervisor.registry.model import Asset, Device, Registry, Revision, Site
from sensors._domain import Catalogue
from sensors._plan import LightingPlan, plan_from_json
from sensors._quantity import Reporting
from simulators import _field as plain

Point = tuple[float | None, float | None]


@dataclass(kw_only=True)
class _Facts:
    """The facts in force, those of one subject together."""

    one: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    thresholds: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    links: dict[str, list[tuple[str, float]]] = field(default_factory=lambda: defaultdict(list))
    members: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    groups: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def field_of(registry: Registry, known: Catalogue, at: datetime) -> plain.Field:
    """Everything that is there at `at`, with the facts in force then."""
    facts = _in_force(registry, at)
    quantities: dict[str, list[str]] = defaultdict(list)
    for device, quantity in registry.series:
        quantities[device].append(quantity)
    places = tuple(
        _place(device, registry, known, facts, quantities[device.name])
        for device in registry.devices.values()
        if device.retired is None or device.retired > at
    )
    return plain.Field(
        places=places,
        groups=tuple(_groups(registry, facts)),
        assets=tuple(_assets(registry, facts)),
    )


def _in_force(registry: Registry, at: datetime) -> _Facts:
    """The standing revision of each fact; those are in standing order, so the last one is it."""
    newest: dict[tuple[str, str], Revision] = {
        (revision.kind, revision.key): revision
        for revision in registry.revisions
        if revision.effective <= at
    }
    facts = _Facts()
    for (kind, key), revision in newest.items():
        if revision.value is None:
            continue
        facts.one[kind, key] = revision.value
        if kind == "threshold":
            subject, _, name = key.rpartition("/")
            facts.thresholds[subject][name] = float(revision.value["value"])
        elif kind == "link":
            above, _, below = key.partition(">")
            facts.links[below].append((above, float(revision.value["travel_s"])))
        elif kind == "member":
            group, _, device = key.partition("/")
            facts.members[group].append(device)
            facts.groups[device].append(group)
    return facts


def _place(
    device: Device, registry: Registry, known: Catalogue, facts: _Facts, quantities: list[str]
) -> plain.Place:
    site = registry.sites[device.site]
    gateway = registry.gateways.get(device.gateway or "")
    groups = tuple(sorted(facts.groups[device.name]))
    plan, switched = _lit(groups, facts)
    own = (facts.thresholds[f"device/{device.name}"], facts.thresholds[site.name])
    return plain.Place(
        device=device.name,
        site=site.name,
        quantities={name: _interval(facts, known, device.name, name) for name in quantities},
        domain=site.domain,
        model=device.model or "",
        gateway=device.gateway or "",
        protocol=gateway.protocol if gateway else "",
        address=device.address or "",
        groups=groups,
        plan=plan,
        switched=switched,
        river=site.river or "",
        lon=_either(device.lon, site.lon),
        lat=_either(device.lat, site.lat),
        on_change=_on_change(facts, known, device.name, quantities),
        saturates=_tops(registry, device.name, quantities),
        thresholds={**own[1], **own[0]},
        properties=_properties(site, device, facts),
        upstream=tuple(facts.links[site.name]),
    )


def _lit(groups: tuple[str, ...], facts: _Facts) -> tuple[LightingPlan | None, bool]:
    """The lighting plan of the first group that has one, and whether it switches the supply."""
    for group in groups:
        supply = facts.one.get(("supply", group))
        plan = supply and facts.one.get(("plan", supply["plan"]))
        if supply and plan:
            return plan_from_json(plan), bool(supply.get("switched"))
    return None, False


def _interval(facts: _Facts, known: Catalogue, device: str, quantity: str) -> float:
    fact = facts.one.get(("series", f"{device}/{quantity}"), {})
    if "interval_s" in fact:
        return float(fact["interval_s"])
    return known.quantities[quantity].interval.total_seconds()


def _on_change(
    facts: _Facts, known: Catalogue, device: str, quantities: list[str]
) -> frozenset[str]:
    told = {
        name: facts.one.get(("series", f"{device}/{name}"), {}).get(
            "reporting", known.quantities[name].reporting
        )
        for name in quantities
    }
    return frozenset(name for name, how in told.items() if how == Reporting.ON_CHANGE)


def _tops(registry: Registry, device: str, quantities: list[str]) -> dict[str, float]:
    tops = {name: registry.series[device, name].saturates for name in quantities}
    return {name: top for name, top in tops.items() if top is not None}


def _properties(site: Site, device: Device, facts: _Facts) -> dict[str, Any]:
    """The site's, the device's own above them; a gauge's zero as its datum says it."""
    datum = facts.one.get(("datum", site.name))
    zero = {"zero_ngf_m": float(datum["zero"])} if datum else {}
    return {**site.properties, **device.properties, **zero}


def _groups(registry: Registry, facts: _Facts) -> Iterator[plain.Group]:
    for group in registry.groups.values():
        site = registry.sites.get(group.site or "")
        lon, lat = (site.lon, site.lat) if site else _middle(registry, facts.members[group.name])
        yield plain.Group(
            name=group.name,
            kind=group.kind,
            members=tuple(sorted(facts.members[group.name])),
            site=group.site or "",
            lon=lon,
            lat=lat,
        )


def _assets(registry: Registry, facts: _Facts) -> Iterator[plain.Asset]:
    for asset in registry.assets.values():
        reach = facts.one.get(("reach", asset.name))
        if reach is None:
            continue
        lon, lat = _point(asset, registry)
        yield plain.Asset(
            name=asset.name,
            kind=asset.kind,
            gauge=reach["gauge"],
            level=float(reach["level"]),
            site=asset.site or "",
            lon=lon,
            lat=lat,
        )


def _point(asset: Asset, registry: Registry) -> Point:
    """A point of an asset's shape, or of the site that it is."""
    if asset.geometry:
        found = asset.geometry["coordinates"]
        while isinstance(found[0], (list, tuple)):
            found = found[len(found) // 2]
        return float(found[0]), float(found[1])
    site = registry.sites.get(asset.site or "")
    return (site.lon, site.lat) if site else (None, None)


def _middle(registry: Registry, devices: list[str]) -> Point:
    sites = [registry.sites[registry.devices[name].site] for name in devices]
    known = [(site.lon, site.lat) for site in sites if site.lon and site.lat]
    if not known:
        return None, None
    return sum(lon for lon, _ in known) / len(known), sum(lat for _, lat in known) / len(known)


def _either(own: float | None, site: float | None) -> float | None:
    return site if own is None else own
