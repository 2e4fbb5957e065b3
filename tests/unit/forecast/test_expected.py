"""When a level is reached: by the forecast as far as it goes, else by the line, and which."""

from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.forecast.expected import Arrival, find_arrivals, median_at
from hypervisor.forecast.queries_current import CurrentForecast
from hypervisor.forecast.trend import Course, Rate
from tests.unit.forecast.current import forecast, untold

T0 = datetime(2024, 10, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
RISES = {1: 1.2, 2: 1.4, 3: 1.5}  # medians, from 1.0 m; the 80 % range is ± 0.2 m


def course(per_hour: float = 0.1, value: float = 1.0) -> Course:
    rate = Rate(per_hour=per_hour, error=0.001)
    return Course(site="a", device="a", quantity="level", unit="m", time=T0, value=value, rate=rate)


def arrive(level: float, own: CurrentForecast | None, at: Course | None = None) -> Arrival | None:
    (found,) = find_arrivals([(at or course(), level)], {("a", "level"): own} if own else {})
    return found


def hours(time: datetime | None) -> float | None:
    return None if time is None else (time - T0) / HOUR


def test_a_level_within_the_forecast_is_reached_by_its_median_within_its_range() -> None:
    arrival = arrive(1.3, forecast("a", T0, RISES))
    assert arrival is not None
    assert hours(arrival.at) == pytest.approx(1.5)
    assert hours(arrival.earliest) == pytest.approx(0.75)  # 1.0 to 1.4 in an hour
    assert arrival.latest is None  # 1.3 to the last: not above it
    assert (arrival.issued, arrival.inside, arrival.why) == (T0, 0.6, None)
    sooner = arrive(1.1, forecast("a", T0, RISES))
    assert sooner is not None
    assert hours(sooner.at) == pytest.approx(0.5)
    assert sooner.inside == 0.8
    assert hours(sooner.latest) == pytest.approx(1.5)


def test_a_level_that_only_the_upper_range_gets_to_is_possible_after_the_last_horizon() -> None:
    arrival = arrive(1.6, forecast("a", T0, RISES))
    assert arrival is not None
    assert (arrival.at, arrival.latest) == (None, None)
    assert hours(arrival.earliest) == pytest.approx(2.0)
    assert (arrival.until, arrival.due) == (T0 + 3 * HOUR, T0 + 3 * HOUR)


def test_the_line_says_nothing_that_the_forecast_rules_out_and_goes_on_beyond_it() -> None:
    assert arrive(1.25, forecast("a", T0, {1: 1.0, 3: 1.0})) is None  # the line: in 2.5 h
    beyond = arrive(1.8, forecast("a", T0, RISES))  # the line: in 8 h, 6 h at the soonest
    assert beyond is not None
    assert hours(beyond.at) == pytest.approx(8)
    assert (beyond.issued, beyond.why) == (None, "beyond")
    clipped = arrive(1.35, forecast("a", T0, {3: 1.0}))  # 2.6 h at the soonest
    assert clipped is not None
    assert hours(clipped.earliest) == 3


@pytest.mark.parametrize(
    ("own", "why"),
    [
        (None, "unfitted"),
        (untold("a", model=False), "closed"),
        (untold("a", model=True), "missing"),
        (forecast("a", T0, {1: None, 2: None}), "missing"),
    ],
)
def test_without_a_forecast_the_line_says_why(own: CurrentForecast | None, why: str) -> None:
    arrival = arrive(1.4, own)
    assert arrival is not None
    assert hours(arrival.at) == pytest.approx(4)
    assert (arrival.issued, arrival.why) == (None, why)


def test_a_horizon_that_was_not_issued_ends_nothing() -> None:
    arrival = arrive(1.3, forecast("a", T0, {1: 1.2, 2: 1.4, 3: None}))
    assert arrival is not None
    assert hours(arrival.at) == pytest.approx(1.5)
    assert arrive(1.65, forecast("a", T0, {1: 1.2, 2: 1.4, 3: None}), course(0.0)) is None


def test_a_gauge_that_does_not_rise_yet_may_by_its_forecast() -> None:
    assert arrive(1.3, None, course(0.0)) is None
    assert arrive(1.3, forecast("a", T0, RISES), course(0.0)) is not None
    assert arrive(1.3, forecast("a", T0, RISES), course(value=1.3)) is None  # reached


def test_gauges_of_other_horizons_are_told_together() -> None:
    one, other = course(), Course(**{**vars(course()), "site": "b"})
    forecasts = {
        ("a", "level"): forecast("a", T0, RISES),
        ("b", "level"): forecast("b", T0, {6: 2.2}),
    }
    arrivals = find_arrivals([(one, 1.3), (other, 1.6), (one, 1.1), (one, 0.5)], forecasts)
    assert [hours(each.at if each else None) for each in arrivals] == pytest.approx(
        [1.5, 3.0, 0.5, None]
    )


def test_the_median_between_two_horizons() -> None:
    own = forecast("a", T0, RISES)
    assert median_at(own, T0 + 1.5 * HOUR) == pytest.approx(1.3)
    assert median_at(own, T0 + 4 * HOUR) is None
    assert median_at(untold("a", model=True), T0) is None
