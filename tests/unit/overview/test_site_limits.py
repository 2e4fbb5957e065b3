"""Thresholds of a site: which alarm is raised at each, which one the head of the page tells."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypervisor.overview.views_site_facts import (
    compute_limits,
    find_threshold_rules,
    pick_headline,
    pick_reference,
)
from hypervisor.overview.views_site_traces import count_increases
from hypervisor.registry.queries_site import ThresholdRow
from sensors._domain import catalogue
from sensors._quantity import Kind
from tests.unit.charts.charts import one_bin, trace

CATALOGUE = catalogue()
RULES: list[dict[str, Any]] = [
    {
        "when": "level > threshold.attention",
        "severity": "minor",
        "steps": [
            {"when": "level > threshold.alert", "severity": "major"},
            {"when": "level > threshold.danger", "severity": "critical"},
        ],
    },
    {"when": "air_temperature < threshold.frost", "severity": "minor"},
    {"when": "rate(level, 3 h) > threshold.rise", "severity": "minor"},
]


def _row(name: str, value: float, unit: str = "m") -> ThresholdRow:
    return ThresholdRow(
        site="gauge",
        name=name,
        value=value,
        unit=unit,
        quantity=None,
        illustrative=False,
        effective=datetime(2020, 1, 1, tzinfo=UTC),
        author="anne",
        reason="agreed",
        revisions=1,
    )


ROWS = [
    _row("attention", 160, "cm"),
    _row("alert", 1.9),
    _row("danger", 2.2),
    _row("rise", 0.03, "m/h"),
    _row("rain_10y_24h", 60, "mm"),
]


def test_rules_say_what_is_raised_at_a_threshold_and_from_which_side() -> None:
    found = find_threshold_rules(RULES)
    assert {name: one.priority for name, one in found.items()} == {
        "attention": 3,
        "alert": 2,
        "danger": 1,
        "frost": 3,
    }
    assert not found["frost"].above


def test_margins_are_in_the_quantity_s_unit_and_only_of_the_quantity_itself() -> None:
    found = {
        one.name: one
        for one in compute_limits(ROWS, CATALOGUE, find_threshold_rules(RULES), {"level": 1.97})
    }
    assert found["attention"].value == 1.6
    assert round(found["alert"].margin or 0, 2) == 0.07
    assert found["rise"].margin is None
    assert found["rain_10y_24h"].margin is None
    assert [one for one, limit in found.items() if limit.passed] == ["alert", "attention"]


def test_the_head_tells_the_worst_that_is_passed_else_the_nearest() -> None:
    raising = find_threshold_rules(RULES)

    def told(level: float) -> str | None:
        site_limit = pick_headline(
            compute_limits(ROWS, CATALOGUE, raising, {"level": level}), "level"
        )
        return site_limit.name if site_limit else None

    assert [told(level) for level in (0.5, 1.7, 1.97, 2.5)] == [
        "attention",
        "attention",
        "alert",
        "danger",
    ]


def test_what_is_judged_from_below_is_passed_below() -> None:
    rows = [_row("frost", -1, "Cel")]
    raising = find_threshold_rules(RULES)
    cold = compute_limits(rows, CATALOGUE, raising, {"air_temperature": -2.0})
    mild = compute_limits(rows, CATALOGUE, raising, {"air_temperature": 3.0})
    assert [site_limit.passed for site_limit in (*cold, *mild)] == [True, False]


def test_neighbours_are_told_against_their_alert() -> None:
    site_limits = compute_limits(ROWS, CATALOGUE, find_threshold_rules(RULES), {})
    site_limit = pick_reference(site_limits, "level")
    assert site_limit is not None
    assert site_limit.name == "alert"
    assert pick_reference(site_limits, "discharge") is None


def test_a_counter_is_drawn_as_amounts_and_its_thresholds_are_of_amounts() -> None:
    (limit,) = compute_limits(
        [_row("make_up_limit", 0.1, "m3")], CATALOGUE, {}, {"make_up_water": 93.2}
    )
    assert (limit.plain, limit.margin) == (False, None)
    (first, second) = (one_bin(0, 93.2), one_bin(1, 93.25))
    bins = (first, replace(second, increase=0.05))
    meter = trace((), name="meter/make_up_water", unit="m3", kind=Kind.COUNTER, bins=bins)
    amounts = count_increases(meter)
    assert amounts.kind is Kind.INCREMENT
    assert [each.total for each in amounts.bins] == [0.0, 0.05]
