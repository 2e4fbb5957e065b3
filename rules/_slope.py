"""The least-squares slope over each window, a reading of all windows at a time."""

from collections.abc import Iterator

import numpy as np

from rules._axis import Index
from rules._duration import HOUR
from rules._inputs import Values
from rules._interval import Interval, Mask
from rules._window import Window

_ROWS = 1 << 13  # windows summed at once: what a cache holds


def slope(window: Window) -> Interval:
    """Least-squares slope per hour; at least three readings. A saturated one bounds one side."""
    lo = np.full(len(window.first), -np.inf)
    hi = np.full(len(window.first), np.inf)
    rows = np.flatnonzero(window.covered & (window.size >= 3))
    # Longest windows first: those that still have a k-th reading are then the first ones.
    rows = rows[np.argsort(-window.size[rows], kind="stable")]
    for begins in range(0, len(rows), _ROWS):
        some = rows[begins : begins + _ROWS]
        slopes, middle = _slopes(window, some)
        lo[some] = hi[some] = slopes
        if window.track.any_saturated:
            early, late = _saturated(window, some, middle)
            lo[some[early]] = -np.inf
            hi[some[late]] = np.inf
    return Interval(lo, hi)


def _slopes(window: Window, rows: Index) -> tuple[Values, Values]:
    """Slopes, and the mean times, in hours from each window's last reading."""
    track, size = window.track, window.size[rows]
    last = window.end[rows] - 1
    time, value, square, product = np.zeros((4, len(rows)))
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is not known
        for k, live in _each(size - 1):
            cells = window.first[rows[:live]] + k
            hours = (track.good[cells] - track.good[last[:live]]) / HOUR
            rise = track.lo[cells] - track.lo[last[:live]]
            time[:live] += hours
            value[:live] += rise
            square[:live] += hours * hours
            product[:live] += hours * rise
        # The last reading is the origin, and adds nothing but to the count.
        slopes = (size * product - time * value) / (size * square - time * time)
    return slopes, time / size


def _saturated(window: Window, rows: Index, middle: Values) -> tuple[Mask, Mask]:
    """Whether a saturated reading lies before the mean time, and after it."""
    track = window.track
    last = window.end[rows] - 1
    early, late = np.zeros((2, len(rows)), dtype=np.bool_)
    for k, live in _each(window.size[rows]):
        cells = window.first[rows[:live]] + k
        hours = (track.good[cells] - track.good[last[:live]]) / HOUR
        early[:live] |= track.saturated[cells] & (hours < middle[:live])
        late[:live] |= track.saturated[cells] & (hours > middle[:live])
    return early, late


def _each(sizes: Index) -> Iterator[tuple[int, int]]:
    """Each k below the largest of the sizes, which descend, with how many are above it."""
    for k in range(int(sizes[0])):
        yield k, int(np.searchsorted(-sizes, -k, side="left"))
