"""What had arrived by when: the axis of `received_at`, on which silence is judged."""

import functools

import numpy as np

from rules._axis import BEFORE, Index
from rules._inputs import Instants


class Arrivals:
    """Rows as they came in: by the keys of their times, ascending, when each arrived.

    Row 0 is a sentinel before all zones.
    """

    def __init__(self, times: Instants, got: Instants) -> None:
        self.times = times
        self._got = got

    @functools.cached_property
    def _in_order(self) -> bool:
        return bool((self._got[1:] >= self._got[:-1]).all())

    @functools.cached_property
    def _earliest(self) -> list[Instants]:
        """Level k: the earliest arrival among the 2^k rows that end at each row."""
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
        """The last row at or before each key, of those that had arrived by `upto`."""
        rows = self.times.searchsorted(keys, side="right") - 1
        if self._in_order:
            came = self._got.searchsorted(upto, side="right") - 1
            return np.minimum(rows, came)
        for power in range(len(self._earliest) - 1, -1, -1):
            # All 2^k rows that end here were still to come: step over them.
            late = self._earliest[power][rows] > upto
            rows = np.where(late, rows - (1 << power), rows)
        return rows

    @functools.cached_property
    def _newest(self) -> tuple[Instants, Index]:
        order = np.argsort(self._got, kind="stable")
        return self._got[order], np.maximum.accumulate(order)

    def newest(self, upto: Instants) -> Index:
        """The latest row by its time, of those that had arrived by each key."""
        got, newest = self._newest
        return np.asarray(newest[got.searchsorted(upto, side="right") - 1])
