"""When each rule must be evaluated again, for all its subjects at once, in arrays.

New rows make an evaluation due at their time; time alone at the time that the engine named. Most
rows change nothing, which `prefilter` finds without an evaluation.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hypervisor.alarms.log import Pair
from hypervisor.base.instants import BEGINNING, text
from hypervisor.evaluation.arrivals import Arrived
from hypervisor.evaluation.facts import SubjectFacts
from hypervisor.evaluation.prefilter import Prefilter
from hypervisor.evaluation.recent_values import LATER
from hypervisor.evaluation.rule_histories import RuleHistory
from hypervisor.evaluation.series_stats import SeriesStats
from hypervisor.evaluation.series_tail import Mask
from rules._inputs import Instants
from rules._rule_state import Phase, StateChange, Truth
from sensors._errors import Message
from sensors._row import NEVER

log = logging.getLogger(__name__)

UNTRIED, OPEN, PROVEN = range(3)  # of a proof
Proofs = NDArray[np.int8]


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a batch changes for each subject of a rule: which, from when (µs), whether the past."""

    touched: Mask
    first: Instants
    late: Mask


@dataclass(kw_only=True)
class EvaluationPlan:
    """One rule at all its subjects; arrays by subject.

    `listens`: places of the series it reads, padded with 0. `due`: when to evaluate next, on the
    rule's time axis, LATER if never. `must`: made due by new input, not by time alone. `calm`:
    inactive, and its condition not true. `proof`: whether its condition is proven impossible while
    all values lie within the guards of its series.
    """

    rule: RuleHistory
    keys: list[str]
    listens: Instants
    due: Instants
    must: Mask
    calm: Mask
    proof: Proofs
    prefilter: Prefilter
    causes: dict[int, str] = field(default_factory=dict)  # by subject, of revisions of the past

    @classmethod
    def of(
        cls,
        rule: RuleHistory,
        subjects: Sequence[SubjectFacts],
        listens: Sequence[Sequence[int]],
        stats: SeriesStats,
    ) -> "EvaluationPlan":
        width = max(map(len, listens))
        padded = [
            [stats.place[s] for s in listen] + [0] * (width - len(listen)) for listen in listens
        ]
        return cls(
            rule=rule,
            keys=[subject.key for subject in subjects],
            listens=np.array(padded, dtype=np.int64).reshape(len(subjects), width),
            due=np.full(len(subjects), LATER, dtype=np.int64),
            must=np.zeros(len(subjects), dtype=np.bool_),
            calm=np.zeros(len(subjects), dtype=np.bool_),
            proof=np.full(len(subjects), UNTRIED, dtype=np.int8),
            prefilter=_build_prefilter(rule, subjects, stats),
        )

    @property
    def silence(self) -> bool:
        return self.rule.silence

    def pair(self, number: int) -> Pair:
        return self.rule.id, self.keys[number]

    def horizons(self, stats: SeriesStats, floor: int) -> Instants:
        """How far each can be evaluated: to the watermark; values also to their newest row."""
        if self.silence:
            return np.full(len(self.keys), floor, dtype=np.int64)
        horizons: Instants = np.maximum(stats.newest[self.listens].max(axis=1, initial=0), floor)
        return horizons

    def take_over(self, before: "EvaluationPlan") -> None:
        """Keep what was due, and calm, of the subjects still there."""
        numbers = {key: number for number, key in enumerate(before.keys)}
        for number, key in enumerate(self.keys):
            old = numbers.get(key)
            if old is not None:
                self.due[number] = before.due[old]
                self.must[number] = before.must[old]
                self.calm[number] = before.calm[old]
                if old in before.causes:
                    self.causes[number] = before.causes[old]

    def mark(
        self, changes: Changes, news: Arrived, stats: SeriesStats, *, floor: int, watermark: int
    ) -> None:
        """Make due what the news may change, and what time alone has by `floor`.

        `watermark`: how far silence was evaluated until now.
        """
        first = changes.first
        quiet = changes.touched & self.calm & ~self.must & ~changes.late
        if quiet.any():
            try:
                quiet = self._quiet(quiet, first, news, stats, floor=floor, watermark=watermark)
            except Exception:
                log.exception("rule %s is evaluated without its prefilter", self.rule.id)
                quiet[:] = False
        loud = changes.touched & ~quiet
        if self.silence:  # nothing is proven of the time after the watermark any more
            first = np.minimum(first, max(watermark, BEGINNING - 1) + 1)
        self.due[loud] = np.minimum(self.due[loud], first[loud])
        self.must[loud] = True

    def _quiet(  # noqa: PLR0913
        self,
        candidates: Mask,
        first: Instants,
        news: Arrived,
        stats: SeriesStats,
        *,
        floor: int,
        watermark: int,
    ) -> Mask:
        """Those candidates whose condition the news since `first` cannot make true."""
        if not self.silence:
            return self._unmoved(candidates, first, news, stats, floor)
        heard_before = news.heard_before[self.listens].max(axis=1, initial=0)
        newer = (first > watermark) | (first >= heard_before)  # else it changes what was evaluated
        quiet: Mask = candidates & newer & (self.prefilter.settled <= first)
        return quiet & self._cannot_be_silent(stats, floor, quiet)

    def _unmoved(
        self, candidates: Mask, first: Instants, news: Arrived, stats: SeriesStats, floor: int
    ) -> Mask:
        """Where no value makes it true; due only when time alone may.

        Behind all rows that were there before, only the latest values are in force.
        """
        candidates = candidates & (self.prefilter.settled <= first)
        self._prove(candidates, stats)
        if not (candidates & (self.proof != PROVEN)).any():
            self.due[candidates & (self.prefilter.settled <= self.due)] = LATER
            return candidates
        near = news.before[self.listens].max(axis=1, initial=NEVER) <= first
        upto = self.horizons(stats, floor)
        since = np.where(candidates, np.minimum(first, self.due), upto)
        quiet, due = self.prefilter.cannot_be_true(
            stats, candidates, near=near, since=since, upto=upto
        )
        renewed = quiet & (self.prefilter.settled <= self.due)
        self.due[renewed] = np.where(self.proof == PROVEN, LATER, due)[renewed]
        return quiet

    def rest(self, numbers: Instants, stats: SeriesStats, floor: int) -> None:
        """Clear what was evaluated; what cannot become true waits until its series move."""
        self.must[numbers] = False
        if self.silence:
            return
        idle = np.zeros(len(self.keys), dtype=np.bool_)
        idle[numbers] = True
        idle &= self.calm & (self.prefilter.settled <= floor)
        if not idle.any():
            return
        try:
            self._prove(idle, stats)
            if (idle & (self.proof != PROVEN)).any():
                idle &= ~self.prefilter.possible(stats)
        except Exception:
            log.exception("rule %s is evaluated without its prefilter", self.rule.id)
            return
        self.due[idle] = LATER

    def _prove(self, candidates: Mask, stats: SeriesStats) -> None:
        """Try to prove what was not tried since its series moved out of their bounds."""
        untried = candidates & (self.proof == UNTRIED)
        if untried.any():
            possible = self.prefilter.possible_within_guards(stats)
            self.proof[untried] = np.where(possible[untried], OPEN, PROVEN)

    def bring_forward(self, number: int, time: int, cause: str = "") -> None:
        self.must[number] = True
        if time < self.due[number]:
            self.due[number] = time
            if cause:
                self.causes[number] = cause

    def _cannot_be_silent(self, stats: SeriesStats, floor: int, candidates: Mask) -> Mask:
        """Where no silence can have made it true; due only when one may be complete."""
        if floor < 0:  # no heartbeat yet
            return np.zeros(len(self.keys), dtype=np.bool_)
        calm, due = self.prefilter.quiet(stats, floor)
        quiet: Mask = candidates & calm & (self.prefilter.settled <= floor)
        self.due[quiet] = due[quiet]
        return quiet


