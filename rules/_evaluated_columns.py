"""What the revisions of a rule say at the rows of a block: columns, put together from all."""

import functools
from collections.abc import Callable

import numpy as np

from rules._axis import Index
from rules._conditions import Conditions, Ending, RuleValues
from rules._inputs import Instants
from rules._interval import FALSE, TRUE, Mask, Truths
from rules._revisions import History
from rules._rule import Rule
from rules._scan import Rows
from rules._state_machine import Closed, Observed, StepVerdicts, TimedCondition, Verdicts


class EvaluatedColumns:
    """Columns over rows, put together from the revisions in force."""

    def __init__(self, history: History, rows: Rows, closed: Closed) -> None:
        self._history = history
        self._closed = closed
        self._keys = keys = rows.keys
        size = len(keys)
        self.part = np.zeros(size, dtype=np.intp)
        self.when: Truths = np.full(size, FALSE)
        self.end: Truths = np.full(size, TRUE)
        self.hold = np.zeros(size, dtype=np.int64)
        self.keep = np.zeros(size, dtype=np.int64)
        self.by_itself = np.zeros(size, dtype=np.bool_)
        self.stale = np.zeros(size, dtype=np.bool_)
        self._idle = np.zeros(size, dtype=np.bool_)
        self._bare = np.zeros(size, dtype=np.bool_)
        self._unmodelled = np.zeros(size, dtype=np.bool_)
        self._on = [np.full(size, FALSE) for _ in range(history.ranks)]
        self._off = [np.full(size, TRUE) for _ in range(history.ranks)]
        self._holds = [np.zeros(size, dtype=np.int64) for _ in range(history.ranks)]
        for number, part in enumerate(history.parts):
            mine = np.flatnonzero(history.in_force(part, keys))
            self.part[mine] = number
            if part.rule is not None and part.conditions is not None and len(mine):
                self._fill(part.rule, part.conditions.evaluate(keys[mine]), mine)
                self.by_itself[mine] = part.by_itself[rows.owners[mine]]
        self.closed = closed.at(keys)
        self.forced = self._idle | self._bare | self._unmodelled | self.closed

    def _fill(self, rule: Rule, evaluation: RuleValues, rows: Index) -> None:
        self.when[rows] = evaluation.when
        self.end[rows] = evaluation.end
        self.hold[rows] = rule.hold
        self.keep[rows] = rule.keep
        self.stale[rows] = evaluation.stale
        self._idle[rows] = evaluation.idle
        self._bare[rows] = evaluation.bare
        self._unmodelled[rows] = evaluation.unmodelled
        for rank, (on, off) in enumerate(evaluation.steps):
            self._on[rank][rows] = on
            self._off[rank][rows] = off
            self._holds[rank][rows] = rule.steps[rank].hold

    @property
    def verdicts(self) -> Verdicts:
        """What the machine runs on. A revision with fewer steps has the others off."""
        return Verdicts(
            when=TimedCondition(
                truth=self.when, hold=self.hold, observed=self._observed(Conditions.holds)
            ),
            end=TimedCondition(
                truth=self.end, hold=self.keep, observed=self._observed(Conditions.ends)
            ),
            forced=self.forced,
            closed=self.closed,
            steps=tuple(
                StepVerdicts(
                    on=TimedCondition(
                        truth=self._on[rank],
                        hold=self._holds[rank],
                        observed=self._observed(functools.partial(_step, rank)),
                    ),
                    off=self._off[rank],
                )
                for rank in range(self._history.ranks)
            ),
        )

    def _observed(self, asks: Callable[[Conditions, Instants, Instants], Mask]) -> Observed:
        """Ask each row's own revision."""

        def observed(rows: Index, since: Instants) -> Mask:
            zeros = np.zeros(len(rows), dtype=np.bool_)
            parts = self.part[rows]
            for number, part in enumerate(self._history.parts):
                mine = np.flatnonzero(parts == number)
                if part.conditions is not None and len(mine):
                    zeros[mine] = asks(part.conditions, self._keys[rows[mine]], since[mine])
            return zeros

        return observed

    def ending(self, row: int, *, revised: bool) -> str | None:
        """Why an alarm ended in this row, if not by a reading."""
        if self._rule(row) is None:
            return Ending.WITHDRAWN
        if self._bare[row]:
            return Ending.THRESHOLD
        if self._unmodelled[row]:
            return Ending.FORECAST
        if self._idle[row]:
            return Ending.SERVICE
        if self.closed[row]:
            return self._closed.reasons[int(self._keys[row])]
        return Ending.REVISED if revised else None

    def _rule(self, row: int) -> Rule | None:
        return self._history.parts[int(self.part[row])].rule

    def severity(self, row: int, level: int) -> str | None:
        """The name of a severity level under the revision in force."""
        rule = self._rule(row)
        if rule is None:
            return None
        return rule.severity if level == 0 else rule.steps[level - 1].severity

    @property
    def severities(self) -> Instants:
        """A number for each revision's names, so that a change of names is a change."""
        names: dict[tuple[str, ...], int] = {}
        ids = [
            names.setdefault(
                () if p.rule is None else (p.rule.severity, *(s.severity for s in p.rule.steps)),
                len(names),
            )
            for p in self._history.parts
        ]
        return np.array(ids, dtype=np.int64)[self.part]


def _step(rank: int, conditions: Conditions, keys: Instants, since: Instants) -> Mask:
    if rank >= len(conditions.rule.steps):
        return np.zeros(len(keys), dtype=np.bool_)
    return conditions.steps_up(rank, keys, since)
