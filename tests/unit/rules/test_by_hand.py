"""Judgements worked out by hand, at the edges where a slip in the engine would hide."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from rules._engine import evaluate
from rules._inputs import Device, Horizon, SeriesColumns, Steps, Subject
from rules._interval import Interval, compute
from rules._pack import load_pack
from rules._pack_test import run_tests
from rules._read import read_rule
from rules._rule_state import Truth
from rules._vocabulary import Vocabulary
from rules._yaml import Source, as_yaml
from sensors._domain import catalogue
from sensors._quality import Quality
from sensors._quantity import Kind, Reporting

MINUTE = 60_000_000
OPEN = Vocabulary(series={}, thresholds={}, closed=False)
FULL = int(Quality.SATURATED)
Readings = Sequence[tuple[float, float, int]]  # minute, value, quality


def column(
    readings: Readings,
    *,
    kind: Kind = Kind.GAUGE,
    reporting: Reporting = Reporting.PERIODIC,
    interval: float = 5,
) -> SeriesColumns:
    times = np.array([round(at * MINUTE) for at, _, _ in readings], dtype=np.int64)
    return SeriesColumns(
        time=times,
        value=np.array([value for _, value, _ in readings], dtype=np.float64),
        quality=np.array([quality for _, _, quality in readings], dtype=np.int16),
        received_at=times,
        device="one",
        kind=kind,
        reporting=reporting,
        nonnegative=kind in (Kind.INCREMENT, Kind.COUNTER),
        interval=Steps.of([(0, interval * MINUTE)]),
        stale_after=Steps.of([(0, 3 * interval * MINUTE)]),
    )


def truth(when: str, series: Mapping[str, SeriesColumns], at: float) -> Truth:
    """What a condition says at a minute."""
    written = as_yaml({"id": "x", "title": "x", "when": when, "severity": "minor"})
    source = Source("x")
    rule = read_rule(source.compose(written), source, OPEN, domain="")
    subject = Subject(
        key="s",
        series=series,
        devices={"one": Device(commissioned=0, in_service=Steps.of([(0, 1.0)]))},
    )
    until = round(at * MINUTE)
    (verdict,) = evaluate([(0, rule)], [subject], Horizon(values=until, silence=until))
    whens = [moment.when for moment in verdict.moments if moment.time <= until]
    return whens[-1] if whens else Truth.UNKNOWN


GAUGE = [(at, 2.0, 0) for at in range(0, 31, 5)]


@pytest.mark.parametrize(
    ("low", "high"), [(0, 0), (0, 2), (-2, 0), (-1, 1)], ids=["zero", "from", "to", "across"]
)
def test_what_is_divided_by_what_may_be_zero_is_not_known(low: float, high: float) -> None:
    one, by = np.array([1.0]), Interval(np.array([float(low)]), np.array([float(high)]))
    found = compute("/", Interval(one, one), by)
    assert (found.lo[0], found.hi[0]) == (-np.inf, np.inf)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(2, 4, (-1, 1.5)), (-4, -2, (-1.5, 1)), (0.5, 0.5, (-4, 6))],
)
def test_what_is_divided_by_what_cannot_be_zero_is_the_hull(
    low: float, high: float, expected: tuple[float, float]
) -> None:
    found = compute(
        "/",
        Interval(np.array([-2.0]), np.array([3.0])),
        Interval(np.array([float(low)]), np.array([float(high)])),
    )
    assert (found.lo[0], found.hi[0]) == expected


@pytest.mark.parametrize(("operator", "expected"), [("+", (0, 7)), ("-", (-6, 1)), ("*", (-8, 12))])
def test_intervals_are_added_taken_away_and_multiplied(
    operator: str, expected: tuple[float, float]
) -> None:
    left = Interval(np.array([-2.0]), np.array([3.0]))
    right = Interval(np.array([2.0]), np.array([4.0]))
    found = compute(operator, left, right)
    assert (found.lo[0], found.hi[0]) == expected


def test_a_division_by_zero_neither_raises_nor_clears() -> None:
    series = {"a": column(GAUGE), "b": column([(at, 0.0, 0) for at in range(0, 31, 5)])}
    for when in ("a / b > 1", "a / b < 1", "a / b == 1", "not a / b > 1"):
        assert truth(when, series, 30) is Truth.UNKNOWN, when


def test_a_held_state_at_the_top_of_its_scale_bounds_means_from_below() -> None:
    state = column(
        [(0, 4.0, FULL), (50, 2.0, 0)],
        kind=Kind.STATE,
        reporting=Reporting.ON_CHANGE,
        interval=60,
    )
    series = {"x": state}
    assert truth("mean(x, 20 min) > 2.9", series, 50) is Truth.TRUE  # (4 or more + 2) / 2
    assert truth("mean(x, 20 min) < 9", series, 50) is Truth.UNKNOWN
    assert truth("mean(x, 20 min) > 3.1", series, 50) is Truth.UNKNOWN
    exact = column(
        [(0, 4.0, 0), (50, 2.0, 0)], kind=Kind.STATE, reporting=Reporting.ON_CHANGE, interval=60
    )
    assert truth("mean(x, 20 min) == 3", {"x": exact}, 50) is Truth.TRUE


@pytest.mark.parametrize("function", ["mean", "sum", "max"])
def test_one_saturated_reading_makes_a_window_a_lower_bound(function: str) -> None:
    readings = [(0, 1.0, 0), (5, 3.0, FULL), (10, 2.0, 0)]
    whole = {"mean": 2.0, "sum": 6.0, "max": 3.0}[function]
    series = {"x": column(readings)}
    partly = Truth.TRUE if function == "max" else Truth.UNKNOWN  # what was before is not known
    assert truth(f"{function}(x, 15 min) >= {whole}", series, 10) is partly
    longer = {"x": column([(-10, 1.0, 0), (-5, 1.0, 0), *readings])}
    seen = {"mean": 2.0, "sum": 6.0, "max": 3.0}[function]
    assert truth(f"{function}(x, 14 min) >= {seen}", longer, 10) is Truth.TRUE
    assert truth(f"{function}(x, 14 min) <= {seen}", longer, 10) is Truth.UNKNOWN


def test_the_least_of_a_window_is_at_most_its_smallest_unsaturated_reading() -> None:
    series = {"x": column([(-10, 5.0, 0), (-5, 5.0, 0), (0, 4.0, 0), (5, 3.0, FULL), (10, 5.0, 0)])}
    assert truth("min(x, 14 min) <= 4", series, 10) is Truth.TRUE
    assert truth("min(x, 14 min) >= 3", series, 10) is Truth.TRUE
    assert truth("min(x, 14 min) >= 4", series, 10) is Truth.UNKNOWN


def test_a_window_is_open_where_it_begins_and_closed_where_it_ends() -> None:
    series = {"x": column([(at, 1.0, 0) for at in range(-30, 31, 5)])}
    assert truth("count(x, 15 min) == 3", series, 30) is Truth.TRUE
    assert truth("sum(x, 15 min) == 3", series, 30) is Truth.TRUE
    rising = {"x": column([(at, float(at), 0) for at in range(-30, 31, 5)])}
    assert truth("rate(x, 10 min) == 60", rising, 30) is Truth.TRUE  # three readings: closed
    assert truth("rate(x, 9 min) == 60", rising, 30) is Truth.UNKNOWN
    assert truth("change(x, 15 min) == 15", rising, 30) is Truth.TRUE
    assert truth("max(x, 15 min) == 30", rising, 30) is Truth.TRUE
    assert truth("min(x, 15 min) == 20", rising, 30) is Truth.TRUE


def test_a_reading_holds_to_its_stale_limit_and_not_beyond() -> None:
    series = {"x": column([(0, 5.0, 0)]), "y": column([(at, 0.0, 0) for at in (0, 7, 14, 21)])}
    assert truth("x > 4 and y < 1", series, 14) is Truth.TRUE
    beyond = {"x": series["x"], "y": column([(0, 0.0, 0), (15, 0.0, 0)])}
    assert truth("x > 4 and y < 1", beyond, 15) is Truth.TRUE
    late = {"x": series["x"], "y": column([(0, 0.0, 0), (15.000001, 0.0, 0)])}
    assert truth("x > 4 and y < 1", late, 15.000001) is Truth.UNKNOWN


def told(rule: str, test: str) -> list[str]:
    """What a pack's test differs in, judged whole and in cuts."""
    text = f"""
- id: flood-x
  title: "{{site}}: x"
{rule}
  advice: Look.
  wrong when: It is not so.
  tests:
    - {{name: x, every: 5 min, {test}}}
"""
    (found,) = run_tests(load_pack(text, file="f", domain="flood"), catalogue())
    return list(found.differences)


