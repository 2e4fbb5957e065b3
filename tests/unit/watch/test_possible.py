"""The cheap look says "cannot" only where no values in the spans can make the condition true."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from hypervisor.watch.possible import Silences, Spans, can_be
from rules._pack import load_pack
from rules._tree import Node
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
        heard = Silences(paused=np.array([paused]), arrived=np.array([arrived]), upto=upto)
        spans = Spans(shape=(1,), series={}, sums={}, thresholds={}, silences={"level": heard})
        return bool(can_be(condition("silent(level, 10 min)"), spans)[0])

    minute = 60_000_000
    assert not silent(5 * minute, 0, 9 * minute)
    assert silent(5 * minute, 0, 10 * minute)
    assert silent(10 * minute, 0, 0)
    assert silent(0, NEVER, 0)
