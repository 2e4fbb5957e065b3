"""The course of a gauge: its last value, and how fast it rises or falls.

The rate is the slope of a straight line through the good readings of three hours: over one hour a
resolution of a centimetre would hide a river that rises by one (DOMAIN). Its standard error gives
each computed time a range.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

WINDOW = timedelta(hours=3)
JITTER = timedelta(minutes=5)  # by which a reading may come early: an hourly gauge has four in 3 h
_FEWEST = 4  # readings that make a line
_HOUR = 3600.0
_SURE = 2.0  # standard errors within which a slope is taken to lie
# No flood rises along a straight line: however exact the rate, it may arrive that much sooner or
# later. Our choice, not a forecast's.
_SOONER, _LATER = 0.75, 1.35


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Change an hour in the series' unit, and its standard error."""

    per_hour: float
    error: float

    @property
    def rises(self) -> bool:
        """Faster than its error explains."""
        return self.per_hour > _SURE * self.error

    @property
    def falls(self) -> bool:
        return -self.per_hour > _SURE * self.error


@dataclass(frozen=True, kw_only=True)
class Course:
    """A site's quantity: its last value and its rate. `rate` None: too few readings."""

    site: str
    device: str
    quantity: str
    unit: str
    time: datetime
    value: float
    rate: Rate | None


def rate_of(
    readings: Sequence[tuple[datetime, float]], *, resolution: float | None = None
) -> Rate | None:
    """The slope of readings in order of time, within the window (and jitter) before the last one.

    None where they are fewer than four or cover less than half of the window.
    """
    if not readings:
        return None
    last = readings[-1][0]
    recent = [(at, value) for at, value in readings if at >= last - WINDOW - JITTER]
    if len(recent) < _FEWEST or last - recent[0][0] < WINDOW / 2:
        return None
    hours = np.array([(at - last).total_seconds() / _HOUR for at, _ in recent])
    values = np.array([value for _, value in recent])
    lag = hours - hours.mean()
    spread = float(lag @ lag)
    slope = float(lag @ values) / spread
    left = values - values.mean() - slope * lag
    scatter = math.sqrt(float(left @ left) / (len(recent) - 2))
    least = (resolution or 0.0) / math.sqrt(12)  # scatter of rounding alone
    return Rate(per_hour=slope, error=max(scatter, least) / math.sqrt(spread))


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """When a level is reached if the rate holds; `latest` None: within the error, perhaps never."""

    at: datetime
    earliest: datetime
    latest: datetime | None


def arrival(course: Course, level: float, *, within: timedelta) -> Arrival | None:
    """When a rising course reaches a level; None: not within `within`."""
    rate = course.rate
    gap = level - course.value
    if rate is None or not rate.rises or gap <= 0:
        return None
    hours = gap / rate.per_hour
    if hours > within.total_seconds() / _HOUR:
        return None
    earliest = min(gap / (rate.per_hour + _SURE * rate.error), _SOONER * hours)
    latest = max(gap / (rate.per_hour - _SURE * rate.error), _LATER * hours)
    return Arrival(
        at=course.time + timedelta(hours=hours),
        earliest=course.time + timedelta(hours=earliest),
        latest=course.time + timedelta(hours=latest) if latest < 10 * hours else None,
    )
