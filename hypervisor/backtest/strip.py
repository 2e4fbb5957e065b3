"""A span of readings as a picture: the extreme of each day or hour, and how long beyond a limit."""

from collections.abc import Sequence
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
_MOST = 400  # points of a picture
_LONG = 40 * _DAY  # from which on a picture is of days
_STEPS = tuple(_HOUR * hours // 4 for hours in (1, 2, 4, 8, 12, 24, 48, 96))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was compared, as it was known: ascending times (µs), values, how long each held (µs)."""

    time: Instants
    value: Values
    held: Instants
    compared: Compared

    @classmethod
    def of(
        cls, time: Instants, low: Values, high: Values, compared: Compared, stale: int
    ) -> "Seen":
        """Out of intervals: what is not known by a number is left out, but for a full scale."""
        exact = np.isfinite(low) & ((low == high) | np.isposinf(high))
        time, value = time[exact], compared.of(low[exact])
        gaps = np.diff(time, append=time[-1:])
        return cls(time=time, value=value, held=np.minimum(gaps, stale), compared=compared)

    @property
    def last(self) -> int:
        return int(self.time[-1])

    def beyond(self, threshold: float) -> float | None:
        """The share of the time known in which it lay beyond; None: nothing is known."""
        whole = int(self.held.sum())
        if not whole:
            return None
        return float(self.held[self.compared.beyond(self.value, threshold)].sum()) / whole

    def extreme(self, since: int, until: int) -> float | None:
        """The farthest that it came in a span."""
        first, last = np.searchsorted(self.time, (since, until + 1))
        if first == last:
            return None
        part = self.value[first:last]
        return float(part.max() if self.compared.direction == "above" else part.min())


@dataclass(frozen=True, kw_only=True)
class Strip:
    """A point a bin: its beginning (µs) and its extreme, None where nothing is known.

    `bin`: how long one is (µs); a day is a local one.
    """

    since: int
    until: int
    bin: int
    points: tuple[tuple[int, float | None], ...]


def strip(seen: Seen, since: int, until: int, zone: ZoneInfo) -> Strip:
    """The picture of a span."""
    width = _width(until - since)
    edges = np.array(
        _days(since, until, zone) if width == _DAY else _steps(since, until, width),
        dtype=np.int64,
    )
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


def _width(length: int) -> int:
    if length >= _LONG:
        return _DAY
    return next((step for step in _STEPS if length <= step * _MOST), _DAY)


def _steps(since: int, until: int, width: int) -> Sequence[int]:
    return range(since // width * width, until, width)


def _days(since: int, until: int, zone: ZoneInfo) -> list[int]:
    """Local midnights, the first at or before the span's beginning."""
    day = moment(since).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    days: list[int] = []
    while (at := micros(day)) < until:
        days.append(at)
        day += timedelta(days=1)  # of the wall clock: the zone keeps midnight midnight
    return days
