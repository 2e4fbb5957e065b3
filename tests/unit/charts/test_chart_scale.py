"""Scales of charts: ticks on the local clock, round values, how much is rolled up."""

import itertools
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from hypervisor.charts.scale import (
    DAY,
    HOUR,
    TimeScale,
    ValueScale,
    choose_bin_seconds,
    pad_range,
    time_ticks,
    value_ticks,
)

PARIS = ZoneInfo("Europe/Paris")


def _over(first: datetime, hours: float, width: float = 700) -> TimeScale:
    at = first.timestamp()
    return TimeScale(first=at, last=at + hours * HOUR, left=46, right=46 + width, now=at)


def _local(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone(PARIS)


def test_ticks_stand_on_local_hours_far_enough_apart() -> None:
    over = _over(datetime(2024, 10, 8, 13, 20, tzinfo=UTC), 56)
    ticks = time_ticks(over, PARIS)
    assert [f"{_local(tick.at):%H}" for tick in ticks[:4]] == ["18", "00", "06", "12"]
    assert [tick.day for tick in ticks[:4]] == [False, True, False, False]
    places = [over.x(tick.at) for tick in ticks]
    assert min(b - a for a, b in itertools.pairwise(places)) >= 70


@pytest.mark.parametrize(
    "first", [datetime(2024, 3, 29, tzinfo=UTC), datetime(2024, 10, 25, tzinfo=UTC)]
)
def test_midnights_are_met_over_a_change_of_clocks(first: datetime) -> None:
    ticks = time_ticks(_over(first, 6 * 24), PARIS)
    days = [tick for tick in ticks if tick.day]
    assert len(days) == 6
    assert all(_local(day.at).hour == 0 for day in days)


def test_a_year_has_months() -> None:
    ticks = time_ticks(_over(datetime(2024, 1, 15, tzinfo=UTC), 8_760), PARIS)
    assert all(tick.month and _local(tick.at).day == 1 for tick in ticks)
    assert len(ticks) in range(5, 13)


def test_minutes_where_one_has_zoomed_in() -> None:
    ticks = time_ticks(_over(datetime(2024, 1, 15, tzinfo=UTC), 1), PARIS)
    assert {_local(tick.at).minute % 10 for tick in ticks} == {0}


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0.42, 2.7, 5, [0.5, 1.0, 1.5, 2.0, 2.5]),
        (-0.3, 0.3, 3, [-0.2, 0.0, 0.2]),
        (0, 9, 3, [0, 5]),
        (1.0, 1.0, 4, [1.0]),
    ],
)
def test_values_of_ticks_are_round(
    low: float, high: float, most: int, expected: list[float]
) -> None:
    assert value_ticks(low, high, most) == expected


def test_a_flat_line_is_given_room_and_no_floor_is_crossed() -> None:
    low, high = pad_range([1.0, 1.0], floor=None, least=0.2)
    assert low < 0.9
    assert high > 1.1
    assert pad_range([0.0, 4.0], floor=0.0, least=1)[0] == 0.0


def test_a_year_of_quarter_hours_is_rolled_up_and_two_days_are_not() -> None:
    assert choose_bin_seconds(365 * DAY, 700, 900) == DAY
    assert choose_bin_seconds(2 * DAY, 700, 900) is None


def test_hanging_bars_have_their_zero_above() -> None:
    up = ValueScale(low=0, high=10, top=84, bottom=10)
    assert up.y(0) == 10
    assert up.y(10) == 84
