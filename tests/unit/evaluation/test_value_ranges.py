"""The cheap look says "cannot" only where no values in the spans can make the condition true."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from hypervisor.evaluation.recent_values import LATER
from hypervisor.evaluation.value_ranges import Silences, Spans, can_be
from rules._pack import load_pack
from rules._tree import Node, Number
from rules._usual import past_hours, shortest_history, weeks_needed
from sensors._errors import Place
from sensors._row import NEVER

PACK = """
- id: flood-x
  title: "{{site}}"
  when: {when}
  severity: major
  advice: look
  wrong when: never
  tests: []
"""


def condition(when: str) -> Node:
    return load_pack(PACK.format(when=when), file="x.yaml", domain="flood").rules[0].when


def possible(when: str, low: float, high: float, limit: float = 3.0) -> bool:
    spans = Spans(
        shape=(1,),
        series={"level": (np.array([low]), np.array([high]))},
        sums={"level": (np.array([min(low, 0)]), np.array([max(high, 0)]))},
        thresholds={"attention": np.array([limit])},
    )
    return bool(can_be(condition(when), spans)[0])


def test_a_threshold() -> None:
    assert not possible("level > threshold.attention", 1.0, 2.9)
    assert possible("level > threshold.attention", 1.0, 3.1)
    assert not possible("threshold.attention < level", 1.0, 2.9)
    assert possible("level < threshold.attention - 0.10 m", 2.8, 3.1)
    assert not possible("level < threshold.attention - 0.10 m", 2.95, 3.1)


def test_a_change_is_no_larger_than_the_span() -> None:
    assert not possible("change(level, 1 h) > 0.5 m", 1.0, 1.4)
    assert possible("change(level, 1 h) > 0.5 m", 1.0, 1.6)


def test_and_or_not() -> None:
    assert not possible("level > 3 m and level < 1 m", 1.5, 2.0)
    assert not possible("level > 3 m or level < 1 m", 1.5, 2.0)
    assert possible("level > 3 m or level < 1 m", 0.5, 2.0)
    assert possible("not (level > 3 m)", 1.0, 2.0)
    assert not possible("not (level > 3 m)", 3.5, 4.0)


def test_what_it_does_not_know_can_be() -> None:
    assert possible("rate(level, 3 h) > 9 m/h", 1.0, 1.0)
    assert possible("level > threshold.alert", 1.0, 1.0)
    assert possible("level > threshold.attention", 1.0, 1.0, limit=np.nan)


def test_a_saturated_gauge_has_no_bound_above() -> None:
    assert possible("level > threshold.attention", 1.0, np.inf)


def test_a_series_that_never_spoke_makes_nothing_true() -> None:
    assert not possible("level > threshold.attention", np.inf, -np.inf)


@given(low=st.floats(-5, 10), width=st.floats(0, 5), share=st.floats(0, 1), limit=st.floats(-5, 10))
def test_whatever_holds_at_a_point_of_the_span_is_possible(
    low: float, width: float, share: float, limit: float
) -> None:
    level = min(low + width * share, low + width)
    for when, holds in (
        ("level > threshold.attention", level > limit),
        ("level >= threshold.attention", level >= limit),
        ("level < threshold.attention", level < limit),
        ("level == threshold.attention", level == limit),
        ("not (level > threshold.attention)", level <= limit),
        ("level * -2 > threshold.attention", level * -2 > limit),
        ("level / -3 > threshold.attention", level / -3 > limit),
        ("threshold.attention / level > 1 and level > 0 m", level > 0 and limit / level > 1),
        ("level - threshold.attention > 1 m", level - limit > 1),
    ):
        assert not holds or possible(when, low, low + width, limit)


def group(when: str, levels: list[float], present: list[bool]) -> bool:
    """One group; each member's level is known exactly."""
    values = np.array([levels])
    members = Spans(
        shape=values.shape,
        series={"level": (values, values)},
        sums={},
        thresholds={"attention": np.array([[3.0]])},
    )
    spans = Spans(
        shape=(1,),
        series={},
        sums={},
        thresholds={"attention": np.array([3.0])},
        members=members,
        present={"level": np.array([present])},
    )
    rule = load_pack(
        PACK.format(when=when).replace("  severity", "  per: group\n  severity"),
        file="x.yaml",
        domain="flood",
    ).rules[0]
    return bool(can_be(rule.when, spans)[0])


