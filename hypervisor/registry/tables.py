"""The registry and its changes as tables, rows and summaries for the command line."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table

from hypervisor.registry.changes import ChangeLine, Changes
from hypervisor.registry.formatting import format_duration, format_value
from hypervisor.registry.input_equipment import SUBJECTS
from hypervisor.registry.model import Device, Facts, Registry, facts_in_force
from hypervisor.registry.works import Works, list_works

_NAMED_DEVICES = 4  # of a site; more are counted by model

_NEW_LINES = 12  # new things of a kind are listed up to this number, more are counted


def build_tables(registry: Registry, now: datetime | None) -> Iterator[Table]:
    """Tables of sites, gateways, groups, plans, zones, assets and works, if there are any."""
    facts = facts_in_force(registry)
    yield _sites_table(registry, facts)
    works = [item for item in list_works(registry.revisions, now) if item.state != "over"]
    for things, made in (
        (registry.gateways, _gateways_table),
        (registry.groups, _groups_table),
        ([key for kind, key in facts if kind == "plan"], _plans_table),
        (registry.zones, _zones_table),
        (registry.assets, _assets_table),
    ):
        if things:
            yield made(registry, facts)
    if works:
        yield works_table(works)


def _sites_table(registry: Registry, facts: Facts) -> Table:
    made = Table("river, domain", "site", "title", "devices", "levels", "flows to", box=None)
    devices: defaultdict[str, list[Device]] = defaultdict(list)
    for device in registry.devices.values():
        devices[device.site].append(device)
    quantities: defaultdict[str, list[str]] = defaultdict(list)
    for owner, quantity in registry.series:
        quantities[owner].append(quantity)
    levels, below = _format_levels(facts), _format_links(facts)
    for site in registry.sites.values():
        made.add_row(
            escape(site.river or site.domain),
            site.name + (" *" if site.illustrative else ""),
            escape(site.title),
            "\n".join(_format_devices(devices[site.name], quantities, facts)),
            "\n".join(levels[site.name]),
            "\n".join(below[site.name]),
        )
    return made


def _format_devices(
    devices: list[Device], quantities: Mapping[str, list[str]], facts: Facts
) -> Iterable[str]:
    """Device names; if there are many, the number of each model."""
    standing = [device for device in devices if device.retired is None]
    if len(standing) > _NAMED_DEVICES:
        models = Counter(device.model or "of no model" for device in standing)
        return [f"{count} {escape(model)}" for model, count in models.items()]
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


def _gateways_table(registry: Registry, _: Facts) -> Table:
    made = Table("gateway", "title", "speaks", "for", box=None)
    counted = Counter(device.gateway for device in registry.devices.values() if not device.retired)
    for gateway in registry.gateways.values():
        made.add_row(
            gateway.name,
            escape(gateway.title),
            gateway.protocol,
            _format_count(counted[gateway.name], "device"),
        )
    return made


def _groups_table(registry: Registry, facts: Facts) -> Table:
    made = Table("group", "title", "kind", "site", "members", "lit by", box=None)
    counted = Counter(key.partition("/")[0] for kind, key in facts if kind == "member")
    for group in registry.groups.values():
        supply = facts.get(("supply", group.name))
        made.add_row(
            group.name,
            escape(group.title),
            group.kind,
            group.site or "",
            str(counted[group.name]),
            format_value(supply) if supply else "",
        )
    return made


def _plans_table(_: Registry, facts: Facts) -> Table:
    made = Table("plan", "title", "lit", box=None)
    for (kind, key), value in facts.items():
        if kind == "plan":
            made.add_row(key, escape(str(value.get("title", key))), format_value(value))
    return made


def _zones_table(registry: Registry, _: Facts) -> Table:
    made = Table("zone", "title", "kind", "shape", box=None)
    for zone in registry.zones.values():
        mark = " *" if zone.illustrative else ""
        made.add_row(zone.name + mark, escape(zone.title), zone.kind, format_value(zone.geometry))
    return made


def _assets_table(registry: Registry, facts: Facts) -> Table:
    made = Table("asset", "title", "kind", "place", "reached at", box=None)
    for asset in registry.assets.values():
        reach = facts.get(("reach", asset.name))
        place = (
            format_value(asset.geometry) if asset.geometry else asset.site or asset.commune or ""
        )
        made.add_row(
            asset.name + (" *" if asset.illustrative else ""),
            escape(asset.title),
            asset.kind,
            place,
            format_value(reach) if reach else "",
        )
    return made


def works_table(works_list: Iterable[Works]) -> Table:
    """Works and their state."""
    made = Table("works", "", "begins", "ends", "concern", "why", box=None)
    for works in works_list:
        names = [name for group in works.subjects.values() for name in group]
        made.add_row(
            works.name,
            works.state,
            format_value(works.begins),
            format_value(works.ends),
            ", ".join(names),
            escape(works.reason),
        )
    return made


def _format_count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def registry_rows(registry: Registry) -> Iterable[dict[str, Any]]:
    """Every object and revision as plain values, with its `kind`."""
    things: dict[str, Mapping[Any, Any]] = {
        "area": registry.areas,
        "site": registry.sites,
        "gateway": registry.gateways,
        "device": registry.devices,
        "series": registry.series,
        "group": registry.groups,
        "zone": registry.zones,
        "asset": registry.assets,
    }
    for kind, by_key in things.items():
        for thing in by_key.values():
            row = asdict(thing)
            if "kind" in row:
                row[f"{kind}_kind"] = row.pop("kind")
            yield _plain({"kind": kind, **row})
    for revision in registry.revisions:
        yield _plain({"kind": "revision", "of": revision.kind, **_without(asdict(revision))})


def _without(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "kind"}


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
    more = {
        "gateway": registry.gateways,
        "group": registry.groups,
        "zone": registry.zones,
        "asset": registry.assets,
    }
    counts = "".join(
        f" {len(things)} {plural(name, len(things))}," for name, things in more.items() if things
    )
    return (
        f"{kinds.count('departement')} départements, {kinds.count('epci')} EPCI,"
        f" {kinds.count('commune')} communes; {len(registry.sites)} sites,"
        f" {len(registry.devices)} devices, {len(registry.series)} series,{counts}"
        f" {len(registry.revisions)} revisions (* place chosen for illustration)"
    )


def changes_table(changes: Changes, *, every: bool) -> Table:
    """One line a change; many new things of one kind as one line unless `every`."""
    made = Table("what", "which", "field", "before", "after", "holds from", box=None)
    for line in _condense(changes.lines, every=every):
        made.add_row(
            *map(escape, (line.kind, line.key, line.field, line.before, line.after)),
            format_value(line.effective) if line.effective else "",
        )
    return made


def _condense(lines: Iterable[ChangeLine], *, every: bool) -> Iterable[ChangeLine]:
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
    kinds = ("area", "site", "gateway", "device", "series", "group", "zone", "asset", "revision")
    counts = {kind: len(getattr(changes, plural(kind, 0))) for kind in kinds}
    return {kind: count for kind, count in counts.items() if count}


def summarise_changes(changes: Changes, *, dry_run: bool) -> str:
    """One sentence."""
    parts = [f"{count} {plural(kind, count)}" for kind, count in count_changes(changes).items()]
    done = "would change (--dry-run: nothing was)" if dry_run else "changed"
    return f"{', '.join(parts)} {done}"


def plural(name: str, count: int) -> str:
    """The singular or plural of a kind."""
    return name if count == 1 or name == "series" else f"{name}s"
