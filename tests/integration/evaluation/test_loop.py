"""The loop of the watch on a real database: what it says, prunes and waits for."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from hypervisor.base.instance import Instance, Mode
from hypervisor.base.instants import moment
from hypervisor.broker.child import wait_until
from hypervisor.database import instance as instance_store
from hypervisor.database import locks
from hypervisor.database.connect import Connection, connect
from hypervisor.database.locks import Lock
from hypervisor.evaluation import loop, queries
from hypervisor.evaluation.loop import Wiring, run
from hypervisor.evaluation.memory import FORGOTTEN
from hypervisor.evaluation.shards import ALL
from hypervisor.registry.queries_revisions import load_rule_histories
from rules._pack import Pack, load_pack
from tests.integration.evaluation.world import CATALOGUE, DAY, MINUTE, RULES, Sent, World, us

pytestmark = pytest.mark.integration

NOW = datetime(2024, 1, 2, tzinfo=UTC)
TICK = 0.1  # s


class Watch:
    """A watch in a thread, and what it says."""

    def __init__(self, url: str, packs: tuple[Pack, ...], retention: int) -> None:
        self.lines: list[str] = []
        self.stop = threading.Event()
        wiring = Wiring(
            url=url, catalogue=CATALOGUE, packs=packs, retention=retention, clock=lambda: NOW
        )
        self.thread = threading.Thread(
            target=lambda: run(wiring, stop=self.stop, say=self.lines.append)
        )
        self.thread.start()

    def says(self, words: str, times: int = 1) -> bool:
        return wait_until(lambda: sum(words in line for line in self.lines) >= times, seconds=30)


@contextmanager
def watching(url: str, packs: tuple[Pack, ...] = (), *, retention: int = 10**15) -> Iterator[Watch]:
    watch = Watch(url, packs, retention)
    try:
        yield watch
    finally:
        watch.stop.set()
        watch.thread.join(30)
    assert not watch.thread.is_alive()


def packs() -> tuple[Pack, ...]:
    return (load_pack(RULES, file="flood.yaml", domain="flood"),)


@pytest.fixture(autouse=True)
def quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_TICK", TICK)


def ask(world: World, query: Callable[[Connection], int]) -> bool:
    """Whether the count becomes 0."""

    def is_none() -> bool:
        with connect(world.url) as connection:
            return query(connection) == 0

    return wait_until(is_none, seconds=30, every=0.1)


def count(connection: Connection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608
    return 0 if row is None else int(row[0])


def test_it_says_what_it_watches_and_which_rules_were_recorded(world: World) -> None:
    world.register(["mill"])
    with watching(world.url, packs()) as watch:
        assert watch.says("watching")
    assert watch.lines[:2] == [
        "rules recorded from their packs: flood-high, flood-rain, flood-rise, flood-silent",
        "EXERCICE 'test': watching 1 site, 1 device, 4 evaluations",
    ]


def test_a_rule_that_does_not_apply_is_said_once_with_its_reason(world: World) -> None:
    world.register(["mill"])
    world.add_device("other", site="mill", quantity="level")
    with watching(world.url, packs()) as watch:
        assert watch.says("rule flood-rise does not apply at mill: two devices in service measure")
        world.join()
        world.store([Sent(site="mill", at=1, value=2.0)])
        world.beat(1)
        assert ask(world, lambda c: 32 - count(c, "evaluation_state WHERE watermark IS NOT NULL"))
    assert sum("flood-rise does not apply" in line for line in watch.lines) == 1


def test_the_feed_and_old_states_are_pruned(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_PRUNE_FEED", 0.0)
    monkeypatch.setattr(loop, "_PRUNE_STATES", 0.0)
    world.register(["mill"])
    world.join()
    world.store([Sent(site="mill", at=at, value=2.0) for at in (0, 5, 10)])
    hours = 60
    world.beat(72 * hours)
    pruned = f"rule_state WHERE state->>'reason' = '{FORGOTTEN}'"
    with watching(world.url, packs(), retention=24 * hours * MINUTE):
        assert ask(world, lambda c: count(c, "feed WHERE kind <> 'registry'"))
        assert ask(world, lambda c: int(count(c, pruned) == 0))


def test_free_shards_are_waited_for_and_that_is_said_once(world: World) -> None:
    world.register(["mill"])
    with connect(world.url, autocommit=True) as other:
        assert locks.take_parts(other, Lock.WATCH, ALL) == ALL
        with watching(world.url) as watch:
            assert watch.says("no shard of the evaluation is free; waiting")
            time.sleep(2 * TICK)
            locks.release_parts(other, Lock.WATCH, ALL)
            assert watch.says("watching 1 site")
        assert sum("no shard" in line for line in watch.lines) == 1


def test_a_watch_that_waits_for_shards_can_be_stopped(world: World) -> None:
    with connect(world.url, autocommit=True) as other:
        assert locks.take_parts(other, Lock.WATCH, ALL) == ALL
        with watching(world.url) as watch:
            assert watch.says("no shard of the evaluation is free")
    assert len(watch.lines) == 1


def test_a_database_without_an_instance_is_waited_for(database_url: str) -> None:
    with watching(database_url) as watch:
        assert watch.says("this database holds no instance yet", times=2)
        with connect(database_url) as connection:
            instance_store.create(connection, Instance(mode=Mode.LIVE, name="test"))
        assert watch.says("LIVE 'test': watching")


@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.EXERCISE])
def test_a_changed_pack_applies_from_now_or_from_where_the_scenario_stands(
    world: World, mode: Mode
) -> None:
    world.connection.execute("UPDATE instance SET mode = %s", [mode.value])
    state = queries.EvaluationState(cursor="0", engine="", watermark=us(60), evaluated_to=us(60))
    queries.save_state(world.connection, state)
    world.connection.commit()
    with watching(world.url, packs()) as watch:
        assert watch.says("watching")
    changed = (load_pack(RULES.replace("10 min", "20 min"), file="flood.yaml", domain="flood"),)
    with watching(world.url, changed) as watch:
        assert watch.says("rules recorded from their packs: flood-high")
    with connect(world.url) as connection:
        latest = load_rule_histories(connection)["flood-high"][-1]
    assert latest.effective == (NOW if mode is Mode.LIVE else moment(us(60)))
    assert latest.effective >= DAY
