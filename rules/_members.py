"""The members of the groups of a block, each a subject of its own on a longer axis.

What a `share` asks is asked of all members of all groups at once. Their answers change only at
instants of their own, so they are told at these and counted up along the axis of the groups.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rules._axis import Axis, Index, merged
from rules._inputs import Instants, SeriesColumns, Subject
from rules._interval import LEFT_OUT, Mask, Truths

if TYPE_CHECKING:
    from rules._block import Block
    from rules._track import Track

Counts = NDArray[np.int64]  # a column for each of false, unknown and true


class Members:
    """All members, one group's after the other's; a group may have none.

    `block`: the members as subjects. `of`: the group (subject of the outer block) of each.
    """

    def __init__(
        self,
        axis: Axis,
        groups: Sequence[Subject],
        lay: "Callable[[Axis, Sequence[Subject]], Block]",
    ) -> None:
        found = [list(_members(group)) for group in groups]
        sizes = np.array([len(members) for members in found], dtype=np.intp)
        self._outer = axis
        self._sizes: Index = sizes
        self._first: Index = np.cumsum(sizes) - sizes
        self.of: Index = np.repeat(np.arange(len(groups)), sizes)
        self.axis = Axis(base=axis.base, stride=axis.stride, count=int(sizes.sum()))
        self.block = lay(self.axis, [member for members in found for member in members])
        self._tallies: dict[Hashable, Tally] = {}
        self._merged: dict[Hashable, Instants] = {}

    def outward(self, keys: Instants) -> Instants:
        """Keys of members as keys of their groups, in the order of the members."""
        owners = self.axis.subjects(keys)
        return np.asarray(keys + (self.of[owners] - owners) * self.axis.stride)

    def any(self, marks: Mask) -> Mask:
        """By group: whether one of its members is marked."""
        return np.bincount(self.of[marks], minlength=self._outer.count) > 0

    def has(self, words: Sequence[str]) -> Mask:
        """By member: whether it has all of these series."""
        found = np.ones(self.axis.count, dtype=np.bool_)
        for word in words:
            found &= self.block.track(word).present
        return found

    def spread(self, keys: Instants, owners: Index) -> Iterator[tuple[slice, Index, Instants]]:
        """Some rows of groups at a time: for each of their members the row, and its key there."""
        sizes = self._sizes[owners]
        ends = np.cumsum(sizes)
        first = 0
        while first < len(keys):
            done = int(ends[first - 1]) if first else 0
            last = max(first + 1, int(np.searchsorted(ends, done + _AT_ONCE)))
            some = np.arange(first, min(last, len(keys)))
            rows = np.repeat(some, sizes[some])
            ranks = np.arange(len(rows)) - np.repeat(ends[some] - sizes[some] - done, sizes[some])
            members = self._first[owners[rows]] + ranks
            shift = (members - owners[rows]) * self.axis.stride
            yield slice(first, int(some[-1]) + 1), rows - first, keys[rows] + shift
            first = int(some[-1]) + 1

    def tally(self, about: Hashable, answers: Callable[[], tuple[Instants, Truths]]) -> "Tally":
        """How many members answer what, worked out once for each thing that is asked about.

        `answers`: keys of members, ascending, each one's from the beginning of its zone on, and
        what holds from each key to the next.
        """
        if about not in self._tallies:
            self._tallies[about] = Tally(self, self._outer, *answers())
        return self._tallies[about]

    def keys(
        self, what: str, words: Sequence[str], keys: "Callable[[Track], Instants]"
    ) -> Instants:
        """Certain keys of the members' series as keys of their groups, ascending; kept by name."""
        about = (what, tuple(words))
        if about not in self._merged:
            tracks = [self.block.track(word) for word in words]
            self._merged[about] = merged([self.outward(keys(track)) for track in tracks])
        return self._merged[about]


_AT_ONCE = 1 << 17  # members asked at once


class Tally:
    """How many members of each group answer false, unknown and true, at any key."""

    def __init__(self, members: Members, axis: Axis, keys: Instants, answers: Truths) -> None:
        owners = members.axis.subjects(keys)
        heads = np.ones(len(keys), dtype=np.bool_)
        np.not_equal(owners[1:], owners[:-1], out=heads[1:])
        changed = heads.copy()
        changed[1:] |= answers[1:] != answers[:-1]
        rows = np.flatnonzero(changed)
        at = members.outward(keys[rows])
        before = np.where(heads[rows], LEFT_OUT, answers[np.maximum(rows - 1, 0)])
        order = np.argsort(at, kind="stable")
        self._at = at[order]
        self._sums = np.zeros((len(rows) + 1, 3), dtype=np.int64)
        for truth in range(3):
            steps = (answers[rows] == truth).astype(np.int64) - (before == truth)
            np.cumsum(steps[order], out=self._sums[1:, truth])
        self._begun = np.searchsorted(self._at, axis.origins())

    def counts(self, keys: Instants, owners: Index) -> Counts:
        """One row a key of a group."""
        rows = np.searchsorted(self._at, keys, side="right")
        return np.asarray(self._sums[rows] - self._sums[self._begun[owners]])


def _members(group: Subject) -> Iterator[Subject]:
    """Each member as a subject: its own series by their words, and the group's beside them."""
    keys = {key for some in group.group.values() for key in some}
    own: dict[str, SeriesColumns] = {}
    sent: dict[str, dict[str, SeriesColumns]] = {}
    for name, column in group.series.items():
        if name not in keys and name not in group.group:
            own[name] = column
        for device in (column.device, *(earlier for earlier, _ in column.earlier)):
            sent.setdefault(device, {})[f"{name} "] = column  # no word: only a sign of life
    for rank in range(max((len(some) for some in group.group.values()), default=0)):
        series = dict(own)
        named = {
            word: group.series[some[rank]]
            for word, some in group.group.items()
            if rank < len(some) and some[rank] in group.series
        }
        for column in named.values():
            for device in (column.device, *(earlier for earlier, _ in column.earlier)):
                series |= sent[device]
        yield Subject(
            key=f"{group.key}#{rank}",
            series=series | named,
            devices=group.devices,
            thresholds=group.thresholds,
        )
