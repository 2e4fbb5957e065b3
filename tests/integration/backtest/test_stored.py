"""A backtest over what is stored says what the live log says, and writes nothing."""

import random
from dataclasses import replace

import pytest

from hypervisor.alarms.log import log_entry
from hypervisor.backtest import evaluate, sources
from hypervisor.backtest.model import BacktestError, Span
from hypervisor.backtest.registries import Trial
from hypervisor.backtest.service import Answer, Question, backtest_stored
from hypervisor.base.instants import moment
from hypervisor.database import feed
from hypervisor.database.connect import connect
from tests.conftest import Stack
from tests.integration.evaluation import field
from tests.integration.evaluation.test_equality import (
    Play,
    at_once,
    flood,
    in_batches,
    new_world,
    outage_in_reverse,
    play,
)
from tests.integration.evaluation.world import CATALOGUE, Sent, World, us

pytestmark = pytest.mark.integration


def asked(world: World, wanted: Question | None = None) -> Answer:
    """The answer by a connection that could not write."""
    with connect(world.url) as own:
        own.execute("SET TRANSACTION READ ONLY")
        return backtest_stored(
            own,
            wanted or Question(),
            CATALOGUE,
            retention=world.retention,
            tick=lambda _done, _of: None,
        )


def log(answer: Answer) -> list[dict[str, object]]:
    found = [log_entry(one.episode) for one in answer.evaluation.alarms]
    return sorted(found, key=lambda one: (one["rule"], one["subject"], one["since"]))


@pytest.mark.parametrize("way", [in_batches, outage_in_reverse])
def test_it_is_the_live_log(stack: Stack, way: Play) -> None:
    with new_world(stack) as world:
        live = play(world, way, flood(3), seed=7)

        assert log(asked(world)) == live
    assert len(live) > 5


def test_it_is_the_live_log_of_lamps_groups_and_gauges_replaced(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hypervisor.backtest.evaluate.MOST_SERIES", 4)  # many blocks
    with new_world(stack, field.register) as world:
        live = play(world, at_once, field.night(2), seed=5)

        assert log(asked(world)) == live
    assert {one["subject"].partition("/")[0] for one in live} >= {"device", "group", "orge"}


def test_it_is_the_live_log_after_corrections_and_revisions(stack: Stack) -> None:
    with new_world(stack) as world:
        play(world, in_batches, flood(4), seed=1)
        world.store([Sent(site="orge", at=at, value=4.6, received=500) for at in range(60, 120, 5)])
        limit = world.fact(
            "threshold", "yvette/attention", {"value": 2.5, "unit": "m"}, since=us(90)
        )
        world.revise(limit)
        world.beat(800)
        world.settle()

        assert log(asked(world)) == world.log()


def test_what_an_operator_closed_ends_there_unless_something_is_tried(stack: Stack) -> None:
    with new_world(stack) as world:
        play(world, in_batches, flood(3), seed=7)
        alarm = next(one for one in world.alarms() if one.episode.rule == "flood-high")
        world.connection.execute(
            "INSERT INTO closing (rule, subject, at, author, reason, alarm)"
            " VALUES (%s, %s, %s, 'test', 'a boat', %s)",
            ["flood-high", alarm.episode.subject, moment(alarm.episode.began + 1), alarm.id],
        )
        feed.append(world.connection, "registry")
        world.connection.commit()
        world.settle()
        assert [one for one in world.alarms() if one.episode.reason == "closed by test: a boat"]

        assert log(asked(world)) == world.log()
        tried = asked(world, Question(against=Trial(thresholds={"orge/danger": "9 m"})))
    assert not any("closed" in (one.episode.reason or "") for one in tried.evaluation.alarms)


def test_a_threshold_that_is_tried_changes_only_what_it_is_of(stack: Stack) -> None:
    with new_world(stack) as world:
        live = play(world, in_batches, flood(3), seed=7)

        found = asked(world, Question(against=Trial(thresholds={"orge/attention": "250 cm"})))

        assert world.log() == live
    assert log(found) == live
    assert found.changes
    assert {change.alarm.pair for change in found.changes} == {
        ("flood-high", "orge"),
        ("flood-soon", "orge"),
    }


def test_a_span_has_the_alarms_that_stood_in_it(stack: Stack) -> None:
    with new_world(stack) as world:
        live = play(world, in_batches, flood(3), seed=7)
        since, until = us(180), us(300)

        found = asked(world, Question(span=Span(since=since, until=until), rules=["flood-high"]))

    expected = [
        one["began"]
        for one in live
        if one["rule"] == "flood-high"
        and one["began"] <= "2024-01-01T05:00:00Z"
        and (one["ended"] is None or one["ended"] >= "2024-01-01T03:00:00Z")
    ]
    assert sorted(str(one["began"]) for one in log(found)) == sorted(map(str, expected))
    assert expected
    assert found.evaluation.until == until


def test_nobody_was_silent_while_nobody_listened(stack: Stack) -> None:
    with new_world(stack) as world:
        world.store(flood(3))

        found = asked(world)

        assert sources.StoredSource.of(world.connection).floor < 0
    rules = {one.episode.rule for one in found.evaluation.alarms}
    assert "flood-high" in rules
    assert "flood-silent" not in rules


def test_it_does_not_depend_on_the_order_in_which_readings_came(stack: Stack) -> None:
    sent = flood(9)
    shuffled = random.Random(4).sample(sent, len(sent))
    logs = []
    for order in (sent, shuffled):
        with new_world(stack) as world:
            for first in range(0, len(order), 60):
                world.store(order[first : first + 60])
            logs.append(log(asked(world)))
    assert logs[0] == logs[1]
    assert logs[0]


def test_a_process_that_helps_finds_what_one_alone_does(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "MOST_SERIES", 3)  # a block a site: work to share
    monkeypatch.setattr(evaluate, "_MANY", 2)
    with new_world(stack) as world:
        play(world, in_batches, flood(3), seed=7)
        alone = asked(world)
        told: list[tuple[int, int]] = []
        with connect(world.url) as own:
            shared = backtest_stored(
                own,
                Question(),
                CATALOGUE,
                retention=world.retention,
                tick=lambda *at: told.append(at),
                url=world.url,
            )

    assert log(shared) == log(alone)
    assert sorted(shared.evaluation.evaluated) == sorted(alone.evaluation.evaluated)
    assert replace(shared.evaluation, evaluated=()) == replace(alone.evaluation, evaluated=())
    assert told[-1] == (3, 3)


def test_what_ails_the_helper_is_told(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "MOST_SERIES", 3)
    monkeypatch.setattr(evaluate, "_MANY", 2)
    with new_world(stack) as world:
        play(world, in_batches, flood(3), seed=7)
        with connect(world.url) as own, pytest.raises(BacktestError, match="the helper process"):
            backtest_stored(
                own,
                Question(),
                CATALOGUE,
                retention=world.retention,
                tick=lambda *_: None,
                url="postgresql://nobody@127.0.0.1:1/nothing",
            )
