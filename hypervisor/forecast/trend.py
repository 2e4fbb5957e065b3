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
SURE = 2.0  # standard errors within which a slope is taken to lie


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Change an hour in the series' unit, and its standard error."""

    per_hour: float
    error: float

    @property
    def rises(self) -> bool:
        """Faster than its error explains."""
        return self.per_hour > SURE * self.error

    @property
    def falls(self) -> bool:
        return -self.per_hour > SURE * self.error


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
