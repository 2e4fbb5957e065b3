"""Days as people live them in France: public holidays, and the school's holidays in zone C."""

import functools
from datetime import date, timedelta

# Metropolitan France: the Code du travail, article L3133-1.
FIXED_HOLIDAYS = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
AFTER_EASTER = (1, 39, 50)  # Easter Monday, Ascension Day, Whit Monday

# Zone C, to which the Essonne belongs (académie de Versailles): the first day without school, and
# the day on which it begins again. From the calendars that the Ministry of National Education
# publishes (education.gouv.fr, "calendrier scolaire"; 2023 to 2026: decree of 7 December 2022).
# The last return, of September 2027, is not published yet: ours.
SCHOOL_HOLIDAYS = (
    (date(2022, 12, 17), date(2023, 1, 3)),
    (date(2023, 2, 18), date(2023, 3, 6)),
    (date(2023, 4, 22), date(2023, 5, 9)),
    (date(2023, 5, 18), date(2023, 5, 22)),
    (date(2023, 7, 8), date(2023, 9, 4)),
    (date(2023, 10, 21), date(2023, 11, 6)),
    (date(2023, 12, 23), date(2024, 1, 8)),
    (date(2024, 2, 10), date(2024, 2, 26)),
    (date(2024, 4, 6), date(2024, 4, 22)),
    (date(2024, 5, 8), date(2024, 5, 13)),
    (date(2024, 7, 6), date(2024, 9, 2)),
    (date(2024, 10, 19), date(2024, 11, 4)),
    (date(2024, 12, 21), date(2025, 1, 6)),
    (date(2025, 2, 15), date(2025, 3, 3)),
    (date(2025, 4, 12), date(2025, 4, 28)),
    (date(2025, 5, 29), date(2025, 6, 2)),
    (date(2025, 7, 5), date(2025, 9, 1)),
    (date(2025, 10, 18), date(2025, 11, 3)),
    (date(2025, 12, 20), date(2026, 1, 5)),
    (date(2026, 2, 21), date(2026, 3, 9)),
    (date(2026, 4, 18), date(2026, 5, 4)),
    (date(2026, 5, 14), date(2026, 5, 18)),
    (date(2026, 7, 4), date(2026, 9, 1)),
    (date(2026, 10, 17), date(2026, 11, 2)),
    (date(2026, 12, 19), date(2027, 1, 4)),
    (date(2027, 2, 6), date(2027, 2, 22)),
    (date(2027, 4, 3), date(2027, 4, 19)),
    (date(2027, 5, 6), date(2027, 5, 10)),
    (date(2027, 7, 3), date(2027, 9, 1)),
)


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


def school_holiday(day: date) -> bool:
    """Whether the schools of zone C are closed for a holiday; before 2023 and after 2027: no."""
    return any(first <= day < back for first, back in SCHOOL_HOLIDAYS)
