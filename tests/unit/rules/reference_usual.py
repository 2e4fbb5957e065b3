"""The same local hour of past weeks, day by day and by the clock of the standard library."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sensors._calendar import public_holidays
from tests.unit.rules.reference_around import EPOCH

TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)


def same_hours(zone: str, t: int, weeks: int) -> Iterator[int]:
    """The ends of the hours that an instant compares with; what it ends is what it belongs to."""
    clock = ZoneInfo(zone)
    before = (EPOCH + timedelta(microseconds=t - 1)).astimezone(clock).replace(tzinfo=None)
    day = before - DAY
    met = 0
    while met < weeks:
        alike = day.isoweekday() == (7 if is_holiday(before) else before.isoweekday())
        met += alike
        if alike and not is_holiday(day):
            utc = day.replace(tzinfo=clock).astimezone(UTC)
            if utc.astimezone(clock).replace(tzinfo=None) == day:
                yield (utc - EPOCH) // TICK + 1
        day -= DAY


def is_holiday(day: datetime) -> bool:
    return day.date() in public_holidays(day.year)


def median(values: list[float]) -> float:
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
