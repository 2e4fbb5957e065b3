"""The calendar: Easter of the almanac, eleven holidays a year, school holidays of zone C."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from sensors._calendar import (
    easter,
    public_holidays,
    school_holiday,
    school_holidays,
    school_holidays_end,
)
from simulators._calendar import local_times

EASTERS = [(2023, 4, 9), (2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2038, 4, 25)]


@pytest.mark.parametrize(("year", "month", "day"), EASTERS)
def test_easter_is_the_almanac_s(year: int, month: int, day: int) -> None:
    assert easter(year) == date(year, month, day)


def test_a_year_has_eleven_public_holidays() -> None:
    # 2008 had ten days: Ascension fell on 1 May
    assert {len(public_holidays(year)) for year in range(2009, 2030)} == {11}
    assert {date(2024, 5, 9), date(2024, 5, 20), date(2024, 4, 1)} < public_holidays(2024)


def test_school_holidays_follow_each_other_and_last_as_they_do() -> None:
    for first, back in school_holidays():
        assert timedelta(days=4) <= back - first <= timedelta(days=63)
        # they begin on a Saturday, or before Ascension Day; nobody goes back on a weekend
        assert first.weekday() == 5 or first in {
            easter(first.year) + timedelta(days=39 - early) for early in (0, 1)
        }
        assert back.weekday() < 5
    edges = [day for span in school_holidays() for day in span]
    assert edges == sorted(edges)


def test_days_of_zone_c() -> None:
    assert school_holiday(date(2024, 10, 19))
    assert school_holiday(date(2025, 2, 20))  # zone C alone
    assert not school_holiday(date(2025, 2, 12))  # zone B alone
    assert not school_holiday(date(2024, 11, 4))


def test_a_day_without_a_published_calendar_is_unknown() -> None:
    begins, ends = school_holidays()[0][0], school_holidays_end()
    assert school_holiday(begins)
    assert school_holiday(ends - timedelta(days=1))
    assert school_holiday(begins - timedelta(days=1)) is None
    assert school_holiday(ends) is None


def test_hours_are_local_over_the_change_of_clocks() -> None:
    begins = int(datetime(2024, 10, 26, 22, tzinfo=UTC).timestamp()) * 1_000_000
    found = local_times(begins + np.arange(0, 5) * 3_600_000_000, "Europe/Paris")
    assert found.hour.tolist() == [0, 1, 2, 2, 3]
    assert found.sunday.all()
    assert not found.school.any()


def test_kinds_of_days() -> None:
    def at(month: int, day: int) -> "np.typing.NDArray[np.int64]":
        noon = datetime(2024, month, day, 12, tzinfo=UTC)
        return np.array([int(noon.timestamp()) * 1_000_000])

    armistice = local_times(at(11, 11), "Europe/Paris")  # a Monday
    assert armistice.sunday[0]
    assert not armistice.workday[0]
    assert local_times(at(11, 10), "Europe/Paris").eve[0]
    assert local_times(at(11, 16), "Europe/Paris").saturday[0]
    tuesday = local_times(at(11, 12), "Europe/Paris")
    assert tuesday.workday[0]
    assert tuesday.school[0]
    assert not local_times(at(10, 29), "Europe/Paris").school[0]
