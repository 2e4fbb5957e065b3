"""A period of readings in bins: the extreme of each day or hour; time beyond a limit."""

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from hypervisor.backtest.compared_series import Compared
from hypervisor.base.instants import micros, moment

Instants = NDArray[np.int64]
Values = NDArray[np.float64]

_HOUR = 3_600_000_000
_DAY = 24 * _HOUR
_MOST = 400  # points of a strip
_LONG = 40 * _DAY  # from which bins are days
_STEPS = tuple(_HOUR * hours // 4 for hours in (1, 2, 4, 8, 12, 24, 48, 96))


@dataclass(frozen=True, kw_only=True)
class ComparedValues:
    """The compared values: ascending times (µs), values, how long each held (µs)."""

    time: Instants
    value: Values
    held: Instants
    compared: Compared

    @classmethod
    def of(
        cls, time: Instants, low: Values, high: Values, compared: Compared, stale: int
    ) -> "ComparedValues":
        """From intervals, without unknown values; at full scale the lower bound counts."""
        exact = np.isfinite(low) & ((low == high) | np.isposinf(high))
        time, value = time[exact], compared.of(low[exact])
        gaps = np.diff(time, append=time[-1:])
        return cls(time=time, value=value, held=np.minimum(gaps, stale), compared=compared)

    @property
    def last(self) -> int:
        return int(self.time[-1])

    @property
    def interval(self) -> int:
        """The usual time between readings (µs); 0: there is one only."""
        return int(np.median(np.diff(self.time))) if len(self.time) > 1 else 0

    def beyond(self, threshold: float) -> float | None:
        """The share of the recorded time beyond a threshold; None: no recorded time."""
        total = int(self.held.sum())
        if not total:
            return None
        return float(self.held[self.compared.beyond(self.value, threshold)].sum()) / total

    def extreme(self, since: int, until: int) -> float | None:
        """The extreme of a period, on the alarm side."""
        first, last = np.searchsorted(self.time, (since, until + 1))
        if first == last:
            return None
        part = self.value[first:last]
        return float(part.max() if self.compared.direction == "above" else part.min())


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Points: a bin's beginning (µs) and its extreme, None without readings.

    `bin`: its length (µs); a day is a local day.
    """

    since: int
    until: int
    bin: int
    points: tuple[tuple[int, float | None], ...]


def strip(seen: ComparedValues, since: int, until: int, zone: ZoneInfo) -> Strip:
    """The bins of a period."""
    length = until - since
    width = next((step for step in _STEPS if length <= step * _MOST), _DAY)
    width = _DAY if length >= _LONG else width
    steps = range(since // width * width, until, width)
    edges = np.array(_days(since, until, zone) if width == _DAY else steps, dtype=np.int64)
    bounds = np.searchsorted(seen.time, edges)
    upper = seen.compared.direction == "above"
    points: list[tuple[int, float | None]] = []
    for at, first, last in zip(edges, bounds, [*bounds[1:], None], strict=True):
        part = seen.value[first:last]
        if last is None:
            part = part[seen.time[first:] <= until]
        value = None if not len(part) else float(part.max() if upper else part.min())
        points.append((int(at), value))
    return Strip(since=since, until=until, bin=width, points=tuple(points))


def _days(since: int, until: int, zone: ZoneInfo) -> list[int]:
    """Local midnights, the first at or before the beginning."""
    day = moment(since).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    days: list[int] = []
    while (at := micros(day)) < until:
        days.append(at)
        day += timedelta(days=1)  # of the wall clock: the zone keeps midnight midnight
    return days
