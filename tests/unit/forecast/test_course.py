"""The rate of a gauge, and when it meets a level."""

from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.forecast.expected import follow_line
from hypervisor.forecast.trend import Course, Rate, rate_of

T0 = datetime(2024, 10, 10, tzinfo=UTC)
DAY = timedelta(days=1)


def rising(*values: float, every: float = 15) -> list[tuple[datetime, float]]:
    return [(T0 + timedelta(minutes=every * n), value) for n, value in enumerate(values)]


def course(rate: Rate | None, value: float = 1.0) -> Course:
    return Course(site="a", device="a", quantity="level", unit="m", time=T0, value=value, rate=rate)


def test_a_straight_rise_is_its_slope() -> None:
    found = rate_of(rising(*(1 + 0.01 * n for n in range(13))), resolution=0.01)
    assert found is not None
    assert found.per_hour == pytest.approx(0.04)
    assert 0 < found.error < 0.002
    assert found.rises


def test_a_spike_long_ago_is_outside_the_window() -> None:
    found = rate_of(rising(9.0, *(1.0 for _ in range(13))), resolution=0.01)
    assert found is not None
    assert (found.per_hour, found.rises, found.falls) == (0, False, False)


def test_hourly_readings_that_come_seconds_early_or_late_make_a_line() -> None:
    readings = rising(1.0, 1.1, 1.2, 1.3, every=60)
    early = [(readings[0][0] - timedelta(seconds=12), 1.0), *readings[1:]]
    found = rate_of(early, resolution=0.01)
    assert found is not None
    assert found.per_hour == pytest.approx(0.1, rel=0.01)


def test_what_flickers_by_its_own_step_does_not_rise() -> None:
    found = rate_of(rising(*(1.0, 1.01) * 6), resolution=0.01)
    assert found is not None
    assert not found.rises


@pytest.mark.parametrize(
    "readings", [[], rising(1, 2, 3), rising(1, 2, 3, 4, 5, every=5)], ids=["none", "few", "short"]
)
def test_too_little_makes_no_rate(readings: list[tuple[datetime, float]]) -> None:
    assert rate_of(readings) is None


def test_a_level_is_met_in_a_range() -> None:
    found = follow_line(course(Rate(per_hour=0.1, error=0.01)), 1.4, within=DAY)
    assert found is not None
    assert found.latest is not None
    hours = [(at - T0).total_seconds() / 3600 for at in (found.earliest, found.due, found.latest)]
    assert hours == pytest.approx([0.75 * 4, 4, 1.35 * 4])


def test_a_rate_that_is_hardly_known_widens_the_range() -> None:
    found = follow_line(course(Rate(per_hour=0.1, error=0.03)), 1.4, within=DAY)
    assert found is not None
    assert found.latest is not None
    hours = [(at - T0).total_seconds() / 3600 for at in (found.earliest, found.latest)]
    assert hours == pytest.approx([0.4 / 0.16, 0.4 / 0.04])


@pytest.mark.parametrize(
    ("rate", "level"),
    [
        (None, 1.4),
        (Rate(per_hour=-0.1, error=0.01), 1.4),
        (Rate(per_hour=0.1, error=0.06), 1.4),
        (Rate(per_hour=0.1, error=0.01), 0.9),
        (Rate(per_hour=0.1, error=0.01), 9.0),
    ],
    ids=["no rate", "falls", "not surely", "reached", "too far"],
)
def test_where_no_time_can_be_told_none_is(rate: Rate | None, level: float) -> None:
    assert follow_line(course(rate), level, within=DAY) is None


def test_the_error_is_the_scatter_about_the_line() -> None:
    """By hand: slope 0.4; left over -0.2 0.6 -0.6 0.2, over two degrees of freedom."""
    found = rate_of(rising(0, 1, 0, 1, every=30))
    assert found is not None
    assert found.per_hour == pytest.approx(0.4)
    assert found.error == pytest.approx((0.8 / 2 / 1.25) ** 0.5)


def test_a_straight_line_is_no_surer_than_its_steps_allow() -> None:
    found = rate_of(rising(0, 1, 2, 3, every=30), resolution=0.12)
    assert found is not None
    assert found.per_hour == pytest.approx(2.0)
    assert found.error == pytest.approx(0.12 / 12**0.5 / 1.25**0.5)
    coarse = rate_of(rising(0, 1, 0, 1, every=30), resolution=0.12)
    assert coarse is not None
    assert coarse.error == pytest.approx((0.8 / 2 / 1.25) ** 0.5)  # the greater of both


def test_a_reading_three_hours_before_the_last_still_counts() -> None:
    within = rate_of(rising(9.0, *(1.0 for _ in range(12))))
    assert within is not None
    assert within.per_hour < -1
    assert rate_of(rising(1, 2, 3, 4, every=30)) is not None  # half of the window is enough
    assert rate_of(rising(1, 2, 3, 4, every=29)) is None
    assert rate_of(rising(1, 2, 3, every=60)) is None


def test_a_rate_as_great_as_twice_its_error_is_neither_rise_nor_fall() -> None:
    assert not Rate(per_hour=0.5, error=0.25).rises
    assert not Rate(per_hour=-0.5, error=0.25).falls
    assert Rate(per_hour=0.51, error=0.25).rises
    assert Rate(per_hour=-0.51, error=0.25).falls
    assert not Rate(per_hour=0.51, error=0.25).falls
    assert not Rate(per_hour=-0.51, error=0.25).rises


@pytest.mark.parametrize(("level", "met"), [(1.0, False), (1.0001, True), (3.0, True)])
def test_a_level_is_met_above_the_last_value_and_up_to_the_farthest(
    level: float,
    met: bool,  # noqa: FBT001
) -> None:
    found = follow_line(course(Rate(per_hour=0.25, error=0.01)), level, within=timedelta(hours=8))
    assert (found is not None) == met
    assert (
        follow_line(course(Rate(per_hour=0.25, error=0.01)), 3.01, within=timedelta(hours=8))
        is None
    )


def test_where_the_error_allows_that_it_takes_ten_times_as_long_there_is_no_latest() -> None:
    never = follow_line(course(Rate(per_hour=0.125, error=0.056_25)), 1.5, within=DAY)
    assert never is not None
    assert never.latest is None
    late = follow_line(course(Rate(per_hour=0.125, error=0.056)), 1.5, within=DAY)
    assert late is not None
    assert late.latest is not None
    assert (late.latest - T0).total_seconds() / 3600 == pytest.approx(0.5 / 0.013)
    assert (late.due - T0).total_seconds() / 3600 == pytest.approx(4)
