"""The rows at which a judgement changed, as journal moments."""

import numpy as np

from rules._axis import Axis
from rules._inputs import Instants
from rules._interval import Mask
from rules._journal import Moment, Phase, Truth
from rules._machine import Conclusion
from rules._revisions import History, Judged
from rules._scan import NONE, Rows, before, run_starts
from rules._seeds import ACTIVE, Seeds

_PHASES = (Phase.INACTIVE, Phase.PENDING, Phase.ACTIVE)


def moments_of(
    axis: Axis, rows: Rows, seeds: Seeds, history: History, judged: Judged, state: Conclusion
) -> list[list[Moment]]:
    """By subject: the moments, each differing from the one before it or from the seed."""
    found: list[list[Moment]] = [[] for _ in range(axis.count)]
    changed = np.flatnonzero(_changed(rows, judged, state))
    if len(changed) == 0:
        return found
    teller = _Teller(axis, rows, seeds, history, judged, state)
    for row in changed:
        moment, owner = teller.moment(int(row)), int(rows.owners[row])
        previous = found[owner][-1] if found[owner] else seeds.moments[owner]
        if _differs(moment, previous):
            found[owner].append(moment)
    return found


def _changed(rows: Rows, judged: Judged, state: Conclusion) -> Mask:
    """Where a column differs from the row before; a subject's first row always may."""
    columns: list[np.ndarray] = [
        state.phase,
        judged.when,
        judged.end,
        state.when_since,
        state.clear_since,
        state.since,
        state.began,
        state.level,
        judged.severities,
        judged.stale & (state.phase == ACTIVE),
    ]
    for latched, start in state.steps:
        columns += [latched, start]
    changed = rows.heads.copy()
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return changed


def _differs(moment: Moment, previous: Moment) -> bool:
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
    )


def _stale_since(
    rows: Rows, seeds: Seeds, history: History, judged: Judged, state: Conclusion
) -> Instants:
    """From when each row's alarm is stale: exactly where a series ceased to be known."""
    starts = run_starts(judged.stale & (state.phase == ACTIVE), rows, seeds.stale_since)
    return np.where((starts != NONE) & history.ceased(starts - 1), starts - 1, starts)


class _Teller:
    def __init__(
        self,
        axis: Axis,
        rows: Rows,
        seeds: Seeds,
        history: History,
        judged: Judged,
        state: Conclusion,
    ) -> None:
        self._axis = axis
        self._rows = rows
        self._judged = judged
        self._state = state
        was = before(state.phase == ACTIVE, rows, seeds.active)
        self._ended = was & (state.phase != ACTIVE)
        self._revised = np.zeros(len(rows.keys), dtype=np.bool_)
        ended = np.flatnonzero(self._ended)
        keys = rows.keys[ended]
        self._revised[ended] = history.revised(keys) & ~history.spoken(keys)
        self._stale_since = _stale_since(rows, seeds, history, judged, state)

    def moment(self, row: int) -> Moment:
        state, judged = self._state, self._judged
        active = state.phase[row] == ACTIVE
        living = state.since[row] != NONE
        return Moment(
            time=self._required(self._rows.keys, row),
            phase=_PHASES[state.phase[row]],
            when=Truth(judged.when[row]),
            clear=Truth(judged.end[row]),
            when_since=self._time(state.when_since, row),
            clear_since=self._time(state.clear_since, row),
            since=self._time(state.since, row),
            began=self._time(state.began, row),
            steps=tuple(
                (bool(latched[row]), self._time(start, row), None)
                for latched, start in (state.steps if living else ())
            ),
            severity=judged.severity(row, int(state.level[row])) if active else None,
            stale=bool(self._stale_since[row] != NONE),
            stale_since=self._time(self._stale_since, row),
            reason=self._reason(row),
        )

    def _reason(self, row: int) -> str | None:
        if not self._ended[row]:
            return None
        forced = self._judged.ending(row)
        if forced is not None:
            return str(forced)
        return "rule revised" if self._revised[row] else None

    def _time(self, keys: Instants, row: int) -> int | None:
        return None if keys[row] == NONE else self._required(keys, row)

    def _required(self, keys: Instants, row: int) -> int:
        owner = int(self._rows.owners[row])
        return int(keys[row]) - owner * self._axis.stride + self._axis.base
