"""Watch and notify killed at random: each transition that is told has its event, all arrive."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hypervisor.alarms.log import Transition
from hypervisor.base.instants import moment
from hypervisor.base.settings import Settings
from hypervisor.database.connect import connect
from hypervisor.notifications import queries_deliveries, queries_outbox, queries_routes
from hypervisor.notifications.events import build_events
from tests.integration.evaluation.test_equality import SITES, flood
from tests.integration.evaluation.test_process import Process as Watch
from tests.integration.evaluation.world import World, make_world
from tests.integration.notifications.servers import Webhook
from tests.integration.notifications.test_process import Process as Notify
from tests.integration.notifications.test_process import until
from tests.integration.notifications.town import Town

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(1800)]
LONG = 90.0  # s, on a very busy machine
ROUNDS = 15  # in each of them both are killed


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = make_world(database_url, connect(database_url))
    yield made
    made.close()


@pytest.fixture
def run(world: World, tmp_path: Path) -> Iterator[Callable[[str], Watch | Notify]]:
    settings = Settings(data=tmp_path, database_url=world.url)
    town = Town(url=world.url, connection=world.connection, settings=settings)
    made: list[Watch | Notify] = []

    def one(part: str) -> Watch | Notify:
        log = tmp_path / f"{len(made)}.log"
        made.append(Watch(world.url, log) if part == "watch" else Notify(town, log))
        return made[-1]

    yield one
    for process in made:
        if process.process.poll() is None:
            process.kill()


def test_both_killed(world: World, hook: Webhook, run: Callable[[str], Watch | Notify]) -> None:
    rng = random.Random(7)
    world.register(SITES)
    world.join()
    routes = f"routes: [{{name: duty, channels: [{{webhook: '{hook.url}'}}]}}]"
    queries_routes.ROUTES.insert_revision(world.connection, routes, author="test", reason="test")
    world.connection.commit()
    sent = flood(3)
    size = -(-len(sent) // ROUNDS)
    for at in range(0, len(sent), size):
        watch, notify = run("watch"), run("notify")
        await_said(watch.log, "watching")
        for begin in range(at, min(at + size, len(sent)), 3):
            batch = sent[begin : begin + 3]
            world.store(batch)
            world.beat(batch[-1].arrival)
        time.sleep(rng.random())
        for process in rng.sample([watch, notify], 2):
            process.kill()
            time.sleep(rng.random() * 0.2)
    watch, notify = run("watch"), run("notify")
    world.beat(12 * 60)
    until(lambda: world.progress() == (12 * 60, 0), watch.log.read_text, LONG)
    until(lambda: told(world), notify.log.read_text, LONG)
    assert (watch.end(), notify.end()) == (0, 0)

    require_all_told_once(world, hook)
    found, transitions = world.log(), world.transitions()
    assert [many for many in Counter(map(which, transitions)).items() if many[1] > 1] == []
    world.reset()
    world.settle()
    assert len(found) > 5
    assert found == world.log()


def which(transition: Transition) -> tuple[int, str, int, str]:
    return (
        transition.alarm,
        transition.kind,
        transition.event,
        json.dumps(transition.snapshot, sort_keys=True),
    )


def require_all_told_once(world: World, hook: Webhook) -> None:
    """Each transition has its event, each event its message, and each message one key."""
    alarms = world.alarms(withdrawn=True)
    counter = Counter(
        (event.alarm, event.event)
        for transition in world.transitions()
        for event in build_events([transition], alarms)
        if event.event != "severity"  # one that comes with the raising is told by it
    )
    put = world.connection.execute("SELECT alarm, event FROM outbox WHERE event <> 'severity'")
    assert Counter(put.fetchall()) == counter
    assert counter.total() >= 8
    sent_to = world.connection.execute("SELECT key FROM delivery WHERE state = 'sent'").fetchall()
    assert {key for (key,) in sent_to} == set(hook.keys)
    left = world.connection.execute("SELECT count(*) FROM delivery WHERE state <> 'sent'")
    assert left.fetchone() == (0,)
    now = queries_outbox.read_clock(world.connection)
    unsent = world.connection.execute(  # but what is in its grace
        "SELECT key, outcome FROM outbox WHERE outcome IS DISTINCT FROM 'dropped'"
        " AND NOT (outcome IS NULL AND held IS NOT NULL AND due > %s)"
        " AND (SELECT count(*) FROM delivery WHERE outbox = outbox.id) <> 1",
        [moment(now or 0)],
    )
    assert unsent.fetchall() == []
    said = {(body["alarm"]["id"], body["event"], body["at"], key) for key, body in hook.got}
    assert len({one[:3] for one in said}) == len(said) == len(set(hook.keys))


def told(world: World) -> bool:
    now = queries_outbox.read_clock(world.connection)
    due = now is not None and queries_outbox.list_due(world.connection, now, most=1)
    left = queries_deliveries.count_by_state(world.connection)
    world.connection.commit()
    return not due and not left["waiting"]


def await_said(log: Path, words: str) -> None:
    until(lambda: words in log.read_text(), log.read_text, LONG)
