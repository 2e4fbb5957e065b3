"""The registry as people read it: a table a kind of thing, for what there is."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from rich.markup import escape
from rich.table import Table

from hypervisor.registry.announcing import Works, listed
from hypervisor.registry.model import Device, Registry
from hypervisor.registry.standing import Facts, standing_facts
from hypervisor.registry.wording import shown, span

_MANY = 4  # so many devices of a site are told by name, more by their models


def tables(registry: Registry, now: datetime | None) -> Iterator[Table]:
    """Sites in river order first; then who speaks for devices, what belongs together, and why."""
    facts = standing_facts(registry)
    yield _sites(registry, facts)
    works = [one for one in listed(registry.revisions, now) if one.state != "over"]
    for things, made in (
        (registry.gateways, _gateways),
        (registry.groups, _groups),
        ([key for kind, key in facts if kind == "plan"], _plans),
        (registry.zones, _zones),
        (registry.assets, _assets),
    ):
        if things:
            yield made(registry, facts)
    if works:
        yield works_table(works)


def _sites(registry: Registry, facts: Facts) -> Table:
    made = Table("river, domain", "site", "title", "devices", "levels", "flows to", box=None)
    devices: defaultdict[str, list[Device]] = defaultdict(list)
    for device in registry.devices.values():
        devices[device.site].append(device)
    quantities: defaultdict[str, list[str]] = defaultdict(list)
    for owner, quantity in registry.series:
        quantities[owner].append(quantity)
    levels, below = _levels(facts), _below(facts)
    for site in registry.sites.values():
        made.add_row(
            escape(site.river or site.domain),
            site.name + (" *" if site.illustrative else ""),
            escape(site.title),
            "\n".join(_devices(devices[site.name], quantities, facts)),
            "\n".join(levels[site.name]),
            "\n".join(below[site.name]),
        )
    return made


def _devices(
    devices: list[Device], quantities: Mapping[str, list[str]], facts: Facts
) -> Iterable[str]:
    """By name; where there are many of them, how many of each model."""
    standing = [device for device in devices if device.retired is None]
    if len(standing) > _MANY:
        models = Counter(device.model or "of no model" for device in standing)
        return [f"{count} {escape(model)}" for model, count in models.items()]
    return [_device(device, quantities, facts) for device in devices]


def _device(device: Device, quantities: Mapping[str, list[str]], facts: Facts) -> str:
    service = facts.get(("device", device.name), {}).get("in_service")
    state = "" if service else " (out of service)"
    by = f" through {device.gateway}" if device.gateway else ""
    return f"{device.name}{state}{by}: {', '.join(quantities.get(device.name, []))}"


def _levels(facts: Facts) -> Mapping[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for (kind, key), value in facts.items():
        owner, _, name = key.rpartition("/")
        if kind == "threshold":
            found[owner].append(f"{name} {shown(value)}")
        elif kind == "datum":
            found[key].append(shown(value))
    return found


def _below(facts: Facts) -> Mapping[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for (kind, key), value in facts.items():
        above, _, below = key.partition(">")
        if kind == "link":
            found[above].append(f"{below} in {span(value['travel_s'])}")
    return found


def _gateways(registry: Registry, _: Facts) -> Table:
    made = Table("gateway", "title", "speaks", "for", box=None)
    counted = Counter(device.gateway for device in registry.devices.values() if not device.retired)
    for gateway in registry.gateways.values():
        made.add_row(
            gateway.name,
            escape(gateway.title),
            gateway.protocol,
            _count(counted[gateway.name], "device"),
        )
    return made


def _groups(registry: Registry, facts: Facts) -> Table:
    made = Table("group", "title", "kind", "site", "members", "lit by", box=None)
    counted = Counter(key.partition("/")[0] for kind, key in facts if kind == "member")
    for one in registry.groups.values():
        supply = facts.get(("supply", one.name))
        made.add_row(
            one.name,
            escape(one.title),
            one.kind,
            one.site or "",
            str(counted[one.name]),
            shown(supply) if supply else "",
        )
    return made


def _plans(_: Registry, facts: Facts) -> Table:
    made = Table("plan", "title", "lit", box=None)
    for (kind, key), value in facts.items():
        if kind == "plan":
            made.add_row(key, escape(str(value.get("title", key))), shown(value))
    return made


def _zones(registry: Registry, _: Facts) -> Table:
    made = Table("zone", "title", "kind", "shape", box=None)
    for zone in registry.zones.values():
        mark = " *" if zone.illustrative else ""
        made.add_row(zone.name + mark, escape(zone.title), zone.kind, shown(zone.geometry))
    return made


def _assets(registry: Registry, facts: Facts) -> Table:
    made = Table("asset", "title", "kind", "place", "reached at", box=None)
    for asset in registry.assets.values():
        reach = facts.get(("reach", asset.name))
        place = shown(asset.geometry) if asset.geometry else asset.site or asset.commune or ""
        made.add_row(
            asset.name + (" *" if asset.illustrative else ""),
            escape(asset.title),
            asset.kind,
            place,
            shown(reach) if reach else "",
        )
    return made


def works_table(found: Iterable[Works]) -> Table:
    """Works, and how they stand."""
    made = Table("works", "", "begins", "ends", "concern", "why", box=None)
    for one in found:
        names = [name for group in one.subjects.values() for name in group]
        made.add_row(
            one.name,
            one.state,
            shown(one.begins),
            shown(one.ends),
            ", ".join(names),
            escape(one.reason),
        )
    return made


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
