"""The rows at which a judgement changed, as journal moments."""

from dataclasses import dataclass

import numpy as np

from rules._axis import Axis, Index, rows_where
from rules._evaluated_columns import EvaluatedColumns
from rules._inputs import Instants
from rules._interval import Mask, Truths
from rules._revisions import History
from rules._rule_state import Phase, StateChange, Truth
from rules._scan import ACTIVE, NONE, Rows, Seeds, before, run_starts
from rules._state_machine import Conclusion

_PHASES = (Phase.INACTIVE, Phase.PENDING, Phase.ACTIVE)
_TRUTHS = tuple(Truth)

Times = list[int | None]
Column = Instants | Truths | Mask


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """All that the moments of a block are told from."""

    axis: Axis
    rows: Rows
    seeds: Seeds
    history: History
    judged: EvaluatedColumns
    state: Conclusion


def list_state_changes(timeline: Timeline) -> list[list[StateChange]]:
    """By subject: the moments, each differing from the one before it or from the seed."""
    every_moments: list[list[StateChange]] = [[] for _ in range(timeline.axis.count)]
    stale_since = _stale_since(timeline)
    changed = rows_where(_changed(timeline, stale_since))
    if len(changed) == 0:
        return every_moments
    owners = timeline.rows.owners[changed].tolist()
    for moment, owner in zip(_moments(timeline, changed, stale_since), owners, strict=True):
        previous = (
            every_moments[owner][-1] if every_moments[owner] else timeline.seeds.moments[owner]
        )
        if _differs(moment, previous):
            every_moments[owner].append(moment)
    return every_moments


def _stale_since(timeline: Timeline) -> Instants:
    """From when each row's alarm is stale: exactly where a series ceased to be known."""
    stale = timeline.judged.stale & (timeline.state.phase == ACTIVE)
    starts = run_starts(stale, timeline.rows, timeline.seeds.stale_since)
    some = rows_where(starts > timeline.state.began)
    starts[some] -= timeline.history.ceased(starts[some] - 1)
    return starts


def _changed(timeline: Timeline, stale_since: Instants) -> Mask:
    """Where a column differs from the row before, or at a subject's first row from its seed.

    Names of severities are compared later: the first row of an active alarm always counts.
    """
    state, judged, seeds = timeline.state, timeline.judged, timeline.seeds
    heads = rows_where(timeline.rows.heads)
    owners = timeline.rows.owners[heads]
    columns: list[tuple[Column, Column]] = [
        (state.phase, seeds.phase),
        (judged.when, seeds.when),
        (judged.end, seeds.end),
        (state.when_since, seeds.when_since),
        (state.clear_since, seeds.clear_since),
        (state.since, seeds.since),
        (state.began, seeds.began),
        (stale_since, seeds.stale_since),
        (state.barred, seeds.barred),
    ]
    for (latched, start), (latched_before, start_before) in zip(
        state.steps, seeds.steps, strict=True
    ):
        columns += [(latched, latched_before), (start, start_before)]
    changed = np.zeros(len(timeline.rows.keys), dtype=np.bool_)
    first = state.phase[heads] == ACTIVE
    for column, seed in columns:
        changed[1:] |= column[1:] != column[:-1]
        first |= column[heads] != seed[owners]
    for column in (state.level, judged.severities):
        changed[1:] |= column[1:] != column[:-1]
    changed[heads] = first
    return changed


def _differs(moment: StateChange, previous: StateChange) -> bool:
    """Time aside, and the reason, which belongs to the moment of ending alone."""
    return (
        moment.phase is not previous.phase
        or moment.when != previous.when
        or moment.clear != previous.clear
        or moment.stale_since != previous.stale_since
        or moment.severity != previous.severity
        or moment.when_since != previous.when_since
        or moment.clear_since != previous.clear_since
        or moment.since != previous.since
        or moment.began != previous.began
        or moment.steps != previous.steps
        or moment.closed != previous.closed
    )


def _moments(timeline: Timeline, rows: Index, stale_since: Instants) -> list[StateChange]:
    """The rows as moments: columns to plain lists first, then one object a row."""
    state, judged = timeline.state, timeline.judged
    phases = state.phase[rows].tolist()
    whens, ends = judged.when[rows].tolist(), judged.end[rows].tolist()
    levels = state.level[rows].tolist()
    times = timeline.axis.times(timeline.rows.keys[rows]).tolist()
    since = _times(timeline, state.since, rows)
    stale = _times(timeline, stale_since, rows)
    when_since = _times(timeline, state.when_since, rows)
    clear_since = _times(timeline, state.clear_since, rows)
    began = _times(timeline, state.began, rows)
    steps = [
        (latched[rows].tolist(), _times(timeline, start, rows)) for latched, start in state.steps
    ]
    reasons, barred = _reasons(timeline, rows), state.barred[rows].tolist()
    return [
        StateChange(
            time=times[i],
            phase=_PHASES[phases[i]],
            when=_TRUTHS[whens[i]],
            clear=_TRUTHS[ends[i]],
            when_since=when_since[i],
            clear_since=clear_since[i],
            since=since[i],
            began=began[i],
            steps=()
            if since[i] is None
            else tuple((latched[i], start[i], None) for latched, start in steps),
            severity=judged.severity(int(rows[i]), levels[i]) if phases[i] == ACTIVE else None,
            stale=stale[i] is not None,
            stale_since=stale[i],
            reason=reasons.get(int(rows[i])),
            closed=barred[i],
        )
        for i in range(len(rows))
    ]


def _times(timeline: Timeline, keys: Instants, rows: Index) -> Times:
    some = keys[rows]
    zones = timeline.rows.owners[rows] * timeline.axis.stride
    times: Times = (some - zones + timeline.axis.base).tolist()
    for i in rows_where(some == NONE).tolist():
        times[i] = None
    return times


def _reasons(timeline: Timeline, rows: Index) -> dict[int, str]:
    """Why alarms ended, of the rows in which one did and there is something to say."""
    was = before(timeline.state.phase == ACTIVE, timeline.rows, timeline.seeds.active)
    ended = rows[(was & (timeline.state.phase != ACTIVE))[rows]]
    keys = timeline.rows.keys[ended]
    revised = timeline.history.revised(keys) & ~timeline.history.spoken(keys)
    reasons: dict[int, str] = {}
    for row, by_revision in zip(ended.tolist(), revised.tolist(), strict=True):
        reason = timeline.judged.ending(row, revised=by_revision)
        if reason is not None:
            reasons[row] = str(reason)
    return reasons
