"""Limits that panels of flood and weather draw are those of the rules that raise by them."""

from collections.abc import Iterator

import pytest

from dashboards._flood_now import BASIN_FILLING, BASIN_FULL
from dashboards._weather_rain import DRY, WET
from rules._pack import packs
from rules._rule import Rule
from rules._tree import Comparison, Node, Number


@pytest.fixture(scope="module")
def rules() -> dict[str, Rule]:
    return {rule.id: rule for pack in packs() for rule in pack.rules}


def _compared(node: Node) -> Iterator[tuple[str, float]]:
    """Every comparison with a number that has a unit."""
    if isinstance(node, Comparison) and isinstance(node.right, Number) and node.right.unit:
        yield node.operator, node.right.value
    for part in node.parts:
        yield from _compared(part)


def test_basins(rules: dict[str, Rule]) -> None:
    rule = rules["flood-basin-full"]
    drawn = [
        value
        for when in (rule.when, *(step.when for step in rule.steps))
        for _, value in _compared(when)
    ]
    assert drawn == [BASIN_FILLING, BASIN_FULL]


def test_blocked_rain_gauges(rules: dict[str, Rule]) -> None:
    told = dict(_compared(rules["weather-rain-gauge-blocked"].when))
    assert told == {">": WET, "<": DRY}
