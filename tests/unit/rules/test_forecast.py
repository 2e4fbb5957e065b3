"""What a model issues: by hand, pure, and the same bits however much is asked at once."""

import json
from dataclasses import replace

import numpy as np
import pytest

from rules._forecast import (
    ForecastError,
    chance_above,
    model_from_json,
    model_to_json,
    time_to,
    value_at,
)
from rules._forecast_parts import Track
from tests.unit.rules.forecasting import ABOVE, HOUR, MINUTE, OWN, series, small_model

RISING = series([0.01 * step for step in range(40)])  # 4 cm an hour
MODEL = small_model()


def at(*hours: float) -> np.ndarray:
    return np.array([round(hour * HOUR) for hour in hours], dtype=np.int64)


def test_a_gauge_alone_goes_on_along_its_line() -> None:
    issued = MODEL.issue({OWN: RISING}, at(6))
    assert issued.tier.tolist() == [1]
    assert value_at(issued, HOUR)[0] == pytest.approx(0.24 + 0.04)
    assert value_at(issued, 90 * MINUTE)[0] == pytest.approx(0.24 + 0.06)
    assert value_at(issued, 0)[0] == pytest.approx(0.24)
    assert np.isnan(value_at(issued, 3 * HOUR)[0])


def test_the_gauge_upstream_says_what_comes() -> None:
    above = series([0.05 * step for step in range(40)])
    issued = MODEL.issue({OWN: RISING, ABOVE: above}, at(6))
    assert issued.tier.tolist() == [0]
    assert value_at(issued, HOUR)[0] == pytest.approx(0.24 + 0.2)


def test_without_readings_nothing_is_issued() -> None:
    issued = MODEL.issue({OWN: RISING}, at(1, 12))  # no three hours yet; long after the last
    assert issued.tier.tolist() == [-1, -1]
    assert np.isnan(issued.values).all()
    assert np.isnan(chance_above(issued, 0.1, HOUR)).all()


def test_nothing_reaches_across_a_break() -> None:
    broken = replace(RISING, breaks=at(5))
    assert MODEL.issue({OWN: broken}, at(6, 8)).tier.tolist() == [-1, 1]


def test_suspect_and_saturated_readings_are_no_features() -> None:
    quality = RISING.quality.copy()
    quality[[24, 25]] = 1, 8
    values = RISING.value.copy()
    values[[24, 25]] = 99.0
    spoilt = replace(RISING, value=values, quality=quality)
    assert MODEL.issue({OWN: spoilt}, at(6.25)).current[0] == pytest.approx(0.23)


def test_chance_of_a_crossing() -> None:
    issued = MODEL.issue({OWN: RISING}, at(6))  # median 0.28 ± 0.2 after 1 h, 0.32 ± 0.4 after 2 h
    assert chance_above(issued, 0.28, HOUR)[0] == pytest.approx(0.5)
    assert chance_above(issued, 0.28 + 0.2, HOUR)[0] == pytest.approx(0.1)
    assert chance_above(issued, 0.28 + 0.2, 2 * HOUR)[0] == pytest.approx(0.3)
    assert chance_above(issued, 0.2, 2 * HOUR)[0] == 1.0  # above already
    assert chance_above(issued, 9.0, 2 * HOUR)[0] == 0.0
    assert np.isnan(chance_above(issued, 0.28, 3 * HOUR)[0])
    by_row = chance_above(MODEL.issue({OWN: RISING}, at(6, 6)), np.array([0.28, np.nan]), HOUR)
    assert by_row[0] == pytest.approx(0.5)
    assert np.isnan(by_row[1])


def test_time_to_a_threshold_with_its_range() -> None:
    issued = MODEL.issue({OWN: RISING}, at(6))
    earliest, median, latest = time_to(issued, 0.30)
    assert median[0] == pytest.approx(1.5 * HOUR)
    assert earliest[0] == pytest.approx(0.06 / 0.24 * HOUR)
    assert np.isnan(latest[0])
    assert time_to(issued, 0.1)[1][0] == 0


def test_the_future_does_not_enter() -> None:
    rng = np.random.default_rng(3)
    own = series(np.cumsum(rng.normal(size=200)).tolist())
    above = series(np.cumsum(rng.normal(size=200)).tolist(), start=2 * MINUTE)
    times = own.time[20:]
    together = MODEL.issue({OWN: own, ABOVE: above}, times)
    for number in range(0, len(times), 7):
        now = times[number]
        since = now - MODEL.memory
        cut = {}
        for key, columns in ((OWN, own), (ABOVE, above)):
            held = (columns.time <= now) & (columns.time >= since)
            cut[key] = replace(
                columns,
                time=columns.time[held],
                value=columns.value[held],
                quality=columns.quality[held],
                received_at=columns.received_at[held],
            )
        alone = MODEL.issue(cut, times[number : number + 1])
        assert alone.values.tobytes() == together.values[number : number + 1].tobytes()


def test_rain_is_summed_within_its_span_and_missing_when_its_gauge_is_silent() -> None:
    rain = Track.of(series([1.0, 2.0, 0.0, 4.0, 8.0], every=HOUR))
    sums = rain.total(at(2, 4, 4.5, 9), 2 * HOUR, 0, 2 * HOUR)
    assert sums[:3].tolist() == [2.0, 12.0, 12.0]
    assert np.isnan(sums[3])
    earlier = rain.total(at(4), 4 * HOUR, 2 * HOUR, 2 * HOUR)
    assert earlier.tolist() == [2.0]


def test_sums_have_the_same_bits_alone_and_among_others() -> None:
    rng = np.random.default_rng(8)
    rain = Track.of(series(rng.gamma(0.3, size=3000).tolist(), every=HOUR))
    times = rain.time[300:]
    together = rain.total(times, 240 * HOUR, 72 * HOUR, 2 * HOUR)
    for number in range(0, len(times), 300):
        held = (rain.time <= times[number]) & (rain.time >= times[number] - 242 * HOUR)
        cut = Track(time=rain.time[held], value=rain.value[held], breaks=rain.breaks)
        alone = cut.total(times[number : number + 1], 240 * HOUR, 72 * HOUR, 2 * HOUR)
        assert alone.tobytes() == together[number : number + 1].tobytes()


def test_a_model_is_written_and_read_without_loss() -> None:
    value = json.loads(json.dumps(model_to_json(MODEL)))
    assert model_from_json(value) == MODEL
    with pytest.raises(ForecastError, match="version 99"):
        model_from_json({**value, "version": 99})
    with pytest.raises(ForecastError, match="tiers"):
        model_from_json({name: part for name, part in value.items() if name != "tiers"})
    for horizons in ([-1, 10**30], [1] * 9, [-1] * len(MODEL.horizons)):
        with pytest.raises(ForecastError, match="cannot be read"):
            model_from_json({**value, "horizons": horizons})
