"""Judging in cuts, in any order of arrival, gives what judging whole gives."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules._engine import evaluate
from rules._log import episodes
from rules._readings import Sent
from rules._replay import evaluate_at_once, replay
from tests.unit.rules.generating import World, worlds


def agrees(world: World, size: int) -> None:
    revisions = [(0, world.rule)]
    sent = world.sent
    if world.rule.axis == "silence":
        # What a correction replaced had arrived too, but no store's columns say so any more.
        sent = tuple({(one.series, one.time): one for one in sent}.values())
    closed = world.closings
    once = evaluate_at_once(revisions, world.subject(sent), world.horizon, closings=closed)
    cut = replay(revisions, world.subject, sent, world.horizon, size=size, closings=closed)
    assert cut == once


def orders_agree(world: World, sent: Sequence[Sent], size: int) -> None:
    """The same readings, arriving in another order: value alarms do not know."""
    revisions = [(0, world.rule)]
    # One version a time, so that another order corrects nothing differently.
    rows = {(one.series, one.time): one for one in sent}
    late = [
        replace(one, received_at=world.horizon.values + rank)
        for rank, one in enumerate(rows.values())
    ]
    kept = [row for row in late if row.time <= world.horizon.values]
    once = evaluate_at_once(
        revisions, world.subject(sorted(kept, key=lambda r: r.time)), world.horizon
    )
    cut = replay(revisions, world.subject, kept, world.horizon, size=size)
    assert episodes("rule", "s", cut) == episodes("rule", "s", once)


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(worlds(), st.integers(1, 4))
def test_small_cuts_by_arrival_give_the_same_moments(world: World, size: int) -> None:
    agrees(world, size)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=2000, suppress_health_check=list(HealthCheck))
@given(worlds(), st.integers(1, 4))
def test_small_cuts_by_arrival_give_the_same_moments_many_times(world: World, size: int) -> None:
    agrees(world, size)


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(worlds(), st.data())
def test_shuffled_arrival_gives_the_same_value_alarms(world: World, data: st.DataObject) -> None:
    if world.rule.axis == "values":
        orders_agree(world, data.draw(st.permutations(world.sent)), data.draw(st.integers(1, 4)))


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(st.tuples(worlds(), worlds(), worlds()))
def test_many_subjects_together_are_judged_as_each_alone(three: tuple[World, ...]) -> None:
    rule, horizon = three[0].rule, three[0].horizon
    worlds_of_rule = [replace(w, rule=rule, key=f"s{i}") for i, w in enumerate(three)]
    subjects = [world.subject() for world in worlds_of_rule]
    closed = {world.key: world.closings for world in worlds_of_rule}
    together = evaluate([(0, rule)], subjects, horizon, closings=closed)
    alone = [evaluate([(0, rule)], [subject], horizon, closings=closed)[0] for subject in subjects]
    assert together == alone
