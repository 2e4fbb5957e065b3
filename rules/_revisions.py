"""Which revision of a rule is in force when, and what the revisions say over a block's rows."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rules._axis import Index, lying_in, merged
from rules._block import Block
from rules._conditions import Conditions, Ending, Found
from rules._inputs import Instants
from rules._instants import instants, names_states
from rules._interval import FALSE, TRUE, Mask, Truths
from rules._machine import Observed, StepTruths
from rules._rule import Rule
from rules._scan import NONE, Rows

_FOREVER = 2**62


@dataclass(frozen=True, kw_only=True)
class Part:
    """One revision over a block: the span of times (µs) in which it is in force."""

    begins: int
    ends: int
    rule: Rule | None
    conditions: Conditions | None
    by_itself: Mask  # by subject: whether time alone may fulfil a run


class History:
    """All revisions of a rule over one block."""

    def __init__(self, revisions: Sequence[tuple[int, Rule | None]], block: Block) -> None:
        self._block = block
        self._axis = self.axis = block.axis
        ends = [begins for begins, _ in revisions[1:]] + [_FOREVER]
        self.parts = [
            _part(begins, stop, rule, block)
            for (begins, rule), stop in zip(revisions, ends, strict=True)
        ]
        self.silence = any(p.conditions is not None and p.conditions.silence for p in self.parts)
        self.ranks = max((len(p.rule.steps) for p in self.parts if p.rule), default=0)

    def instants(self) -> Instants:
        """The keys at which any revision is judged while in force, and where each begins."""
        found = [
            self._axis.everywhere(part.begins)
            for part in self.parts
            if self._axis.base <= part.begins < self._axis.base + self._axis.stride
        ]
        for part in self.parts:
            if part.conditions is not None:
                keys = instants(part.conditions, self._block)
                found.append(keys[self._in_force(part, keys)])
        return merged(found)

    def revised(self, keys: Instants) -> Mask:
        """Where a revision begins, of the rule or of a threshold it names."""
        found = [self._axis.everywhere(part.begins) for part in self.parts]
        for part in self.parts:
            if part.rule is not None:
                for name in part.rule.thresholds + part.rule.optional_thresholds:
                    found.append(self._block.threshold(name).changes())  # noqa: PERF401
        return lying_in(merged(found), keys)

    def spoken(self, keys: Instants) -> Mask:
        """Where a good reading was made of a series that a revision names."""
        found = np.zeros(len(keys), dtype=np.bool_)
        for part in self.parts:
            if part.conditions is not None:
                for track in part.conditions.tracks:
                    found |= lying_in(track.good, keys)
        return found

    def lengths(self, of: Callable[[Rule], int]) -> list[int]:
        """A length of each revision; 0 where the rule is withdrawn."""
        return [0 if part.rule is None else of(part.rule) for part in self.parts]

    def ceased(self, keys: Instants) -> Mask:
        """Where the knowledge of a series ends, at its stale limit."""
        found = np.zeros(len(keys), dtype=np.bool_)
        for part in self.parts:
            if part.conditions is not None:
                for track in part.conditions.tracks:
                    found |= lying_in(track.known_to, keys)
        return found

    def _in_force(self, part: Part, keys: Instants) -> Mask:
        if len(self.parts) == 1 and part.begins <= self._axis.base:
            return np.ones(len(keys), dtype=np.bool_)
        times = self._axis.times(keys)
        return np.asarray((times >= part.begins) & (times < part.ends))

    def judged(self, keys: Instants, owners: Index) -> "Judged":
        """What the revisions say at these keys, each where it is in force."""
        places = [np.flatnonzero(self._in_force(part, keys)) for part in self.parts]
        return Judged(self, keys, owners, places)


def _part(begins: int, stop: int, rule: Rule | None, block: Block) -> Part:
    if rule is None:
        nothing = np.zeros(block.axis.count, dtype=np.bool_)
        return Part(begins=begins, ends=stop, rule=None, conditions=None, by_itself=nothing)
    conditions = Conditions(rule, block)
    by_itself = names_states(conditions, block)
    return Part(begins=begins, ends=stop, rule=rule, conditions=conditions, by_itself=by_itself)


class Judged:
    """Columns over rows, put together from the revisions in force."""

    def __init__(
        self, history: History, keys: Instants, owners: Index, places: Sequence[Index]
    ) -> None:
        self._history = history
        self._places = places
        size = len(keys)
        self.part = np.zeros(size, dtype=np.intp)
        self.when: Truths = np.full(size, FALSE)
        self.end: Truths = np.full(size, TRUE)
        self.hold = np.zeros(size, dtype=np.int64)
        self.keep = np.zeros(size, dtype=np.int64)
        self.by_itself = np.zeros(size, dtype=np.bool_)
        self.stale = np.zeros(size, dtype=np.bool_)
        self.forced = np.zeros(size, dtype=np.bool_)
        self._idle = np.zeros(size, dtype=np.bool_)
        self._bare = np.zeros(size, dtype=np.bool_)
        self._on = [np.full(size, FALSE) for _ in range(history.ranks)]
        self._off = [np.full(size, TRUE) for _ in range(history.ranks)]
        self._holds = [np.zeros(size, dtype=np.int64) for _ in range(history.ranks)]
        for number, (part, rows) in enumerate(zip(history.parts, places, strict=True)):
            self.part[rows] = number
            if part.rule is None or part.conditions is None:
                self.forced[rows] = True
            elif len(rows):
                self._fill(part.rule, part.conditions.found(keys[rows]), rows)
                self.by_itself[rows] = part.by_itself[owners[rows]]
        self.forced |= self._idle | self._bare
        self._keys = keys

    def _fill(self, rule: Rule, found: Found, rows: Index) -> None:
        self.when[rows] = found.when
        self.end[rows] = found.end
        self.hold[rows] = rule.hold
        self.keep[rows] = rule.keep
        self.stale[rows] = found.stale
        self._idle[rows] = found.idle
        self._bare[rows] = found.bare
        for rank, (on, off) in enumerate(found.steps):
            self._on[rank][rows] = on
            self._off[rank][rows] = off
            self._holds[rank][rows] = rule.steps[rank].hold

    @property
    def steps(self) -> tuple[StepTruths, ...]:
        """The severity steps; a revision with fewer has the others off."""
        return tuple(
            StepTruths(
                on=self._on[rank],
                off=self._off[rank],
                hold=self._holds[rank],
                observed=self._observed(functools.partial(_step, rank)),
            )
            for rank in range(self._history.ranks)
        )

    @property
    def holds(self) -> Observed:
        return self._observed(Conditions.holds)

    @property
    def ends(self) -> Observed:
        return self._observed(Conditions.ends)

    def _observed(self, asks: Callable[[Conditions, Instants, Instants], Mask]) -> Observed:
        """Ask each row's own revision."""

        def observed(rows: Index, since: Instants) -> Mask:
            found = np.zeros(len(rows), dtype=np.bool_)
            parts = self.part[rows]
            for number, part in enumerate(self._history.parts):
                mine = np.flatnonzero(parts == number)
                if part.conditions is not None and len(mine):
                    found[mine] = asks(part.conditions, self._keys[rows[mine]], since[mine])
            return found

        return observed

    def lasting(self, rows: Rows, runs: Sequence[tuple[Instants, Instants]]) -> Instants:
        """Keys at which runs (starts and wanted lengths, by row) reach their lengths.

        Only of runs that time alone may fulfil, and that last until then.
        """
        found: list[Instants] = []
        for starts, lengths in runs:
            some = np.flatnonzero(self.by_itself & (starts != NONE) & (lengths > 0))
            due = starts[some] + lengths[some]
            # The row judged last before the due key is still of the same run.
            then = np.searchsorted(rows.keys, due, side="left") - 1
            found.append(due[starts[then] == starts[some]])
        return merged(found)

    def seeded(self, rows: Rows, runs: Sequence[tuple[Instants, Sequence[int]]]) -> Instants:
        """The same of runs (starts by subject, lengths by revision) that were under way before."""
        axis, found = self._history.axis, []
        for starts, lengths in runs:
            for part, length in zip(self._history.parts, lengths, strict=True):
                some = np.flatnonzero((starts != NONE) & part.by_itself & (length > 0))
                due = starts[some] + length
                then = np.searchsorted(rows.keys, due, side="left") - 1
                # No row of the subject before the due key: the run still lasts.
                lasts = then < 0
                lasts |= rows.owners[np.maximum(then, 0)] != some if len(rows.keys) else True
                times = axis.times(due)
                found.append(due[lasts & (times >= part.begins) & (times < part.ends)])
        return merged(found)

    def ending(self, row: int, *, revised: bool) -> Ending | None:
        """Why an alarm ended in this row, if not by a reading."""
        if self._rule(row) is None:
            return Ending.WITHDRAWN
        if self._bare[row]:
            return Ending.THRESHOLD
        if self._idle[row]:
            return Ending.SERVICE
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
