"""Checks of addresses, and of facts: members, supplies, plans, reaches, datums, works."""

import re
from collections.abc import Iterable

from hypervisor.registry.difference import LORAWAN, Comparison
from hypervisor.registry.input_equipment import SUBJECTS
from hypervisor.registry.inventory import Fact
from hypervisor.registry.model import Device, Facts, Registry
from hypervisor.registry.tree import Problem, Where
from sensors._domain import Catalogue
from sensors._errors import Message
from sensors._nearest import did_you_mean

_DEVEUI = re.compile(r"[0-9a-f]{16}")
_LEVEL = "level"
_NOWHERE = Where(file="", line=0)
_ZEROS = (-10.0, 5000.0)  # m above the sea, for any gauge in Europe


def check_addresses(comparison: Comparison) -> Iterable[Problem]:
    """Devices and gateways have accounts and addresses of their own."""
    after, entries = comparison.after, comparison.entries
    for name in after.gateways.keys() & after.devices.keys():
        entry = entries["gateways"].get(name) or entries["devices"].get(name)
        if entry is not None:
            text = Message(
                "{name!r} would be a device and a gateway: each has an account of its own", name
            )
            yield entry.where.problem(text)
    owners: dict[tuple[str, str], Device] = {}
    for device in after.devices.values():
        if device.gateway is not None and device.address is not None:
            other = owners.setdefault((device.gateway, device.address), device)
            if other is not device:
                text = Message(
                    "{gateway} would know {name} and {device} by one address, {address}; for one "
                    "that is gone write address: null, gateway: null",
                    device.gateway,
                    other.name,
                    device.name,
                    device.address,
                )
                yield (_find_place(comparison, device, other) or _NOWHERE).problem(text)
        where = _find_place(comparison, device)
        if where is not None:
            yield from _check_address(device, after, where)


def _find_place(comparison: Comparison, *devices: Device) -> Where | None:
    """Where the files name one of these devices, or their gateway."""
    entries = [comparison.entries["devices"].get(device.name) for device in devices]
    entries += [comparison.entries["gateways"].get(device.gateway or "") for device in devices]
    return next((entry.where for entry in entries if entry is not None), None)


def _check_address(device: Device, after: Registry, where: Where) -> Iterable[Problem]:
    gateway = after.gateways.get(device.gateway or "")
    if device.gateway is not None and gateway is None:
        yield where.inside("gateway").unknown("gateway", device.gateway, after.gateways)
        return
    text = ""
    if gateway is None:
        if device.address is not None:
            text = Message(
                "{device} has an address, but no gateway that would know it by that", device.name
            )
    elif device.address is None:
        kind = "its DevEUI" if gateway.protocol in LORAWAN else "what its gateway calls it"
        text = Message(
            "{device} connects through {gateway} and needs an address, {kind}",
            device.name,
            gateway.name,
            kind,
        )
    elif gateway.protocol in LORAWAN and not _DEVEUI.fullmatch(device.address):
        text = Message(
            "{address!r} is no DevEUI: 16 hexadecimal digits such as 70b3d57ed0001a2b "
            "({gateway} uses {protocol})",
            device.address,
            gateway.name,
            gateway.protocol,
        )
    if text:
        yield where.inside("address").problem(text)


def check_fact(
    fact: Fact, after: Registry, facts: Facts, catalogue: Catalogue
) -> Iterable[Problem]:
    """The problems of one fact of the files."""
    match fact.kind:
        case "plan" if fact.value is None:
            yield from _check_withdrawn_plan(fact, facts)
        case _ if fact.value is None:
            return
        case "member":
            yield from _check_member(fact, after, facts)
        case "supply":
            yield from _check_supply(fact, after, facts)
        case "reach":
            yield from _check_reach(fact, after, catalogue)
        case "datum":
            yield from _check_datum(fact, after)
        case "works":
            yield from _check_works(fact, after)


