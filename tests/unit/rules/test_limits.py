"""Both sides of every bound on what an author writes, and what is said beyond it."""

from dataclasses import replace

import pytest

from rules._bounds import (
    CALLS,
    bounded_number,
    bounded_size,
    bounded_tree,
    read_number,
)
from rules._duration import microseconds, parse_duration
from rules._errors import RuleError
from rules._expression import parse
from rules._pack import load_pack
from rules._pack_table import Table
from rules._yaml import Source, as_yaml
from sensors._domain import catalogue
from sensors._errors import Place
from sensors._nearest import did_you_mean

HERE = Place(file="f", line=3, column=9)
YEAR = 31_622_400_000_000  # µs of 366 days

RULE = """
- id: flood-x
  title: "{site}: x"
  when: level > 1 m
  severity: minor
  advice: Look.
  wrong when: It is not so.
  tests: []
"""


def test_a_duration_lasts_a_millisecond_to_a_year_or_nothing() -> None:
    assert parse_duration("366 d", HERE) == YEAR
    assert parse_duration("1.0004 ms", HERE) == 1_000
    assert parse_duration("0 s", HERE) == 0
    for text, told in (
        ("31622400.000001 s", "3.16224e+07 s is too long; a duration lasts at most 366 d"),
        ("200 d 200 d", "200 d 200 d is too long; a duration lasts at most 366 d"),
        ("0.9999 ms", "0.9999 ms is too short; a duration lasts at least 1 ms"),
        ("0.0005 ms", "0.0005 ms is too short; a duration lasts at least 1 ms"),
    ):
        with pytest.raises(RuleError) as caught:
            parse_duration(text, HERE)
        assert str(caught.value) == f"f:3:9: {told}"
    with pytest.raises(RuleError, match="nan s is too long"):
        microseconds(float("nan"), "s", HERE)


def test_a_number_lies_between_what_a_float_can_count() -> None:
    for value in (0.0, -0.0, 1e15, -1e15, 1e-12, -1e-12, 0.5):
        assert bounded_number(value, "x", HERE) == value
    for value, told in (
        (1e15 + 1, "x is too large; a number lies between -1e15 and 1e15"),
        (-1e15 - 1, "x is too large; a number lies between -1e15 and 1e15"),
        (float("nan"), "x is too large; a number lies between -1e15 and 1e15"),
        (9.9e-13, "x is too small; the smallest number other than 0 is 1e-12"),
        (-9.9e-13, "x is too small; the smallest number other than 0 is 1e-12"),
    ):
        with pytest.raises(RuleError) as caught:
            bounded_number(value, "x", HERE)
        assert caught.value.problem == told


@pytest.mark.parametrize("text", ["0", "0.0", "-0", "0e5", "0E5", ".0e-3"])
def test_nothing_is_a_number_however_it_is_written(text: str) -> None:
    assert read_number(text, HERE) == 0


@pytest.mark.parametrize("text", ["1e-400", "1E-400", "-3e-999", "0.0001e-400"])
def test_what_a_float_cannot_tell_from_nothing_is_too_small(text: str) -> None:
    with pytest.raises(RuleError) as caught:
        read_number(text, HERE)
    told = f"f:3:9: {text} is too small; the smallest number other than 0 is 1e-12"
    assert str(caught.value) == told


def test_a_list_is_as_long_as_it_may_be_and_no_longer() -> None:
    bounded_size("abc", 3, "letters", HERE)
    bounded_size("", 3, "letters", HERE)
    with pytest.raises(RuleError, match=r"^f:3:9: 4 letters; expected at most 3$"):
        bounded_size("abcd", 3, "letters", HERE)


def deep(operators: int) -> str:
    """So many additions inside one another below a comparison."""
    return "level" + " + level" * operators + " > 1"


def test_an_expression_has_a_hundred_levels_and_no_more() -> None:
    parse(deep(98), HERE)
    with pytest.raises(RuleError) as caught:
        parse(deep(99), HERE)
    assert caught.value.problem == ("more than 100 nested operators; shorten the expression")
    assert caught.value.place == HERE  # of the innermost name
    node = parse("level > 1", HERE)
    assert bounded_tree(node) is node


def test_an_expression_has_thirty_functions_and_no_more() -> None:
    """Two hundred looked back over a year for half a minute a site, while all others waited."""
    many = " or ".join(["stuck(level, 1 d)"] * CALLS)
    parse(many, HERE)
    with pytest.raises(RuleError) as caught:
        parse(f"{many} or stuck(level, 2 d)", HERE)
    assert caught.value.problem == "more than 30 functions in one expression"
    assert caught.value.place == replace(HERE, column=HERE.column + len(many) + 4)


@pytest.mark.parametrize(
    ("opens", "inner", "closes"),
    [
        ("(", "level > 1", ")"),
        ("not ", "level > 1", ""),
        ("-", "1 > level", ""),
    ],
)
def test_sixty_brackets_stand_inside_one_another_and_no_more(
    opens: str, inner: str, closes: str
) -> None:
    parse(opens * 60 + inner + closes * 60, HERE)
    with pytest.raises(RuleError) as caught:
        parse(opens * 61 + inner + closes * 61, HERE)
    assert caught.value.problem == "nested too deep to be read by a person"
    assert caught.value.place.column == 9 + 60 * len(opens)


def test_the_brackets_of_functions_count_too() -> None:
    parse("stuck((" * 30 + "level > 1" + "))" * 30, HERE)
    with pytest.raises(RuleError) as caught:
        parse("stuck((" * 30 + "(level > 1)" + "))" * 30, HERE)
    assert caught.value.problem == "nested too deep to be read by a person"