def test_a_share_of_a_group() -> None:
    levels = [1.0, 2.0, 3.5, 4.0]
    assert group("share(level > threshold.attention) >= 0.5", levels, [True] * 4)
    assert not group("share(level > threshold.attention) > 0.6", levels, [True] * 4)
    assert group("share(level > threshold.attention) > 0.6", levels, [False, True, True, True])
    assert not group("share(level > threshold.attention) < 0.4", levels, [True] * 4)
    assert group("share(level > 9 m) > 0.5", levels, [False] * 4), "of no member nothing is known"


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0, 3), st.booleans()), min_size=1))
def test_any_share_of_values_in_the_spans_is_possible(
    members: list[tuple[float, float, bool]],
) -> None:
    low = np.array([[one for one, _, _ in members]])
    high = low + np.array([[width for _, width, _ in members]])
    inner = Spans(shape=low.shape, series={"level": (low, high)}, sums={}, thresholds={})
    spans = Spans(
        shape=(1,),
        series={},
        sums={},
        thresholds={},
        members=inner,
        present={"level": np.ones(low.shape, dtype=bool)},
    )
    true = np.mean([lo if at_low else lo + w for lo, w, at_low in members] > np.float64(1.0))
    for operator, holds in ((">=", true >= 0.5), ("<", true < 0.5), (">", true > 0.25)):
        bound = 0.25 if operator == ">" else 0.5
        rule = load_pack(
            PACK.format(when=f"share(level > 1 m) {operator} {bound}").replace(
                "  severity", "  per: group\n  severity"
            ),
            file="x.yaml",
            domain="flood",
        ).rules[0]
        assert not holds or can_be(rule.when, spans)[0]


def test_a_silence_that_cannot_be_complete() -> None:
    def silent(paused: int, arrived: int, upto: int) -> bool:
        heard = Silences(
            paused=np.array([paused]),
            arrived=np.array([arrived]),
            upto=upto,
            usual=np.array([0]),
        )
        spans = Spans(shape=(1,), series={}, sums={}, thresholds={}, silences={"level": heard})
        return bool(can_be(condition("silent(level, 10 min)"), spans)[0])

    minute = 60_000_000
    assert not silent(5 * minute, 0, 9 * minute)
    assert silent(5 * minute, 0, 10 * minute)
    assert silent(10 * minute, 0, 0)
    assert silent(0, NEVER, 0)


