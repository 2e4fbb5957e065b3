"""Those who belong to the subjects of a block, each a subject of its own on a longer axis.

The members of groups, and the sites upstream. What a `share` asks is asked of all members of all
groups at once. Their answers change only at instants of their own, so they are told at these and
summed up along the axis of the groups (rules._tally).
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rules._axis import Axis, Index, merged
from rules._inputs import Instants, Subject
from rules._interval import Mask
from rules._tally import Sums, Tally

if TYPE_CHECKING:
    from rules._block import Block
    from rules._track import Track


class Members:
    """All members, one group's after the other's; a group may have none.

    `found`: those of each subject of the outer block. `block`: all of them as subjects. `of`: the
    group (subject of the outer block) of each.
    """

    def __init__(
        self,
        axis: Axis,
        found: Sequence[Sequence[Subject]],
        lay: "Callable[[Axis, Sequence[Subject]], Block]",
    ) -> None:
        sizes = np.array([len(members) for members in found], dtype=np.intp)
        self._outer = axis
        self._sizes: Index = sizes
        self._first: Index = np.cumsum(sizes) - sizes
        self.of: Index = np.repeat(np.arange(len(found)), sizes)
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

    def tally(self, about: Hashable, answers: Callable[[], tuple[Instants, Sums]]) -> Tally:
        """The sums of what members answer, worked out once for each thing that is asked about.

        `answers`: keys of members, ascending, each one's from the beginning of its zone on, and
        what each adds from a key to the next.
        """
        if about not in self._tallies:
            keys, parts = answers()
            owners = self.axis.subjects(keys)
            self._tallies[about] = Tally(owners, self.outward(keys), parts, self._outer.origins())
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
