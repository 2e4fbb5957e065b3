"""What the revisions of a rule say at the rows of a block: columns, put together from all."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rules._axis import Index, rows_where
from rules._conditions import Conditions, Ending
from rules._inputs import Instants
from rules._interval import FALSE, TRUE, Mask, Truths
from rules._revisions import History
from rules._rule import Rule
from rules._scan import Rows, Seeds, before, last, rows_of, run_starts
from rules._state_machine import Closed, Observed, StepVerdicts, TimedCondition, Verdicts

_FEW = 500  # rows that cost less than to find out which may be left out


@dataclass(frozen=True, kw_only=True)
class _Columns:
    """Columns of what all revisions say; those of some rows are copies."""

    part: Index
    when: Truths
    end: Truths
    idle: Mask
    bare: Mask
    unmodelled: Mask
    stale: Mask
    closed: Mask

    def take(self, rows: Index) -> "_Columns":
        return _Columns(**{name: column[rows] for name, column in vars(self).items()})

    @property
    def forced(self) -> Mask:
        """Where an alarm ends at once."""
        return self.idle | self.bare | self.unmodelled | self.closed

    def turns(self, heads: Mask) -> Index:
        """The rows at which any of it differs from the row before, and each subject's first."""
        turns = heads | self.closed
        turns[1:] |= self.closed[:-1]
        for name, column in vars(self).items():
            if name != "closed":
                turns[1:] |= column[1:] != column[:-1]
        return rows_where(turns)


