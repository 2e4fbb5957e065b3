"""When what a condition sees of its series may change: at readings, and when time alone does it."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from rules._block import Block
from rules._callers import Caller
from rules._functions import FORECASTS, INTERVALS, OVER_MEMBERS, UPSTREAM, USUAL
from rules._inputs import Instants
from rules._rule import DEVICE
from rules._track import Track
from rules._tree import Call, Name, Node, Number, Threshold, Word


def judged(nodes: Sequence[Node], block: Block, *, silence: bool) -> Iterator[Instants]:
    """The keys at which a condition of these nodes is judged, thresholds aside."""
    tracks = [block.track(name) for name in names_of(nodes)]
    for track in tracks:
        service = block.service(track)
        if service is not None:
            yield service.changes()
        yield track.breaks
    for word in {node.name for node in nodes if isinstance(node, Word)}:
        yield block.calendar_input(word).turns
    if silence:
        for track in tracks:
            yield track.arrivals
        for call in silent_calls(nodes):
            yield from _silences(call, block)
        return
    for track in tracks:
        yield track.good[1:]
        yield track.known_from[1:]
        yield track.known_to[1:] + 1
    for track, span in _windows(nodes, block):
        if not track.gauge.all():
            begun = np.concatenate([track.good[1:], track.known_from[1:]])
            yield begun[~track.gauge[block.axis.subjects(begun)]] + span


def seen(nodes: Sequence[Node], block: Block, *, silence: bool) -> Iterator[Instants]:
    """All keys at which the truth of a condition of these nodes can change."""
    yield from judged(nodes, block, silence=silence)
    for name in {node.name for node in nodes if isinstance(node, Threshold)}:
        yield block.threshold(name).changes()
    if silence:
        for track in [block.track(name) for name in names_of(nodes)]:
            yield track.received[1:]
            yield track.good[1:]
            yield track.expiries(track.good[1:]) + 1
            if not track.gauge.all():
                sent, got = track.signs
                yield sent[1:]
                yield got[1:]
                yield track.expiries(sent[1:]) + 1
    for track, span in _windows(nodes, block):
        # What leaves a window, at its end or just after; what it was covered from and up to.
        yield track.good[1:] + span
        yield track.good[1:] + span + 1
        yield track.known_from[1:] + span
        yield track.known_to[1:] + span + 1
        if silence and not track.gauge.all():
            sent, _ = track.signs
            yield sent[1:] + span
            yield track.expiries(sent[1:]) + span + 1
        yield track.breaks + span
        yield track.usual.changes()
        for usual in _sizes(track):
            yield track.good[1:] + span + usual + 1


def names_of(nodes: Iterable[Node]) -> list[str]:
    """The series that nodes name."""
    return sorted({node.name for node in nodes if isinstance(node, Name)} - {DEVICE})


def silent_calls(nodes: Iterable[Node]) -> Iterator[Call]:
    """Where nodes ask for silence."""
    for node in nodes:
        if isinstance(node, Call) and node.function == "silent":
            yield node


def silence_of(call: Call) -> tuple[str, Number]:
    """What a call of `silent` listens for, and how long: in µs or in intervals."""
    series, length = call.arguments
    assert isinstance(series, Name)  # noqa: S101  checked when it was read
    assert isinstance(length, Number)  # noqa: S101
    return series.name, length


def silence_spans(length: Number, caller: Caller, since: Instants) -> Instants | int:
    """How long (µs) a silence lasts that began at each key.

    In intervals: of the interval in force when it began, as a stale limit is.
    """
    if length.unit != INTERVALS:
        return int(length.value)
    assert caller.usual is not None  # noqa: S101  of a series, as checked when it was read
    return np.nan_to_num(caller.usual.at(since) * length.value).astype(np.int64)


def _silences(call: Call, block: Block) -> Iterator[Instants]:
    """Arrivals, and where a silence completes before the next one."""
    name, length = silence_of(call)
    for caller in block.callers(name):
        yield from _completed(caller, length, block)


def _completed(caller: Caller, length: Number, block: Block) -> Iterator[Instants]:
    axis, arrivals = block.axis, caller.arrivals
    owners, everyone = axis.subjects(arrivals), np.arange(axis.count)
    times = axis.times(arrivals)
    span = silence_spans(length, caller, arrivals)
    ends = arrivals + (caller.clocks.after(times, owners, span) - times)
    following = np.append(arrivals[1:], np.iinfo(np.int64).max)
    # An end beyond the zone never comes, as far as is known: the supply does not come back.
    zones = (owners + 1) * axis.stride - 1
    earliest = np.full(axis.count, np.iinfo(np.int64).max)
    np.minimum.at(earliest, owners, arrivals)
    span = silence_spans(length, caller, caller.first_keys(axis))
    due = caller.clocks.after(caller.first, everyone, span) - axis.base
    untold = np.clip(due, 0, axis.stride - 1) + axis.origins()
    yield arrivals
    yield ends[ends < np.minimum(following, zones)]
    yield untold[(due < axis.stride - 1) & (untold < earliest)]
    if caller.service is not None:
        yield caller.service.changes()


def _windows(nodes: Iterable[Node], block: Block) -> Iterator[tuple[Track, int]]:
    for node in nodes:
        if isinstance(node, Call) and isinstance(node.arguments[-1], Number):
            series = node.arguments[0]
            if node.function not in _NO_WINDOW and isinstance(series, Name):
                yield block.track(series.name), int(node.arguments[-1].value)


_NO_WINDOW = OVER_MEMBERS | FORECASTS | {UPSTREAM, USUAL, "silent"}


def _sizes(track: Track) -> list[int]:
    """The different intervals at which a series is expected."""
    if track.usual.constant is not None:
        return [int(track.usual.constant)]
    values = [c.interval.value for c in track.columns if c is not None]
    return sorted({int(value) for value in np.concatenate(values) if not np.isnan(value)})
