"""A condition over the rows of a block: its truth at each key."""

from collections.abc import Iterator

import numpy as np

from rules import _aggregates as others
from rules._axis import Index
from rules._block import Block
from rules._callers import Caller
from rules._change_points import silence_of, silence_spans
from rules._functions import FORECASTS, FUNCTIONS
from rules._inputs import Instants
from rules._interval import (
    LEFT_OUT,
    UNKNOWN,
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
    Word,
)
from rules._usual import WEEK
from rules._window import look
from rules._windows import stuck

_LEAVES = (Name, Number, Threshold, Word)


class View:
    """Rows at which conditions are judged, at keys of the axis that the rule lives on.

    With `since`, judge what has been *observed* since then: a gauge with fewer than two good
    readings in [since, key] counts as unknown, and so do all gauges at a key where none `spoke`.
    """

    def __init__(
        self,
        sight: Sight,
        *,
        since: Instants | None = None,
        spoke: Mask | None = None,
    ) -> None:
        self.sight = sight
        self.keys = sight.keys
        self.block: Block = sight.block
        self.since = since
        self._spoke = spoke
        self._masks: dict[int, Mask] = {}
        self._values: dict[Call, Interval] = {}

    def truth(self, node: Node) -> Truths:
        """The truth of a condition at each key."""
        match node:
            case Every():
                return every([self.truth(part) for part in node.conditions])
            case Some():
                return some([self.truth(part) for part in node.conditions])
            case Negation():
                return negation(self.truth(node.condition))
            case Comparison():
                left = self._comparable(node.left)
                right = self._comparable(node.right)
                truths = compare(node.operator, left, right)
                return self._without_idle(truths, node)
            case Call(function="upstream"):
                return others.any_upstream(self, node)
            case Call():
                truths = self._silent(node) if node.function == "silent" else self._stuck(node)
                return self._without_idle(truths, node)
        raise AssertionError(f"{node} is no condition")

    def _without_idle(self, truths: Truths, node: Node) -> Truths:
        """Leave out what names a series that is out of service."""
        for name in _plain(node):
            idle = self.sight.idle(self.block.track(name))
            if idle is not None:
                truths = np.where(idle, LEFT_OUT, truths)
        return truths

    def _comparable(self, node: Node) -> Interval:
        value = self.value(node)
        return value if isinstance(node, _LEAVES) else rounded(value)

    def value(self, node: Node) -> Interval:
        """The value of a part of a condition at each key."""
        match node:
            case Scaled():
                return scaled(self.value(node.operand), node.scale, node.offset)
            case Arithmetic():
                left = self.value(node.left)
                return compute(node.operator, left, self.value(node.right))
            case Call():
                return self._called(node)
        return self._leaf(node)

    def _leaf(self, node: Node) -> Interval:
        match node:
            case Number():
                return exactly(np.full(len(self.keys), node.value))
            case Threshold():
                return exactly(self.block.threshold(node.name).at(self.keys))
            case Word():
                return exactly(self.block.calendar_input(node.name).fact.at(self.keys))
            case Name():
                track = self.block.track(node.name)
                return self._observed(track, self.sight.held(track))
        raise AssertionError(f"{node} is no value")

    def _called(self, node: Call) -> Interval:
        """A function's value; `when` and `clear` often ask for the same."""
        if node not in self._values:
            called = self._forecast if node.function in FORECASTS else self._call
            self._values[node] = called(node)
        return self._values[node]

    def _call(self, node: Call) -> Interval:
        if node.function in others.BY_NAME:
            return others.BY_NAME[node.function](self, node)
        track = self.block.track(_series(node))
        sizes = _numbers(node)
        match node.function:
            case "last":
                return self.sight.last(track)
            case "last_change":
                return self.sight.last_change(track, int(sizes[-1]))
        return self._observed(track, self._over(node.function, track, sizes))

    def _over(self, function: str, track: Track, sizes: list[float]) -> Interval:
        """What was over a span."""
        span = int(sizes[-1])
        match function:
            case "change":
                return self.sight.change(track, span)
            case "usual":
                return self.sight.usual(track, span // WEEK)
        record = FUNCTIONS[function]
        assert record.evaluate is not None  # noqa: S101  all others were evaluated above
        window = look(track, self.keys, span, self.sight.owners, closed=record.closed)
        return record.evaluate(window, *sizes[:-1])

    def _forecast(self, node: Call) -> Interval:
        what, horizon = node.arguments[0], int(_numbers(node)[-1])
        if isinstance(what, Comparison) and isinstance(what.left, Name):
            name, above = what.left.name, what.operator.startswith(">")
            value = self.sight.chance(name, self._comparable(what.right), horizon, above=above)
        else:
            name = _series(node)
            value = self.sight.forecast(name, horizon)
        return self._observed(self.block.track(name), value)

    def elsewhere(self, block: Block, keys: Instants, rows: Index, shift: Instants) -> "View":
        """The view of others than the subjects, at keys that stand for these rows."""
        return View(
            Sight(block, keys, silence=self.sight.silence),
            since=None if self.since is None else self.since[rows] + shift,
            spoke=None if self._spoke is None else self._spoke[rows],
        )

    def _stuck(self, node: Call) -> Truths:
        """Whether a series has not changed; where it is not observed, that is unknown."""
        track = self.block.track(_series(node))
        span = int(_numbers(node)[-1])
        truths = stuck(look(track, self.keys, span, self.sight.owners), self.keys - span)
        observed = self._observable(track)
        return truths if observed is None else np.where(observed, truths, UNKNOWN)

    def _silent(self, node: Call) -> Truths:
        """Whether one of those listened for is silent; devices out of service are not."""
        name, length = silence_of(node)
        zeros = np.zeros(len(self.keys), dtype=np.bool_)
        idle = np.full(len(self.keys), name == DEVICE)
        for caller in self.block.callers(name):
            quiet = self._quiet(caller, length)
            if caller.service is not None:
                serves = caller.service.at(self.keys) != 0
                quiet &= serves
                idle &= ~serves | ~caller.present[self.sight.owners]
            else:
                idle &= ~caller.present[self.sight.owners]
            zeros |= quiet
        return np.where(idle, LEFT_OUT, truths(zeros))

    def _quiet(self, caller: Caller, length: Number) -> Mask:
        """No arrival for that length of listening."""
        axis = self.block.axis
        padded = np.concatenate([[np.iinfo(np.int64).min], caller.arrivals])
        rows = padded.searchsorted(self.keys, side="right") - 1
        own = padded[rows] >= self.sight.zones
        times = axis.times(self.keys)
        owners = self.sight.owners
        since = np.where(own, axis.times(padded[rows]), caller.first[owners])
        began = np.where(own, padded[rows], caller.first_keys(axis)[owners])
        span = silence_spans(length, caller, began)
        return np.asarray(times >= caller.clocks.after(since, owners, span))

    def _observed(self, track: Track, value: Interval) -> Interval:
        """The value where the series may be spoken of as observed."""
        observed = self._observable(track)
        return value if observed is None else where_known(observed, value)

    def _observable(self, track: Track) -> Mask | None:
        """Where it may be; None: everywhere."""
        if self.since is None or not track.gauge.any():
            return None
        if id(track) not in self._masks:
            self._masks[id(track)] = self._seen_twice(track, self.since)
        return self._masks[id(track)]

    def _seen_twice(self, track: Track, since: Instants) -> Mask:
        good = self._readings(track)
        seen = good.searchsorted(self.keys, side="right") - good.searchsorted(since)
        enough = seen >= 2 if self._spoke is None else self._spoke & (seen >= 2)
        return enough | ~track.gauge[self.sight.owners]

    def _readings(self, track: Track) -> Instants:
        return track.arrivals if self.sight.silence else track.good


def _series(node: Call) -> str:
    (name,) = (part.name for part in node.arguments if isinstance(part, Name))
    return name


def _numbers(node: Call) -> list[float]:
    return [part.value for part in node.arguments if isinstance(part, Number)]


def _plain(node: Node) -> Iterator[str]:
    """The series that a comparison names, those of others aside: these are left out one by one."""
    if isinstance(node, Name) and node.name != DEVICE:
        yield node.name
    if not (isinstance(node, Call) and node.function in others.BY_NAME):
        for part in node.parts:
            yield from _plain(part)
