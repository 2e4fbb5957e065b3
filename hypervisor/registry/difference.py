"""An inventory compared with the registry: what is given changes, what is absent stays."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hypervisor.registry.changes import Changes, Line, Thing, applied, line_of, lines_of
from hypervisor.registry.entries import Entry, Inventory
from hypervisor.registry.merge import merge_entries, merge_facts
from hypervisor.registry.model import Area, Device, Registry, Series, Site
from hypervisor.registry.problems import Problem
from hypervisor.registry.revising import Stamp, revise
from sensors._domain import Catalogue


@dataclass(frozen=True, kw_only=True)
class Found:
    """The changes, and where in the files each key stands, for what is still to be checked."""

    changes: Changes
    after: Registry
    entries: Mapping[str, Mapping[str, Entry]]  # by kind, by key
    problems: list[Problem]


def difference(
    registry: Registry, inventory: Inventory, *, catalogue: Catalogue, stamp: Stamp
) -> Found:
    """Compare. Problems are collected, not raised: the checks that follow add theirs."""
    problems: list[Problem] = []
    entries = {
        kind: merge_entries(getattr(inventory, kind), problems)
        for kind in ("areas", "sites", "devices", "series")
    }
    lines: list[Line] = []
    compare = _Comparison(lines=lines, problems=problems)
    areas = compare("area", entries["areas"], registry.areas, _area)
    sites = compare("site", entries["sites"], registry.sites, _site_maker(entries, catalogue))
    devices = compare("device", entries["devices"], registry.devices, _device)
    series = compare("series", entries["series"], _keyed(registry), _series)
    changes = Changes(
        areas=tuple(areas), sites=tuple(sites), devices=tuple(devices), series=tuple(series)
    )
    facts = merge_facts(inventory.facts, problems)
    revisions = revise(
        facts,
        before=registry,
        after=applied(registry, changes),
        catalogue=catalogue,
        stamp=stamp,
    )
    lines.extend(line_of(revision, previous) for revision, previous in revisions)
    changes = replace(
        changes, revisions=tuple(revision for revision, _ in revisions), lines=tuple(lines)
    )
    return Found(
        changes=changes, after=applied(registry, changes), entries=entries, problems=problems
    )


def _keyed(registry: Registry) -> dict[str, Series]:
    return {f"{device}/{quantity}": one for (device, quantity), one in registry.series.items()}


@dataclass(frozen=True, kw_only=True)
class _Comparison:
    lines: list[Line]
    problems: list[Problem]

    def __call__(
        self,
        kind: str,
        entries: Mapping[str, Entry],
        known: Mapping[str, Thing],
        make: Callable[[Entry, Thing | None, list[Problem]], Thing | None],
    ) -> Iterable[Thing]:
        """The things of one kind as they will stand, only those that change."""
        changed: list[Thing] = []
        for key, entry in entries.items():
            before = known.get(key)
            after = make(entry, before, self.problems)
            if after is not None and after != before:
                changed.append(after)
                self.lines.extend(lines_of(kind, key, before, after))
        return changed


def _area(entry: Entry, before: Area | None, problems: list[Problem]) -> Area | None:
    if before is None:
        absent = [name for name in ("kind", "name") if not entry.given.get(name)]
        problems.extend(_needs(entry, name, f"area {entry.key}") for name in absent)
        return None if absent else Area(code=entry.key, **entry.given)
    given = dict(entry.given)
    if before.kind == "epci" and before.parent:
        given.pop("parent", None)  # one that spans départements stays where it first was put
    return replace(before, **given)


def _site_maker(
    entries: Mapping[str, Mapping[str, Entry]], catalogue: Catalogue
) -> Callable[[Entry, Site | None, list[Problem]], Site | None]:
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
        found = domains.get(entry.key) or set(catalogue.domains)
        if not given.get("domain") and len(found) != 1:
            problems.append(_needs(entry, "domain", f"site {entry.key}"))
            return None
        defaults = {"title": entry.key, "domain": min(found)}
        return Site(name=entry.key, **{**defaults, **_without_nulls(given)})

    return make


def _without_nulls(given: Mapping[str, Any]) -> dict[str, Any]:
    """A null empties what may be empty, and leaves alone what every site has."""
    always = ("title", "domain", "illustrative", "properties")
    return {name: value for name, value in given.items() if value is not None or name not in always}


def _device(entry: Entry, before: Device | None, problems: list[Problem]) -> Device | None:
    given = dict(entry.given)
    if before is None:
        if not given.get("commissioned"):
            problems.append(_needs(entry, "commissioned", f"device {entry.key}"))
            return None
        return Device(name=entry.key, **given)
    if given["site"] != before.site:
        text = (
            f"device {entry.key!r} stands at site {before.site!r}: retire it there and give the"
            " new place a device of another name, so that its old readings stay where they were"
        )
        problems.append(Problem(where=entry.where, text=text))
    if given.get("commissioned") is None:
        given.pop("commissioned", None)
    return replace(before, **given)


def _series(entry: Entry, before: Series | None, problems: list[Problem]) -> Series | None:
    del problems
    device, _, quantity = entry.key.partition("/")
    return replace(before or Series(device=device, quantity=quantity), **entry.given)


def _needs(entry: Entry, name: str, what: str) -> Problem:
    hints = {
        "commissioned": " (the day it began to measure, such as 2015-06-01)",
        "domain": " (its devices do not tell)",
    }
    return Problem(where=entry.where, text=f"{what} is new and needs {name!r}{hints.get(name, '')}")
