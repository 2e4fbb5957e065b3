"""Functions over the readings of a window: sums, means, extremes, counts, rates, quantiles."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rules._axis import Index, rows_where
from rules._duration import HOUR
from rules._inputs import Instants, Values
from rules._interval import FALSE, TRUE, UNKNOWN, Interval, Mask, Truths, where_known
from rules._track import floating
from rules._window import Window

_ROWS = 1 << 13  # windows summed at once: what a cache holds


def slope(window: Window) -> Interval:
    """Least-squares slope per hour; at least three readings. A saturated one bounds one side."""
    lo = np.full(len(window.first), -np.inf)
    hi = np.full(len(window.first), np.inf)
    rows = rows_where(window.covered & (window.size >= 3))
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


_CELLS = 1 << 19  # of a table of windows laid out at once: what a cache holds


def total(window: Window) -> Interval:
    """Sum of the readings."""
    lo = floating(_between(window.track.sums, window))
    hi = _unless_saturated(lo, window)
    bounded = window.covered | window.lower_bounds
    return Interval(np.where(bounded, lo, -np.inf), np.where(window.covered, hi, np.inf))


def mean(window: Window) -> Interval:
    """Mean of the readings, a state's held value one of them."""
    track = window.track
    size = window.size + (window.held > 0)
    held = np.where(window.held > 0, track.lo[window.held], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        lo = (floating(_between(track.sums, window)) + held) / size
    hi = np.where(track.saturated[window.held], np.inf, _unless_saturated(lo, window))
    return where_known(window.covered & (size > 0), Interval(lo, hi))


def count(window: Window) -> Interval:
    """How many readings; what was not seen may be more."""
    seen = window.size.astype(np.float64)
    return Interval(seen, np.where(window.covered, seen, np.inf))


def maximum(window: Window) -> Interval:
    """The greatest; of a window partly covered a lower bound."""
    lo = _extreme(window, window.track.lo, np.maximum, -np.inf)
    hi = lo
    if window.track.any_saturated:
        hi = _extreme(window, window.track.hi, np.maximum, -np.inf)
    some = window.covered & (lo > -np.inf)
    return Interval(lo, np.where(some, hi, np.inf))


def minimum(window: Window) -> Interval:
    """The smallest; of a window partly covered an upper bound."""
    hi = _extreme(window, window.track.hi, np.minimum, np.inf)
    lo = hi
    if window.track.any_saturated:
        lo = _extreme(window, window.track.lo, np.minimum, np.inf)
    some = window.covered & (lo < np.inf)
    return Interval(np.where(some, lo, -np.inf), hi)


def increase(window: Window) -> Interval:
    """What a counter gained; without a base near enough, at least what was seen of it."""
    track = window.track
    gained = np.concatenate([[0], np.cumsum(track.gained)])
    some = window.size > 0
    first = np.where(some, window.first, 0)
    end = np.where(some, window.end, 1)
    seen = gained[end] - gained[np.minimum(first + 1, end)]
    base = first - 1
    limit = track.stale.at(track.good[base])
    near = some & (base > 0) & (track.good[first] - track.good[base] <= limit)
    if window.since is not None:
        near &= track.good[base] >= window.since
    seen = seen + np.where(near, track.gained[first], 0)
    lo = floating(seen)
    hi = _unless_saturated(lo, window)
    bounded = window.covered | window.lower_bounds
    return Interval(np.where(bounded, lo, -np.inf), np.where(window.covered, hi, np.inf))


def quantile(window: Window, fraction: float) -> Interval:
    """Of the readings, between two by their distance, a state's held value one of them."""
    extra = (window.held > 0).astype(np.intp)
    rows = rows_where(window.covered & (window.size + extra > 0))
    lo = np.full(len(window.first), -np.inf)
    hi = np.full(len(window.first), np.inf)
    # The held value stands just before the window's first reading.
    for some, cells in _tables((window.first - extra)[rows], (window.size + extra)[rows]):
        lo[rows[some]] = _ordered(window.track.lo[cells], fraction)
        hi[rows[some]] = _ordered(window.track.hi[cells], fraction)
    return Interval(lo, hi)


def stuck(window: Window, opens: Instants) -> Truths:
    """Whether all readings, and what was held where it opens, are equal; two readings at least.

    A saturated one may be any value above; where the window is not covered only a change is known.
    """
    track = window.track
    before = track.position(opens)
    zones = window.owners * track.axis.stride
    held = (opens <= track.known_to[track.span(opens)]) & (track.good[before] >= zones)
    if window.since is not None:
        held &= window.since <= opens
    held_window = replace(window, held=np.where(held, before, 0))
    greatest = _extreme(held_window, track.lo, np.maximum, -np.inf)
    least = _extreme(held_window, track.hi, np.minimum, np.inf)
    changed = least < greatest
    sure = window.covered & held & (window.size >= 2)
    if track.any_saturated:
        full = _between(track.saturations, window) > 0
        sure &= ~full & ~track.saturated[held_window.held]
    return np.where(changed, FALSE, np.where(sure, TRUE, UNKNOWN))


def _ordered(values: Values, fraction: float) -> Values:
    exact = fraction * (values.shape[1] - 1)
    below = int(exact)
    above = min(below + 1, values.shape[1] - 1)
    ranked = np.partition(values, (below, above), axis=1)
    weight = exact - below
    if weight == 0:
        return np.asarray(ranked[:, below])
    return np.asarray(ranked[:, below] * (1 - weight) + ranked[:, above] * weight)


def _between(running: Instants, window: Window) -> Instants:
    last = np.maximum(window.end, window.first) - 1
    return np.asarray(running[last] - running[window.first - 1])


def _unless_saturated(lo: Values, window: Window) -> Values:
    if not window.track.any_saturated:
        return lo
    return np.where(_between(window.track.saturations, window) > 0, np.inf, lo)


def _extreme(
    window: Window,
    values: Values,
    better: "np.ufunc",
    nothing: float,
) -> Values:
    """The best in each window, from the best of two overlapping power-of-two runs."""
    size = window.size
    some = size > 0
    levels = [values]
    longest = int(size.max(initial=0))
    while 2 ** len(levels) <= longest:
        reach = 2 ** (len(levels) - 1)
        below = levels[-1]
        # Entry i: the best of the 2^k readings that begin at i.
        level = below.copy()
        level[:-reach] = better(below[:-reach], below[reach:])
        levels.append(level)
    extreme = np.full(len(size), nothing)
    table = np.stack(levels)
    power = np.zeros(len(size), dtype=np.intp)
    power[some] = np.log2(size[some]).astype(np.intp)
    left = np.where(some, window.first, 0)
    right = np.where(some, window.end - (1 << power), 0)
    best = better(table[power, left], table[power, right])
    extreme = np.where(some, best, extreme)
    held = window.held > 0
    return np.where(held, better(extreme, values[window.held]), extreme)


def _tables(first: Index, size: Index) -> "list[tuple[Index, NDArray[np.intp]]]":
    """Windows of equal size together: which they are, and a table of the rows in each."""
    indexes: list[tuple[Index, NDArray[np.intp]]] = []
    order = np.argsort(size, kind="stable")
    cuts = rows_where(np.diff(size[order])) + 1
    for same in np.split(order, cuts):
        if len(same) == 0:
            continue
        width = int(size[same[0]])
        parts = np.array_split(same, max(1, len(same) * width // _CELLS))
        indexes += [(part, first[part][:, None] + np.arange(width)) for part in parts]
    return indexes
