"""A watch that runs takes up what is changed, from the event time that was said."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from hypervisor.database.connect import connect
from tests.integration.evaluation.test_process import Process, until
from tests.integration.evaluation.world import Sent, World, make_world, us
from tests.integration.rulebook.test_api import SAID, ask
from tests.integration.web.served import serving

pytestmark = pytest.mark.integration

Type = Callable[..., str]
WHY = ("--reason", "the road floods sooner", "--author", "Ada")


@pytest.fixture
def still(database_url: str) -> World:
    """A level of 2.5 m, below its thresholds; nobody watches yet."""
    made = make_world(database_url, connect(database_url))
    made.register(["orge"])
    made.join()
    for at in range(0, 35, 5):
        made.store([Sent(site="orge", at=at, value=2.5)])
    made.beat(30)
    return made


@pytest.fixture
def world(still: World) -> World:
    return still


def level(world: World) -> list[tuple[float, float | None, str | None]]:
    episodes = [alarm.episode for alarm in world.alarms() if alarm.episode.rule == "flood-level"]
    minute = us(1) - us(0)
    return [
        (
            (episode.began - us(0)) / minute,
            None if episode.ended is None else (episode.ended - us(0)) / minute,
            episode.reason,
        )
        for episode in episodes
    ]


def test_thresholds_and_rules_take_effect_without_a_restart(
    world: World, hypervisor: Type, tmp_path: Path
) -> None:
    watch = Process(world.url, tmp_path / "watch.log")
    try:
        watch.says("watching 1 site")
        _story(world, hypervisor, watch)
        assert watch.end() == 0
    finally:
        watch.process.kill()
        watch.process.wait()
        world.close()


def _story(world: World, hypervisor: Type, watch: Process) -> None:
    said = hypervisor(
        "threshold", "set", "orge", "attention", "240 cm", *WHY, "--effective", "2024-01-01T00:10Z"
    )
    assert "orge/attention: 3 m -> 2.4 m, revision" in said
    assert "in force from 2024-01-01 00:10:00Z of event time" in said
    assert "without a restart" in said
    watch.says("raised at 2024-01-01 00:20:00Z")
    assert level(world) == [(20, None, None)]

    with serving(world.url) as client:
        _raised_again(client)
    watch.says("withdrawn at")
    assert level(world) == []

    revisions = hypervisor("threshold", "log", "orge", "attention")
    number = next(line.split()[0] for line in revisions.splitlines() if "3 m -> 2.4 m" in line)
    back = ("threshold", "rollback", "orge", "attention", "--to", number, *WHY)
    hypervisor(*back, "--effective", "2024-01-01T00:10Z")
    until(lambda: level(world) == [(20, None, None)], "raised again")
    hypervisor("withdraw", "flood-level", *WHY, "--effective", "2024-01-01T00:30Z")
    watch.says("ended 2024-01-01T00:30:00Z instead of ongoing")
    ((began, ended, reason),) = level(world)
    assert (began, ended) == (20, 30)
    assert reason is not None
    assert "withdrawn" in reason


def _raised_again(client: httpx.Client) -> None:
    found = ask(client, "GET", "/thresholds/orge/attention", 200)
    ask(
        client,
        "PUT",
        "/thresholds/orge/attention",
        200,
        json={**SAID, "value": "2.8 m", "effective": "2024-01-01T00:10:00Z"},
        headers={"If-Match": found["etag"]},
    )