STEP = """  when: level > 3 m
  clear: level < 2 m
  severity: minor
  steps: [{severity: major, when: level > 4 m, clear: level < 1 m}]"""


def test_the_latch_of_a_step_ends_with_its_alarm() -> None:
    """The second alarm begins as the rule says, though the step's own `clear` never held."""
    assert (
        told(
            STEP,
            "level: 0 3.5 4.5 3.5 1.9 3.5 3.6 4.1 1.5 3.9, expect: ["
            "{began: '00:05', ended: '00:20', severity: ['00:05 minor', '00:10 major']},"
            "{began: '00:25', ended: '00:40', severity: ['00:25 minor', '00:35 major']},"
            "{began: '00:45', severity: ['00:45 minor']}]",
        )
        == []
    )


def test_a_step_that_has_a_for_of_its_own_waits_anew_in_each_alarm() -> None:
    rule = STEP.replace("clear: level < 1 m}", "clear: level < 1 m, for: 10 min}")
    assert (
        told(
            rule,
            "level: 0 4.5 4.5 1.9 4.5 4.5 4.5, expect: ["
            "{began: '00:05', ended: '00:15', severity: ['00:05 minor']},"
            "{began: '00:20', severity: ['00:20 minor', '00:30 major']}]",
        )
        == []
    )


