"""Thresholds to verify by: names, values, return levels."""

import numpy as np
import pytest

from hypervisor.forecast.record import Gauge
from hypervisor.forecast.thresholds import ThresholdError, check_words, levels_of, return_level
from rules._forecast_parts import Track
from rules._inputs import InputSeries

DAY = 86_400_000_000
GAUGE = Gauge(
    key=InputSeries(site="mill", quantity="discharge"),
    title="Mill",
    unit="m3/s",
    nonnegative=True,
    thresholds={"flow_alert": 12.0},
)


def daily(values: np.ndarray) -> Track:
    time = np.arange(len(values), dtype=np.int64) * DAY
    return Track(time=time, value=values, breaks=np.empty(0, dtype=np.int64))


def test_names_values_and_return_levels() -> None:
    track = daily(np.random.default_rng(1).gumbel(10, 2, size=20 * 365))
    alert, value, two, five = levels_of(GAUGE, track, ["alert", "1500 l/s", "2y", "5y"])
    assert (alert.value, alert.estimated) == (12.0, False)
    assert value.value == pytest.approx(1.5)
    assert two.estimated
    assert two.value < five.value


def test_a_return_level_is_reached_about_so_often() -> None:
    maxima = np.random.default_rng(2).gumbel(100, 20, size=300)
    values = np.ones(300 * 365)
    values[100::365][:300] = maxima
    expected = 100 - 20 * np.log(-np.log(1 - 1 / 5))
    assert return_level(daily(values), 5).value == pytest.approx(expected, rel=0.05)


def test_a_short_record_has_no_law_but_a_level() -> None:
    track = daily(np.linspace(0, 1, 40))
    two, five = return_level(track, 2), return_level(track, 5)
    assert 0 < two.value < five.value < 1


def test_a_word_that_means_nothing_is_refused() -> None:
    check_words([GAUGE], ["alert", "2y", "3 m3/s"])
    with pytest.raises(ThresholdError, match="alrt"):
        check_words([GAUGE], ["alrt"])
