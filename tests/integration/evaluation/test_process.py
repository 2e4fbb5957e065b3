"""The watch as a process: several share, killed at any moment, their database going away."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hypervisor.database.connect import connect
from tests.integration.evaluation.test_equality import SITES, flood
from tests.integration.evaluation.world import Sent, World

pytestmark = pytest.mark.integration

START = 20.0  # s, on a busy machine


class Process:
    """A `hypervisor watch`."""

    def __init__(self, url: str, log: Path) -> None:
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hypervisor", "--data", str(log.parent), "watch"],
                env={**os.environ, "HYPERVISOR_DATABASE_URL": url, "PYTHONUNBUFFERED": "1"},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def says(self, words: str) -> None:
        until(lambda: words in self.log.read_text(), f"{words!r} in {self.log.read_text()}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(START)


@pytest.fixture
def start(world: World, tmp_path: Path) -> Iterator[Callable[[], Process]]:
    made: list[Process] = []

    def one() -> Process:
        made.append(Process(world.url, tmp_path / f"{len(made)}.log"))
        return made[-1]

    yield one
    for process in made:
        if process.process.poll() is None:
            process.kill()


def until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + START
    while not true():
        assert time.monotonic() < end, f"not within {START} s: {what}"
        time.sleep(0.05)


def rise(world: World) -> None:
    world.register(["orge"])
    world.join()
    for at, value in ((0, 2.0), (5, 3.1), (10, 3.2), (15, 3.3)):
        world.store([Sent(site="orge", at=at, value=value)])
    world.beat(15)


def test_one_watches_another_takes_over_and_a_lost_database_is_waited_for(
    world: World, start: Callable[[], Process]
) -> None:
    rise(world)
    first = start()
    first.says("raised")
    second = start()
    second.says("watching")
    first.kill()
    second.says("watching 1 site")

    hang_up(world)
    second.says("trying again in")
    for at in (20, 25, 30, 35):
        world.store([Sent(site="orge", at=at, value=2.0)])
    world.beat(35)
    second.says("cleared")

    kinds = [
        transition.kind
        for transition in world.transitions()
        if transition.snapshot["rule"] == "flood-level"
    ]
    assert kinds == ["raised", "cleared"]
    assert second.end() == 0


def hang_up(world: World) -> None:
    """End the watch's connection, as a database that is restarted does."""
    with connect(world.url, autocommit=True) as own:
        own.execute(
            "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d"
            " ON d.oid = l.database WHERE l.locktype = 'advisory' AND l.classid = 7354"
            " AND d.datname = current_database()"
        )


@pytest.mark.long
@pytest.mark.timeout(900)
def test_killed_at_random_moments_it_loses_and_doubles_nothing(
    world: World, start: Callable[[], Process]
) -> None:
    rng = random.Random(11)
    world.register(SITES)
    world.join()
    sent = flood(3)
    size = len(sent) // 10
    for at in range(0, len(sent), size):
        watch = start()
        watch.says("watching")
        for begin in range(at, min(at + size, len(sent)), 3):
            batch = sent[begin : begin + 3]
            world.store(batch)
            world.beat(batch[-1].arrival)
        time.sleep(rng.random() * 0.3)
        watch.kill()
    watch = start()
    world.beat(12 * 60)
    until(lambda: world.progress() == (12 * 60, 0), "all is judged")
    assert watch.end() == 0
    found = world.log()

    world.reset()
    world.settle()

    assert len(found) > 5
    assert found == world.log()
