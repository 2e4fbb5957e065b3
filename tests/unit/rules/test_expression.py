"""The rule language: what it reads, and what it says of a slip."""

import pytest

from rules._check import check_condition
from rules._errors import RuleError, WaitingError
from rules._expression import parse
from rules._tree import Comparison, Every, Name, Negation, Node, Number, Scaled, Some, walk
from rules._vocabulary import vocabulary
from sensors._domain import catalogue
from sensors._errors import Place

WORDS = vocabulary(catalogue())
PLACE = Place(file="rules/flood.yaml", line=3, column=9)


def read(text: str) -> Node:
    return check_condition(parse(text, PLACE), WORDS)


def literals(text: str) -> list[tuple[float, str | None]]:
    return [(n.value, n.unit) for n in walk(read(text)) if isinstance(n, Number)]


def test_and_binds_closer_than_or_and_not_closest() -> None:
    node = read("level > 1 m or not level > 2 m and level < 3 m")
    assert isinstance(node, Some)
    assert isinstance(node.conditions[1], Every)
    assert isinstance(node.conditions[1].conditions[0], Negation)


def test_products_bind_closer_than_sums() -> None:
    assert read("level > 1 m + 2 m * 3") == read("level > 1 m + (2 m * 3)")


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("level > 310 cm", 3.1, "m"),
        ("level > 0.10 m", 0.1, "m"),
        ("level > .5m", 0.5, "m"),
        ("discharge > 500 l/s", 0.5, "m3/s"),
        ("rate(discharge, 1 h) > 20 (m3/s)/h", 20.0, "(m3/s)/h"),
        ("rate(catchment_rain, 1 h) > 3 cm/h", 30.0, "(mm)/h"),
        ("basin_fill > 80 %", 80.0, "%"),
        ("vigilance == 3", 3.0, None),
        ("level > -1e2 mm", -0.1, "m"),
    ],
)
def test_a_literal_comes_in_the_unit_of_its_series(
    text: str, value: float, unit: str | None
) -> None:
    found, its_unit = literals(text)[-1]
    assert found == value
    assert its_unit is None or its_unit.strip("()") or unit
    assert value in [number for number, _ in literals(text)]


def test_a_threshold_in_other_units_is_converted() -> None:
    node = read("change(level, 1 h) > threshold.rise * 30 min")
    assert isinstance(node, Comparison)
    assert isinstance(node.right, Scaled)
    assert node.right.scale == pytest.approx(1 / 60)


def test_durations_stand_in_microseconds() -> None:
    assert (7_200_000_000, "us") in literals("mean(level, 2 h) > 1 m")


def test_a_quantile_takes_its_arguments_in_either_order() -> None:
    assert read("quantile(level, 0.9, 24 h) > 1 m") == read("quantile(level, 24 h, 90 %) > 1 m")


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("levle > 3 m", 9, "unknown series 'levle'; did you mean 'level'?"),
        ("chnage(level, 1 h) > 3 m", 9, "unknown function 'chnage'; did you mean 'change'?"),
        ("level > threshold.alrt", 17, "unknown threshold 'alrt'; did you mean 'alert'?"),
        ("level > attention", 17, "a threshold is written threshold.attention"),
        ("level > 10 min", 15, "'min' (duration) cannot be converted into 'm' (length)"),
        ("level > 3", 17, "a number without a unit is next to one in m; write its unit, as 3 m"),
        ("basin_fill > 0.8", 22, "write 80 %"),
        ("level = 3 m", 15, "equality is written =="),
        ("level > 3 m and", 24, "expected a value, found the end"),
        ("level > 3 m > 2 m", 21, "comparisons are not chained"),
        ("level and 3 m > level", 9, "'level' is a value; a condition compares it"),
        ("silent(level, 30)", 23, "30 has no unit; a duration is written like 30 min"),
        ("silent(level, 30 mnn)", 23, "'mnn' is not a unit of time"),
        ("max(level - 1 m, 1 h) > 3 m", 19, "max takes (a series, a duration)"),
        ("max(level) > 3 m", 9, "found 1 arguments"),
        ("change(level, 0 min) > 3 m", 23, "above zero"),
        ("level > 3 m & level < 4 m", 21, "'&' is not part of the rule language"),
        ("(level > 3 m", 21, "expected ')', found the end"),
        ("level.x > 3 m", 9, "'level.x' is not understood"),
        ("share(level) > 0.5", 15, "'level' is a value"),
        ("(level > 3 m) > 1", 16, "expected a value, found a condition"),
        ("level - 2 m", 15, "expected a condition, found a value"),
        ("level + discharge > 1 m", 15, "cannot be converted"),
        ("change > 1 m", 9, "'change' is a function"),
        ("()", 10, "expected a value"),
    ],
)
def test_a_slip_is_told_where_it_is(text: str, column: int, says: str) -> None:
    with pytest.raises(RuleError) as caught:
        read(text)
    assert says in caught.value.problem
    assert (caught.value.place.line, caught.value.place.column) == (3, column)
    assert str(caught.value).startswith(f"rules/flood.yaml:3:{column}: ")


@pytest.mark.parametrize("text", ["inside(zone) > 3 m", "inside(zone)"])
def test_words_that_will_come_wait(text: str) -> None:
    with pytest.raises(WaitingError):
        read(text)


@pytest.mark.parametrize("text", ["(" * 400 + "level", "not " * 400 + "x", "-" * 400 + "1"])
def test_no_depth_of_nesting_brings_the_reader_down(text: str) -> None:
    with pytest.raises(RuleError, match="nested too deep"):
        read(text)


def test_equal_meanings_are_equal_wherever_they_stand() -> None:
    here = Place(file="a", line=1, column=1)
    assert Name(place=PLACE, name="level") == Name(place=here, name="level")


def test_series_of_other_units_are_added_in_the_unit_of_the_left_one() -> None:
    node = read("level + catchment_rain > 1 m")
    assert isinstance(node, Comparison)
    (scaled,) = [part for part in walk(node) if isinstance(part, Scaled)]
    assert scaled.operand == Name(place=PLACE, name="catchment_rain")
    assert scaled.scale == pytest.approx(0.001)
    assert scaled.offset == 0.0
