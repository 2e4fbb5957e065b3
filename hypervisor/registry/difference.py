"""Compare an inventory with the registry: given fields change, absent ones stay."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

from hypervisor.registry.changes import (
    ChangeLine,
    Changes,
    apply_changes,
    list_field_changes,
    revision_line,
)
from hypervisor.registry.formatting import format_value
from hypervisor.registry.inventory import Entry, Fact, Inventory
from hypervisor.registry.model import KINDS, Area, Device, Registry, Series, Thing
from hypervisor.registry.revisions import Stamp, revise
from hypervisor.registry.tree import Problem, Where
from sensors._domain import Catalogue
from sensors._errors import Message

LORAWAN = ("chirpstack", "the-things-stack")  # protocols whose addresses are DevEUIs
# What a new thing needs, and what a null does not clear, beside title, illustrative, properties.
NEEDS: Mapping[str, tuple[str, ...]] = {
    "areas": ("kind", "name"),
    "sites": ("domain",),
    "gateways": ("protocol",),
    "devices": ("commissioned",),
    "series": (),
    "groups": ("kind",),
    "zones": ("kind", "geometry"),
    "assets": ("kind",),
}
_HINTS = {
    "commissioned": Message(" (the day it began to measure, such as 2015-06-01)"),
    "domain": Message(" (its devices do not determine it)"),
}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The changes, the resulting registry, and the place of each key in the files."""

    changes: Changes
    after: Registry
    entries: Mapping[str, Mapping[str, Entry]]  # by kind, by key
    problems: list[Problem]


def compare_inventory(
    registry: Registry, inventory: Inventory, *, catalogue: Catalogue, stamp: Stamp
) -> Comparison:
    """Compare; problems are collected for the checks that follow."""
    problems: list[Problem] = []
    entries = {kind: merge_entries(getattr(inventory, kind), problems) for kind in KINDS}
    builder = _Builder(registry=registry, entries=entries, catalogue=catalogue, problems=problems)
    lines: list[ChangeLine] = []
    things: dict[str, Any] = {}
    for kind in KINDS:
        things[kind] = tuple(builder.build_changed(kind, lines))
        builder.protocols.update({each.name: each.protocol for each in things.get("gateways", ())})
    changes = Changes(**things)
    revisions = revise(
        merge_facts(inventory.facts, problems),
        before=registry,
        after=apply_changes(registry, changes),
        catalogue=catalogue,
        stamp=stamp,
    )
    lines.extend(revision_line(revision, previous) for revision, previous in revisions)
    changes = replace(
        changes, revisions=tuple(revision for revision, _ in revisions), lines=tuple(lines)
    )
    return Comparison(
        changes=changes, after=apply_changes(registry, changes), entries=entries, problems=problems
    )


