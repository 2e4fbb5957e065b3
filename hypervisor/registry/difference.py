"""Compare an inventory with the registry: given fields change, absent ones stay."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hypervisor.registry import build
from hypervisor.registry.changes import (
    ChangeLine,
    Changes,
    Thing,
    apply_changes,
    list_field_changes,
    revision_line,
)
from hypervisor.registry.inventory import KINDS, Entry, Fact, Inventory
from hypervisor.registry.model import Registry, Series
from hypervisor.registry.revisions import Stamp, revise
from hypervisor.registry.tree import Problem, Where
from sensors._domain import Catalogue


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
    lines: list[ChangeLine] = []
    compare = _Comparer(lines=lines, problems=problems)
    areas = compare("area", entries["areas"], registry.areas, build.build_area)
    sites = compare(
        "site", entries["sites"], registry.sites, build.site_builder(entries, catalogue)
    )
    gateways = compare("gateway", entries["gateways"], registry.gateways, build.build_gateway)
    protocols = {
        gateway.name: gateway.protocol for gateway in (*registry.gateways.values(), *gateways)
    }
    devices = compare(
        "device", entries["devices"], registry.devices, build.device_builder(protocols)
    )
    series = compare("series", entries["series"], _series_by_key(registry), build.build_series)
    changes = Changes(
        areas=areas,
        sites=sites,
        gateways=gateways,
        devices=devices,
        series=series,
        groups=compare("group", entries["groups"], registry.groups, build.build_group),
        zones=compare("zone", entries["zones"], registry.zones, build.build_zone),
        assets=compare("asset", entries["assets"], registry.assets, build.build_asset),
    )
    facts = merge_facts(inventory.facts, problems)
    revisions = revise(
        facts,
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


def _series_by_key(registry: Registry) -> dict[str, Series]:
    return {
        f"{device}/{quantity}": series for (device, quantity), series in registry.series.items()
    }


@dataclass(frozen=True, kw_only=True)
class _Comparer:
    lines: list[ChangeLine]
    problems: list[Problem]

    def __call__(
        self,
        kind: str,
        entries: Mapping[str, Entry],
        current: Mapping[str, Thing],
        maker: Callable[[Entry, Thing | None, list[Problem]], Thing | None],
    ) -> tuple[Thing, ...]:
        """The changed objects of one kind, in their new state."""
        changed: list[Thing] = []
        for key, entry in entries.items():
            before = current.get(key)
            after = maker(entry, before, self.problems)
            if after is not None and after != before:
                changed.append(after)
                self.lines.extend(list_field_changes(kind, key, before, after))
        return tuple(changed)


def merge_entries(entries: Iterable[Entry], problems: list[Problem]) -> dict[str, Entry]:
    """By key; files may each give a part of an entry, one file names it once."""
    merged: dict[str, Entry] = {}
    for entry in entries:
        before = merged.get(entry.key)
        if before is None:
            merged[entry.key] = entry
            continue
        if before.where.file == entry.where.file:
            _report_duplicate(entry.key, before.where, entry.where, problems)
            continue
        for name, value in entry.given.items():
            standing = before.given.get(name, value)
            if standing == value:
                continue
            text = (
                f"{name} {_format_given(value)} here,"
                f" {_format_given(standing)} in {_format_place(before.where)}"
            )
            problems.append(Problem(where=entry.where, text=text))
        merged[entry.key] = replace(before, given={**before.given, **entry.given})
    return merged


def merge_facts(facts: Iterable[Fact], problems: list[Problem]) -> list[Fact]:
    """Each fact once; files may repeat the same value."""
    merged: dict[tuple[str, str], Fact] = {}
    for fact in facts:
        before = merged.setdefault((fact.kind, fact.key), fact)
        if before is fact:
            continue
        if before.where.file == fact.where.file:
            _report_duplicate(fact.key, before.where, fact.where, problems)
        elif before.value != fact.value:
            text = f"says {fact.value}, {_format_place(before.where)} says {before.value}"
            problems.append(Problem(where=fact.where, text=text))
    return list(merged.values())


def _report_duplicate(key: str, before: Where, here: Where, problems: list[Problem]) -> None:
    text = f"{key!r} is described twice, first on line {before.line}"
    problems.append(Problem(where=here, text=text))


def _format_place(where: Where) -> str:
    return f"{where.file}:{where.line}"


def _format_given(value: Any) -> str:
    return "null" if value is None else repr(value)
