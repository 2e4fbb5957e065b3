"""A condition over the rows of a block: its truth at each key."""

import numpy as np

from rules._axis import Index, lying_in
from rules._block import Block
from rules._inputs import Instants
from rules._interval import (
    LEFT_OUT,
    Interval,
    Mask,
    Truths,
    compare,
    compute,
    every,
    exactly,
    negation,
    rounded,
    scaled,
    some,
    truths,
    where_known,
)
from rules._rule import DEVICE
from rules._track import Track
from rules._tree import (
    Arithmetic,
    Call,
    Comparison,
    Every,
    Name,
    Negation,
    Node,
    Number,
    Scaled,
    Some,
    Threshold,
    walk,
)
from rules._windows import BY_NAME, look, quantile

_LEAVES = (Name, Number, Threshold)


class View:
    """Rows at which conditions are judged.

    `keys`: their times; on the axis of silence, of `received_at`. With `since`, judge what has
    been *observed* since then: a gauge with fewer than two good readings in [since, key] counts
    as unknown, and so do all gauges at a key that is no good reading of one of `spoken`.
    """

    def __init__(
        self,
        block: Block,
        keys: Instants,
        *,
        silence: bool,
        since: Instants | None = None,
        spoken: tuple[Track, ...] = (),
    ) -> None:
        self.block = block
        self.keys = keys
        self.owners = block.axis.subjects(keys)
        self._zones = self.owners * block.axis.stride
        self._silence = silence
        self._since = since
        self._spoken = spoken
        self._rows: dict[int, Index] = {}
        self._masks: dict[int, Mask | None] = {}

    def truth(self, node: Node, member: int | None = None) -> Truths:
        """The truth of a condition at each key; `member` where it stands in a `share`."""
        match node:
            case Every():
                return every([self.truth(part, member) for part in node.conditions])
            case Some():
                return some([self.truth(part, member) for part in node.conditions])
            case Negation():
                return negation(self.truth(node.condition, member))
            case Comparison():
                left = self._comparable(node.left, member)
                right = self._comparable(node.right, member)
                found = compare(node.operator, left, right)
                return self._without_idle(found, node, member)
            case Call(function="silent"):
                return self._without_idle(self._silent(node, member), node, member)
        raise AssertionError(f"{node} is no condition")

    def unknown(self, track: Track) -> Mask:
        """Where a series is not known, though in service."""
        run = track.span(self.keys)
        gone = (self.keys > track.known_to[run]) & track.present[self.owners]
        idle = self._idle(track)
        return gone if idle is None else gone & ~idle

    def _without_idle(self, found: Truths, node: Node, member: int | None) -> Truths:
        for part in walk(node):
            if isinstance(part, Name) and part.name != DEVICE:
                if member is None and self.block.members(part.name) is not None:
                    continue  # inside a share, which counts its members itself
                idle = self._idle(self.block.track(part.name, member))
                if idle is not None:
                    found = np.where(idle, LEFT_OUT, found)
        return found

    def _idle(self, track: Track) -> Mask | None:
        service = self.block.service(track)
        return None if service is None else service.at(self.keys) == 0

    def _comparable(self, node: Node, member: int | None) -> Interval:
        value = self._value(node, member)
        return value if isinstance(node, _LEAVES) else rounded(value)

    def _value(self, node: Node, member: int | None) -> Interval:
        match node:
            case Number():
                return exactly(np.full(len(self.keys), node.value))
            case Name():
                track = self.block.track(node.name, member)
                return self._observed(track, self._held(track))
            case Threshold():
                return exactly(self.block.threshold(node.name).at(self.keys))
            case Scaled():
                return scaled(self._value(node.operand, member), node.scale, node.offset)
            case Arithmetic():
                left = self._value(node.left, member)
                return compute(node.operator, left, self._value(node.right, member))
            case Call(function="share"):
                return self._share(node)
            case Call():
                return self._called(node, member)
        raise AssertionError(f"{node} is no value")

    def _called(self, node: Call, member: int | None) -> Interval:
        series, *numbers = node.arguments
        assert isinstance(series, Name)  # noqa: S101  checked when it was read
        track = self.block.track(series.name, member)
        sizes = [number.value for number in numbers if isinstance(number, Number)]
        if node.function == "last":
            return self._ever(track, self._newest(track))
        span = int(sizes[-1])
        if node.function == "last_change":
            return self._last_change(track, span)
        if node.function == "change":
            return self._observed(track, self._change(track, span))
        window = look(track, self.keys, span, self.owners, closed=node.function == "rate")
        if node.function == "quantile":
            return self._observed(track, quantile(window, sizes[0]))
        return self._observed(track, BY_NAME[node.function](window))

    def _find(self, track: Track, keys: Instants) -> Index:
        """The last good reading at or before the keys, of those that there were by then."""
        if self._silence:
            return self.block.arrivals(track).find(keys, self.keys)
        return track.position(keys)

    def _position(self, track: Track) -> Index:
        if id(track) not in self._rows:
            self._rows[id(track)] = self._find(track, self.keys)
        return self._rows[id(track)]

    def _newest(self, track: Track) -> Index:
        if self._silence:
            return self.block.arrivals(track).newest(self.keys)
        return self._position(track)

    def _ever(self, track: Track, rows: Index) -> Interval:
        """The readings in these rows, however old, if they are the subject's own."""
        return where_known(track.good[rows] >= self._zones, track.interval(rows))

    def _held(self, track: Track) -> Interval:
        rows = self._position(track)
        return where_known(self._known(track, self.keys, rows), track.interval(rows))

    def _known(self, track: Track, keys: Instants, rows: Index) -> Mask:
        """Whether what the rows say still held at the keys."""
        own = track.good[rows] >= self._zones
        if self._silence:
            limit = track.stale.at(np.maximum(track.good[rows], self._zones))
            fresh = own & (keys - track.good[rows] <= limit)
            if track.gauge.all():
                return fresh
            own &= fresh | ~track.gauge[self.owners]
        run = track.span(keys)
        return own & (keys <= track.known_to[run])

    def _change(self, track: Track, span: int) -> Interval:
        opens = self.keys - span
        base = self._find(track, opens)
        if track.gauge.all():
            near = track.good[base] >= opens - track.usual.at(self.keys)
        else:
            held = self._known(track, opens, base)
            close = track.good[base] >= opens - track.usual.at(self.keys)
            near = np.where(track.gauge[self.owners], close, held)
        before = where_known(near, track.interval(base))
        return compute("-", self._held(track), before)

    def _last_change(self, track: Track, span: int) -> Interval:
        last = self._newest(track)
        base = self._find(track, track.good[last] - span)
        return compute("-", self._ever(track, last), self._ever(track, base))

    def _share(self, node: Call) -> Interval:
        (condition,) = node.arguments
        words = [part.name for part in walk(condition) if isinstance(part, Name)]
        sizes = [self.block.members(word) for word in words]
        counts = np.zeros((3, len(self.keys)))
        for member in range(max((size for size in sizes if size is not None), default=0)):
            found = self.truth(condition, member)
            present = np.ones(self.block.axis.count, dtype=np.bool_)
            for word in words:
                present &= self.block.track(word, member).present
            for truth in range(3):
                counts[truth] += (found == truth) & present[self.owners]
        members = counts.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            lo, hi = counts[2] / members, (counts[2] + counts[1]) / members
        return where_known(members > 0, Interval(lo, hi))

    def _silent(self, node: Call, member: int | None) -> Truths:
        series, number = node.arguments
        assert isinstance(series, Name)  # noqa: S101  checked when it was read
        assert isinstance(number, Number)  # noqa: S101
        found = np.zeros(len(self.keys), dtype=np.bool_)
        for arrivals, first in self.block.calls(series.name, member):
            found |= self._quiet(arrivals, first, int(number.value))
        return truths(found)

    def _quiet(self, arrivals: Instants, first: Instants, span: int) -> Mask:
        """No arrival for `span` of listening; `first`: from when one was expected."""
        axis, listening = self.block.axis, self.block.listening
        padded = np.concatenate([[np.iinfo(np.int64).min], arrivals])
        rows = np.searchsorted(padded, self.keys, side="right") - 1
        own = padded[rows] >= self._zones
        times = axis.times(self.keys)
        since = np.where(own, axis.times(padded[rows]), first[self.owners])
        return times >= listening.after(since, span)

    def _observed(self, track: Track, value: Interval) -> Interval:
        mask = self._mask(track)
        return value if mask is None else where_known(mask, value)

    def _mask(self, track: Track) -> Mask | None:
        """Where a series may be spoken of as observed; None: everywhere."""
        if self._since is None or not track.gauge.any():
            return None
        if id(track) not in self._masks:
            self._masks[id(track)] = self._seen_twice(track)
        return self._masks[id(track)]

    def _seen_twice(self, track: Track) -> Mask:
        assert self._since is not None  # noqa: S101
        spoke = np.zeros(len(self.keys), dtype=np.bool_)
        for other in self._spoken:
            spoke |= lying_in(self._moments(other), self.keys)
        good = self._moments(track)
        seen = np.searchsorted(good, self.keys, side="right") - np.searchsorted(good, self._since)
        return (spoke & (seen >= 2)) | ~track.gauge[self.owners]

    def _moments(self, track: Track) -> Instants:
        return track.arrivals if self._silence else track.good
