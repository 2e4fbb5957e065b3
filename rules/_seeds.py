"""What was under way when judging goes on from a recorded moment, as columns by subject."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rules._axis import Axis
from rules._inputs import Instants, Subject
from rules._interval import Mask, Truths
from rules._journal import Moment, Phase, Truth
from rules._scan import NONE

NOTHING = Moment(time=0, phase=Phase.INACTIVE, when=Truth.UNKNOWN, clear=Truth.UNKNOWN)
IDLE, PENDING, ACTIVE = range(3)
_PHASES = {Phase.INACTIVE: IDLE, Phase.PENDING: PENDING, Phase.ACTIVE: ACTIVE}


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """One row a subject; keys, NONE where there is none. `steps`: (latched, run start) each."""

    moments: Sequence[Moment]
    phase: Truths
    when: Truths
    end: Truths
    when_since: Instants
    clear_since: Instants
    since: Instants
    began: Instants
    stale_since: Instants
    steps: tuple[tuple[Mask, Instants], ...]

    @property
    def active(self) -> Mask:
        return np.asarray(self.phase == ACTIVE)


def seeds_of(
    subjects: Sequence[Subject], recorded: Mapping[str, Moment], axis: Axis, steps: int
) -> Seeds:
    """Columns of the recorded moments; a subject without one has nothing under way."""
    moments = [recorded.get(subject.key, NOTHING) for subject in subjects]

    def keys(times: Sequence[int | None]) -> Instants:
        return np.array(
            [NONE if time is None else axis.key(i, time) for i, time in enumerate(times)],
            dtype=np.int64,
        )

    def step(rank: int) -> tuple[Mask, Instants]:
        found = [
            moment.steps[rank] if rank < len(moment.steps) else (False, None, None)
            for moment in moments
        ]
        return np.array([one[0] for one in found], dtype=np.bool_), keys([one[1] for one in found])

    return Seeds(
        moments=moments,
        phase=np.array([_PHASES[moment.phase] for moment in moments], dtype=np.int8),
        when=np.array([moment.when for moment in moments], dtype=np.int8),
        end=np.array([moment.clear for moment in moments], dtype=np.int8),
        when_since=keys([moment.when_since for moment in moments]),
        clear_since=keys([moment.clear_since for moment in moments]),
        since=keys([moment.since for moment in moments]),
        began=keys([moment.began for moment in moments]),
        stale_since=keys([moment.stale_since for moment in moments]),
        steps=tuple(step(rank) for rank in range(steps)),
    )
