"""An inventory compared with the registry: what is given changes, what is absent stays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from hypervisor.registry import make
from hypervisor.registry.changes import Changes, Line, Thing, applied, line_of, lines_of
from hypervisor.registry.entries import KINDS, Entry, Inventory
from hypervisor.registry.merge import merge_entries, merge_facts
from hypervisor.registry.model import Registry, Series
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
    entries = {kind: merge_entries(getattr(inventory, kind), problems) for kind in KINDS}
    lines: list[Line] = []
    compare = _Comparison(lines=lines, problems=problems)
    areas = compare("area", entries["areas"], registry.areas, make.area)
    sites = compare("site", entries["sites"], registry.sites, make.site_maker(entries, catalogue))
    gateways = compare("gateway", entries["gateways"], registry.gateways, make.gateway)
    protocols = {
        gateway.name: gateway.protocol for gateway in (*registry.gateways.values(), *gateways)
    }
    devices = compare("device", entries["devices"], registry.devices, make.device_maker(protocols))
    series = compare("series", entries["series"], _keyed(registry), make.series)
    changes = Changes(
        areas=areas,
        sites=sites,
        gateways=gateways,
        devices=devices,
        series=series,
        groups=compare("group", entries["groups"], registry.groups, make.group),
        zones=compare("zone", entries["zones"], registry.zones, make.zone),
        assets=compare("asset", entries["assets"], registry.assets, make.asset),
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
        maker: Callable[[Entry, Thing | None, list[Problem]], Thing | None],
    ) -> tuple[Thing, ...]:
        """The things of one kind as they will stand, only those that change."""
        changed: list[Thing] = []
        for key, entry in entries.items():
            before = known.get(key)
            after = maker(entry, before, self.problems)
            if after is not None and after != before:
                changed.append(after)
                self.lines.extend(lines_of(kind, key, before, after))
        return tuple(changed)
