"""The log is the same for any number of processes, and while shards move between them."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from hypervisor.broker.child import wait_until
from hypervisor.database import locks
from hypervisor.database.connect import connect
from hypervisor.database.locks import Lock
from hypervisor.evaluation import queries_setbacks
from hypervisor.evaluation.batch import load_memory, step
from hypervisor.evaluation.memory import Memory
from hypervisor.evaluation.queries_setbacks import Setback
from hypervisor.evaluation.shards import ALL, ShardHolder, shard_of
from tests.conftest import Stack
from tests.integration.evaluation import field
from tests.integration.evaluation.test_equality import END, backtest, flood, new_world, rivers
from tests.integration.evaluation.world import Sent, World, us

pytestmark = pytest.mark.integration

SIZES = (1, 7, 30, 100)


class Evaluators:
    """Processes that share the shards of a world, in one thread, each as far as it has come."""

    def __init__(self, world: World, count: int) -> None:
        self.world, self.count = world, count
        self.connection = connect(world.url, autocommit=True)
        self.memories: dict[frozenset[int], Memory] = {}
        self.deal(lambda shard: shard % count)

    def deal(self, owner: Callable[[int], int]) -> None:
        """Deal the shards out; who has others than before begins from the database."""
        owners = {shard: owner(shard) for shard in ALL}
        shares = {frozenset(s for s in ALL if owners[s] == one) for one in range(self.count)}
        self.memories = {
            share: self.memories.get(share) or load_memory(self.connection, self.world.setup, share)
            for share in sorted(shares - {frozenset()}, key=min)
        }

    def step(self, share: frozenset[int]) -> bool:
        """Whether there was anything to do."""
        report = step(self.connection, self.memories[share], self.world.setup)
        return bool(report.entries or report.more)

    def settle(self) -> None:
        for share in self.memories:
            while self.step(share):
                pass


@contextmanager
def shared(world: World, count: int) -> Iterator[Evaluators]:
    evaluators = Evaluators(world, count)
    try:
        yield evaluators
    finally:
        evaluators.connection.close()


def play(
    world: World, sent: Sequence[Sent], rng: random.Random, *, count: int, moving: bool
) -> list[dict[str, Any]]:
    """Each process takes what it takes; with `moving`, shards change hands all the time."""
    rest = list(sent)
    with shared(world, count) as evaluators:
        while rest:
            size = rng.choice(SIZES) if moving else 90
            batch, rest = rest[:size], rest[size:]
            world.store(batch)
            world.beat(batch[-1].arrival)
            if moving and rng.random() < 0.2:
                evaluators.deal(lambda _: rng.randrange(count))
            for share in evaluators.memories:
                if not moving or rng.random() < 0.4:
                    evaluators.step(share)
        world.beat(END)
        evaluators.settle()
    return world.log()


@pytest.mark.parametrize(
    ("count", "moving"), [(1, False), (2, True), (7, False), (7, True), (32, False)]
)
def test_the_log_is_the_same_for_any_number_of_processes(
    stack: Stack, count: int, *, moving: bool
) -> None:
    with new_world(stack) as world:
        log = play(world, flood(1), random.Random(count), count=count, moving=moving)
        assert log == backtest(world)
    rules = {"flood-high", "flood-rise", "flood-rain", "flood-silent", "flood-soon"}
    assert {entry["rule"] for entry in log} == rules


def test_so_it_is_with_lamps_groups_and_gauges_replaced(stack: Stack) -> None:
    with new_world(stack, field.register) as world:
        log = play(world, field.night(2), random.Random(5), count=3, moving=True)
        assert log == backtest(world)
    assert {"flood-wave", "lighting-dark", "lighting-fault"} <= {entry["rule"] for entry in log}


@pytest.mark.long
@pytest.mark.timeout(1200)
@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    count=st.sampled_from([2, 7, 32]),
    register=st.sampled_from([rivers, field.register]),
)
def test_so_it_is_for_any_flood_and_any_moves(
    stack: Stack, seed: int, count: int, register: Callable[[World], None]
) -> None:
    sent = flood(seed) if register is rivers else field.night(seed)
    with new_world(stack, register) as world:
        log = play(world, sent, random.Random(seed), count=count, moving=True)
        assert log == backtest(world)


def test_a_rule_revised_while_one_process_is_away_is_evaluated_again_in_every_shard(
    world: World,
) -> None:
    sites = ("orge", "yvette", "juine")
    world.register(sites)
    world.record_rules()
    world.join()
    with shared(world, 32) as evaluators:
        for at in range(0, 60, 5):
            world.store([Sent(site=site, at=at, value=3.4) for site in sites])
        world.beat(60)
        evaluators.settle()
        assert {entry["subject"] for entry in world.log()} == {*sites}
        facts = [
            world.fact("threshold", f"{site}/attention", {"value": 3.5, "unit": "m"})
            for site in sites
        ]
        world.revise(*facts)
        world.rules = world.rules.replace("level > threshold.alert", "level > threshold.attention")
        world.rules = world.rules.replace("for: 10 min", "for: 20 min")
        world.record_rules()
        here = next(share for share in evaluators.memories if shard_of("orge") in share)
        while evaluators.step(here):
            pass
        for share in [*evaluators.memories]:  # all others were killed before they saw the change
            if share != here:
                del evaluators.memories[share]
        evaluators.deal(lambda shard: shard % 2)
        world.beat(61)
        evaluators.settle()
    assert world.log() == backtest(world)


def test_what_is_noticed_in_an_exercise_is_what_the_feed_says(world: World) -> None:
    """A reading that only another process listens to moves the scenario's clock here too."""
    world.register(["orge", "yvette"])
    world.record_rules()
    world.join()
    with shared(world, 32) as evaluators:
        world.store([Sent(site="orge", at=at, value=3.4) for at in (0, 5, 10)])
        world.store([Sent(site="yvette", at=90, value=1.0)])
        world.beat(12)
        evaluators.settle()
    (alarm,) = [alarm for alarm in world.alarms() if alarm.episode.subject == "orge"]
    assert alarm.noticed == us(90)


