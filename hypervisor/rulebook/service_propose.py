"""Thresholds out of a gauge's own record: levels by hours or return, rates by quantiles of rises.

Pure: arrays in, numbers out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor, log, log10

import numpy as np
from numpy.typing import NDArray

from hypervisor.base.instants import moment
from sensors._quantity import STALE_INTERVALS

Instants = NDArray[np.int64]
Values = NDArray[np.float64]

MINUTE = 60_000_000  # µs
HOUR = 60 * MINUTE
DAY = 24 * HOUR
YEAR = 365.25 * 24  # h
_EULER = 0.5772156649
_WHOLE_YEAR = 330  # days of readings that make a year whole enough for its maximum
_NOISE = 3.0  # a slope so many times its own error is a rise
_STARTS = 9  # a hydrological year begins with September


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a gauge measured: good readings, ascending. `interval`, `stale` in µs.

    `resolution`: the steps in which it is read, in its unit.
    """

    time: Instants
    value: Values
    interval: int
    stale: int
    resolution: float

    @property
    def hours(self) -> Values:
        """How long each reading held: to the next one, or until it is too old to count."""
        following = np.append(np.diff(self.time), self.interval)
        held: Values = np.minimum(following, self.stale) / HOUR
        return held

    @property
    def years(self) -> float:
        """How much of it is known, in years."""
        return float(self.hours.sum()) / YEAR


def record(time: Instants, value: Values, *, interval: int, stale: int, step: float) -> Record:
    """A record by what stands in it: its own interval where that is longer than what is registered.

    `step`: the finest that the quantity is kept in.
    """
    usual = int(np.median(np.diff(time))) if len(time) > 1 else interval
    own = max(interval, usual)
    return Record(
        time=time,
        value=value,
        interval=own,
        stale=max(stale, STALE_INTERVALS * own) if own > interval else stale,
        resolution=max(step, _steps(value)),
    )


def thinned(found: Record, *, most: int, interval: int) -> Record:
    """Every so-many-th reading, where there are more than `most`; never sparser than `interval`."""
    every = min(interval // found.interval, -(-len(found.time) // most))
    if every <= 1:
        return found
    return Record(
        time=found.time[::every],
        value=found.value[::every],
        interval=every * found.interval,
        stale=max(found.stale, 3 * every * found.interval),
        resolution=found.resolution,
    )


def _steps(value: Values) -> float:
    """The steps in which a gauge is read: nearly all changes are as large, or larger."""
    moved = np.abs(np.diff(value))
    moved = moved[moved > 0]
    return float(np.round(np.quantile(moved, 0.05), 6)) if len(moved) else 0.0


def exceeded(found: Record, hours_a_year: float) -> float:
    """The value that was exceeded for so many hours a year on average."""
    order = np.argsort(found.value)[::-1]
    spent = np.cumsum(found.hours[order]) / found.years
    place = min(int(np.searchsorted(spent, hours_a_year)), len(spent) - 1)
    return float(found.value[order[place]])


def yearly_maxima(found: Record) -> Values:
    """The highest value of each hydrological year that is known nearly whole."""
    days, place = np.unique(found.time // DAY, return_inverse=True)
    of_reading = np.array([_year(int(day)) for day in days], dtype=np.int64)[place]
    maxima = []
    for year in np.unique(of_reading):
        here = of_reading == year
        if found.hours[here].sum() >= _WHOLE_YEAR * 24:
            maxima.append(float(found.value[here].max()))
    return np.array(maxima)


def _year(day: int) -> int:
    begins = moment(day * DAY)
    return begins.year + (begins.month >= _STARTS)


def returning(maxima: Values, years: float) -> float:
    """The value that a Gumbel law through the yearly maxima gives once in so many years."""
    ordered = np.sort(maxima)
    count = len(ordered)
    first = ordered.mean()
    second = 2 * (np.arange(count) * ordered).sum() / (count * (count - 1)) - first
    scale = second / log(2)
    return float(first - _EULER * scale - scale * log(-log(1 - 1 / years)))


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Slopes per hour over a window, where it was covered; `noise`: what the steps alone make."""

    window: int  # µs
    slope: Values
    noise: Values

    @property
    def rises(self) -> Values:
        """The slopes of real rises."""
        return self.slope[self.slope > _NOISE * self.noise]

    @property
    def floor(self) -> float:
        """Below this a slope says nothing."""
        return float(_NOISE * np.median(self.noise)) if len(self.noise) else 0.0


def rates(found: Record, window: int) -> Rates:
    """Least-squares slopes over each window that has three readings and no gap."""
    time, value = found.time, found.value
    last = np.arange(len(time))
    first = np.searchsorted(time, time - window, side="left")
    gaps = np.append(0, np.cumsum(np.diff(time) > found.stale))
    fit = (last - first >= 2) & (gaps[last] == gaps[first])
    fit &= time[first] <= time - window + found.interval
    rows = last[fit]
    size, begins = (rows - first[fit] + 1).astype(np.float64), first[fit]
    sums = np.zeros((4, len(rows)))
    for back in range(1, int(size.max(initial=1))):
        live = np.flatnonzero(rows - back >= begins)
        at = rows[live]
        hours = (time[at - back] - time[at]) / HOUR
        rise = value[at - back] - value[at]
        sums[:, live] += (hours, rise, hours * hours, hours * rise)
    spread = sums[2] - sums[0] ** 2 / size
    return Rates(
        window=window,
        slope=(sums[3] - sums[0] * sums[1] / size) / spread,
        noise=found.resolution / np.sqrt(12 * spread),
    )


def rounded(value: float, *, step: float = 0.0, digits: int = 2) -> float:
    """A number that a person would choose: in whole steps, or with so many digits that count."""
    if step:
        return round(round(value / step) * step, 9)
    if value == 0:
        return 0.0
    return round(value, digits - 1 - floor(log10(abs(value))))


def climbing(values: Sequence[float], step: float) -> bool:
    """Whether each lies above the one before by more than one step: else they say the same."""
    return all(high - low > step for low, high in pairwise(values))


def span(found: Record) -> tuple[int, int]:
    """First and last time."""
    return int(found.time[0]), int(found.time[-1])
