"""Stores when lighting plans switch lamps on, to compare it with the measured light."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypervisor.base.instants import micros, moment
from hypervisor.database.connect import Connection
from hypervisor.evaluation import facts
from hypervisor.evaluation.facts import Supply
from hypervisor.evaluation.power_schedule import lightings, planned_level
from hypervisor.registry import queries as registry_store
from hypervisor.registry import queries_lighting
from hypervisor.registry.model import Registry, Revision
from hypervisor.registry.queries_lighting import LitPiece, PlanCoverage
from rules._inputs import Steps
from sensors._domain import Catalogue

AHEAD = timedelta(days=30)  # beyond the roll-ups, for the nights of the next month
_MARGIN = timedelta(days=7)  # with less than this left the plans are stored again
_INSTALLED = "cabinet_rated_power"


@dataclass(frozen=True, kw_only=True)
class _Group:
    """The plans of a group, and the rated power behind it (kW)."""

    supply: Supply
    installed: Steps

    @property
    def facts(self) -> str:
        installed = [self.installed.at.tolist(), self.installed.value.tolist()]
        return json.dumps([self.supply.plans, self.supply.place, installed], sort_keys=True)


def keep(connection: Connection, catalogue: Catalogue, *, zone: str) -> int:
    """Store the plans that changed since the last call; of how many groups. Mostly cheap."""
    needed = queries_lighting.load_required_coverage(connection)
    made = queries_lighting.load_coverage(connection)
    if needed is None or (made is not None and _covers(made, needed)):
        return 0
    with connection.transaction():
        if not queries_lighting.try_lock(connection):
            return 0
        return _write(connection, catalogue, replace(needed, until=needed.until + AHEAD), zone)


def _covers(made: PlanCoverage, needed: PlanCoverage) -> bool:
    return (
        made.registry == needed.registry
        and made.since <= needed.since
        and made.until >= needed.until + _MARGIN
    )


def _write(connection: Connection, catalogue: Catalogue, needed: PlanCoverage, zone: str) -> int:
    before = queries_lighting.load_groups(connection)
    groups = _groups(registry_store.load(connection), catalogue)
    queries_lighting.delete_plans(connection, before.keys() - groups.keys())
    written = 0
    for name, group in groups.items():
        span = (needed.since, needed.until)
        if before.get(name) != (group.facts, *span):
            row = queries_lighting.LightingRow(group=name, facts=group.facts, span=span)
            lit = pieces(group.supply, group.installed, span)
            queries_lighting.write_plan(connection, row, lit, zone)
            written += 1
    queries_lighting.save_coverage(connection, needed)
    return written


def _groups(registry: Registry, catalogue: Catalogue) -> dict[str, _Group]:
    revisions: dict[tuple[str, str], list[Revision]] = {}
    members: dict[str, dict[str, Sequence[Revision]]] = {}
    for revision in registry.revisions:
        revisions.setdefault((revision.kind, revision.key), []).append(revision)
    for (kind, key), history in revisions.items():
        group, _, device = key.rpartition("/")
        if kind == "member" and device in registry.devices:
            members.setdefault(group, {})[device] = history
    lit = lightings(registry, members, revisions, {})  # what cannot be read is not shown
    return {
        name: _Group(
            supply=lit[f"group/{name}"],
            installed=facts.threshold(
                _INSTALLED,
                revisions.get(("threshold", f"{group.site}/{_INSTALLED}"), ()),
                catalogue,
            ),
        )
        for name, group in registry.groups.items()
        if f"group/{name}" in lit
    }


def pieces(supply: Supply, installed: Steps, span: tuple[datetime, datetime]) -> Iterator[LitPiece]:
    """The pieces of constant level, each with the span of the light that it is part of."""
    steps = planned_level(supply, micros(span[0]), micros(span[1]))
    ends = [*steps.at[1:].tolist(), micros(span[1])]
    light: list[tuple[int, int, float]] = []
    for begins, until, level in zip(steps.at.tolist(), ends, steps.value.tolist(), strict=True):
        if not level > 0:  # dark, or no plan
            yield from _spread(light, installed)
            light = []
        else:
            light.append((max(begins, micros(span[0])), until, level))
    yield from _spread(light, installed)


def _spread(light: Sequence[tuple[int, int, float]], installed: Steps) -> Iterator[LitPiece]:
    if not light:
        return
    span = moment(light[0][0]), moment(light[-1][1])
    for begins, ends, level in light:
        behind = facts.in_force(installed, begins)
        yield LitPiece(
            begins=moment(begins),
            ends=moment(ends),
            level=level,
            span=span,
            installed=None if math.isnan(behind) else behind,
        )
