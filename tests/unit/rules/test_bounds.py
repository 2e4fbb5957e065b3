"""Extreme numbers, durations and sizes: refused where a rule is checked, with place and bound."""

from typing import Any

import pytest

from hypervisor.evaluation.rule_text import read_any, read_written
from rules._errors import RuleError
from rules._pack import load_pack
from rules._pack_test import run_tests
from sensors import _scalars as scalars
from sensors._domain import catalogue
from sensors._units import UnitError, conversion
from simulators._options import OptionError, parse_duration
from simulators._yaml import parse_hours

RULE = """
- id: flood-x
  title: "{site}: x"
  when: WHEN
  severity: minor
  advice: Look.
  wrong when: It is not so.
  tests: TESTS
"""


def refused(when: str = "level > 1 m", tests: str = "[]", more: str = "") -> str:
    """What is said of a pack with this condition, these tests and further keys."""
    text = RULE.replace("WHEN", when).replace("TESTS", tests + more)
    with pytest.raises(RuleError) as caught:
        load_pack(text, file="f", domain="flood")
    return str(caught.value)


def run(test: str) -> str:
    """What a test of the pack is told."""
    text = RULE.replace("WHEN", "level > 1 m").replace("TESTS", f"[{{name: a, {test}}}]")
    (done,) = run_tests(load_pack(text, file="f", domain="flood"), catalogue())
    return " ".join(done.differences)


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("mean(level, 999999999 d) > 1 m", "f:4:21: 1e+09 d is too long; a duration lasts at most"),
        ("mean(level, 367 d) > 1 m", "367 d is too long; a duration lasts at most 366 d"),
        ("mean(level, 1e300 d) > 1 m", "is too large; a number lies between -1e15 and 1e15"),
        ("mean(level, 0.0001 ms) > 1 m", "is too short; a duration lasts at least 1 ms"),
        ("mean(level, 0 s) > 1 m", "mean needs a duration above zero"),
        ("silent(level, 99999 weeks)", "is too long"),
        ("silent(level, 0.5 intervals)", "silent takes from 1 to 1000 intervals"),
        ("silent(level, 1001 intervals)", "silent takes from 1 to 1000 intervals"),
        ("silent(device, 3 intervals)", "silent(device, …) takes a duration, such as 30 min"),
        ("mean(level, 3 intervals) > 1 m", "intervals"),
        ("stuck(level, 99999 d) and level > 1 m", "is too long"),
        ("change(level, 99999 d) > 1 m", "is too long"),
        ("upstream(level, 99999 d) > 1 m", "is too long"),
        ("level > 1e400 m", "f:4:17: 1e400 is too large; a number lies between -1e15 and 1e15"),
        ("level > -1e400 m", "is too large"),
        ("level > 1e15 km", "1e+15 km, 1e+18 m, is too large"),
        (
            "level > 1e-400 m",
            "f:4:17: 1e-400 is too small; the smallest number other than 0 is 1e-12",
        ),
        ("level > 1e-12 mm", "is too small"),
        ("level > nan", "f:4:17: unknown series 'nan'"),
        ("level > inf", "unknown series 'inf'"),
        ("hour == 1e400 and level > 1 m", "is too large"),
        ("level > 1 km999", "cannot be converted into"),
        (f"level > {'9' * 5000} m", "is too large"),
        ("(" * 500 + "level > 1 m" + ")" * 500, "nested too deep"),
        ("not " * 500 + "level > 1 m", "nested too deep"),
        ("level > " + "-" * 500 + "1 m", "nested too deep"),
        ("level" + " + level" * 500 + " > 1 m", "more than 100 nested operators"),
        (" or ".join(["level > 1 m"] * 20_000), "characters of one expression; expected at most"),
    ],
)
def test_no_condition_is_beyond_what_the_engine_counts_with(when: str, said: str) -> None:
    assert said in refused(when)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("\n  for: 999999999 d", "f:9:8: 1e+09 d is too long"),
        ("\n  for: 0.0001 ms", "is too short"),
        ("\n  keep for: 400 d", "f:9:13: 400 d is too long"),
        ("\n  remind: 99999999999999999999 d", "is too long"),
        ("\n  clear: level < 1e400 m", "f:9:18: 1e400 is too large"),
        ("\n  chatter: 5 in 9999 d", "is too long"),
        (f"\n  chatter: {'9' * 5000} in 1 h", "is not a chatter limit"),
        ("\n  steps: [{severity: major, when: level > 1e99 m}]", "is too large"),
        ("\n  steps: [{severity: major, when: level > 2 m, for: 9999 d}]", "is too long"),
        (
            f"\n  steps: [{', '.join(['{severity: major, when: level > 2 m}'] * 11)}]",
            "f:9:10: 11 steps of one rule; expected at most 10",
        ),
        ("\n  labels: " + "[" * 5000 + "]" * 5000, "more than 12 nested lists or mappings"),
        (
            "\n  labels: " + "{a: " * 5000 + "b" + "}" * 5000,
            "more than 12 nested lists or mappings",
        ),
        ("\n  labels: {a: &x [b, b], c: *x}", "an alias; write it out"),
    ],
)
def test_no_key_of_a_rule_is_unbounded(more: str, said: str) -> None:
    assert said in refused(more=more)