def _check_member(fact: Fact, after: Registry, facts: Facts) -> Iterable[Problem]:
    name, _, device = fact.key.partition("/")
    group = after.groups.get(name)
    if group is None:
        yield fact.where.unknown("group", name, after.groups)
    if device not in after.devices:
        yield fact.where.unknown("device", device, after.devices)
    if group is None or group.kind != "cabinet":
        return
    for other in after.groups.values():
        member = ("member", f"{other.name}/{device}") in facts
        if other.kind == "cabinet" and other is not group and member:
            yield fact.where.problem(
                Message(
                    "{device} is fed by cabinet {name} already: take it out there (groups: "
                    "members: {{{device}: null}}), a lamp has one cabinet",
                    device,
                    other.name,
                )
            )
            return


def _check_supply(fact: Fact, after: Registry, facts: Facts) -> Iterable[Problem]:
    plans = [key for kind, key in facts if kind == "plan"]
    plan = fact.value["plan"] if fact.value else ""
    if plan not in plans:
        yield fact.where.inside("plan").unknown("lighting plan", plan, plans)
    group = after.groups.get(fact.key)
    site = after.sites.get(group.site or "") if group else None
    if group is not None and (site is None or site.lon is None):
        yield fact.where.problem(
            Message(
                "the plan follows the sun at group {name!r}: give it a site, and that site its "
                "lon and lat",
                fact.key,
            )
        )


def _check_withdrawn_plan(fact: Fact, facts: Facts) -> Iterable[Problem]:
    users = [
        key
        for (kind, key), value in facts.items()
        if kind == "supply" and value["plan"] == fact.key
    ]
    if users:
        text = Message(
            "plan {name!r} still lights {names}: give them another first",
            fact.key,
            ", ".join(users),
        )
        yield fact.where.problem(text)


def _check_reach(fact: Fact, after: Registry, catalogue: Catalogue) -> Iterable[Problem]:
    value = fact.value or {}
    gauge, level = value["gauge"], value["level"]
    quantity = catalogue.quantities.get(_LEVEL)
    gauges = list_gauges(after)
    if gauge not in after.sites:
        yield fact.where.inside("gauge").unknown("site", gauge, gauges)
    elif gauge not in gauges:
        text = Message(
            "nothing at {gauge!r} measures a level{hint}", gauge, did_you_mean(gauge, gauges)
        )
        yield fact.where.inside("gauge").problem(text)
    if quantity is not None and not quantity.low <= level <= quantity.high:
        yield fact.where.inside("level").problem(
            Message(
                "{level:g} m lies outside what {quantity} can be, {low:g}…{high:g} {unit}: a "
                "height above the gauge's zero, not above the sea",
                level,
                _LEVEL,
                quantity.low,
                quantity.high,
                quantity.unit,
            )
        )


def list_gauges(registry: Registry) -> list[str]:
    """The sites where a level is measured."""
    owners = {device for device, quantity in registry.series if quantity == _LEVEL}
    return sorted({registry.devices[name].site for name in owners if name in registry.devices})


def _check_datum(fact: Fact, after: Registry) -> Iterable[Problem]:
    zero = (fact.value or {})["zero"]
    if not _ZEROS[0] <= zero <= _ZEROS[1]:
        text = Message(
            "{zero:g} m: a zero lies {low:g}…{high:g} m above the sea",
            zero,
            _ZEROS[0],
            _ZEROS[1],
        )
        yield fact.where.inside("zero").problem(text)
    if fact.key in after.sites and fact.key not in list_gauges(after):
        text = Message("nothing at {site!r} measures a level, so there is no zero", fact.key)
        yield fact.where.problem(text)


def _check_works(fact: Fact, after: Registry) -> Iterable[Problem]:
    for kind in SUBJECTS:
        names = getattr(after, kind)
        for name in (fact.value or {}).get(kind, ()):
            if name not in names:
                yield fact.where.inside(kind).unknown(kind.removesuffix("s"), name, names)
