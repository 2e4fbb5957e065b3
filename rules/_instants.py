"""When a condition is judged: at readings, at revisions, and when time alone may change it."""

from collections.abc import Iterator

import numpy as np

from rules._axis import merged
from rules._block import Block
from rules._change_points import judged, names_of
from rules._conditions import Conditions
from rules._inputs import Instants
from rules._interval import Mask
from rules._rule import ahead_of
from rules._tree import Call, Threshold, walk


def instants(conditions: Conditions, block: Block) -> Instants:
    """All keys at which the conditions are judged, also those after the horizon, ascending."""
    return merged(_instants(conditions, block))


def _instants(conditions: Conditions, block: Block) -> Iterator[Instants]:
    rule, silence = conditions.rule, conditions.silence
    for name in rule.thresholds + rule.optional_thresholds:
        yield block.threshold(name).changes()
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
    whole = np.full(block.axis.count, conditions.silence)
    for track in conditions.tracks:
        whole |= track.present & ~track.gauge
    members = conditions.members
    if members is not None:
        for word in conditions.rule.shared:
            track = members.block.track(word)
            whole |= members.any(track.present & ~track.gauge)
    for sites, inside in conditions.upstream:
        for word in names_of(inside):
            track = sites.block.track(word)
            whole |= sites.any(track.present & ~track.gauge)
    return whole
