"""External alarms are beside the log: it is the same with and without them, whenever they come."""

import os
import random
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from hypervisor.alarms.log import log_entry
from hypervisor.alarms.queries import Selection, list_alarms
from hypervisor.base.instance import Mode
from hypervisor.base.person import EVERYWHERE
from hypervisor.base.settings import Settings
from hypervisor.database import databases
from hypervisor.database.connect import connect
from hypervisor.external import service
from hypervisor.external.model import Alert, Delivery
from tests.conftest import TEMPLATE, Stack
from tests.integration.evaluation.test_equality import flood
from tests.integration.evaluation.world import World, make_world, us
from tests.integration.external.alerts import alert, delivery
from tests.integration.external.conftest import Hooked
from tests.integration.notifications.servers import Webhook
from tests.integration.notifications.town import Town

pytestmark = pytest.mark.integration

SITES = ["orge", "yvette", "juine"]


@pytest.fixture
def hook() -> Iterator[Webhook]:
    server = Webhook()
    server.start()
    yield server
    server.stop()


@contextmanager
def world(stack: Stack) -> Iterator[World]:
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    url = stack.database.url(name)
    with closing(make_world(url, connect(url), mode=Mode.LIVE)) as made:
        made.register(SITES)
        made.record_rules()
        made.join()
        yield made
    databases.drop(stack.maintenance_url, name)


def call(world: World, chance: random.Random, minute: float) -> None:
    """Some alerts of a source, at our sites and elsewhere, named like our subjects."""
    alerts = [
        Alert(
            fingerprint=chance.choice(SITES),
            firing=chance.random() < 0.6,
            starts=us(minute - chance.randrange(60)),
            labels={"site": chance.choice([*SITES, "none"]), "alertname": "river high"},
        )
        for _ in range(chance.randrange(4))
    ]
    with world.connection.transaction():
        service.receive(
            *(world.connection, "flood-high", Delivery(alerts=alerts)),
            territory=EVERYWHERE,
            now=us(minute),
        )
    service.settle(world.connection, now=us(minute))


def test_the_log_is_the_same_with_and_without_them(stack: Stack) -> None:
    readings = flood(7, minutes=240)
    chance = random.Random(7)
    with ExitStack() as both:
        alone, beside = (both.enter_context(world(stack)) for _ in range(2))
        for since in range(0, 240, 20):
            batch = [sent for sent in readings if since <= sent.arrival < since + 20]
            alone.store(batch)
            chance.shuffle(batch)
            for begin in range(0, len(batch), 15):
                beside.store(batch[begin : begin + 15])
                call(beside, chance, since + 20)
                beside.step()
            if since % 60 == 0:
                beside.restart()
            for each in (alone, beside):
                each.beat(since + 20)
        for each in (alone, beside):
            each.settle()

        def log(of: World) -> list[str]:
            alarms = list_alarms(of.connection, Selection(external=False))
            return sorted(str(log_entry(alarm.episode)) for alarm in alarms)

        assert len(log(alone)) > 5
        assert log(alone) == log(beside)
        external = list_alarms(beside.connection, Selection(external=True))
        assert len(external) > 5
        assert {alarm.episode.rule for alarm in external} == {"external/flood-high"}
        assert all(alarm.withdrawn is None for alarm in external)


ROUTES = """
routes:
  - {name: all, channels: [{webhook: "%s"}]}
  - name: network
    when: {labels: {team: network}, rules: external/prometheus, domains: external}
    escalate: {after: 10 min, to: chief}
    channels: [{webhook: "%s"}]
  - {name: arpajon, when: {areas: Arpajon}, channels: [{webhook: "%s"}]}
  - {name: chief, only escalated: yes, channels: [{webhook: "%s"}]}
"""


@pytest.fixture
def town(hooked: Hooked, tmp_path: Path) -> Iterator[Town]:
    """Notifiers of the live instance."""
    settings = Settings(database_url=hooked.url, data=tmp_path, notify_retry_seconds=0.05)
    connection = connect(hooked.url)
    made = Town(url=hooked.url, connection=connection, settings=settings, mode=Mode.LIVE)
    yield made
    made.close()


def test_routes_notify_remind_and_escalate(hooked: Hooked, hook: Webhook, town: Town) -> None:
    town.routes(ROUTES.replace("%s", hook.url))
    hooked.post(delivery(alert(team="network", commune="Arpajon"), alert(fingerprint="b2")))
    town.settle()
    sent = sorted((row.route, row.alarm or 0) for row in town.rows())
    first, second = sorted({number for _, number in sent})
    assert sent == [("all", first), ("all", second), ("arpajon", first), ("network", first)]
    [body] = [body for _, body in hook.got if body["alarm"]["id"] == second]
    assert body["alarm"]["rule"] == "external/prometheus"
    assert body["alarm"]["title_fr"] == "Externe, Prometheus\N{NO-BREAK SPACE}: DiskFull on srv1"
    hooked.connection.execute(
        "UPDATE delivery SET notified_at = notified_at - interval '11 min' WHERE route = 'network'"
    )
    hooked.connection.commit()
    town.notifiers[0].remind_at_once()
    town.work(lambda: any(row.route == "chief" for row in town.rows()))
    hooked.post(delivery(alert(team="network", commune="Arpajon", ends=3)), at=3)
    town.settle()
    assert [body["event"] for _, body in hook.got].count("cleared") == 4
