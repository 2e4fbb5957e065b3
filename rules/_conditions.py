"""The conditions of one revision of a rule over rows: what holds, what ends, what is in force."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from rules._aggregates import members_unknown
from rules._axis import lying_in
from rules._block import Block, Members
from rules._change_points import names_of
from rules._evaluate import View
from rules._inputs import Instants
from rules._interval import FALSE, LEFT_OUT, TRUE, Mask, Truths, every, negation
from rules._rule import Rule, Step, ahead_of
from rules._sight import Sight
from rules._track import Track
from rules._tree import Node, walk


class Ending(StrEnum):
    """Why an alarm ended otherwise than by its condition on readings."""

    WITHDRAWN = "rule withdrawn"
    THRESHOLD = "threshold withdrawn"
    FORECAST = "forecast withdrawn"
    SERVICE = "out of service"
    REVISED = "rule revised"


@dataclass(frozen=True, kw_only=True)
class RuleValues:
    """Over rows: `when`; `end` (clear and not when).

    `idle`, `bare`, `unmodelled`: where the rule is not in force, its series being out of service, a
    threshold or the model of a forecast missing. `stale`: where one of its series is unknown.
    """

    when: Truths
    end: Truths
    idle: Mask
    bare: Mask
    unmodelled: Mask
    stale: Mask


class Conditions:
    """One revision of a rule over a block."""

    def __init__(self, rule: Rule, block: Block) -> None:
        self.rule = rule
        self.silence = rule.axis == "silence"
        self.tracks: tuple[Track, ...] = tuple(block.track(name) for name in rule.plain)
        self.members = block.members if rule.shared else None
        self.upstream: list[tuple[Members, list[Node]]] = [
            (sites, list(walk(call.arguments[0])))
            for call in rule.upstreams
            if (sites := block.upstream(ahead_of(call))) is not None
        ]
        self._block = block

    def evaluate(self, keys: Instants) -> RuleValues:
        """What the rule says at these keys, its steps aside."""
        view = View(Sight(self._block, keys, silence=self.silence))
        when = view.truth(self.rule.when)
        idle = when == LEFT_OUT
        bare = self._lacks(keys, self.rule.thresholds)
        unmodelled = self._unmodelled(keys, self.rule.needed_forecasts)
        off = idle | bare | unmodelled
        return RuleValues(
            when=np.where(off, FALSE, when),
            end=np.where(off, TRUE, self._end(view, when)),
            idle=idle,
            bare=bare,
            unmodelled=unmodelled,
            stale=self._stale(view),
        )

    def evaluate_steps(self, keys: Instants) -> list[tuple[Truths, Truths]]:
        """Of each step its `on` and `off`."""
        view = View(Sight(self._block, keys, silence=self.silence))
        return [self._step(view, step) for step in self.rule.steps]

    def holds(self, keys: Instants, since: Instants) -> Mask:
        """Where `when` is observed since."""
        return np.asarray(self._watching(keys, since).truth(self.rule.when) == TRUE)

    def ends(self, keys: Instants, since: Instants) -> Mask:
        """Where the end is observed since."""
        view = self._watching(keys, since)
        return np.asarray(self._end(view, view.truth(self.rule.when)) == TRUE)

    def steps_up(self, step: int, keys: Instants, since: Instants) -> Mask:
        """Where a step's `when` is observed since."""
        on = self._watching(keys, since).truth(self.rule.steps[step].when)
        return np.asarray(on == TRUE)

    def _watching(self, keys: Instants, since: Instants) -> View:
        sight = Sight(self._block, keys, silence=self.silence)
        return View(sight, since=since, spoke=self.spoke(keys, silence=self.silence))

    def spoke(self, keys: Instants, *, silence: bool) -> Mask:
        """Where a good reading of a series that it names was made, or with `silence` arrived."""
        arrivals = (lambda track: track.arrivals) if silence else (lambda track: track.good[1:])
        what = "arrivals" if silence else "good"
        return self._among(keys, what, arrivals)

    def ceased(self, keys: Instants) -> Mask:
        """Where the knowledge of a series that it names ends, at its stale limit."""
        return self._among(keys, "ceased", lambda track: track.ceased)

    def _among(self, keys: Instants, what: str, of: Callable[[Track], Instants]) -> Mask:
        zeros = np.zeros(len(keys), dtype=np.bool_)
        for track in self.tracks:
            zeros |= lying_in(of(track), keys)
        if self.members is not None:
            zeros |= lying_in(self.members.keys(what, self.rule.shared, of), keys)
        for sites, inside in self.upstream:
            zeros |= lying_in(sites.keys(what, names_of(inside), of), keys)
        return zeros

    def _end(self, view: View, when: Truths) -> Truths:
        if self.rule.clear is None:
            return negation(when)
        return every([view.truth(self.rule.clear), negation(when)])

    def _step(self, view: View, step: Step) -> tuple[Truths, Truths]:
        on = view.truth(step.when)
        off = negation(on)
        if step.clear is not None:
            off = every([view.truth(step.clear), off])
        left_out = (on == LEFT_OUT) | self._lacks(view.keys, step.thresholds)
        left_out |= self._unmodelled(view.keys, step.forecasts)
        return np.where(left_out, FALSE, on), np.where(left_out, TRUE, off)

    def _lacks(self, keys: Instants, names: tuple[str, ...]) -> Mask:
        missing = np.zeros(len(keys), dtype=np.bool_)
        for name in names:
            missing |= np.isnan(self._block.threshold(name).at(keys))
        return missing

    def _unmodelled(self, keys: Instants, names: tuple[str, ...]) -> Mask:
        missing = np.zeros(len(keys), dtype=np.bool_)
        for name in names:
            missing |= np.isnan(self._block.modelled(name).at(keys))
        return missing

    def _stale(self, view: View) -> Mask:
        stale = np.zeros(len(view.keys), dtype=np.bool_)
        if not self.silence:
            for track in self.tracks:
                stale |= view.sight.unknown(track)
            if self.members is not None:
                stale |= members_unknown(view, self.members, self.rule.inside)
            for sites, inside in self.upstream:
                stale |= members_unknown(view, sites, inside)
        return stale
