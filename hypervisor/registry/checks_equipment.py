"""Checks of the resulting registry: gateways, groups, plans, assets, datums and works."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from hypervisor.registry.build import LORAWAN
from hypervisor.registry.difference import Comparison
from hypervisor.registry.input_equipment import SUBJECTS
from hypervisor.registry.inventory import Entry, Fact, Inventory
from hypervisor.registry.model import Device, Facts, Registry
from hypervisor.registry.tree import Problem, Where
from sensors._domain import Catalogue
from sensors._nearest import did_you_mean

_DEVEUI = re.compile(r"[0-9a-f]{16}")
_LEVEL = "level"
_NOWHERE = Where(file="", line=0)
_ZEROS = (-10.0, 5000.0)  # m above the sea, for any gauge in Europe


def check_equipment(
    comparison: Comparison, inventory: Inventory, facts: Facts, catalogue: Catalogue
) -> Iterable[Problem]:
    """Every problem, at the lines of the files that cause it."""
    yield from _check_references(comparison)
    yield from _check_account_names(comparison)
    yield from _check_addresses(comparison)
    for fact in inventory.facts:
        if fact.value is not None:
            yield from _CHECKS.get(fact.kind, _no_problems)(
                fact, comparison.after, facts, catalogue
            )
        elif fact.kind == "plan":
            yield from _check_withdrawn_plan(fact, facts)


def _no_problems(*_: Any) -> Iterable[Problem]:
    return ()


def _check_references(comparison: Comparison) -> Iterable[Problem]:
    """The sites of groups and assets, and the communes of assets."""
    for kind in ("groups", "assets"):
        for entry in comparison.entries[kind].values():
            yield from _check_name(entry, "site", comparison.after.sites)
    communes = [code for code, area in comparison.after.areas.items() if area.kind == "commune"]
    for entry in comparison.entries["assets"].values():
        yield from _check_name(entry, "commune", communes)


def _check_name(entry: Entry, field: str, names: Iterable[str]) -> Iterable[Problem]:
    name = entry.given.get(field)
    if name is not None and name not in names:
        text = f"{name!r} is no {field}{did_you_mean(name, names)}"
        yield Problem(where=entry.where.inside(field), text=text)


def _check_account_names(comparison: Comparison) -> Iterable[Problem]:
    """Devices and gateways share one broker, where accounts go by name."""
    for name in comparison.after.gateways.keys() & comparison.after.devices.keys():
        entry = comparison.entries["gateways"].get(name) or comparison.entries["devices"].get(name)
        if entry is not None:
            text = f"{name!r} would be a device and a gateway: each has an account of its own"
            yield Problem(where=entry.where, text=text)


def _check_addresses(comparison: Comparison) -> Iterable[Problem]:
    owners: dict[tuple[str, str], Device] = {}
    for device in comparison.after.devices.values():
        where = _find_place(comparison, device)
        if device.gateway is not None and device.address is not None:
            other = owners.setdefault((device.gateway, device.address), device)
            if other is not device:
                text = (
                    f"{device.gateway} would know {other.name} and {device.name} by one address,"
                    f" {device.address}; of one that is gone say address: null, gateway: null"
                )
                yield Problem(where=_find_place(comparison, device, other) or _NOWHERE, text=text)
        if where is not None:
            yield from _check_address(device, comparison.after, where)


def _find_place(comparison: Comparison, *devices: Device) -> Where | None:
    """Where the files name one of these devices, or their gateway."""
    entries = [comparison.entries["devices"].get(device.name) for device in devices]
    entries += [comparison.entries["gateways"].get(device.gateway or "") for device in devices]
    return next((entry.where for entry in entries if entry is not None), None)


def _check_address(device: Device, after: Registry, where: Where) -> Iterable[Problem]:
    if device.gateway is None:
        if device.address is not None:
            text = f"{device.name} has an address, but no gateway that would know it by that"
            yield Problem(where=where.inside("address"), text=text)
        return
    gateway = after.gateways.get(device.gateway)
    if gateway is None:
        hint = did_you_mean(device.gateway, after.gateways)
        text = f"{device.gateway!r} is no gateway{hint}"
        yield Problem(where=where.inside("gateway"), text=text)
    elif device.address is None:
        kind = "its DevEUI" if gateway.protocol in LORAWAN else "what its gateway calls it"
        text = f"{device.name} speaks through {gateway.name} and needs an address, {kind}"
        yield Problem(where=where.inside("address"), text=text)
    elif gateway.protocol in LORAWAN and not _DEVEUI.fullmatch(device.address):
        text = (
            f"{device.address!r} is no DevEUI: 16 hexadecimal digits such as 70b3d57ed0001a2b"
            f" ({gateway.name} speaks {gateway.protocol})"
        )
        yield Problem(where=where.inside("address"), text=text)


def _check_member(fact: Fact, after: Registry, facts: Facts, _: Catalogue) -> Iterable[Problem]:
    group, _sep, device = fact.key.partition("/")
    if group not in after.groups:
        text = f"{group!r} is no group{did_you_mean(group, after.groups)}"
        yield Problem(where=fact.where, text=text)
    if device not in after.devices:
        text = f"{device!r} is no device{did_you_mean(device, after.devices)}"
        yield Problem(where=fact.where, text=text)
    group_model = after.groups.get(group)
    if group_model is None or group_model.kind != "cabinet":
        return
    others = [
        other.name
        for other in after.groups.values()
        if other.kind == "cabinet"
        and other.name != group
        and ("member", f"{other.name}/{device}") in facts
    ]
    if others:
        text = (
            f"{device} is fed by cabinet {others[0]} already: take it out there"
            f" (groups: members: {{{device}: null}}), a lamp has one cabinet"
        )
        yield Problem(where=fact.where, text=text)


def _check_supply(fact: Fact, after: Registry, facts: Facts, _: Catalogue) -> Iterable[Problem]:
    plans = [key for kind, key in facts if kind == "plan"]
    plan = fact.value["plan"] if fact.value else ""
    if plan not in plans:
        text = f"{plan!r} is no lighting plan{did_you_mean(plan, plans)}"
        yield Problem(where=fact.where.inside("plan"), text=text)
    group = after.groups.get(fact.key)
    site = after.sites.get(group.site or "") if group else None
    if group is not None and (site is None or site.lon is None):
        text = (
            f"the plan follows the sun where group {fact.key!r} stands:"
            " give it a site, and that site its lon and lat"
        )
        yield Problem(where=fact.where, text=text)


def _check_withdrawn_plan(fact: Fact, facts: Facts) -> Iterable[Problem]:
    users = [
        key for (kind, key), value in facts.items() if kind == "supply" and _is_of_plan(value, fact)
    ]
    if users:
        text = f"plan {fact.key!r} still lights {', '.join(users)}: give them another first"
        yield Problem(where=fact.where, text=text)


def _is_of_plan(value: Mapping[str, Any], fact: Fact) -> bool:
    return bool(value["plan"] == fact.key)


def _check_reach(fact: Fact, after: Registry, _: Facts, catalogue: Catalogue) -> Iterable[Problem]:
    value = fact.value or {}
    gauge, level = value["gauge"], value["level"]
    quantity = catalogue.quantities.get(_LEVEL)
    gauges = list_gauges(after)
    if gauge not in after.sites:
        text = f"{gauge!r} is no site{did_you_mean(gauge, gauges)}"
        yield Problem(where=fact.where.inside("gauge"), text=text)
    elif gauge not in gauges:
        text = f"nothing at {gauge!r} measures a level{did_you_mean(gauge, gauges)}"
        yield Problem(where=fact.where.inside("gauge"), text=text)
    if quantity is not None and not quantity.low <= level <= quantity.high:
        text = (
            f"{level:g} m lies outside what {_LEVEL} can be, {quantity.low:g}…{quantity.high:g}"
            f" {quantity.unit}: a height above the gauge's zero, not above the sea"
        )
        yield Problem(where=fact.where.inside("level"), text=text)


def list_gauges(registry: Registry) -> list[str]:
    """The sites where a level is measured."""
    owners = {device for device, quantity in registry.series if quantity == _LEVEL}
    return sorted({registry.devices[name].site for name in owners if name in registry.devices})


def _check_datum(fact: Fact, after: Registry, _: Facts, _catalogue: Catalogue) -> Iterable[Problem]:
    zero = (fact.value or {})["zero"]
    if not _ZEROS[0] <= zero <= _ZEROS[1]:
        text = f"{zero:g} m: a zero lies {_ZEROS[0]:g}…{_ZEROS[1]:g} m above the sea"
        yield Problem(where=fact.where.inside("zero"), text=text)
    if fact.key in after.sites and fact.key not in list_gauges(after):
        text = f"nothing at {fact.key!r} measures a level, so there is no zero"
        yield Problem(where=fact.where, text=text)


def _check_works(fact: Fact, after: Registry, _: Facts, _catalogue: Catalogue) -> Iterable[Problem]:
    for kind in SUBJECTS:
        names: Mapping[str, object] = getattr(after, kind)
        for name in (fact.value or {}).get(kind, ()):
            if name not in names:
                text = f"{name!r} is no {kind.removesuffix('s')}{did_you_mean(name, names)}"
                yield Problem(where=fact.where.inside(kind), text=text)


_CHECKS = {
    "member": _check_member,
    "supply": _check_supply,
    "reach": _check_reach,
    "datum": _check_datum,
    "works": _check_works,
}
