"""What an alarm shows beside its last reading: the sum, rate or mean that its rule compares."""

from dataclasses import replace
from typing import Any

import pytest

from hypervisor.evaluation.judged_value import find_judged_values
from rules._duration import HOUR
from rules._inputs import Forecasts, Steps, Subject
from rules._pack import packs
from rules._rule import Rule
from rules._written_forecast import WrittenModel
from sensors._domain import catalogue
from sensors._errors import Place
from sensors._quantity import Kind, Quantity
from tests.unit.rules.test_engine_by_hand import at, column, rule, subject

RAIN, LEVEL = catalogue().quantities["rain"], catalogue().quantities["level"]
PACKED = {each.id: each for pack in packs() for each in pack.rules}
SHOWER = replace(
    column(
        *[(6 * i, mm) for i, mm in enumerate([0, 2, 6, 5, 4, 1] + [0.0] * 9)],
        kind=Kind.INCREMENT,
        interval=6,
    ),
    nonnegative=True,
)
DRY = at(6 * 9)  # its last reading then is 0 mm


def judge(rule: Rule, at_hand: Subject, quantity: Quantity, severity: str, time: int) -> Any:
    looks = [(at_hand, time), (at_hand, time - 1), (at_hand, time)]
    first, _, again = find_judged_values(rule, quantity, severity, looks)
    assert first == again  # whoever is judged beside it
    assert find_judged_values(rule, quantity, severity, looks[:1]) == [first]
    return first


def judged(condition: str, *, severity: str = "minor", time: int = DRY, **more: Any) -> Any:
    raining = subject(rain=SHOWER)
    return judge(rule(condition, **more), raining, RAIN, severity, time)


def test_the_sum_is_told_with_its_span_and_what_it_is_compared_with() -> None:
    assert judged("sum(rain, 30 min) > 10") == {
        "function": "sum",
        "over": "30 min",
        "value": 1.0,
        "unit": "mm",
        "limit": 10.0,
        "threshold": None,
    }
    assert judged("10 < sum(rain, 30 min)")["value"] == 1.0


def test_of_several_the_one_farthest_beyond_its_limit_is_told() -> None:
    either = "sum(rain, 12 min) > 2 or sum(rain, 48 min) > 6"
    told = judged(either)
    assert (told["over"], told["value"], told["limit"]) == ("48 min", 16.0, 6.0)
    told = judged(either, time=at(18))
    assert (told["over"], told["value"]) == ("12 min", 11.0)
    below = judged("mean(rain, 12 min) < 1 or mean(rain, 30 min) < 9")
    assert (below["over"], below["limit"]) == ("12 min", 1.0)


def test_a_severity_is_told_by_the_step_that_raised_it() -> None:
    steps = [{"severity": "major", "when": "sum(rain, 48 min) > 15"}]
    assert judged("sum(rain, 30 min) > 1", steps=steps)["limit"] == 1.0
    assert judged("sum(rain, 30 min) > 1", severity="major", steps=steps)["limit"] == 15.0


def test_a_threshold_is_named_and_read_at_that_time() -> None:
    pack = PACKED["weather-rain"]
    limits = {"rain_1h": 15.0, "rain_3h": 25.0, "rain_24h": 40.0}
    thresholds = {name: Steps.of([(0, value)]) for name, value in limits.items()}
    station = replace(subject(rain=SHOWER), thresholds=thresholds)
    told = judge(pack, station, RAIN, "minor", at(36))
    assert told is not None
    assert (told["threshold"], told["value"], told["limit"]) == ("rain_1h", 18.0, 15.0)
    told = judge(pack, station, RAIN, "major", at(36))
    assert told is not None
    assert (told["threshold"], told["limit"]) == ("rain_1h", 24.0)


def test_a_rate_has_a_unit_per_hour() -> None:
    rising = subject(level=column(*[(5 * i, i / 10) for i in range(13)]))
    told = judge(rule("rate(level, 30 min) > 0.5"), rising, LEVEL, "minor", at(60))
    assert told is not None
    assert (told["function"], told["unit"], told["value"]) == ("rate", "m/h", 1.2)


@pytest.mark.parametrize(
    "condition",
    [
        "rain > 3",
        "mean(rain, 12 min) * 2 > 3",
        "sum(other, 1 h) > 3 or rain > 1",
        "count(rain, 1 h) > 3",
        "last(rain) > 3",
        "silent(rain, 1 h) and last_change(rain, 1 h) > 3",
        "sum(rain, 30 min) == 5",
    ],
)
def test_where_readings_are_compared_or_nothing_is_sure_there_is_none(condition: str) -> None:
    assert judged(condition) is None


def test_of_a_span_that_is_partly_known_the_sure_end_counts() -> None:
    assert judged("sum(rain, 3 h) > 10")["value"] == 18.0
    assert judged("mean(rain, 3 h) > 10") is None


def test_a_forecast_and_its_chance_are_told_by_the_threshold() -> None:
    rising = column(*[(5 * i, 2.0 + 0.1 * i) for i in range(4)])
    model = WrittenModel(
        series="level", terms={HOUR: {"change(level, 5 min)": 5.0}}, spread=0.5
    ).model("here", Place(file="f", line=1, column=1))
    gauge = replace(
        subject(level=rising),
        forecasts={"level": Forecasts(revisions=((0, model),))},
        thresholds={"alert": Steps.of([(0, 2.6)])},
    )
    chance = rule("chance(level > threshold.alert, 1 h) >= 50 %")
    assert judge(chance, gauge, LEVEL, "minor", at(15)) == {
        "function": "chance",
        "over": "1 h",
        "value": 75.0,
        "unit": "%",
        "limit": 50.0,
        "threshold": "alert",
    }
    value = judge(rule("forecast(level, 1 h) > 2.5"), gauge, LEVEL, "minor", at(15))
    assert value is not None
    assert (value["value"], value["unit"], value["limit"]) == (2.8, "m", 2.5)
