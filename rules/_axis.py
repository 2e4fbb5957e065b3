"""Many subjects on one axis: laid end to end, so that one sorted search answers for all of them.

Subject i owns the zone [i * stride, (i + 1) * stride) of *keys*. A zone is longer than all the
subject's times and the longest look back and ahead, so that nothing ever reaches into the next.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules._inputs import Instants, Steps

Index = NDArray[np.intp]

BEFORE = -(2**62)  # a key before every zone: the sentinel that begins each sorted array
BLOCK_KEYS = 2**62  # the most that the zones of one block may span together


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The zones of `count` subjects. `base` is the time (µs) at which each begins."""

    base: int
    stride: int
    count: int

    def origins(self) -> Instants:
        """Where each zone begins."""
        return np.arange(self.count, dtype=np.int64) * self.stride

    def keys(self, times: Instants, lengths: Sequence[int]) -> Instants:
        """Keys of the subjects' times, which stand one subject after the other."""
        inside = np.minimum(np.maximum(times - self.base, 0), self.stride - 1)
        if len(lengths) == 1:
            return inside
        return inside + np.repeat(self.origins(), lengths)

    def key(self, subject: int, time: int) -> int:
        """The key of one time."""
        return subject * self.stride + min(max(time - self.base, 0), self.stride - 1)

    def everywhere(self, time: int) -> Instants:
        """The keys of one time in every zone."""
        return self.origins() + min(max(time - self.base, 0), self.stride - 1)

    def subjects(self, keys: Instants) -> Index:
        """Whose zone each key lies in."""
        if self.count == 1:
            return np.zeros(len(keys), dtype=np.intp)
        return keys // self.stride

    def times(self, keys: Instants) -> Instants:
        """The times (µs) of keys."""
        return keys - self.subjects(keys) * self.stride + self.base


class Fact:
    """A fact with revisions, of every subject of a block, looked up by key.

    Before its first revision it is nan, or with `reaches_back` what the first says.
    """

    def __init__(
        self, axis: Axis, steps: Sequence[Steps | None], *, reaches_back: bool = False
    ) -> None:
        parts = [_NOTHING if part is None else part for part in steps]
        lengths = [len(part.at) for part in parts]
        at = axis.keys(np.concatenate([part.at for part in parts]), lengths)
        values = np.concatenate([part.value for part in parts])
        if reaches_back:
            filled = np.flatnonzero(lengths)
            heads = (np.cumsum(lengths) - lengths)[filled]
            at[heads] = axis.origins()[filled]
        self._axis = axis
        self._at = at
        self._values = values
        # One value of every subject, mostly from the beginning of its zone on, and mostly the same.
        self._single = len(at) == axis.count and all(length == 1 for length in lengths)
        same = self._single and bool((values == values[0]).all() and (at == axis.origins()).all())
        self.constant: float | None = float(values[0]) if same else None

    def at(self, keys: Instants) -> NDArray[np.float64]:
        """The value in force at each key."""
        if self.constant is not None:
            return np.full(len(keys), self.constant)
        owners = self._axis.subjects(keys)
        if self._single:
            return np.where(keys >= self._at[owners], self._values[owners], np.nan)
        if len(self._at) == 0:
            return np.full(len(keys), np.nan)
        last = self._at.searchsorted(keys, side="right") - 1
        own = (last >= 0) & (self._at[last] >= owners * self._axis.stride)
        return np.where(own, self._values[last], np.nan)

    def changes(self) -> Instants:
        """The keys at which it changes (those before the axis at the zone's start)."""
        return self._at


_NOTHING = Steps(at=np.empty(0, dtype=np.int64), value=np.empty(0))


_SHORT = 1_000  # keys that are sorted in less time than they are merged
_FIRST = np.ones(1, dtype=np.bool_)


def rows_where(marks: NDArray[np.bool_]) -> Index:
    """The rows that are marked: np.flatnonzero of one axis, which costs calls of few rows less."""
    return marks.nonzero()[0]


def merged(arrays: Iterable[Instants]) -> Instants:
    """All keys, ascending, each once."""
    parts = sorted(arrays, key=len)
    if not parts:
        return np.empty(0, dtype=np.int64)
    if len(parts[-1]) < _SHORT:
        return _distinct(np.concatenate(parts))
    main = _distinct(parts.pop())
    few = _distinct(np.concatenate(parts)) if parts else main[:0]
    few = few[~lying_in(main, few)]
    if len(few) == 0:
        return main
    # One array is usually nearly all of it, and sorted: the few others are put in between.
    places = main.searchsorted(few) + np.arange(len(few))
    keys = np.empty(len(main) + len(few), dtype=np.int64)
    rest = np.ones(len(keys), dtype=np.bool_)
    rest[places] = False
    keys[places] = few
    keys[rest] = main
    return keys


def _distinct(keys: Instants) -> Instants:
    """Ascending, each once."""
    if len(keys) < 2:
        return keys
    ascending = keys[1:] > keys[:-1]
    if ascending.all():
        return keys
    if (keys[1:] < keys[:-1]).any():
        keys = np.sort(keys, kind="stable")
        ascending = keys[1:] > keys[:-1]
    return np.asarray(keys[np.concatenate([_FIRST, ascending])])


def lying_in(sorted_keys: Instants, keys: Instants) -> NDArray[np.bool_]:
    """For each key, whether it is one of the sorted ones."""
    if len(sorted_keys) == 0:
        return np.zeros(len(keys), dtype=np.bool_)
    nearest = sorted_keys.searchsorted(keys)
    return np.asarray(sorted_keys[np.minimum(nearest, len(sorted_keys) - 1)] == keys)