@pytest.mark.parametrize(
    ("last", "began"), [("3.1", "began 00:10"), ("3.0", "no alarm")], ids=["above", "at"]
)
def test_a_limit_is_passed_and_not_met(last: str, began: str) -> None:
    (first, *_) = told(
        "  when: level > 3 m\n  severity: minor", f"level: 0 0 {last}, expect: [{{began: '09:00'}}]"
    )
    assert f"found {began}" in first


@pytest.mark.parametrize("function", ["sum", "increase", "mean", "rate"])
def test_of_a_window_that_was_not_known_throughout_a_gauge_tells_nothing(function: str) -> None:
    """It may have been below zero; what is seen bounds only what is never negative."""
    for comparison in ("> 1", "< 1", "> -1", "< -1"):
        assert truth(f"{function}(x, 2 h) {comparison}", {"x": column(GAUGE)}, 30) is Truth.UNKNOWN
    rain = {"x": column(GAUGE, kind=Kind.INCREMENT)}
    assert truth("sum(x, 2 h) > 13", rain, 30) is Truth.TRUE
    assert truth("sum(x, 2 h) > 14", rain, 30) is Truth.UNKNOWN
    energy = {"x": column([(t, float(t), 0) for t in range(0, 31, 5)], kind=Kind.COUNTER)}
    assert truth("increase(x, 2 h) > 29", energy, 30) is Truth.TRUE
    assert truth("increase(x, 2 h) > 30", energy, 30) is Truth.UNKNOWN


def test_the_extremes_of_a_window_that_was_not_known_throughout_are_bounds() -> None:
    series = {"x": column(GAUGE)}
    assert truth("max(x, 2 h) >= 2", series, 30) is Truth.TRUE
    assert truth("max(x, 2 h) <= 2", series, 30) is Truth.UNKNOWN
    assert truth("min(x, 2 h) <= 2", series, 30) is Truth.TRUE
    assert truth("min(x, 2 h) >= 2", series, 30) is Truth.UNKNOWN
    assert truth("count(x, 2 h) >= 7", series, 30) is Truth.TRUE
    assert truth("count(x, 2 h) <= 7", series, 30) is Truth.UNKNOWN
