"""A condition over the rows of a block: its truth at each key."""

import numpy as np

from rules._axis import lying_in
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
from rules._sight import Sight
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
from rules._window import look
from rules._windows import BY_NAME, quantile

_LEAVES = (Name, Number, Threshold)


class View:
    """Rows at which conditions are judged, at keys of the axis that the rule lives on.

    With `since`, judge what has been *observed* since then: a gauge with fewer than two good
    readings in [since, key] counts as unknown, and so do all gauges at a key that is no good
    reading of one of `spoken`.
    """

    def __init__(
        self,
        sight: Sight,
        *,
        since: Instants | None = None,
        spoken: tuple[Track, ...] = (),
    ) -> None:
        self.sight = sight
        self.keys = sight.keys
        self._block: Block = sight.block
        self._since = since
        self._spoken = spoken
        self._masks: dict[int, Mask] = {}
        self._values: dict[tuple[Call, int | None], Interval] = {}

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

    def _without_idle(self, found: Truths, node: Node, member: int | None) -> Truths:
        """Leave out what names a series that is out of service."""
        for part in walk(node):
            if isinstance(part, Name) and part.name != DEVICE:
                if member is None and self._block.members(part.name) is not None:
                    continue  # inside a share, which counts its members itself
                idle = self.sight.idle(self._block.track(part.name, member))
                if idle is not None:
                    found = np.where(idle, LEFT_OUT, found)
        return found

    def _comparable(self, node: Node, member: int | None) -> Interval:
        value = self._value(node, member)
        return value if isinstance(node, _LEAVES) else rounded(value)

    def _value(self, node: Node, member: int | None) -> Interval:
        match node:
            case Scaled():
                return scaled(self._value(node.operand, member), node.scale, node.offset)
            case Arithmetic():
                left = self._value(node.left, member)
                return compute(node.operator, left, self._value(node.right, member))
            case Call(function="share"):
                return self._share(node)
            case Call():
                return self._called(node, member)
        return self._leaf(node, member)

    def _leaf(self, node: Node, member: int | None) -> Interval:
        match node:
            case Number():
                return exactly(np.full(len(self.keys), node.value))
            case Threshold():
                return exactly(self._block.threshold(node.name).at(self.keys))
            case Name():
                track = self._block.track(node.name, member)
                return self._observed(track, self.sight.held(track))
        raise AssertionError(f"{node} is no value")

    def _called(self, node: Call, member: int | None) -> Interval:
        """A function's value; `when` and `clear` often ask for the same."""
        key = (node, member)
        if key not in self._values:
            self._values[key] = self._call(node, member)
        return self._values[key]

    def _call(self, node: Call, member: int | None) -> Interval:
        track = self._block.track(_series(node), member)
        sizes = _numbers(node)
        match node.function:
            case "last":
                return self.sight.last(track)
            case "last_change":
                return self.sight.last_change(track, int(sizes[-1]))
            case "change":
                return self._observed(track, self.sight.change(track, int(sizes[-1])))
        closed = node.function == "rate"
        window = look(track, self.keys, int(sizes[-1]), self.sight.owners, closed=closed)
        if node.function == "quantile":
            return self._observed(track, quantile(window, sizes[0]))
        return self._observed(track, BY_NAME[node.function](window))

    def _share(self, node: Call) -> Interval:
        """Of the members in service, those for which it is true, and those for which it may be."""
        (condition,) = node.arguments
        words = [part.name for part in walk(condition) if isinstance(part, Name)]
        sizes = [self._block.members(word) for word in words]
        counts = np.zeros((3, len(self.keys)))
        for member in range(max((size for size in sizes if size is not None), default=0)):
            found = self.truth(condition, member)
            present = np.ones(self._block.axis.count, dtype=np.bool_)
            for word in words:
                present &= self._block.track(word, member).present
            for truth in range(3):
                counts[truth] += (found == truth) & present[self.sight.owners]
        members = counts.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            lo, hi = counts[2] / members, (counts[2] + counts[1]) / members
        return where_known(members > 0, Interval(lo, hi))

    def _silent(self, node: Call, member: int | None) -> Truths:
        span = int(_numbers(node)[0])
        found = np.zeros(len(self.keys), dtype=np.bool_)
        for arrivals, first in self._block.calls(_series(node), member):
            found |= self._quiet(arrivals, first, span)
        return truths(found)

    def _quiet(self, arrivals: Instants, first: Instants, span: int) -> Mask:
        """No arrival for `span` of listening; `first`: from when one was expected."""
        axis, listening = self._block.axis, self._block.listening
        padded = np.concatenate([[np.iinfo(np.int64).min], arrivals])
        rows = np.searchsorted(padded, self.keys, side="right") - 1
        own = padded[rows] >= self.sight.zones
        times = axis.times(self.keys)
        since = np.where(own, axis.times(padded[rows]), first[self.sight.owners])
        return times >= listening.after(since, span)

    def _observed(self, track: Track, value: Interval) -> Interval:
        """The value where the series may be spoken of as observed."""
        if self._since is None or not track.gauge.any():
            return value
        if id(track) not in self._masks:
            self._masks[id(track)] = self._seen_twice(track, self._since)
        return where_known(self._masks[id(track)], value)

    def _seen_twice(self, track: Track, since: Instants) -> Mask:
        spoke = np.zeros(len(self.keys), dtype=np.bool_)
        for other in self._spoken:
            spoke |= lying_in(self._readings(other), self.keys)
        good = self._readings(track)
        seen = np.searchsorted(good, self.keys, side="right") - np.searchsorted(good, since)
        return (spoke & (seen >= 2)) | ~track.gauge[self.sight.owners]

    def _readings(self, track: Track) -> Instants:
        return track.arrivals if self.sight.silence else track.good


def _series(node: Call) -> str:
    (name,) = (part.name for part in node.arguments if isinstance(part, Name))
    return name


def _numbers(node: Call) -> list[float]:
    return [part.value for part in node.arguments if isinstance(part, Number)]
