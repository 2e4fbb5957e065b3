"""The engine against a slow, obvious model, on random rules and readings."""

from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings

from rules._log import episodes
from rules._replay import evaluate_at_once
from tests.unit.rules.generating import World, worlds
from tests.unit.rules.reference import Reference


def agrees(world: World) -> None:
    subject = world.subject()
    closings = world.closings
    moments = evaluate_at_once([(0, world.rule)], subject, world.horizon, closings=closings)
    with patch("rules._evaluated_columns._FEW", 0):  # as of a record of many rows
        again = evaluate_at_once([(0, world.rule)], subject, world.horizon, closings=closings)
    assert again == moments
    found = episodes("rule", subject, moments)
    assert found == Reference(world.rule, subject, world.horizon, closings).log()


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_the_engine_gives_the_log_of_the_reference_model(world: World) -> None:
    agrees(world)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=2000, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_the_engine_gives_the_log_of_the_reference_model_many_times(world: World) -> None:
    agrees(world)