def _build_prefilter(
    rule: RuleHistory, subjects: Sequence[SubjectFacts], stats: SeriesStats
) -> Prefilter:
    """The prefilter of a rule; where it fails, one that lets everything through."""
    try:
        return Prefilter.of(rule, subjects, stats)
    except Exception:
        log.exception("rule %s is evaluated without its prefilter", rule.id)
        return Prefilter.blind(len(subjects))


def is_calm(states: Sequence[StateChange]) -> bool:
    """Whether the latest state is inactive and its condition not true; also without any state."""
    if not states:
        return True
    return states[-1].phase is Phase.INACTIVE and states[-1].when is not Truth.TRUE


def explain(plan: EvaluationPlan, number: int, news: Arrived, names: Mapping[int, str]) -> str:
    """Why the past is evaluated again; empty where the rows only continue their series.

    `names`: of the quantities, by place.
    """
    reasons: list[tuple[int, str]] = []
    for place in plan.listens[number].tolist():
        fresh = news.fresh.get(place)
        if fresh is None:
            continue
        name = names.get(place, "?")
        if fresh.overwritten:
            reasons.append(
                (fresh.overwritten[0], _corrected(name, fresh.overwritten[0], news.acts.get(place)))
            )
        elif plan.silence and fresh.arrived is not None:
            late = Message(
                "reading of {name} that had arrived at {time} was committed later",
                name,
                text(fresh.arrived),
            )
            reasons.append((fresh.arrived, late))
        elif fresh.first is not None and fresh.first <= fresh.newest_before:
            reasons.append(
                (fresh.first, Message("late reading of {name} at {time}", name, text(fresh.first)))
            )
    return min(reasons, default=(0, ""))[1]


def _corrected(name: str, time: int, act: tuple[str, str] | None) -> str:
    """The device's own correction, or a person's act with its reason, in words."""
    kind, reason = act or ("", "")
    match kind:
        case "":
            return Message("correction of {name} at {time}", name, text(time))
        case "invalidate":
            return Message(
                "readings of {name} from {time} invalidated: {reason}", name, text(time), reason
            )
        case "observe":
            return Message(
                "{name} at {time} observed by a person: {reason}", name, text(time), reason
            )
    return Message("{name} from {time} on restored: {reason}", name, text(time), reason)