@pytest.mark.parametrize(
    ("when", "low", "high", "can"),
    [
        ("level > threshold.attention", 1, 3, False),
        ("level >= threshold.attention", 1, 3, True),
        ("level >= threshold.attention", 1, 2.9, False),
        ("level < threshold.attention", 3, 5, False),
        ("level <= threshold.attention", 3, 5, True),
        ("level <= threshold.attention", 3.1, 5, False),
        ("level == threshold.attention", 3.1, 5, False),
        ("level == threshold.attention", 1, 2.9, False),
        ("level == threshold.attention", 1, 3, True),
        ("level == threshold.attention", 3, 5, True),
        ("level != threshold.attention", 3, 3, False),
        ("level != threshold.attention", 3, 4, True),
        ("level != threshold.attention", 2, 3, True),
        ("level != threshold.attention", 4, 4, True),
        ("level != threshold.attention", np.inf, -np.inf, False),
        ("threshold.attention != level", np.inf, -np.inf, False),
        ("threshold.attention == level", np.inf, -np.inf, False),
        ("not (level >= threshold.attention)", 3, 5, False),
        ("not (level <= threshold.attention)", 1, 3, False),
        ("not (level < threshold.attention)", 1, 2.9, False),
        ("not (level == threshold.attention)", 3, 3, False),
        ("not (level != threshold.attention)", 4, 5, False),
        ("not (level > 3 m and level < 4 m)", 3.5, 3.6, False),
        ("not (level > 3 m or level < 1 m)", 3.5, 3.6, False),
        ("not (level > 3 m or level < 1 m)", 2.5, 3.6, True),
        ("not (level > 3 m and level < 4 m)", 2.5, 3.6, True),
        ("level + level > threshold.attention", 1, 1.4, False),
        ("level + level > threshold.attention", 1, 1.6, True),
        ("level + 1 m < threshold.attention", 2.1, 5, False),
        ("level - level > threshold.attention", 1, 3.9, False),
        ("level - level > threshold.attention", 1, 4.1, True),
        ("level - level < threshold.attention * -1", 1, 3.9, False),
        ("level * -1 > threshold.attention", -2.9, 9, False),
        ("level * -1 > threshold.attention", -3.1, 9, True),
        ("level * 2 > threshold.attention", -9, 1.4, False),
        ("change(level, 1 h) < -0.5 m", 1, 1.4, False),
        ("change(level, 1 h) < -0.5 m", 1, 1.6, True),
        ("max(level, 1 h) > threshold.attention", 1, 2.9, False),
        ("min(level, 1 h) > threshold.attention", 1, 2.9, False),
        ("mean(level, 1 h) > threshold.attention", 1, 2.9, False),
        ("mean(level, 1 h) > threshold.attention", 1, 3.1, True),
        ("last(level) > threshold.attention", 1, 2.9, False),
        ("last(level) > threshold.attention", 1, 3.1, True),
        ("level / level > 4", 1, 1, False),
        ("level / level > 4", 2, 7.9, False),
        ("level / level > 4", 2, 8.1, True),
        ("level / level < -4", -8.1, -2, False),
        ("level / level > 4", -8.1, -2, True),
        ("level / level < 4", -1, 1, True),
        ("level / level > 4", 0.9, 1, True),  # rounding errors would be enlarged
        ("level / level > 4", np.inf, -np.inf, True),
        ("level / 2 > threshold.attention", 1, 5.9, False),
        ("level / -2 > threshold.attention", -5.9, 1, False),
        ("level / 0 > threshold.attention", 1, 2, True),
        ("discharge > 1 m3/s", 1, 1, True),
    ],
)
def test_what_can_be_to_the_very_bound(when: str, low: float, high: float, *, can: bool) -> None:
    assert possible(when, low, high) == can


def test_what_is_computed_may_be_off_by_a_rounding() -> None:
    assert possible("level + 1 m > threshold.attention", 1.0, 2.0)
    assert not possible("level + 1 m > threshold.attention", 1.0, 2.0 - 2e-6)
    assert possible("level + 1 m < threshold.attention", 2.0, 3.0)
    assert not possible("level + 1 m < threshold.attention", 2.0 + 2e-6, 3.0)
    assert not possible("change(level, 1 h) > 0 m", 1.0, 1.0)  # nothing stays nothing
    assert not possible("change(level, 1 h) < 0 m", 1.0, 1.0)


def rain(when: str, fall: float, rise: float) -> bool:
    spans = Spans(
        shape=(1,),
        series={},
        sums={"catchment_rain": (np.array([fall]), np.array([rise]))},
        thresholds={},
    )
    return bool(can_be(condition(when), spans)[0])


def test_a_sum_is_of_no_more_than_all_that_fell() -> None:
    assert not rain("sum(catchment_rain, 1 h) > 20 mm", 0, 19)
    assert rain("sum(catchment_rain, 1 h) > 20 mm", 0, 21)
    assert not rain("sum(catchment_rain, 1 h) < 0 mm", 0, 19)
    assert rain("sum(catchment_rain, 1 h) < 0 mm", -1, 19)
    assert rain("sum(discharge, 1 h) > 20 m3/s", 0, 0)


