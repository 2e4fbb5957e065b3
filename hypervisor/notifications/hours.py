"""On-call hours in local time: weekdays, working days and public holidays.

When clocks change, the repeated hour is on call twice. A span that ends before it begins passes
midnight and belongs to the day on which it begins.
"""

import functools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sensors._calendar import public_holidays

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WORKDAY, RESTDAY, HOLIDAY, WEEKEND = "workday", "restday", "holiday", "weekend"
DAYS = (*WEEKDAYS, WORKDAY, RESTDAY, HOLIDAY, WEEKEND)
WHOLE_DAY = 24 * 60
QUARTER = timedelta(minutes=15)

Holiday = Callable[[date], bool]


@dataclass(frozen=True, kw_only=True)
class Hours:
    """Days by name, and minutes of the day from `begins` to before `ends`."""

    days: frozenset[str]
    begins: int = 0
    ends: int = WHOLE_DAY

    def hold(self, local: datetime, holiday: Holiday) -> bool:
        """Whether they include a local time."""
        minute = local.hour * 60 + local.minute
        today = local.date()
        if self.begins < self.ends:
            return self.begins <= minute < self.ends and self._day(today, holiday)
        if minute >= self.begins:
            return self._day(today, holiday)
        return minute < self.ends and self._day(today - timedelta(days=1), holiday)

    def _day(self, day: date, holiday: Holiday) -> bool:
        return not self.days.isdisjoint(day_names(day, holiday))


def day_names(day: date, holiday: Holiday) -> frozenset[str]:
    """All names of a day. Every day is either a workday or a restday."""
    weekend, public = day.weekday() >= 5, holiday(day)
    names = {WEEKDAYS[day.weekday()], RESTDAY if weekend or public else WORKDAY}
    return frozenset(names | ({WEEKEND} if weekend else set()) | ({HOLIDAY} if public else set()))


def is_on_call(hours: tuple[Hours, ...], at: datetime, zone: str, holiday: Holiday) -> bool:
    """Whether the hours include an instant; no hours: always."""
    local = at.astimezone(UTC).astimezone(ZoneInfo(zone))
    return not hours or any(span.hold(local, holiday) for span in hours)


def is_holiday(day: date) -> bool:
    """Whether a day is a French public holiday."""
    return day in _holidays(day.year)


@functools.lru_cache
def _holidays(year: int) -> Collection[date]:
    return public_holidays(year)


def quarters(begins: datetime, length: timedelta) -> Iterator[datetime]:
    """The quarters of an hour of a span, from the one that has begun."""
    at = begins.replace(minute=begins.minute - begins.minute % 15, second=0, microsecond=0)
    ends = at + length
    while at <= ends:
        yield at
        at += QUARTER
