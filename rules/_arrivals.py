"""What had arrived by when: the axis of `received_at`, on which silence is judged."""

import functools
from collections.abc import Sequence

import numpy as np

from rules._axis import BEFORE, Axis, Index
from rules._inputs import Instants
from rules._track import Track


class Arrivals:
    """Good readings of a track as they came in."""

    def __init__(self, track: Track) -> None:
        self._track = track
        self._got = track.received

    @functools.cached_property
    def _in_order(self) -> bool:
        return bool((self._got[1:] >= self._got[:-1]).all())

    @functools.cached_property
    def _earliest(self) -> list[Instants]:
        """Level k: the earliest arrival among the 2^k readings that end at each row."""
        levels = [self._got]
        reach = 1
        while reach < len(self._got):
            below = levels[-1]
            level = below.copy()
            level[reach:] = np.minimum(below[reach:], below[:-reach])
            level[:reach] = BEFORE
            levels.append(level)
            reach *= 2
        return levels

    def find(self, keys: Instants, upto: Instants) -> Index:
        """The last good reading at or before each key, of those that had arrived by `upto`."""
        rows = self._track.position(keys)
        if self._in_order:
            came = np.searchsorted(self._got, upto, side="right") - 1
            return np.minimum(rows, came)
        for power in range(len(self._earliest) - 1, -1, -1):
            # All 2^k readings that end here were still to come: step over them.
            late = self._earliest[power][rows] > upto
            rows = np.where(late, rows - (1 << power), rows)
        return rows

    @functools.cached_property
    def _newest(self) -> tuple[Instants, Index]:
        order = np.argsort(self._got, kind="stable")
        return self._got[order], np.maximum.accumulate(order)

    def newest(self, upto: Instants) -> Index:
        """The latest good reading by its time, of those that had arrived by each key."""
        got, newest = self._newest
        return np.asarray(newest[np.searchsorted(got, upto, side="right") - 1])


class Listening:
    """The clock that runs only while we were listening."""

    def __init__(self, deaf: Sequence[tuple[int, int]]) -> None:
        spans = [span for span in deaf if span[1] > span[0]]
        self._from = np.array([start for start, _ in spans], dtype=np.int64)
        self._to = np.array([stop for _, stop in spans], dtype=np.int64)
        lengths = self._to - self._from
        self._lost = np.concatenate([[0], np.cumsum(lengths)])

    def heard(self, times: Instants) -> Instants:
        """Listening time up to each time (from a common origin)."""
        began = np.searchsorted(self._from, times, side="right")
        if len(self._from) == 0:
            return times
        last = np.maximum(began - 1, 0)
        overhang = np.where(began > 0, np.maximum(self._to[last] - times, 0), 0)
        return np.asarray(times - self._lost[began] + overhang)

    def after(self, times: Instants, span: int) -> Instants:
        """The first times at which we have listened for `span` since each."""
        wanted = self.heard(times) + span
        # The listening clock stands still from heard(from): what is wanted at or before it has
        # been reached without that span.
        past = np.searchsorted(self.heard(self._from), wanted, side="left")
        return np.asarray(wanted + self._lost[past])


def silence_begins(axis: Axis, keys: Instants, span: int, listening: Listening) -> Instants:
    """The keys at which a silence of `span` since each key is complete."""
    times = axis.times(keys)
    return keys + (listening.after(times, span) - times)
