"""Statistics of a gauge's record: exceedance and return levels, rates of rise.

Pure: arrays in, numbers out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor, log, log10
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import PlainSerializer

from hypervisor.base.instants import moment
from sensors._quantity import STALE_INTERVALS

Instants = NDArray[np.int64]
Values = NDArray[np.float64]
Rounded = Annotated[float, PlainSerializer(lambda value: round(value, 3), return_type=float)]

MINUTE = 60_000_000  # µs
HOUR = 60 * MINUTE
DAY = 24 * HOUR
YEAR = 365.25 * 24  # h
_EULER = 0.5772156649
_WHOLE_YEAR = 330  # days of readings that a yearly maximum needs
_NOISE = 3.0  # multiple of its standard error from which a slope is a rise
_STARTS = 9  # a hydrological year begins with September


@dataclass(frozen=True, kw_only=True)
class Record:
    """Good readings of a gauge in ascending order. `interval`, `stale` in µs.

    `resolution`: of the readings, in their unit.
    """

    time: Instants
    value: Values
    interval: int
    stale: int
    resolution: float

    @property
    def hours(self) -> Values:
        """Duration of each reading: to the next one, or until it is stale."""
        following = np.append(np.diff(self.time), self.interval)
        held: Values = np.minimum(following, self.stale) / HOUR
        return held

    @property
    def years(self) -> float:
        """Length of the record in years, without gaps."""
        return float(self.hours.sum()) / YEAR


def make_record(time: Instants, value: Values, *, interval: int, stale: int, step: float) -> Record:
    """A record with the interval of its readings if that exceeds the registered one.

    `step`: the finest resolution of the quantity.
    """
    usual = int(np.median(np.diff(time))) if len(time) > 1 else interval
    own = max(interval, usual)
    return Record(
        time=time,
        value=value,
        interval=own,
        stale=max(stale, STALE_INTERVALS * own) if own > interval else stale,
        resolution=max(step, _reading_step(value)),
    )


def thin_record(record: Record, *, most: int, interval: int) -> Record:
    """At most about `most` readings, but at least one per `interval`."""
    stride = min(interval // record.interval, -(-len(record.time) // most))
    if stride <= 1:
        return record
    return Record(
        time=record.time[::stride],
        value=record.value[::stride],
        interval=stride * record.interval,
        stale=max(record.stale, STALE_INTERVALS * stride * record.interval),
        resolution=record.resolution,
    )


def _reading_step(value: Values) -> float:
    """Resolution of a gauge: the 5 % quantile of its changes."""
    moved = np.abs(np.diff(value))
    moved = moved[moved > 0]
    return float(np.round(np.quantile(moved, 0.05), 6)) if len(moved) else 0.0


def exceedance_level(record: Record, hours_a_year: float) -> float:
    """The value exceeded for `hours_a_year` on average."""
    order = np.argsort(record.value)[::-1]
    spent = np.cumsum(record.hours[order]) / record.years
    place = min(int(np.searchsorted(spent, hours_a_year)), len(spent) - 1)
    return float(record.value[order[place]])


def yearly_maxima(record: Record) -> Values:
    """The maximum of each nearly complete hydrological year."""
    days, place = np.unique(record.time // DAY, return_inverse=True)
    of_reading = np.array([_hydrological_year(int(day)) for day in days], dtype=np.int64)[place]
    maxima = []
    for year in np.unique(of_reading):
        here = of_reading == year
        if record.hours[here].sum() >= _WHOLE_YEAR * 24:
            maxima.append(float(record.value[here].max()))
    return np.array(maxima)


def _hydrological_year(day: int) -> int:
    begins = moment(day * DAY)
    return begins.year + (begins.month >= _STARTS)


def return_level(maxima: Values, years: float) -> float:
    """Return level of a Gumbel distribution fitted to yearly maxima by L-moments."""
    ordered = np.sort(maxima)
    count = len(ordered)
    first = ordered.mean()
    second = 2 * (np.arange(count) * ordered).sum() / (count * (count - 1)) - first
    scale = second / log(2)
    return float(first - _EULER * scale - scale * log(-log(1 - 1 / years)))


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Slopes per hour over a window without gaps; `noise`: slopes due to resolution."""

    window: int  # µs
    slope: Values
    noise: Values

    @property
    def rises(self) -> Values:
        """Slopes above the noise."""
        return self.slope[self.slope > _NOISE * self.noise]

    @property
    def floor(self) -> float:
        """Slopes below this are noise."""
        return float(_NOISE * np.median(self.noise)) if len(self.noise) else 0.0


def compute_rates(record: Record, window: int) -> Rates:
    """Least-squares slopes over each window that has three readings and no gap."""
    time, value = record.time, record.value
    last = np.arange(len(time))
    first = np.searchsorted(time, time - window, side="left")
    gaps = np.append(0, np.cumsum(np.diff(time) > record.stale))
    fit = (last - first >= 2) & (gaps[last] == gaps[first])
    fit &= time[first] <= time - window + record.interval
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
        noise=record.resolution / np.sqrt(12 * spread),
    )


def round_nicely(value: float, *, step: float = 0.0, digits: int = 2) -> float:
    """Round to whole steps, or to significant digits."""
    if step:
        return round(round(value / step) * step, 9)
    if value == 0:
        return 0.0
    return round(value, digits - 1 - floor(log10(abs(value))))


def clearly_ascending(values: Sequence[float], step: float) -> bool:
    """Whether each value exceeds the one before by more than `step`."""
    return all(high - low > step for low, high in pairwise(values))
