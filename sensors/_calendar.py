"""Days as people live them in France: public holidays, and the school's holidays in zone C."""

import csv
import functools
from datetime import date, timedelta
from importlib.resources import files

# Metropolitan France: the Code du travail, article L3133-1.
FIXED_HOLIDAYS = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
AFTER_EASTER = (1, 39, 50)  # Easter Monday, Ascension Day, Whit Monday


def easter(year: int) -> date:
    """Easter Sunday, by the Gregorian computus (Meeus, Astronomical Algorithms, chapter 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


@functools.lru_cache(maxsize=512)
def public_holidays(year: int) -> frozenset[date]:
    """The eleven of a year."""
    moving = (easter(year) + timedelta(days=days) for days in AFTER_EASTER)
    return frozenset((*(date(year, month, day) for month, day in FIXED_HOLIDAYS), *moving))


@functools.lru_cache(maxsize=1)
def school_holidays() -> tuple[tuple[date, date], ...]:
    """Zone C: the first day off and the day back at school, in order (_school_holidays.csv)."""
    text = files("sensors").joinpath("_school_holidays.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return tuple(
        (date.fromisoformat(row["first_day"]), date.fromisoformat(row["back_to_school"]))
        for row in rows
    )


def school_holidays_end() -> date:
    """The horizon: the first day for which no school calendar is published."""
    return school_holidays()[-1][1]


def school_holiday(day: date) -> bool | None:
    """Whether the schools of zone C are on holiday; None: outside the published calendars."""
    if not school_holidays()[0][0] <= day < school_holidays_end():
        return None
    return any(first <= day < back for first, back in school_holidays())
