"""What was under way when judging goes on from a recorded moment, as columns by subject."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rules._axis import Axis
from rules._inputs import Instants, Subject
from rules._interval import Mask, Truths
from rules._rule_state import Phase, StateChange, Truth
from rules._scan import NONE

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
