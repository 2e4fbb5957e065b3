"""Build model objects from an inventory's entries, new or updated."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from hypervisor.registry.inventory import Entry
from hypervisor.registry.model import Area, Asset, Device, Gateway, Group, Series, Site, Zone
from hypervisor.registry.tree import Problem
from sensors._domain import Catalogue

LORAWAN = ("chirpstack", "the-things-stack")  # protocols whose addresses are DevEUIs
Named = TypeVar("Named", Gateway, Group, Zone, Asset)


def build_area(entry: Entry, before: Area | None, problems: list[Problem]) -> Area | None:
    """An area of the territory."""
    if before is None:
        absent = [name for name in ("kind", "name") if not entry.given.get(name)]
        problems.extend(_missing_field(entry, name, f"area {entry.key}") for name in absent)
        return None if absent else Area(code=entry.key, **entry.given)
    given = dict(entry.given)
    if before.kind == "epci" and before.parent:
        given.pop("parent", None)  # an EPCI across départements keeps its first parent
    return replace(before, **given)


def site_builder(
    entries: Mapping[str, Mapping[str, Entry]], catalogue: Catalogue
) -> Callable[[Entry, Site | None, list[Problem]], Site | None]:
    """The builder of sites; a new site takes the domain that its devices measure."""
    domains: dict[str, set[str]] = {}
    for key in entries["series"]:
        device, _, quantity = key.partition("/")
        if device in entries["devices"] and quantity in catalogue.domain_of:
            site = entries["devices"][device].given["site"]
            domains.setdefault(site, set()).add(catalogue.domain_of[quantity])

    def make(entry: Entry, before: Site | None, problems: list[Problem]) -> Site | None:
        given: dict[str, Any] = {name: value for name, value in entry.given.items() if value != ""}
        if before is not None:
            return replace(before, **_without_nulls(given))
        candidates = domains.get(entry.key) or set(catalogue.domains)
        if not given.get("domain") and len(candidates) != 1:
            problems.append(_missing_field(entry, "domain", f"site {entry.key}"))
            return None
        defaults = {"title": entry.key, "domain": min(candidates)}
        return Site(name=entry.key, **{**defaults, **_without_nulls(given)})

    return make


def _without_nulls(given: Mapping[str, Any]) -> dict[str, Any]:
    """Drop nulls of fields that every site has; other nulls clear their field."""
    always = ("title", "domain", "illustrative", "properties")
    return {name: value for name, value in given.items() if value is not None or name not in always}


def device_builder(
    protocols: Mapping[str, str],
) -> Callable[[Entry, Device | None, list[Problem]], Device | None]:
    """The builder of devices; `protocols`: by gateway."""

    def make(entry: Entry, before: Device | None, problems: list[Problem]) -> Device | None:
        given = dict(entry.given)
        if before is None and not given.get("commissioned"):
            problems.append(_missing_field(entry, "commissioned", f"device {entry.key}"))
            return None
        if before is not None and given["site"] != before.site:
            problems.append(Problem(where=entry.where, text=_moved_message(entry, before)))
        if given.get("commissioned") is None:
            given.pop("commissioned", None)
        _normalise_address(entry.key, given, before, protocols)
        return Device(name=entry.key, **given) if before is None else replace(before, **given)

    return make


def _moved_message(entry: Entry, before: Device) -> str:
    return (
        f"device {entry.key!r} stands at site {before.site!r}: retire it there and give the"
        " new place a device of another name, so that its old readings stay where they were"
    )


def _normalise_address(
    name: str, given: dict[str, Any], before: Device | None, protocols: Mapping[str, str]
) -> None:
    """Store the address as the gateway sends it; without a gateway there is none."""
    gateway = given.get("gateway", before.gateway if before else None)
    protocol = protocols.get(gateway or "")
    if gateway is None and "gateway" in given:
        given.setdefault("address", None)
    if protocol == "native" and not given.get("address", before.address if before else None):
        given["address"] = name  # a concentrator uses the device's name by default
    address = given.get("address")
    if protocol in LORAWAN and address is not None:
        given["address"] = re.sub(r"[-:. ]", "", address).lower()


def build_series(entry: Entry, before: Series | None, problems: list[Problem]) -> Series | None:
    """A series, without how it reports."""
    del problems
    device, _, quantity = entry.key.partition("/")
    return replace(before or Series(device=device, quantity=quantity), **entry.given)


def build_gateway(entry: Entry, before: Gateway | None, problems: list[Problem]) -> Gateway | None:
    """A gateway, and what it speaks."""
    return _build(Gateway, entry, before, problems, needs=("protocol",))


def build_group(entry: Entry, before: Group | None, problems: list[Problem]) -> Group | None:
    """A group, without its members."""
    return _build(Group, entry, before, problems, needs=("kind",))


def build_zone(entry: Entry, before: Zone | None, problems: list[Problem]) -> Zone | None:
    """A zone with its shape."""
    return _build(Zone, entry, before, problems, needs=("kind", "geometry"))


def build_asset(entry: Entry, before: Asset | None, problems: list[Problem]) -> Asset | None:
    """An asset, wherever it is."""
    return _build(Asset, entry, before, problems, needs=("kind",))


def _build(
    kind: type[Named],
    entry: Entry,
    before: Named | None,
    problems: list[Problem],
    *,
    needs: tuple[str, ...],
) -> Named | None:
    """Nulls clear optional fields and are dropped for required ones."""
    always = ("title", "illustrative", "properties", *needs)
    given = {
        name: value
        for name, value in entry.given.items()
        if value is not None or name not in always
    }
    if before is not None:
        return replace(before, **given)
    absent = [name for name in needs if not given.get(name)]
    what = f"{kind.__name__.lower()} {entry.key}"
    problems.extend(_missing_field(entry, name, what) for name in absent)
    return None if absent else kind(**{"name": entry.key, "title": entry.key, **given})


def _missing_field(entry: Entry, name: str, what: str) -> Problem:
    hints = {
        "commissioned": " (the day it began to measure, such as 2015-06-01)",
        "domain": " (its devices do not determine it)",
    }
    return Problem(where=entry.where, text=f"{what} is new and needs {name!r}{hints.get(name, '')}")
