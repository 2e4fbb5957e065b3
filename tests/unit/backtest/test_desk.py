"""What lies before an author who moves a threshold, or writes a rule that is not yet saved."""

from dataclasses import replace
from typing import Any

import pytest

from hypervisor.backtest.draft import Draft, Edit, prepare
from hypervisor.backtest.model import BacktestError
from hypervisor.registry.model import Device, Registry, Series
from tests.unit.backtest.making import at
from tests.unit.backtest.river import CATALOGUE, LEVEL, RISE, SILENT, fact, registry, rules

STEADY = """
- id: flood-steady
  title: "{site} steady"
  when: mean(level, 2 h) > threshold.attention and change(level, 2 h) < 0.1 m
  severity: minor
  advice: look
  wrong when: never
  tests: []
"""
BROKEN = """
- id: flood-broken
  title: "{site} broken"
  when: level > threshold.attention
  severity: minor
  category: maintenance
  advice: look
  wrong when: never
  tests: []
"""
ABOVE_DANGER = LEVEL.replace("flood-level", "flood-danger").replace("attention", "danger")
WHOLE = registry(LEVEL + RISE + SILENT + STEADY + BROKEN)


def desk(owner: str = "pont", *, registered: Registry = WHOLE, **more: Any) -> Draft:
    return prepare(registered, Edit(owner=owner, since=at(0), until=at(9), **more), CATALOGUE)


def refusal(owner: str = "pont", **more: Any) -> str:
    with pytest.raises(BacktestError) as caught:
        desk(owner, **more)
    return str(caught.value)


def test_a_threshold_moved_lies_beside_what_stands() -> None:
    result = desk(threshold="attention", value="250 cm")
    assert (result.site, result.subject) == ("pont", "pont")
    assert (result.value, result.new_value, result.unit) == (3.0, 2.5, "m")
    assert result.today is not None
    assert result.tried is not None
    assert result.today.thresholds == {"pont/attention": "3.0 m"}
    assert result.tried.thresholds == {"pont/attention": "2.5 m"}
    assert [rule.id for rule in result.today.rules] == ["flood-level"]
    assert result.tried.rules == result.today.rules
    assert (result.span.since, result.span.until) == (at(0), at(9))
    assert result.near.sites.keys() == {"pont"}


def test_the_likeliest_rule_comes_first() -> None:
    """One of the world that holds it against the level, then of our equipment, then the rest."""
    result = desk(threshold="attention")
    assert result.rules == ("flood-level", "flood-steady", "flood-broken")
    assert result.rule.id == "flood-level"
    assert result.severity is None
    assert result.compared is not None
    assert result.compared.series == "level"
    assert result.tried is None
    assert (result.value, result.new_value) == (3.0, None)


def test_a_rule_may_be_said_where_several_name_the_threshold() -> None:
    assert desk(threshold="attention", rule="flood-broken").rule.id == "flood-broken"
    assert refusal(threshold="attention", rule="flood-rise") == (
        "flood-rise does not apply at pont, or does not use the threshold"
    )


def test_of_a_step_its_severity_is_what_counts() -> None:
    result = desk(threshold="alert", value="3,5")
    assert (result.severity, result.new_value) == ("major", 3.5)
    assert result.rules == ("flood-level",)


def test_a_threshold_that_no_rule_asks_for_raises_nothing() -> None:
    assert refusal(threshold="danger", value="5 m") == (
        "no rule that applies at pont uses danger: an alarm needs one"
    )


def test_a_threshold_that_is_not_there_yet_has_no_today() -> None:
    whole = registry(ABOVE_DANGER)
    result = desk(registered=whole, threshold="danger", value="5 m")
    assert result.today is None
    assert result.tried is not None
    assert result.tried.thresholds == {"pont/danger": "5.0 m"}
    assert (result.value, result.new_value, result.unit) == (None, 5.0, "m")
    gone = registry(LEVEL, fact("threshold", "pont/attention", None, since=at(1)))
    assert refusal(registered=gone, threshold="attention") == (
        "pont has no 'attention' any more: enter a value to try"
    )


def test_the_latest_value_counts() -> None:
    moved = fact("threshold", "pont/attention", {"value": 2.0, "unit": "m"}, since=at(1))
    whole = replace(WHOLE, revisions=(*WHOLE.revisions, moved))
    assert desk(registered=whole, threshold="attention").value == 2.0


