"""Which revision of a rule is in force when, over one block of subjects, and at which keys."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rules._axis import lying_in, merged
from rules._block import Block
from rules._change_points import judged, names_of
from rules._conditions import Conditions
from rules._inputs import Instants
from rules._interval import Mask
from rules._rule import Rule, ahead_of
from rules._tree import Call, Threshold, walk


def instants(conditions: Conditions, block: Block) -> Instants:
    """All keys at which the conditions are judged, also those after the horizon, ascending."""
    return merged(_instants(conditions, block))


def _instants(conditions: Conditions, block: Block) -> Iterator[Instants]:
    rule, silence = conditions.rule, conditions.silence
    for name in rule.thresholds + rule.optional_thresholds:
        yield block.threshold(name).changes()
    for name in rule.forecasts:
        yield block.modelled(name).changes()
    yield from judged(rule.outside, block, silence=silence)
    members = conditions.members
    if members is not None:
        for keys in judged(rule.inside, members.block, silence=silence):
            yield members.outward(keys)
    for call in rule.upstreams:
        yield from _from_upstream(call, block, silence=silence)


def _from_upstream(call: Call, block: Block, *, silence: bool) -> Iterator[Instants]:
    sites = block.upstream(ahead_of(call))
    if sites is None:
        return
    inside = list(walk(call.arguments[0]))
    for keys in judged(inside, sites.block, silence=silence):
        yield sites.outward(keys)
    for name in {node.name for node in inside if isinstance(node, Threshold)}:
        yield sites.outward(sites.block.threshold(name).changes())


def names_states(conditions: Conditions, block: Block) -> Mask:
    """By subject: whether time alone may fulfil a run.

    Silence does; so does what is sent on change, of which nothing new is as good as a reading.
    """
    silent = np.full(block.axis.count, conditions.silence)
    for track in conditions.tracks:
        silent |= track.present & ~track.gauge
    members = conditions.members
    if members is not None:
        for word in conditions.rule.shared:
            track = members.block.track(word)
            silent |= members.any(track.present & ~track.gauge)
    for sites, inside in conditions.upstream:
        for word in names_of(inside):
            track = sites.block.track(word)
            silent |= sites.any(track.present & ~track.gauge)
    return silent


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
        self.axis = block.axis
        ends = [begins for begins, _ in revisions[1:]] + [_FOREVER]
        self.parts = [
            _part(begins, stop, rule, block)
            for (begins, rule), stop in zip(revisions, ends, strict=True)
        ]
        self.silence = any(p.conditions is not None and p.conditions.silence for p in self.parts)
        self.ranks = max((len(p.rule.steps) for p in self.parts if p.rule), default=0)

    def instants(self) -> Instants:
        """The keys at which any revision is judged while in force, and where each begins."""
        keys_in_force = [
            self.axis.everywhere(part.begins)
            for part in self.parts
            if self.axis.base <= part.begins < self.axis.base + self.axis.stride
        ]
        for part in self.parts:
            if part.conditions is not None:
                keys = instants(part.conditions, self._block)
                keys_in_force.append(keys[self.in_force(part, keys)])
        return merged(keys_in_force)

    def revised(self, keys: Instants) -> Mask:
        """Where a revision begins, of the rule or of a threshold it names."""
        revised = [self.axis.everywhere(part.begins) for part in self.parts]
        rules = [part.rule for part in self.parts if part.rule is not None]
        revised += [
            self._block.threshold(name).changes()
            for rule in rules
            for name in rule.thresholds + rule.optional_thresholds
        ]
        return lying_in(merged(revised), keys)

    def spoken(self, keys: Instants) -> Mask:
        """Where a good reading was made of a series that a revision names."""
        zeros = np.zeros(len(keys), dtype=np.bool_)
        for part in self.parts:
            if part.conditions is not None:
                zeros |= part.conditions.spoke(keys, silence=False)
        return zeros

    def ceased(self, keys: Instants) -> Mask:
        """Where the knowledge of a series ends, at its stale limit."""
        ceased = np.zeros(len(keys), dtype=np.bool_)
        for part in self.parts:
            if part.conditions is not None:
                ceased |= part.conditions.ceased(keys)
        return ceased

    def lengths(self, of: Callable[[Rule], int]) -> list[int]:
        """A length of each revision; 0 where the rule is withdrawn."""
        return [0 if part.rule is None else of(part.rule) for part in self.parts]

    def in_force(self, part: Part, keys: Instants) -> Mask:
        """Which keys lie in a revision's time."""
        if len(self.parts) == 1 and part.begins <= self.axis.base:
            return np.ones(len(keys), dtype=np.bool_)
        times = self.axis.times(keys)
        return np.asarray((times >= part.begins) & (times < part.ends))


def _part(begins: int, stop: int, rule: Rule | None, block: Block) -> Part:
    if rule is None:
        nothing = np.zeros(block.axis.count, dtype=np.bool_)
        return Part(begins=begins, ends=stop, rule=None, conditions=None, by_itself=nothing)
    conditions = Conditions(rule, block)
    by_itself = names_states(conditions, block)
    return Part(begins=begins, ends=stop, rule=rule, conditions=conditions, by_itself=by_itself)
