"""When a condition is judged: at readings, at revisions, and when time alone may change it."""

from collections.abc import Iterator

import numpy as np

from rules._arrivals import silence_begins
from rules._axis import merged
from rules._block import Block
from rules._conditions import Conditions
from rules._inputs import Instants
from rules._interval import Mask
from rules._rule import DEVICE, Rule
from rules._track import Track
from rules._tree import Call, Name, Node, Number, walk


def instants(conditions: Conditions, block: Block) -> Instants:
    """All keys at which the conditions are judged, also those after the horizon, ascending."""
    rule = conditions.rule
    found = list(_revised(conditions, block))
    if conditions.silence:
        found += [track.arrivals for track in conditions.tracks]
        for call in _calls(rule, "silent"):
            found += list(_silences(call, block))
        return merged(found)
    for track in conditions.tracks:
        found += [track.good[1:], track.known_from[1:], track.known_to[1:] + 1]
    found += list(_leaving(rule, block))
    return merged(found)


def names_states(conditions: Conditions, block: Block) -> Mask:
    """By subject: whether time alone may fulfil a run.

    Silence does; so does what is sent on change, of which nothing new is as good as a reading.
    """
    whole = np.full(block.axis.count, conditions.silence)
    for track in conditions.tracks:
        whole |= track.present & ~track.gauge
    return whole


def _revised(conditions: Conditions, block: Block) -> Iterator[Instants]:
    rule = conditions.rule
    for name in rule.thresholds + rule.optional_thresholds:
        yield block.threshold(name).changes()
    for track in conditions.tracks:
        service = block.service(track)
        if service is not None:
            yield service.changes()


def _silences(call: Call, block: Block) -> Iterator[Instants]:
    """Arrivals, and where a silence completes before the next one."""
    series, number = call.arguments
    assert isinstance(series, Name)  # noqa: S101  checked when it was read
    assert isinstance(number, Number)  # noqa: S101
    span, axis = int(number.value), block.axis
    size = None if series.name == DEVICE else block.members(series.name)
    for member in [None] if size is None else range(size):
        for arrivals, first in block.calls(series.name, member):
            ends = silence_begins(axis, arrivals, span, block.listening)
            following = np.append(arrivals[1:], np.iinfo(np.int64).max)
            owners = axis.subjects(arrivals)
            earliest = np.full(axis.count, np.iinfo(np.int64).max)
            np.minimum.at(earliest, owners, arrivals)
            due = block.listening.after(first, span) - axis.base
            untold = np.clip(due, 0, axis.stride - 1) + axis.origins()
            yield arrivals
            yield ends[ends < following]
            yield untold[(due < axis.stride - 1) & (untold < earliest)]


def _leaving(rule: Rule, block: Block) -> Iterator[Instants]:
    """When what is sent on change leaves a window, or a window of it becomes covered."""
    for condition in rule.conditions:
        for track, span in _windows(condition, block):
            if not track.gauge.all():
                begun = np.concatenate([track.good[1:], track.known_from[1:]])
                yield begun[~track.gauge[block.axis.subjects(begun)]] + span


def _windows(condition: Node, block: Block) -> Iterator[tuple[Track, int]]:
    for node in walk(condition):
        if isinstance(node, Call) and isinstance(node.arguments[-1], Number):
            series = node.arguments[0]
            if isinstance(series, Name) and series.name != DEVICE:
                for track in block.tracks([series.name]):
                    yield track, int(node.arguments[-1].value)


def _calls(rule: Rule, function: str) -> Iterator[Call]:
    for condition in rule.conditions:
        for node in walk(condition):
            if isinstance(node, Call) and node.function == function:
                yield node
