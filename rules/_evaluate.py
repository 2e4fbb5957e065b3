"""A condition over the rows of a block: its truth at each key."""

from collections.abc import Iterator, Sequence

import numpy as np

from rules._axis import merged
from rules._block import Block, Caller
from rules._changes import judged, names_of, seen, silence_of
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
from rules._members import Counts, Members
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
        self._block: Block = sight.block
        self._since = since
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
                found = compare(node.operator, left, right)
                return self._without_idle(found, node)
            case Call(function="silent"):
                return self._without_idle(self._silent(node), node)
        raise AssertionError(f"{node} is no condition")

    def _without_idle(self, found: Truths, node: Node) -> Truths:
        """Leave out what names a series that is out of service."""
        for name in _plain(node):
            idle = self.sight.idle(self._block.track(name))
            if idle is not None:
                found = np.where(idle, LEFT_OUT, found)
        return found

    def _comparable(self, node: Node) -> Interval:
        value = self._value(node)
        return value if isinstance(node, _LEAVES) else rounded(value)

    def _value(self, node: Node) -> Interval:
        match node:
            case Scaled():
                return scaled(self._value(node.operand), node.scale, node.offset)
            case Arithmetic():
                left = self._value(node.left)
                return compute(node.operator, left, self._value(node.right))
            case Call(function="share"):
                return self._share(node)
            case Call():
                return self._called(node)
        return self._leaf(node)

    def _leaf(self, node: Node) -> Interval:
        match node:
            case Number():
                return exactly(np.full(len(self.keys), node.value))
            case Threshold():
                return exactly(self._block.threshold(node.name).at(self.keys))
            case Name():
                track = self._block.track(node.name)
                return self._observed(track, self.sight.held(track))
        raise AssertionError(f"{node} is no value")

    def _called(self, node: Call) -> Interval:
        """A function's value; `when` and `clear` often ask for the same."""
        if node not in self._values:
            self._values[node] = self._call(node)
        return self._values[node]

    def _call(self, node: Call) -> Interval:
        track = self._block.track(_series(node))
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
        members = self._block.members
        if members is None:
            return exactly(np.full(len(self.keys), np.nan))
        inside = [part for argument in node.arguments for part in walk(argument)]
        if self._since is None:
            tally = members.tally(
                (node, self.sight.silence), lambda: self._answers(members, node, inside)
            )
            counts = tally.counts(self.keys, self.sight.owners)
        else:
            counts = self._asked(members, node, inside)
        size = counts.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            lo, hi = counts[:, 2] / size, (counts[:, 2] + counts[:, 1]) / size
        return where_known(size > 0, Interval(lo, hi))

    def _answers(
        self, members: Members, node: Call, inside: Sequence[Node]
    ) -> tuple[Instants, Truths]:
        """What each member says, at all keys at which it may change its answer."""
        silence = self.sight.silence
        keys = merged([*seen(inside, members.block, silence=silence), members.axis.origins()])
        view = View(Sight(members.block, keys, silence=silence))
        return keys, view.answer(members, node, inside)

    def _asked(self, members: Members, node: Call, inside: Sequence[Node]) -> Counts:
        """Ask each member at each key: what is observed depends on the group's run."""
        counts = np.zeros((len(self.keys), 3), dtype=np.int64)
        for part, rows, keys in members.spread(self.keys, self.sight.owners):
            shift = keys - self.keys[part][rows]
            since = None if self._since is None else self._since[part][rows] + shift
            spoke = None if self._spoke is None else self._spoke[part][rows]
            sight = Sight(members.block, keys, silence=self.sight.silence)
            answers = View(sight, since=since, spoke=spoke).answer(members, node, inside)
            size = part.stop - part.start
            for truth in range(3):
                counts[part, truth] = np.bincount(rows[answers == truth], minlength=size)
        return counts

    def answer(self, members: Members, share: Call, inside: Sequence[Node]) -> Truths:
        """What the members of these keys say; one that lacks a series has no say."""
        (condition,) = share.arguments
        present = members.has(names_of(inside))
        return np.where(present[self.sight.owners], self.truth(condition), LEFT_OUT)

    def members_unknown(self, members: Members, inside: Sequence[Node]) -> Mask:
        """Where a series of a member is not known."""
        words = names_of(inside)
        block = members.block

        def answers() -> tuple[Instants, Truths]:
            keys = merged([*judged(inside, block, silence=False), members.axis.origins()])
            sight = Sight(block, keys, silence=False)
            return keys, truths(np.any([sight.unknown(block.track(w)) for w in words], axis=0))

        tally = members.tally(tuple(words), answers)
        return np.asarray(tally.counts(self.keys, self.sight.owners)[:, 2] > 0)

    def _silent(self, node: Call) -> Truths:
        """Whether one of those listened for is silent; devices out of service are not."""
        name, span = silence_of(node)
        found = np.zeros(len(self.keys), dtype=np.bool_)
        idle = np.full(len(self.keys), name == DEVICE)
        for caller in self._block.callers(name):
            quiet = self._quiet(caller, span)
            if caller.service is not None:
                serves = caller.service.at(self.keys) != 0
                quiet &= serves
                idle &= ~serves | ~caller.present[self.sight.owners]
            else:
                idle &= ~caller.present[self.sight.owners]
            found |= quiet
        return np.where(idle, LEFT_OUT, truths(found))

    def _quiet(self, caller: Caller, span: int) -> Mask:
        """No arrival for `span` of listening."""
        axis = self._block.axis
        padded = np.concatenate([[np.iinfo(np.int64).min], caller.arrivals])
        rows = np.searchsorted(padded, self.keys, side="right") - 1
        own = padded[rows] >= self.sight.zones
        times = axis.times(self.keys)
        owners = self.sight.owners
        since = np.where(own, axis.times(padded[rows]), caller.first[owners])
        return np.asarray(times >= caller.clocks.after(since, owners, span))

    def _observed(self, track: Track, value: Interval) -> Interval:
        """The value where the series may be spoken of as observed."""
        if self._since is None or not track.gauge.any():
            return value
        if id(track) not in self._masks:
            self._masks[id(track)] = self._seen_twice(track, self._since)
        return where_known(self._masks[id(track)], value)

    def _seen_twice(self, track: Track, since: Instants) -> Mask:
        good = self._readings(track)
        seen = np.searchsorted(good, self.keys, side="right") - np.searchsorted(good, since)
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
    """The series that a comparison names, those in a share aside: it counts its members itself."""
    if isinstance(node, Name) and node.name != DEVICE:
        yield node.name
    if not (isinstance(node, Call) and node.function == "share"):
        for part in node.parts:
            yield from _plain(part)
