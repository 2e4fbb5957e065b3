"""On-call hours: weekdays, working days and public holidays, by the clock on the wall of a zone.

The hours of a day are those of its wall clock, whatever it does in the night of a change: the hour
that comes twice is on call twice, the one that is left out is nobody's. A span that ends before it
begins passes midnight and belongs to the day on which it begins.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WORKDAY, RESTDAY, HOLIDAY, WEEKEND = "workday", "restday", "holiday", "weekend"
DAYS = (*WEEKDAYS, WORKDAY, RESTDAY, HOLIDAY, WEEKEND)
WHOLE_DAY = 24 * 60

Holiday = Callable[[date], bool]


@dataclass(frozen=True, kw_only=True)
class Hours:
    """Days by their words, and the minutes of the day: from `begins`, before `ends`."""

    days: frozenset[str]
    begins: int = 0
    ends: int = WHOLE_DAY

    def hold(self, local: datetime, holiday: Holiday) -> bool:
        """Whether this moment of the wall clock is theirs."""
        minute = local.hour * 60 + local.minute
        today = local.date()
        if self.begins < self.ends:
            return self.begins <= minute < self.ends and self._day(today, holiday)
        if minute >= self.begins:
            return self._day(today, holiday)
        return minute < self.ends and self._day(today - timedelta(days=1), holiday)

    def _day(self, day: date, holiday: Holiday) -> bool:
        return not self.days.isdisjoint(words_of(day, holiday))


def words_of(day: date, holiday: Holiday) -> frozenset[str]:
    """Every word that a day answers to; working days and days of rest share the year out."""
    words = {WEEKDAYS[day.weekday()]}
    weekend, public = day.weekday() >= 5, holiday(day)
    words.add(RESTDAY if weekend or public else WORKDAY)
    if weekend:
        words.add(WEEKEND)
    if public:
        words.add(HOLIDAY)
    return frozenset(words)


def on_call(hours: tuple[Hours, ...], at: datetime, zone: str, holiday: Holiday) -> bool:
    """Whether somebody of these hours is on call at an instant; without hours always."""
    local = at.astimezone(UTC).astimezone(ZoneInfo(zone))
    return not hours or any(span.hold(local, holiday) for span in hours)
