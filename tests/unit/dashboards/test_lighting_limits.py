"""Limits that panels of lighting draw are those of the rules that raise by them."""

from datetime import timedelta

import pytest

from dashboards._lighting_cabinets import MINUTES
from dashboards._lighting_now import BEYOND, RATIO
from rules._pack import packs
from rules._rule import Rule
from rules._tree import Number, walk


@pytest.fixture(scope="module")
def rules() -> dict[str, Rule]:
    return {rule.id: rule for pack in packs() for rule in pack.rules}


def _shares(rule: Rule) -> list[float]:
    """What a rule takes of the installed power."""
    numbers = [node.value for node in walk(rule.when) if isinstance(node, Number)]
    return [number for number in numbers if number not in {1.0, 10.0}]  # on; 0.1 kW of its own


def test_power_against_the_plan(rules: dict[str, Rule]) -> None:
    drawn = [step.at for step in RATIO]
    (missing,) = _shares(rules["lighting-power-missing"])
    (more,) = _shares(rules["lighting-over-consumption"])
    assert missing * 100 in drawn
    assert drawn[-1] == more * 100


def test_light_by_day(rules: dict[str, Rule]) -> None:
    (share,) = _shares(rules["lighting-lit-by-day"])
    assert f"c.installed * {share:g} THEN c.power" in BEYOND


def test_switching(rules: dict[str, Rule]) -> None:
    late = timedelta(microseconds=rules["lighting-switched-off-plan"].hold) / timedelta(minutes=1)
    assert {-late, late} <= {step.at for step in MINUTES}
