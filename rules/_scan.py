"""Last-event scans over rows sorted by (subject, time), and what each subject begins with."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rules._axis import BEFORE, Axis, Index
from rules._inputs import Instants, Subject
from rules._interval import Mask, Truths
from rules._rule_state import Phase, StateChange, Truth

NONE = BEFORE  # of an optional key


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The keys judged, ascending, with the subject that owns each and that one's first row."""

    keys: Instants
    owners: Index
    heads: Mask
    head: Index


def rows_of(keys: Instants, owners: Index) -> Rows:
    """Find where each subject begins."""
    heads = np.ones(len(keys), dtype=np.bool_)
    np.not_equal(owners[1:], owners[:-1], out=heads[1:])
    head = np.maximum.accumulate(np.where(heads, np.arange(len(keys)), 0))
    return Rows(keys=keys, owners=owners, heads=heads, head=head)


def last(marks: Mask, rows: Rows) -> Index:
    """The last marked row of the same subject at or before each row; -1 when there is none."""
    places = np.maximum.accumulate(np.where(marks, np.arange(len(marks)), -1))
    return np.where(places >= rows.head, places, -1)


def before(marks: Mask, rows: Rows, seeds: Mask) -> Mask:
    """What held at the row before; at a subject's first row what its seed says."""
    previous = np.empty_like(marks)
    previous[1:] = marks[:-1]
    previous[rows.heads] = seeds[rows.owners[rows.heads]]
    return previous


def run_starts(on: Mask, rows: Rows, seeds: Instants, *, cut: Mask | None = None) -> Instants:
    """The key at which the run that each row is in began; NONE where `on` does not hold.

    `seeds`: by subject, the start of a run that was under way; NONE: none was. At rows of `cut`
    a new run begins whatever went before.
    """
    under_way = seeds != NONE
    begins = on & ~before(on, rows, under_way)
    starts = rows.keys.copy()
    carried = rows.heads & on & under_way[rows.owners]
    if cut is not None:
        begins |= on & cut
        carried &= ~cut
    begins |= carried
    starts[carried] = seeds[rows.owners[carried]]
    return np.where(on, starts[np.maximum(last(begins, rows), 0)], NONE)


def carried(values: Instants, marks: Mask, rows: Rows, seeds: Instants) -> Instants:
    """The value at the last marked row, else the subject's seed."""
    places = last(marks, rows)
    return np.where(places >= 0, values[np.maximum(places, 0)], seeds[rows.owners])


NOTHING = StateChange(time=0, phase=Phase.INACTIVE, when=Truth.UNKNOWN, clear=Truth.UNKNOWN)
IDLE, PENDING, ACTIVE = range(3)
_PHASES = {Phase.INACTIVE: IDLE, Phase.PENDING: PENDING, Phase.ACTIVE: ACTIVE}


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """One row a subject; keys, NONE where there is none. `steps`: (latched, run start) each."""

    moments: Sequence[StateChange]
    phase: Truths
    when: Truths
    end: Truths
    when_since: Instants
    clear_since: Instants
    since: Instants
    began: Instants
    stale_since: Instants
    barred: Mask
    steps: tuple[tuple[Mask, Instants], ...]

    @property
    def active(self) -> Mask:
        return np.asarray(self.phase == ACTIVE)


def seeds_of(
    subjects: Sequence[Subject], recorded: Mapping[str, StateChange], axis: Axis, steps: int
) -> Seeds:
    """Columns of the recorded moments; a subject without one has nothing under way."""
    moments = [recorded.get(subject.key, NOTHING) for subject in subjects]
    started = [(i, moment) for i, moment in enumerate(moments) if moment is not NOTHING]

    def keys(of: Callable[[StateChange], int | None]) -> Instants:
        keys = np.full(len(moments), NONE, dtype=np.int64)
        for i, moment in started:
            time = of(moment)
            if time is not None:
                keys[i] = axis.key(i, time)
        return keys

    def codes(of: Callable[[StateChange], int]) -> Truths:
        codes = np.full(len(moments), of(NOTHING), dtype=np.int8)
        for i, moment in started:
            codes[i] = of(moment)
        return codes

    return Seeds(
        moments=moments,
        phase=codes(lambda moment: _PHASES[moment.phase]),
        when=codes(lambda moment: moment.when),
        end=codes(lambda moment: moment.clear),
        when_since=keys(lambda moment: moment.when_since),
        clear_since=keys(lambda moment: moment.clear_since),
        since=keys(lambda moment: moment.since),
        began=keys(lambda moment: moment.began),
        stale_since=keys(lambda moment: moment.stale_since),
        barred=codes(lambda moment: moment.closed) != 0,
        steps=tuple(
            (
                codes(functools.partial(_latched, rank)) != 0,
                keys(functools.partial(_step_run, rank)),
            )
            for rank in range(steps)
        ),
    )


def _latched(rank: int, moment: StateChange) -> int:
    return rank < len(moment.steps) and moment.steps[rank][0]


def _step_run(rank: int, moment: StateChange) -> int | None:
    return moment.steps[rank][1] if rank < len(moment.steps) else None
