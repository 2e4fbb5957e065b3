"""The registry and its changes as tables, rows and summaries for the command line."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table

from hypervisor.registry.changes import ChangeLine, Changes
from hypervisor.registry.formatting import format_duration, format_value
from hypervisor.registry.input_equipment import SUBJECTS
from hypervisor.registry.model import (
    KINDS,
    Asset,
    Device,
    Facts,
    Gateway,
    Group,
    Registry,
    Site,
    Zone,
    facts_in_force,
)
from hypervisor.registry.works import Works, list_works

_NAMED_DEVICES = 4  # of a site; more are counted by model

_SITE_COLUMNS = ("river, domain", "site", "title", "devices", "levels", "flows to")
_GROUP_COLUMNS = ("group", "title", "kind", "site", "members", "lit by")
_NEW_LINES = 12  # new things of a kind are listed up to this number, more are counted


Cells = tuple[str, ...]


class _Rows:
    """The rows of each kind of thing."""

    def __init__(self, registry: Registry) -> None:
        self.facts = facts_in_force(registry)
        self._devices: defaultdict[str, list[Device]] = defaultdict(list)
        for device in registry.devices.values():
            self._devices[device.site].append(device)
        self._quantities: defaultdict[str, list[str]] = defaultdict(list)
        for owner, quantity in registry.series:
            self._quantities[owner].append(quantity)
        self._levels, self._below = _format_levels(self.facts), _format_links(self.facts)
        in_use = (device for device in registry.devices.values() if not device.retired)
        self._connected = Counter(device.gateway for device in in_use)
        members = (key.partition("/")[0] for kind, key in self.facts if kind == "member")
        self._members = Counter(members)

    def site(self, site: Site) -> Cells:
        return (
            *(site.river or site.domain, _marked(site), site.title),
            "\n".join(_format_devices(self._devices[site.name], self._quantities, self.facts)),
            "\n".join(self._levels[site.name]),
            "\n".join(self._below[site.name]),
        )

    def gateway(self, gateway: Gateway) -> Cells:
        devices = _format_count(self._connected[gateway.name], "device")
        return gateway.name, gateway.title, gateway.protocol, devices

    def group(self, group: Group) -> Cells:
        members, supply = str(self._members[group.name]), self._fact("supply", group.name)
        return group.name, group.title, group.kind, group.site or "", members, supply

    def plan(self, key: str) -> Cells:
        value = self.facts["plan", key]
        return key, str(value.get("title", key)), format_value(value)

    def zone(self, zone: Zone) -> Cells:
        return _marked(zone), zone.title, zone.kind, format_value(zone.geometry)

    def asset(self, asset: Asset) -> Cells:
        place = asset.site or asset.commune or ""
        place = format_value(asset.geometry) if asset.geometry else place
        return _marked(asset), asset.title, asset.kind, place, self._fact("reach", asset.name)

    def _fact(self, kind: str, key: str) -> str:
        value = self.facts.get((kind, key))
        return format_value(value) if value else ""


def build_tables(registry: Registry, now: datetime | None) -> Iterator[Table]:
    """Tables of sites, gateways, groups, plans, zones, assets and works, if there are any."""
    rows = _Rows(registry)
    plans = [key for kind, key in rows.facts if kind == "plan"]
    for columns, row, things in (
        (_SITE_COLUMNS, rows.site, registry.sites.values()),
        (("gateway", "title", "protocol", "for"), rows.gateway, registry.gateways.values()),
        (_GROUP_COLUMNS, rows.group, registry.groups.values()),
        (("plan", "title", "lit"), rows.plan, plans),
        (("zone", "title", "kind", "shape"), rows.zone, registry.zones.values()),
        (("asset", "title", "kind", "place", "reached at"), rows.asset, registry.assets.values()),
    ):
        if things or columns is _SITE_COLUMNS:
            make_row: Callable[[Any], Cells] = row
            yield _table(columns, map(make_row, things))
    works = [item for item in list_works(registry.revisions, now) if item.state != "over"]
    if works:
        yield works_table(works)


def _table(columns: Iterable[str], rows: Iterable[Cells]) -> Table:
    made = Table(*columns, box=None)
    for row in rows:
        made.add_row(*map(escape, row))
    return made


def _marked(thing: Site | Zone | Asset) -> str:
    return f"{thing.name} *" if thing.illustrative else thing.name


def _format_devices(
    devices: list[Device], quantities: Mapping[str, list[str]], facts: Facts
) -> Iterable[str]:
    """Device names; if there are many, the number of each model."""
    standing = [device for device in devices if device.retired is None]
    if len(standing) > _NAMED_DEVICES:
        models = Counter(device.model or "of no model" for device in standing)
        return [f"{count} {model}" for model, count in models.items()]
    return [_format_device(device, quantities, facts) for device in devices]


def _format_device(device: Device, quantities: Mapping[str, list[str]], facts: Facts) -> str:
    service = facts.get(("device", device.name), {}).get("in_service")
    state = "" if service else " (out of service)"
    by = f" through {device.gateway}" if device.gateway else ""
    return f"{device.name}{state}{by}: {', '.join(quantities.get(device.name, []))}"


def _format_levels(facts: Facts) -> Mapping[str, list[str]]:
    levels: defaultdict[str, list[str]] = defaultdict(list)
    for (kind, key), value in facts.items():
        owner, _, name = key.rpartition("/")
        if kind == "threshold":
            levels[owner].append(f"{name} {format_value(value)}")
        elif kind == "datum":
            levels[key].append(format_value(value))
    return levels


def _format_links(facts: Facts) -> Mapping[str, list[str]]:
    links: defaultdict[str, list[str]] = defaultdict(list)
    for (kind, key), value in facts.items():
        above, _, below = key.partition(">")
        if kind == "link":
            links[above].append(f"{below} in {format_duration(value['travel_s'])}")
    return links


def works_table(works_list: Iterable[Works]) -> Table:
    """Works and their state."""
    rows = (
        (
            *(works.name, works.state, format_value(works.begins), format_value(works.ends)),
            ", ".join(name for names in works.subjects.values() for name in names),
            works.reason,
        )
        for works in works_list
    )
    return _table(("works", "", "begins", "ends", "concern", "why"), rows)


def _format_count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 or what == "series" else f"{count} {what}s"


def registry_rows(registry: Registry) -> Iterable[dict[str, Any]]:
    """Every object and revision as plain values, with its `kind`."""
    for kind, thing_class in KINDS.items():
        name = thing_class.__name__.lower()
        for thing in getattr(registry, kind).values():
            row = asdict(thing)
            if "kind" in row:
                row[f"{name}_kind"] = row.pop("kind")
            yield _plain({"kind": name, **row})
    for revision in registry.revisions:
        row = asdict(revision)
        yield _plain({**row, "kind": "revision", "of": row["kind"]})


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: format_value(value) if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def works_rows(works_list: Iterable[Works]) -> Iterable[dict[str, Any]]:
    """Works as plain values."""
    for works in works_list:
        fields = works.model_dump(exclude=set(SUBJECTS))
        yield _plain({**fields, "subjects": works.subjects})


def summarise_registry(registry: Registry) -> str:
    """The number of objects of each kind."""
    kinds = [area.kind for area in registry.areas.values()]
    counts = "".join(
        f" {_format_count(len(things), kind.removesuffix('s'))},"
        for kind in ("gateways", "groups", "zones", "assets")
        if (things := getattr(registry, kind))
    )
    return (
        f"{kinds.count('departement')} départements, {kinds.count('epci')} EPCI,"
        f" {kinds.count('commune')} communes; {len(registry.sites)} sites,"
        f" {len(registry.devices)} devices, {len(registry.series)} series,{counts}"
        f" {len(registry.revisions)} revisions (* place chosen for illustration)"
    )


def changes_table(changes: Changes, *, every: bool) -> Table:
    """One line a change; many new things of one kind as one line unless `every`."""
    rows = (
        (
            *(line.kind, line.key, line.field, line.before, line.after),
            format_value(line.effective) if line.effective else "",
        )
        for line in condense_lines(changes.lines, every=every)
    )
    return _table(("what", "which", "field", "before", "after", "in force from"), rows)


def condense_lines(lines: Iterable[ChangeLine], *, every: bool = False) -> Iterable[ChangeLine]:
    """The lines; many new things of one kind as one line unless `every`."""
    listed = list(lines)
    new = Counter(line.kind for line in listed if not line.before)
    many = {kind for kind, count in new.items() if count > _NEW_LINES and not every}
    for kind in dict.fromkeys(line.kind for line in listed):
        if kind in many:
            yield ChangeLine(
                kind=kind, key=f"{new[kind]} of them", field="", before="", after="new"
            )
        yield from (
            line for line in listed if line.kind == kind and (line.before or kind not in many)
        )


def change_rows(changes: Changes) -> Iterable[dict[str, Any]]:
    """The lines as plain values."""
    for line in changes.lines:
        row = asdict(line)
        row["effective"] = format_value(line.effective) if line.effective else None
        yield row


def count_changes(changes: Changes) -> dict[str, int]:
    """How many of each kind."""
    names = {kind: each.__name__.lower() for kind, each in KINDS.items()}
    counts = {
        name: len(getattr(changes, kind))
        for kind, name in {**names, "revisions": "revision"}.items()
    }
    return {kind: count for kind, count in counts.items() if count}


def summarise_changes(changes: Changes, *, dry_run: bool) -> str:
    """One sentence."""
    parts = [_format_count(count, kind) for kind, count in count_changes(changes).items()]
    done = "would change (--dry-run: nothing was)" if dry_run else "changed"
    return f"{', '.join(parts)} {done}"