def test_what_lies_at_a_bound_is_accepted() -> None:
    for when in ("mean(level, 366 d) > 1 m", "level > 1e15 m", "level > 1e-12 m", "level > 0.0 m"):
        text = RULE.replace("WHEN", when).replace("TESTS", "[]\n  for: 366 d\n  keep for: 0 s")
        assert load_pack(text, file="f", domain="flood").rules[0].hold == 366 * 86_400 * 10**6
    assert load_pack(
        RULE.replace("WHEN", " or ".join(["level > 1 m"] * 600)).replace("TESTS", "[]"),
        file="f",
        domain="flood",
    ).rules


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("every: 5 min, level: 1*99999, expect: nothing", "readings of one test; expected at most"),
        ("every: 5 min, level: 1*999999999, expect: nothing", "is not a reading"),
        ("every: 366 d, level: 1 1 1, expect: nothing", "a test lasts at most 366 d"),
        ("every: 0 s, level: 1 1, expect: nothing", "needs a duration above zero"),
        (f"every: 5 min, level: {'9' * 400}, expect: nothing", "is too large"),
        ("every: 5 min, day: 9999-12-31, level: 1, expect: nothing", "expected a day of 1970 to"),
        (
            "every: 5 min, level: 1, members: {a-1 to a-999999: {level: 1}}, expect: nothing",
            "members of one test; expected at most 500",
        ),
        ("every: 5 min, until: 99999d00:00, level: 1, expect: nothing", "is not a time"),
        (
            f"every: 5 min, level: 1, thresholds: {{alert: {'9' * 400} m}}, expect: nothing",
            "is too large",
        ),
        (
            "every: 5 min, level: 1, upstream: {a: {lag: 9999 d, level: 1}}, expect: nothing",
            "is too long",
        ),
    ],
)
def test_no_test_in_a_pack_is_unbounded(test: str, said: str) -> None:
    assert said in run(test)


def test_a_pack_has_so_many_tests_and_no_more() -> None:
    tests = ", ".join(["{name: a, every: 5 min, level: 1, expect: nothing}"] * 51)
    assert "51 tests of one rule; expected at most 50" in refused(tests=f"[{tests}]")


def test_an_object_nested_without_end_is_refused_as_text_is() -> None:
    written: dict[str, Any] = {}
    for _ in range(5000):
        written = {"a": written}
    with pytest.raises(RuleError, match="more than 12 nested lists or mappings"):
        read_written({"id": "flood-x", "labels": written}, domain="flood")
    with pytest.raises(RuleError, match="more than 12 nested lists or mappings"):
        read_any("{a: " * 5000 + "}" * 5000, domain="flood")


@pytest.mark.parametrize("text", ["1e400 m", "1e300 km", "nan m", "inf m", "1e-300 m", "1 m999"])
def test_a_measure_of_an_inventory_is_bounded(text: str) -> None:
    with pytest.raises(scalars.ScalarError):
        scalars.measure(text, "m")


@pytest.mark.parametrize("text", ["1e300 d", "367 d", "1e-9 s", "-1 s", "1e999 s"])
def test_a_duration_of_an_inventory_is_bounded(text: str) -> None:
    with pytest.raises(scalars.ScalarError):
        scalars.duration(text)


def test_units_too_far_apart_do_not_convert() -> None:
    for source, target in (("km999", "m999"), ("mm999", "m999"), ("km9", "mm9")):
        with pytest.raises(UnitError, match="too far apart"):
            conversion(source, target)
    assert conversion("km", "mm") == (1e6, 0.0)


def test_a_duration_of_a_scenario_is_bounded() -> None:
    for text in (f"{'9' * 400} d", "3661 d", "99999999 h"):
        assert parse_hours(text) is None
        with pytest.raises(OptionError, match="at most ten years"):
            parse_duration(text)
    assert parse_hours("-3660 d") == -87_840.0
    assert parse_duration("3660 d") == 316_224_000.0
