"""What an interlock's condition says now, and would have said in the last event at its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from hypervisor.base.instants import micros, moment
from hypervisor.commands import queries, queries_interlocks
from hypervisor.commands.interlocks import Answer, Condition, ask
from hypervisor.database.connect import Connection
from hypervisor.registry.model import Registry
from rules._interlock import Ruling
from sensors._command import CommandError
from sensors._domain import Catalogue

_MINUTE = 60_000_000  # µs
_BEFORE = 60 * _MINUTE  # of an event, and after it
_MOST_TIMES = 2_000  # of a trial


@dataclass(frozen=True, kw_only=True)
class Spell:
    """From when on a condition says what, and the values that it then sees."""

    at: datetime
    holds: bool | None
    seen: str


@dataclass(frozen=True, kw_only=True)
class InterlockTrial:
    """What a condition says now, and in the last event (a hazard's alarm) at its place."""

    now: Spell
    began: datetime | None
    ended: datetime | None
    event: tuple[Spell, ...]


def try_condition(
    connection: Connection, registry: Registry, catalogue: Catalogue, condition: Condition
) -> InterlockTrial:
    """Ask a condition now and every few minutes of the last event.

    Raises CommandError, RuleError: it cannot be asked there.
    """
    now = micros(queries.read_clock(connection))
    (answer,) = ask(connection, registry, catalogue, condition, until=now)
    if answer.ruling is None:
        raise CommandError("{problem}", answer.problem)
    event = queries_interlocks.find_last_event(connection, condition.place)
    spells: tuple[Spell, ...] = ()
    if event is not None:
        first, last = micros(event[0]) - _BEFORE, min(micros(event[1]) + _BEFORE, now)
        step = max((last - first) // _MOST_TIMES, _MINUTE)
        times = np.arange(first, last, step)
        if len(times):
            spells = _list_spells(
                ask(connection, registry, catalogue, condition, times, until=last)
            )
    return InterlockTrial(
        now=_describe(answer.ruling),
        began=None if event is None else event[0],
        ended=None if event is None else event[1],
        event=spells,
    )


def _list_spells(answers: Sequence[Answer]) -> tuple[Spell, ...]:
    spells: list[Spell] = []
    for each in answers:
        if each.ruling is not None and (not spells or spells[-1].holds is not each.ruling.holds):
            spells.append(_describe(each.ruling))
    return tuple(spells)


def _describe(ruling: Ruling) -> Spell:
    seen = ", ".join(value.text for value in ruling.seen)
    return Spell(at=moment(ruling.at), holds=ruling.holds, seen=seen)