def test_the_next_silence_is_told_of_those_that_cannot_be_complete() -> None:
    heard = Silences(
        paused=np.array([9, 0, 0]),
        arrived=np.array([50, 40, 60]),
        upto=50,
        usual=np.array([5, 10, 20]),
    )
    place = Place(file="", line=0, column=0)
    nine, ten = (Number(place=place, value=value, unit="us") for value in (9, 10))
    assert heard.of(ten).tolist() == [False, True, False]
    assert heard.of(nine).tolist() == [True, True, False]
    assert heard.next(ten).tolist() == [60, LATER, 70]
    two = Number(place=place, value=2, unit="intervals")
    assert heard.of(two).tolist() == [False, False, False]
    assert heard.next(two).tolist() == [60, 60, 100]


def test_a_share_is_of_the_members_that_are_there() -> None:
    levels = [1.0, 2.0, 3.5, 4.0]
    half = "share(level > threshold.attention)"
    assert group(f"{half} == 0.5", levels, [True] * 4)
    assert not group(f"{half} < 0.49", levels, [True] * 4)
    assert not group(f"{half} > 0.51", levels, [True] * 4)
    assert group(f"{half} > 0.9", levels, [False, False, True, True])
    assert not group(f"{half} < 0.9", levels, [False, False, True, True])
    assert group("share(discharge > 1 m3/s) > 0.9", levels, [True] * 4)


def test_a_forecast_is_anything_where_there_is_a_model_and_nothing_elsewhere() -> None:
    def forecast(when: str, *, modelled: bool) -> bool:
        spans = Spans(
            shape=(1,),
            series={"level": (np.array([1.0]), np.array([2.0]))},
            sums={},
            thresholds={"attention": np.array([3.0])},
            modelled={"level": np.array([modelled])},
        )
        return bool(can_be(condition(when), spans)[0])

    soon = "chance(level > threshold.attention, 2 h) >= 0.5"
    for when in (soon, "forecast(level, 1 h) > 9 m", f"not ({soon})", "forecast(level, 1 h) < 0 m"):
        assert forecast(when, modelled=True)
        assert not forecast(when, modelled=False)
    assert not forecast(f"{soon} and level > 2.5 m", modelled=True)
    assert possible(soon, 1.0, 2.0)


DAY = 86_400_000_000


@pytest.mark.parametrize(
    ("when", "days", "can"),
    [
        ("level > usual(level, 4 weeks)", 7.0, False),
        ("level > usual(level, 4 weeks)", 8.0, True),
        ("level > usual(level, 8 weeks)", 21.0, False),
        ("level > usual(level, 8 weeks)", 22.0, True),
        ("not (level > usual(level, 4 weeks))", 7.0, False),
        ("level > 2.5 * usual(level, 4 weeks)", 7.0, False),
        ("level > usual(level, 4 weeks) + 1 m", 7.0, False),
        ("level > usual(level, 4 weeks) * 0", 7.0, True),
        ("level > 1 m or level > usual(level, 4 weeks)", 7.0, True),
    ],
)
def test_nothing_is_usual_before_its_weeks(when: str, days: float, *, can: bool) -> None:
    level = np.array([2.0]), np.array([3.0])
    recorded = {"level": lambda: np.array([int(days * DAY)])}
    spans = Spans(shape=(1,), series={"level": level}, sums={}, thresholds={}, recorded=recorded)
    assert can_be(condition(when), spans).tolist() == [can]


@given(st.integers(0, 700), st.sampled_from([2, 4, 5, 8]))
def test_the_engine_knows_no_usual_value_of_a_shorter_history(day: int, weeks: int) -> None:
    """Of readings every half hour, on any day of two years, among them holidays."""
    end = 1_672_531_200_000_000 + day * DAY + 12 * 3_600_000_000
    step, reach = 1_800_000_000, shortest_history(weeks)
    times = np.arange(end - reach + step, end + 1, step)
    ends, comparable = past_hours("Europe/Paris", times[-1:], weeks)
    assert (comparable & (ends >= times[0])).sum() < weeks_needed(weeks)
