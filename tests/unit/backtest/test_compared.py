"""What a rule holds a threshold against, and from which severity on an alarm counts for it."""

from dataclasses import replace

import numpy as np
import pytest

from hypervisor.backtest.compared_series import (
    find_compared,
    find_condition,
    limit_value,
    severity_of,
)
from rules._pack import load_pack
from rules._rule import Rule
from rules._tree import Call, Name

_STEPS = """
  steps:
    - {severity: major, when: level > threshold.alert}
"""


def rule(when: str, more: str = "", *, domain: str = "flood") -> Rule:
    text = f"""
- id: {domain}-tried
  title: "{{site}}: tried"
  when: {when}
  severity: minor
  advice: look
  wrong when: never
{more}
  tests: []
"""
    return load_pack(text, file=f"{domain}.yaml", domain=domain).rules[0]


def test_a_level_above_it() -> None:
    found = find_compared(rule("level > threshold.attention"), "attention")

    assert found is not None
    assert (found.series, found.direction, found.severity) == ("level", "above", None)


def test_it_may_stand_first() -> None:
    found = find_compared(rule("threshold.attention <= level"), "attention")

    assert found is not None
    assert (found.series, found.direction) == ("level", "above")


def test_frost_lies_below() -> None:
    found = find_compared(rule("air_temperature < threshold.frost", domain="weather"), "frost")

    assert found is not None
    assert found.direction == "below"
    assert found.beyond(np.array([-3.0, -1.0]), -2.0).tolist() == [True, False]


def test_of_a_step_from_its_severity_on() -> None:
    whole = rule("level > threshold.attention", _STEPS)
    found = find_compared(whole, "alert")

    assert found is not None
    assert isinstance(found.node, Name)
    assert found.severity == severity_of(whole, "alert") == "major"


def test_a_slope_is_what_is_compared() -> None:
    found = find_compared(rule("rate(level, 3 h) > threshold.rise"), "rise")

    assert found is not None
    assert isinstance(found.node, Call)
    assert found.series == "level"


def test_one_that_is_only_part_of_something_is_compared_with_nothing() -> None:
    whole = rule("level > threshold.attention * 0.5 + 1 m")

    assert find_compared(whole, "attention") is None
    assert severity_of(whole, "attention") is None


@pytest.mark.parametrize("name", ["alert", "danger"])
def test_nor_is_one_that_it_does_not_name(name: str) -> None:
    assert find_compared(rule("level > threshold.attention"), name) is None


@pytest.mark.parametrize(
    ("when", "direction"),
    [
        ("level > threshold.attention", "above"),
        ("level >= threshold.attention", "above"),
        ("level < threshold.attention", "below"),
        ("level <= threshold.attention", "below"),
        ("threshold.attention > level", "below"),
        ("threshold.attention >= level", "below"),
        ("threshold.attention < level", "above"),
        ("threshold.attention <= level", "above"),
    ],
)
def test_on_which_side_an_alarm_is_raised(when: str, direction: str) -> None:
    found = find_compared(rule(when), "attention")
    assert found is not None
    assert found.direction == direction
    values, limit = np.array([1.0, 2.0, 3.0]), 2.0
    sides = {"above": [False, False, True], "below": [True, False, False]}
    assert found.beyond(values, limit).tolist() == sides[direction]


@pytest.mark.parametrize("operator", ["==", "!="])
def test_what_is_only_equal_or_not_lies_on_no_side(operator: str) -> None:
    assert find_compared(rule(f"level {operator} threshold.attention"), "attention") is None


def test_values_are_in_the_unit_of_the_threshold() -> None:
    plain = find_compared(rule("level > threshold.attention"), "attention")
    assert plain is not None
    assert (plain.scale, plain.offset) == (1.0, 0.0)
    other = replace(plain, scale=10.0, offset=5.0)
    assert other.of(np.array([25.0, 5.0])).tolist() == [2.0, 0.0]
    assert plain.of(np.array([25.0])).tolist() == [25.0]


def test_what_decides_the_alarm_comes_before_what_decides_a_step() -> None:
    whole = rule("level > threshold.alert", _STEPS.replace("alert", "danger"))
    found = find_compared(whole, "alert")
    assert found is not None
    assert found.severity is None
    assert severity_of(whole, "alert") is None
    assert severity_of(whole, "danger") == "major"


@pytest.mark.parametrize(
    ("when", "series", "direction", "value"),
    [
        ("level > 1.0 m", "level", "above", 1.0),
        ("level > 150 cm", "level", "above", 1.5),
        ("2 m > level", "level", "below", 2.0),
        ("hour > 6 and level > threshold.attention + 50 cm", "level", "above", 2.5),
        ("level > threshold.attention", "level", "above", 2.0),
        ("level > threshold.attention * 2 + 10 cm", "level", "above", 4.1),
    ],
)
def test_a_condition_is_held_against_what_it_says(
    when: str, series: str, direction: str, value: float
) -> None:
    found = find_condition(rule(when, _STEPS))

    assert found is not None
    assert (found.series, found.direction) == (series, direction)
    assert limit_value(found.limit, {"attention": 2.0, "alert": 9.0}) == pytest.approx(value)


@pytest.mark.parametrize(
    "when", ["upstream(level > threshold.alert)", "silent(level, 1 h)", "level == 1 m"]
)
def test_a_condition_without_a_limit_of_its_own(when: str) -> None:
    assert find_condition(rule(when)) is None