class EvaluatedColumns:
    """Columns over those rows at which a state may change, put together from the revisions.

    While nothing that a rule says differs from the row before, and no alarm can be under way,
    its rows change nothing: most rows of a long record, which are left out of `rows`.
    """

    def __init__(self, history: History, rows: Rows, closed: Closed, seeds: Seeds) -> None:
        self._history = history
        self._closed = closed
        self._keys = rows.keys
        columns = self._say(rows.keys)
        self.part = columns.part
        if len(rows.keys) > _FEW:
            eventful = self._eventful(columns, rows, seeds)
            columns = columns.take(eventful)
            rows = rows_of(rows.keys[eventful], rows.owners[eventful])
        self.rows = rows
        self._keys = rows.keys
        self.part = columns.part
        self.when, self.end, self.stale, self.closed = (
            columns.when,
            columns.end,
            columns.stale,
            columns.closed,
        )
        self._idle, self._bare, self._unmodelled = columns.idle, columns.bare, columns.unmodelled
        self.forced = columns.forced
        alone = np.array([part.by_itself for part in history.parts])
        self.by_itself: Mask = alone[columns.part, rows.owners]
        self._steps = self._say_steps()

    def _say(self, keys: Instants) -> _Columns:
        """What each revision says while it is in force; where none is, nothing holds."""
        size = len(keys)
        part = np.zeros(size, dtype=np.intp)
        when, end = np.full(size, FALSE), np.full(size, TRUE)
        idle, bare, unmodelled, stale = (np.zeros(size, dtype=np.bool_) for _ in range(4))
        for number, each in enumerate(self._history.parts):
            mask = self._history.in_force(each, keys)
            mine = slice(None) if mask.all() else rows_where(mask)
            part[mine] = number
            if each.conditions is not None and mask.any():
                values = each.conditions.evaluate(keys[mine])
                when[mine], end[mine] = values.when, values.end
                idle[mine], bare[mine] = values.idle, values.bare
                unmodelled[mine], stale[mine] = values.unmodelled, values.stale
        closed = self._closed.at(keys)
        return _Columns(
            part=part,
            when=when,
            end=end,
            idle=idle,
            bare=bare,
            unmodelled=unmodelled,
            stale=stale,
            closed=closed,
        )

    def _say_steps(self) -> list[tuple[Truths, Truths]]:
        """Each step's `on` and `off`. A revision with fewer steps has the others off."""
        size = len(self._keys)
        steps = [(np.full(size, FALSE), np.full(size, TRUE)) for _ in range(self._history.ranks)]
        for number, part in enumerate(self._history.parts):
            if part.conditions is None or not part.conditions.rule.steps:
                continue
            mine = rows_where(self.part == number)
            if len(mine):
                truths = part.conditions.evaluate_steps(self._keys[mine])
                for (on, off), (rises, falls) in zip(steps, truths, strict=False):
                    on[mine], off[mine] = rises, falls
        return steps

    def _eventful(self, columns: _Columns, rows: Rows, seeds: Seeds) -> Index:
        """The rows at which a state may change.

        Of a run of rows at which nothing differs: all where `when` is true, or an alarm may be
        active and not end; else its first, or those up to where an alarm must have ended.
        """
        first = columns.turns(rows.heads)
        size = np.append(first[1:], len(rows.keys)) - first
        runs = rows_of(rows.keys[first], rows.owners[first])
        columns = columns.take(first)
        keep = self._lengths(lambda rule: rule.keep)[columns.part]
        rises, ends = columns.when == TRUE, columns.end == TRUE
        falls = columns.forced | (ends & (keep == 0))
        kept = np.where(falls, 1, size)
        some = rows_where(ends & ~falls & _may_be_active(rises, falls, runs, seeds))
        since = run_starts(ends, runs, seeds.clear_since)[some]
        over = np.maximum(rows.keys.searchsorted(since + keep[some]), first[some])
        there = over < first[some] + size[some]
        some, since, over = some[there], since[there], over[there]
        sure = self._observed(Conditions.ends)(over, since)
        falls[some[sure]] = True
        kept[some[sure]] = (over - first[some] + 1)[sure]
        kept[~_may_be_active(rises, falls, runs, seeds)] = 1
        kept[rises] = size[rises]
        shift = first - (np.cumsum(kept) - kept)
        return np.asarray(np.arange(kept.sum()) + np.repeat(shift, kept))

    @property
    def verdicts(self) -> Verdicts:
        """What the machine runs on."""
        return Verdicts(
            when=TimedCondition(
                truth=self.when,
                hold=self._lengths(lambda rule: rule.hold)[self.part],
                observed=self._observed(Conditions.holds),
            ),
            end=TimedCondition(
                truth=self.end,
                hold=self._lengths(lambda rule: rule.keep)[self.part],
                observed=self._observed(Conditions.ends),
            ),
            forced=self.forced,
            closed=self.closed,
            steps=tuple(
                StepVerdicts(
                    on=TimedCondition(
                        truth=on,
                        hold=self._lengths(functools.partial(_hold, rank))[self.part],
                        observed=self._observed(functools.partial(_step, rank)),
                    ),
                    off=off,
                )
                for rank, (on, off) in enumerate(self._steps)
            ),
        )

    def _lengths(self, of: Callable[[Rule], int]) -> Instants:
        return np.array(self._history.lengths(of), dtype=np.int64)

    def _observed(self, asks: Callable[[Conditions, Instants, Instants], Mask]) -> Observed:
        """Ask each row's own revision."""

        def observed(rows: Index, since: Instants) -> Mask:
            zeros = np.zeros(len(rows), dtype=np.bool_)
            parts = self.part[rows]
            for number, part in enumerate(self._history.parts):
                mine = rows_where(parts == number)
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


def _may_be_active(rises: Mask, falls: Mask, runs: Rows, seeds: Seeds) -> Mask:
    """By run of rows: whether an alarm may be active before it."""
    risen, fallen = last(rises, runs), last(falls, runs)
    untouched = (risen < 0) & (fallen < 0)
    after = np.where(untouched, seeds.active[runs.owners], risen > fallen)
    return before(after, runs, seeds.active)


def _hold(rank: int, rule: Rule) -> int:
    return rule.steps[rank].hold if rank < len(rule.steps) else 0


def _step(rank: int, conditions: Conditions, keys: Instants, since: Instants) -> Mask:
    if rank >= len(conditions.rule.steps):
        return np.zeros(len(keys), dtype=np.bool_)
    return conditions.steps_up(rank, keys, since)
