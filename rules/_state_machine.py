"""From truth to alarm: runs, latches and severity of all subjects at once, by last-event scans."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rules._axis import Index, lying_in, rows_where
from rules._block import Block
from rules._inputs import Closing, Instants
from rules._interval import FALSE, TRUE, Mask, Truths
from rules._scan import ACTIVE, IDLE, NONE, PENDING, Rows, Seeds, before, carried, last, run_starts


@dataclass(frozen=True, kw_only=True)
class Closed:
    """The keys at which alarms of a block were closed, and with what reason; None: none was."""

    keys: Instants | None = None
    reasons: Mapping[int, str] = field(default_factory=dict)

    def at(self, keys: Instants) -> Mask:
        """Where one was closed."""
        if self.keys is None:
            return np.zeros(len(keys), dtype=np.bool_)
        return lying_in(self.keys, keys)


def closed_by(closings: Mapping[str, Sequence[Closing]], block: Block) -> Closed:
    """The closings of a block's subjects."""
    if not any(closings.values()):
        return Closed()
    reasons = {
        block.axis.key(i, closing.at): closing.reason
        for i, subject in enumerate(block.subjects)
        for closing in closings.get(subject.key, ())
    }
    return Closed(keys=np.array(sorted(reasons), dtype=np.int64), reasons=reasons)


def barred(closed: Mask, when: Truths, rows: Rows, seeds: Mask) -> Mask:
    """Where an alarm may not begin, nor be pending: closed, and `when` not false since.

    `seeds`: of the subjects for which that was so before their first row.
    """
    if not closed.any() and not seeds.any():
        return closed
    shut, freed = last(closed, rows), last(when == FALSE, rows)
    untouched = (shut < 0) & (freed < 0)
    return np.where(untouched, seeds[rows.owners], shut > freed)


Observed = Callable[[Index, Instants], Mask]  # rows, and the start of the run each is in


@dataclass(frozen=True, kw_only=True)
class TimedCondition:
    """A condition over rows, and what is wanted of it.

    Its truth; how long a run of it must last (µs, 0: at once); where such a run was observed.
    """

    truth: Truths
    hold: Instants
    observed: Observed


@dataclass(frozen=True, kw_only=True)
class StepVerdicts:
    """A severity step over rows."""

    on: TimedCondition
    off: Truths


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """All that is known of the rows; an alarm ends at once where it is `forced` to.

    `closed`: where it is by an operator.
    """

    when: TimedCondition
    end: TimedCondition
    forced: Mask
    closed: Mask
    steps: tuple[StepVerdicts, ...]


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """The state at each row. Keys are NONE where there is none. `level`: 0, or the step's rank.

    `barred`: an operator closed it, and it may not begin again yet.
    """

    phase: Truths
    when_since: Instants
    clear_since: Instants
    since: Instants
    began: Instants
    steps: tuple[tuple[Mask, Instants], ...]
    level: Truths
    barred: Mask


def conclude(rows: Rows, seeds: Seeds, verdicts: Verdicts) -> Conclusion:
    """Run the machine: on when the last long enough run of `when` came after the last of `end`."""
    bars = barred(verdicts.closed, verdicts.when.truth, rows, seeds.barred)
    when = verdicts.when
    if bars.any():
        when = replace(when, truth=np.where(bars, FALSE, when.truth))
    when_since, up = _events(rows, seeds.when_since, when)
    # Where nothing was active yet, nothing can end: whether that was observed need not be asked.
    risen = None
    if verdicts.end.hold.any():
        risen = seeds.active[rows.owners] | (last(up, rows) >= 0)
    clear_since, down = _events(rows, seeds.clear_since, verdicts.end, observed=risen)
    down |= verdicts.forced
    active = _latched(rows, up, down, seeds.active)
    begins = active & ~before(active, rows, seeds.active)
    since = carried(when_since, begins, rows, seeds.since)
    began = carried(rows.keys, begins, rows, seeds.began)
    phase = np.where(active, ACTIVE, np.where(when_since != NONE, PENDING, IDLE)).astype(np.int8)
    since = np.where(active, since, when_since)
    level = np.zeros(len(rows.keys), dtype=np.int8)
    masks: list[tuple[Mask, Instants]] = []
    for rank, step in enumerate(verdicts.steps):
        latched, start = _step(rows, seeds, rank, step, since)
        level[latched & active] = rank + 1
        masks.append((latched, start))
    return Conclusion(
        phase=phase,
        when_since=when_since,
        clear_since=clear_since,
        since=since,
        began=np.where(active, began, NONE),
        steps=tuple(masks),
        level=level,
        barred=bars,
    )


def _events(
    rows: Rows,
    seeds: Instants,
    side: TimedCondition,
    *,
    cut: Mask | None = None,
    observed: Mask | None = None,
) -> tuple[Instants, Mask]:
    """Starts of the runs of truth, and the rows at which a run is long enough and observed.

    Where not `asked`, long enough will do.
    """
    starts = run_starts(side.truth == TRUE, rows, seeds, cut=cut)
    fulfilled = (starts != NONE) & (rows.keys - starts >= side.hold)
    unsure = fulfilled & (side.hold > 0)
    waiting = rows_where(unsure if observed is None else unsure & observed)
    if len(waiting):
        fulfilled[waiting] = side.observed(waiting, starts[waiting])
    return starts, fulfilled


def _latched(rows: Rows, up: Mask, down: Mask, seeds: Mask) -> Mask:
    """On: the last `up` came after the last `down`; with neither, as seeded."""
    risen, fallen = last(up, rows), last(down, rows)
    untouched = (risen < 0) & (fallen < 0)
    return np.where(untouched, seeds[rows.owners], risen > fallen)


def _step(
    rows: Rows, seeds: Seeds, rank: int, step: StepVerdicts, since: Instants
) -> tuple[Mask, Instants]:
    """A step lives from the alarm's `since` on: nothing that was before counts."""
    latched_before, start_before = seeds.steps[rank]
    living = since != NONE
    epoch = _before_keys(since, rows, seeds.since)
    cut = living & (since != epoch)
    on = replace(step.on, truth=np.where(living, step.on.truth, FALSE))
    starts, up = _events(rows, start_before, on, cut=cut)
    down = living & (step.off == TRUE)
    # A latch falls with its alarm: a new epoch begins unlatched, unless it rises in that row.
    latched = _latched(rows, up, (down & ~up) | (cut & ~up) | ~living, latched_before)
    return latched, starts


def _before_keys(keys: Instants, rows: Rows, seeds: Instants) -> Instants:
    """The key at the row before; at a subject's first row what its seed says."""
    previous = np.empty_like(keys)
    previous[1:] = keys[:-1]
    previous[rows.heads] = seeds[rows.owners[rows.heads]]
    return previous
