"""From readings to a webhook, through the real watch: one drowned cabinet is one notification."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hypervisor.base.settings import Settings
from hypervisor.database.connect import connect
from hypervisor.notifications import queries_deliveries, queries_outbox, queries_routes
from hypervisor.notifications.loop import Notifier
from hypervisor.notifications.running import build_notifier
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Device, Group, Series, Site
from tests.integration.evaluation import field
from tests.integration.evaluation.world import DAY, Sent, World, make_world
from tests.integration.notifications.servers import Webhook
from tests.integration.notifications.test_process import until

pytestmark = pytest.mark.integration

LAMPS = tuple(f"lamp-{number}" for number in range(40))
RULES = """
- id: lighting-supply
  title: "{site}: supply lost"
  when: supply_loss == 1
  for: 1 min
  severity: major
  inhibits: [lighting-lamp]
  fr: {title: "{site} : plus de courant"}
  advice: look
  wrong when: never
  tests: []
- id: lighting-lamp
  title: "{device}: fault"
  per: device
  when: lamp_fault != 0
  severity: minor
  advice: look
  wrong when: never
  tests: []
"""


@pytest.fixture
def street(database_url: str) -> Iterator[World]:
    world = make_world(database_url, connect(database_url))
    world.others["lighting"] = RULES
    lamps = tuple(Device(name=lamp, site="cab", commissioned=DAY) for lamp in LAMPS)
    facts = [world.fact("member", f"cab/{lamp}", {}) for lamp in LAMPS]
    facts += [world.fact("series", f"{lamp}/lamp_fault", {"interval_s": 600}) for lamp in LAMPS]
    facts += [world.fact("series", "cab/supply_loss", {"interval_s": 600})]
    field.write(
        world,
        Changes(
            sites=(Site(name="cab", title="Armoire 7", domain="lighting"),),
            devices=(Device(name="cab", site="cab", commissioned=DAY), *lamps),
            series=(
                Series(device="cab", quantity="supply_loss"),
                *(Series(device=lamp, quantity="lamp_fault") for lamp in LAMPS),
            ),
            groups=(Group(name="cab", title="Rue", kind="cabinet", site="cab"),),
        ),
        Changes(revisions=tuple(facts)),
    )
    world.record_rules()
    world.join()
    yield world
    world.close()


@pytest.fixture
def notifier(street: World, hook: Webhook, tmp_path: Path) -> Iterator[Notifier]:
    routes = f"routes: [{{name: duty, channels: [{{webhook: '{hook.url}'}}]}}]"
    queries_routes.ROUTES.insert_revision(street.connection, routes, author="test", reason="test")
    street.connection.commit()
    settings = Settings(data=tmp_path, database_url=street.url, notify_timeout_seconds=2.0)
    one = build_notifier(connect(street.url, autocommit=True), settings, lambda _: None)
    yield one
    one.close()


def tell(street: World, notifier: Notifier, at: float, *sent: Sent) -> None:
    """Readings, the scenario's clock, the watch, and all that is to be told of it."""
    if sent:
        street.store(sent)
    street.beat(at)
    street.settle()

    def done() -> bool:
        notifier.turn()
        now = queries_outbox.read_clock(notifier.connection)
        due = now is not None and queries_outbox.list_due(notifier.connection, now, most=1)
        return not due and not queries_deliveries.count_by_state(notifier.connection)["waiting"]

    until(done, lambda: "all is told")


def lamp(number: int, at: float, fault: float) -> Sent:
    return Sent(site=LAMPS[number], at=at, value=fault, quantity="lamp_fault")


def test_one_drowned_cabinet_with_forty_lamps(
    street: World, notifier: Notifier, hook: Webhook
) -> None:
    tell(street, notifier, 0, Sent(site="cab", at=0, value=0, quantity="supply_loss"))
    for first in range(0, 40, 8):  # the lamps first, some by some
        at = 10 + first / 60
        tell(street, notifier, at, *(lamp(number, at, 2) for number in range(first, first + 8)))
    tell(street, notifier, 11, Sent(site="cab", at=11, value=1, quantity="supply_loss"))
    for at in (12, 13, 30, 50):
        tell(street, notifier, at)
    assert len(street.alarms()) == 41
    assert [body["title"] for _, body in hook.got] == [
        "EXERCICE - ALARME MAJEURE - Armoire 7\N{NO-BREAK SPACE}: plus de courant"
    ]

    tell(street, notifier, 60, *(lamp(number, 60, 0) for number in range(40)))
    tell(street, notifier, 61, Sent(site="cab", at=61, value=0, quantity="supply_loss"))
    tell(street, notifier, 90)
    assert [body["event"] for _, body in hook.got] == ["raised", "cleared"]


def test_one_lamp_alone_speaks_after_its_grace(
    street: World, notifier: Notifier, hook: Webhook
) -> None:
    tell(street, notifier, 0, Sent(site="cab", at=0, value=0, quantity="supply_loss"))
    tell(street, notifier, 10, lamp(3, 10, 2), lamp(4, 10, 2))
    tell(street, notifier, 15, lamp(4, 15, 0))  # over before its grace
    assert hook.got == []
    tell(street, notifier, 21)  # a minute of the supply's, ten of an interval
    assert [body["alarm"]["subject"] for _, body in hook.got] == ["device/lamp-3"]