class _Builder:
    """Builds things from entries, new or updated."""

    def __init__(
        self,
        *,
        registry: Registry,
        entries: Mapping[str, Mapping[str, Entry]],
        catalogue: Catalogue,
        problems: list[Problem],
    ) -> None:
        self._registry, self._entries, self._problems = registry, entries, problems
        self._catalogue = catalogue
        self.protocols = {name: each.protocol for name, each in registry.gateways.items()}

    def build_changed(self, kind: str, lines: list[ChangeLine]) -> Iterable[Thing]:
        """The changed things of a kind, in their new state; adds a line for each field."""
        current = getattr(self._registry, kind)
        for key, entry in self._entries[kind].items():
            before = current.get(tuple(key.split("/")) if kind == "series" else key)
            after = self._build(kind, entry, before)
            if after is not None and after != before:
                yield after
                name = KINDS[kind].__name__.lower()
                lines.extend(list_field_changes(name, key, before, after))

    def _build(self, kind: str, entry: Entry, before: Thing | None) -> Thing | None:
        """Nulls clear optional fields and are dropped for required ones."""
        always = ("title", "illustrative", "properties", *NEEDS[kind])
        given = {
            name: value
            for name, value in entry.given.items()
            if value is not None or name not in always
        }
        self._complete(kind, entry, given, before)
        if before is not None:
            return replace(before, **given)
        absent = [name for name in NEEDS[kind] if not given.get(name)]
        what = f"{KINDS[kind].__name__.lower()} {entry.key}"
        for name in absent:
            text = Message(
                "{what} is new and needs {name!r}{hint}", what, name, _HINTS.get(name, "")
            )
            self._problems.append(Problem(where=entry.where, text=text))
        if absent:
            return None
        if kind == "series":
            device, _, quantity = entry.key.partition("/")
            return Series(device=device, quantity=quantity, **given)
        key = {"code": entry.key} if kind == "areas" else {"name": entry.key}
        title = {"title": entry.key} if kind not in ("areas", "devices") else {}
        make: Any = KINDS[kind]
        return cast("Thing", make(**{**title, **key, **given}))

    def _complete(
        self, kind: str, entry: Entry, given: dict[str, Any], before: Thing | None
    ) -> None:
        """What follows from other entries and from what was there."""
        if isinstance(before, Area) and before.kind == "epci" and before.parent:
            given.pop("parent", None)  # an EPCI across départements keeps its first parent
        if kind == "sites" and before is None and not given.get("domain"):
            domains = self._measured_domains.get(entry.key) or set(self._catalogue.domains)
            if len(domains) == 1:
                given["domain"] = min(domains)
        if kind == "devices":
            if isinstance(before, Device) and given["site"] != before.site:
                self._problems.append(
                    Problem(where=entry.where, text=_moved_message(entry, before))
                )
            _complete_address(entry.key, given, cast("Device | None", before), self.protocols)

    @cached_property
    def _measured_domains(self) -> Mapping[str, set[str]]:
        """By site: the domains that the devices of these files measure there."""
        domains: defaultdict[str, set[str]] = defaultdict(set)
        devices = self._entries["devices"]
        for device, quantity in (key.split("/") for key in self._entries["series"]):
            if device in devices and quantity in self._catalogue.domain_of:
                domains[devices[device].given["site"]].add(self._catalogue.domain_of[quantity])
        return domains


def _moved_message(entry: Entry, before: Device) -> str:
    return Message(
        "device {device!r} is at site {site!r}: retire it there and give the new place a device of "
        "another name, so that its old readings stay where they were",
        entry.key,
        before.site,
    )


def _complete_address(
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


def merge_entries(entries: Iterable[Entry], problems: list[Problem]) -> dict[str, Entry]:
    """By key; files may each give a part of an entry, one file names it once."""
    merged: dict[str, Entry] = {}
    for entry in entries:
        before = merged.setdefault(entry.key, entry)
        if before is entry or _is_repeated(entry.key, before.where, entry.where, problems):
            continue
        for name, value in entry.given.items():
            other = before.given.get(name, value)
            if other != value:
                here, there = ("null" if each is None else repr(each) for each in (value, other))
                text = Message(
                    "{field} {here} here, {there} in {place}",
                    name,
                    here,
                    there,
                    _format_place(before.where),
                )
                problems.append(Problem(where=entry.where, text=text))
        merged[entry.key] = replace(before, given={**before.given, **entry.given})
    return merged


def merge_facts(facts: Iterable[Fact], problems: list[Problem]) -> list[Fact]:
    """Each fact once; files may repeat the same value."""
    merged: dict[tuple[str, str], Fact] = {}
    for fact in facts:
        before = merged.setdefault((fact.kind, fact.key), fact)
        if before is fact or _is_repeated(fact.key, before.where, fact.where, problems):
            continue
        if before.value != fact.value:
            text = Message(
                "{here} here, {there} in {place}",
                format_value(fact.value),
                format_value(before.value),
                _format_place(before.where),
            )
            problems.append(Problem(where=fact.where, text=text))
    return list(merged.values())


def _is_repeated(key: str, before: Where, here: Where, problems: list[Problem]) -> bool:
    """Whether one file describes a thing twice (a problem)."""
    if before.file == here.file:
        text = Message("{key!r} is described twice, first on line {line}", key, before.line)
        problems.append(Problem(where=here, text=text))
    return before.file == here.file


def _format_place(where: Where) -> str:
    return f"{where.file}:{where.line}"