def test_a_device_has_the_threshold_of_its_site_until_it_has_its_own() -> None:
    per_device = LEVEL.replace("severity: minor", "per: device\n  severity: minor", 1)
    whole = registry(per_device)
    result = desk("device/pont", registered=whole, threshold="attention", value="2 m")
    assert (result.site, result.subject, result.value) == ("pont", "device/pont", 3.0)
    assert result.today is not None
    assert result.today.thresholds == {"device/pont/attention": "3.0 m"}
    own = fact("threshold", "device/pont/attention", {"value": 1.5, "unit": "m"})
    whole = replace(whole, revisions=(*whole.revisions, own))
    assert desk("device/pont", registered=whole, threshold="attention").value == 1.5


def test_of_a_site_whose_devices_are_judged_one_of_them_is_looked_at() -> None:
    per_device = LEVEL.replace("severity: minor", "per: device\n  severity: minor", 1)
    whole = registry(per_device)
    other = Device(name="a-second", site="pont", commissioned=WHOLE.devices["pont"].commissioned)
    whole = replace(
        whole,
        devices={**whole.devices, "a-second": other},
        series={
            **whole.series,
            ("a-second", "level"): Series(device="a-second", quantity="level", id=3),
        },
    )
    result = desk(registered=whole, threshold="attention")
    assert result.subject == next(
        f"device/{name}" for name in whole.devices if whole.devices[name].site == "pont"
    )


def test_a_rule_that_is_not_saved_is_tried_beside_what_stands() -> None:
    (slower,) = rules(LEVEL.replace("threshold.attention", "threshold.alert"))
    result = desk(written=slower)
    assert result.rule == slower
    assert result.rules == ("flood-level",)
    assert result.today is not None
    assert result.tried is not None
    assert [rule.id for rule in result.today.rules] == ["flood-level"]
    assert result.today.rules != result.tried.rules == (slower,)
    assert result.tried.thresholds == result.today.thresholds == {}
    assert (result.value, result.new_value, result.unit) == (3.0, 4.0, "m")
    assert result.severity is None
    (new,) = rules(LEVEL.replace("flood-level", "flood-new"))
    assert desk(written=new).today is None


def test_a_rule_that_is_not_saved_has_to_apply() -> None:
    (danger,) = rules(ABOVE_DANGER)
    assert refusal(written=danger) == (
        "flood-danger does not apply at pont: it lacks a series, a threshold or a model"
    )


def test_a_rule_may_be_looked_at_by_itself() -> None:
    result = desk(rule="flood-rise")
    assert (result.rule.id, result.rules) == ("flood-rise", ("flood-rise",))
    assert (result.value, result.unit, result.tried) == (2.0, "m", None)
    assert result.compared is not None
    assert (result.compared.direction, result.compared.severity) == ("above", None)
    assert result.today is not None
    level = desk(rule="flood-level")
    assert (level.value, level.unit) == (3.0, "m")


@pytest.mark.parametrize(
    ("owner", "more", "problem"),
    [
        ("ponts", {"threshold": "attention"}, "no site is named 'ponts'; did you mean 'pont'?"),
        (
            "device/ponts",
            {"threshold": "attention"},
            "no device is named 'ponts'; did you mean 'pont'?",
        ),
        (
            "pont",
            {"threshold": "atention"},
            "there is no threshold 'atention'; did you mean 'attention'?",
        ),
        ("pont", {"threshold": "attention", "value": "2 mm/h"}, "'2 mm/h': expected a value in m"),
        (
            "pont",
            {"threshold": "attention", "value": "inf"},
            "'inf' is not a number; expected one such as 1.78 m",
        ),
    ],
)
def test_what_cannot_be_tried_is_refused(owner: str, more: dict[str, str], problem: str) -> None:
    assert refusal(owner, **more).startswith(problem)


def test_a_threshold_of_our_own_has_the_unit_in_which_it_was_said() -> None:
    """It is in no vocabulary of this version, but somebody once said it."""
    own = fact("threshold", "pont/bank", {"value": 2.0, "unit": "cm"})
    whole = replace(WHOLE, revisions=(*WHOLE.revisions, own))
    assert refusal(registered=whole, threshold="bank") == (
        "no rule that applies at pont uses bank: an alarm needs one"
    )