@pytest.mark.parametrize("part", ["(level > 1)", "not level > 1", "level > -1"])
def test_brackets_that_stand_beside_each_other_are_not_counted(part: str) -> None:
    parse(" and ".join([part] * 70), HERE)


def test_ten_thousand_characters_are_an_expression_and_no_more() -> None:
    parse("level > 1" + " " * 9_991, HERE)
    with pytest.raises(RuleError) as caught:
        parse("level > 1" + " " * 9_992, HERE)
    told = "10001 characters of one expression; expected at most 10000"
    assert caught.value.problem == told


def test_a_file_has_four_hundred_thousand_characters_and_no_more() -> None:
    source = Source("f")
    source.compose("a" + "\n" * 399_999)
    with pytest.raises(RuleError) as caught:
        source.compose("a" + "\n" * 400_000)
    told = "f:1:1: 400001 characters of one file; expected at most 400000"
    assert str(caught.value) == told


def test_twelve_lists_stand_inside_one_another_and_no_more() -> None:
    source = Source("f")
    source.compose("[" * 11 + "a" + "]" * 11)
    source.compose("\n".join(["- [[[a]]]"] * 20))
    with pytest.raises(RuleError) as caught:
        source.compose("[" * 12 + "a" + "]" * 12)
    problem = "more than 12 nested lists or mappings"
    assert str(caught.value) == f"f:1:13: this is not YAML: {problem}"
    written: object = "b"
    for _ in range(12):
        written = {"a": written}
    assert isinstance(written, dict)
    assert as_yaml(written).endswith(" b\n")
    for inside in ([written], (written,)):
        with pytest.raises(RuleError) as caught:
            as_yaml({"a": inside})
        assert str(caught.value) == f"rule:1:1: {problem}"


def test_a_rule_has_ten_steps_and_fifty_tests_and_no_more() -> None:
    def pack(steps: int, tests: int) -> str:
        step = "{severity: major, when: level > 2 m}"
        test = "{name: a, every: 5 min, level: 1, expect: nothing}"
        more = f"steps: [{', '.join([step] * steps)}]\n  tests: [{', '.join([test] * tests)}]"
        return RULE.replace("tests: []", more)

    assert len(load_pack(pack(1, 50), file="f", domain="flood").rules[0].tests) == 50
    for text, told in (
        (pack(1, 51), "f:9:10: 51 tests of one rule; expected at most 50"),
        (pack(11, 1), "f:8:10: 11 steps of one rule; expected at most 10"),
        (pack(10, 1), "f:8:79: the steps of 'flood-x' must rise: major comes after major;"),
    ):
        with pytest.raises(RuleError) as caught:
            load_pack(text, file="f", domain="flood")
        assert str(caught.value).startswith(told)


def table(**body: object) -> Table:
    return Table({"every": "5 min", "expect": "nothing", **body}, HERE, catalogue())


def test_a_test_has_two_thousand_readings_and_no_more() -> None:
    assert len(table(level="1*1999 -*50 1").sent()[0]) == 2_000
    with pytest.raises(RuleError, match=r"^f:3:9: 2001 readings of one test; expected"):
        table(level="1*1999", rain="1 1").sent()


def test_a_test_lasts_a_year_and_no_longer() -> None:
    (found, last) = table(every="183 d", level="1 1").sent()
    assert last == found[-1].time
    with pytest.raises(RuleError, match=r"^f:3:9: a test lasts at most 366 d$"):
        table(every="183 d", level="1 1 -").sent()


def test_a_test_has_five_hundred_members_and_no_more() -> None:
    rows = {"light_level": "1"}
    assert len(table(members={"l-1 to l-500": rows}).subject([]).devices) == 501
    for names in ({"l-0 to l-500": rows}, {"l-1 to l-500": rows, "m": rows}):
        with pytest.raises(RuleError, match=r"^f:3:9: 501 members of one test; expected at most"):
            table(members=names)


def test_a_day_of_a_test_is_of_these_years() -> None:
    for day in ("1970-01-01", "2200-12-31"):
        table(day=day, level="1")
    for day in ("1969-12-31", "2201-01-01"):
        with pytest.raises(RuleError) as caught:
            table(day=day, level="1")
        assert str(caught.value) == f"f:3:9: {day}: expected a day of 1970 to 2200"
    with pytest.raises(RuleError, match=r"; expected a day such as 2024-07-14$"):
        table(day="14 July", level="1")


def test_a_duration_needs_its_unit_and_one_of_time() -> None:
    for text, told in (
        ("10", "10 has no unit; a duration is written like 10 min"),
        (" 2.5 ", "2.5 has no unit; a duration is written like 2.5 min"),
        ("2 minn", "'minn' is not a unit of time; expected a duration such as 10 min"),
        ("2 xx", "such as 10 min; expected one of d, h, min, s"),
        ("soon", "'soon' is not a duration; expected a number and a unit such as 10 min"),
        ("1.", "'1.' is not a duration; expected a number and a unit such as 10 min"),
    ):
        with pytest.raises(RuleError) as caught:
            parse_duration(text, HERE)
        assert told in str(caught.value)
    assert microseconds(1.5, "h", HERE) == 5_400_000_000


def test_the_nearest_word_is_meant_and_one_with_letters_swapped_before_all_others() -> None:
    assert did_you_mean("alrt", ["danger", "alert"]) == "; did you mean 'alert'?"
    assert did_you_mean("aelrt", ["aelr", "alert"]) == "; did you mean 'alert'?"
    assert did_you_mean("cab", ["bca", "abc"]) == "; did you mean 'abc'?"
    assert did_you_mean("levels", ["level", "levels of it"]) == "; did you mean 'level'?"
    assert did_you_mean("qqq", ["zz", "alert"]) == "; expected one of alert, zz"
    assert did_you_mean("qqq", []) == ""
