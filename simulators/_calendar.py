"""Times as people live them: local hours, kinds of day, and whether there is school."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensors._calendar import public_holidays, school_holiday

Instants = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class LocalTimes:
    """What each of some times is in people's lives. `hour`: local, 0 up to 24; Monday is 0.

    `sunday`: a Sunday or a public holiday. `eve`: the day before one.
    """

    day: NDArray[np.datetime64]  # local date
    hour: NDArray[np.float64]
    weekday: NDArray[np.int64]
    sunday: NDArray[np.bool_]
    eve: NDArray[np.bool_]
    school: NDArray[np.bool_]
    august: NDArray[np.bool_]

    @property
    def saturday(self) -> NDArray[np.bool_]:
        """A Saturday that is no public holiday."""
        return np.asarray((self.weekday == 5) & ~self.sunday)

    @property
    def workday(self) -> NDArray[np.bool_]:
        """Monday to Friday, no public holiday."""
        return np.asarray((self.weekday < 5) & ~self.sunday)


def local_times(times: Instants, zone: str) -> LocalTimes:
    """Local hour and kind of day of each time (µs since the epoch)."""
    utc = pd.DatetimeIndex(times.astype("datetime64[us]")).tz_localize("UTC")
    local = utc.tz_convert(zone).tz_localize(None)
    days = local.normalize()
    distinct, which = np.unique(days.to_numpy(), return_inverse=True)
    dates = [pd.Timestamp(day).date() for day in distinct]
    rests = np.array([_is_day_off(day) for day in dates], dtype=bool)
    eves = np.array([_is_day_off(day + timedelta(days=1)) for day in dates], dtype=bool)
    school = np.array([_has_school(day) for day in dates], dtype=bool)
    return LocalTimes(
        day=days.to_numpy().astype("datetime64[D]"),
        hour=(local - days).total_seconds().to_numpy(dtype=np.float64) / 3600,
        weekday=local.day_of_week.to_numpy(dtype=np.int64),
        sunday=rests[which],
        eve=eves[which],
        school=school[which],
        august=local.month.to_numpy() == 8,
    )


def _is_day_off(day: date) -> bool:
    return day.weekday() == 6 or day in public_holidays(day.year)


def _has_school(day: date) -> bool:
    return day.weekday() < 5 and not _is_day_off(day) and not school_holiday(day)