def test_shards_are_shared_out_among_those_that_live(database_url: str) -> None:
    with (
        connect(database_url, autocommit=True) as one,
        connect(database_url, autocommit=True) as two,
    ):
        first, second = ShardHolder(one), ShardHolder(two)
        assert first.share_out() == ALL
        assert second.share_out() == set()  # the first has not let go yet
        halves = [first.share_out(), second.share_out()]
        assert halves == [set(range(0, 32, 2)), set(range(1, 32, 2))]
        one.close()
        assert wait_until(lambda: second.share_out() == ALL, seconds=20)
        assert second.slot == 1


def test_a_watch_of_a_version_before_shards_is_waited_for(database_url: str) -> None:
    with (
        connect(database_url, autocommit=True) as old,
        connect(database_url, autocommit=True) as new,
    ):
        assert locks.take(old, Lock.WATCH)
        holder = ShardHolder(new)
        assert holder.share_out() == set()
        locks.release(old, Lock.WATCH)
        assert holder.share_out() == ALL


def test_sql_and_python_agree_on_the_shard_of_a_subject(database_url: str) -> None:
    subjects = ["orge", "device/lamp-1", "group/été", "", "a b"]
    with connect(database_url) as connection:
        query = "SELECT evaluation_shard(subject) FROM unnest(%s::text[]) subject"
        rows = connection.execute(query, [subjects])
        assert [shard for (shard,) in rows] == [shard_of(subject) for subject in subjects]


def test_a_rule_set_aside_everywhere_is_known_to_a_process_that_takes_a_shard_over(
    database_url: str,
) -> None:
    everywhere, setback = ("flood-x", ""), Setback(since=us(5), problem="ValueError: z")
    with connect(database_url) as connection:
        queries_setbacks.save(connection, {everywhere: setback}, [], frozenset({1, 2}))
        every, stored = queries_setbacks.load(connection, frozenset({1, 2}))
        assert (every, stored) == ({everywhere: setback}, {everywhere: setback})
        every, stored = queries_setbacks.load(connection, frozenset({2, 3}))
        assert every == {everywhere: setback}
        assert stored != every  # so that shard 3 stores it, too
        assert queries_setbacks.count(connection) == 1
        queries_setbacks.save(connection, {}, [everywhere], frozenset({1}))
        assert queries_setbacks.list_elsewhere(connection, frozenset({1})) == {everywhere}
        queries_setbacks.save(connection, {}, [everywhere], frozenset({2}))
        assert queries_setbacks.listing(connection) == []
