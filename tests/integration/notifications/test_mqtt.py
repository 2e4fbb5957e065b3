"""Our own broker as a channel; and the heartbeat, which leaves while all is well."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from hypervisor.base.settings import Settings
from hypervisor.broker import accounts, passwords
from hypervisor.broker.child import wait_until
from hypervisor.broker.mosquitto import Broker
from hypervisor.broker.ports import LOOPBACK
from hypervisor.database import locks
from hypervisor.database.connect import connect
from hypervisor.notifications import channel_mqtt
from hypervisor.notifications.kinds import Broker as Address
from hypervisor.notifications.model import Message
from tests import documents
from tests.integration.notifications.servers import Webhook
from tests.integration.notifications.town import PATIENCE, Town
from tests.postings import posting

pytestmark = pytest.mark.integration


class Listener:
    """Hears what the account `alarms` may hear."""

    def __init__(self, broker: Broker, account: str = passwords.READER) -> None:
        password = passwords.new_password()
        accounts.change(broker, put={account: password})
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.granted = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.username_pw_set(account, password)
        self.client.on_subscribe = lambda *_: self.granted.set()
        self.client.on_message = lambda _, __, m: self.got.append((m.topic, json.loads(m.payload)))
        self.client.connect(LOOPBACK, broker.port)
        self.client.loop_start()
        self.client.subscribe("#", qos=1)
        assert self.granted.wait(PATIENCE)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def listener(broker: Broker) -> Iterator[Listener]:
    one = Listener(broker)
    yield one
    one.close()


@pytest.fixture
def on_broker(town: Town, broker: Broker) -> Settings:
    town.settings = town.settings.model_copy(
        update={
            "broker_host": LOOPBACK,
            "broker_port": broker.port,
            "broker_parts_port": broker.parts_port,
            "broker_password": broker.password,
            "notify_timeout_seconds": 10.0,
        }
    )
    return town.settings


ROUTES = """
routes:
  - {name: panels, language: en, channels: [{mqtt: hypervisor/alarms}]}
  - {name: elsewhere, channels: [{mqtt: devices/orge/readings}]}
"""


def shown_in_notifications_md() -> dict[str, Any]:
    """The message of docs/notifications.md."""
    examples = documents.examples(documents.ROOT / "docs" / "notifications.md")
    (message,) = (json.loads(each.text) for each in examples if each.test)
    return dict(message)


def test_alarms_are_told_on_the_broker_and_nothing_else_may_be(
    town: Town, on_broker: Settings, listener: Listener
) -> None:
    assert on_broker.broker_port
    town.routes(ROUTES)
    alarm = town.raised()
    town.work(
        lambda: (
            any(row.attempts for row in town.rows())
            and any(row.state == "sent" for row in town.rows())
        )
    )
    town.work(lambda: bool(listener.got))

    [(topic, body)] = listener.got
    assert topic == "hypervisor/alarms/flood/major"
    assert body["key"] == f"{town.key(alarm, 'raised')}/panels/1"
    assert body["title"] == "EXERCICE - MAJOR ALARM - Orge à Arpajon: river high"
    shown = shown_in_notifications_md()
    assert set(body) == set(shown)
    assert set(body["alarm"]) >= set(shown["alarm"]) - {"…"}
    [refused] = town.waiting()
    assert refused.route == "elsewhere"
    assert "Not authorized" in (refused.last_error or "")


@pytest.fixture
def watched(town: Town) -> Iterator[Callable[[], None]]:
    """A watch that holds its turn, until it is ended."""
    own = connect(town.url, autocommit=True)
    assert locks.take_parts(own, locks.Lock.WATCH, [0])
    yield own.close
    own.close()


def test_signs_of_life_leave_while_a_watch_is_at_work(
    town: Town, hook: Webhook, watched: Callable[[], None]
) -> None:
    town.routes(
        f"{{routes: [], dead man: {{every: 5 min, channels: [{{webhook: '{hook.url}'}}]}}}}"
    )
    first, second = town.notifier(), town.notifier()
    now = datetime(2026, 1, 1, 12, 1, tzinfo=UTC)
    for notifier in (first, second):
        notifier.wall = lambda: now  # of the test: minutes pass as it likes
    town.work(lambda: len(hook.got) == 1, first, second)
    now += timedelta(minutes=3)
    town.work(lambda: not first.turn(), second)
    assert [body["event"] for _, body in hook.got] == ["alive"]

    now += timedelta(minutes=2)
    town.work(lambda: len(hook.got) == 2, first, second)
    watched()
    town.work(lambda: not town.watched(), second)
    now += timedelta(minutes=5)
    town.work(lambda: any("the evaluation is not running" in words for words in town.said), first)
    assert len(hook.got) == 2

    with connect(town.url, autocommit=True) as own:
        assert locks.take_parts(own, locks.Lock.WATCH, [0])
        town.work(lambda: len(hook.got) == 3, first)
    assert len({*hook.keys}) == 3


def test_an_old_sign_of_life_is_not_sent_later(
    town: Town, hook: Webhook, watched: Callable[[], None]
) -> None:
    assert town.watched(), watched
    town.routes(
        f"{{routes: [], dead man: {{every: 5 min, channels: [{{webhook: '{hook.url}'}}]}}}}"
    )
    one = town.notifier()
    now = datetime(2026, 1, 1, 12, 1, tzinfo=UTC)
    one.wall = lambda: now
    hook.be("fails")
    town.work(lambda: hook.tries > 1, one)
    now += timedelta(minutes=5)
    town.work(lambda: any(row.state == "dropped" for row in town.rows()), one)
    hook.be("well")
    town.settle(one)

    assert [row.state for row in town.rows()] == ["dropped", "sent"]
    assert hook.got[0][1]["at"] == "2026-01-01T12:06:00Z"


def test_many_at_once_reach_every_listener(on_broker: Settings, broker: Broker) -> None:
    """An account is connected once: senders take turns, and listeners have an account each."""
    listeners = [
        Listener(broker, passwords.reader_account(name)) for name in ("", "siren", "panel")
    ]
    to = Address(
        host=on_broker.broker_host,
        port=on_broker.parts_port,
        user=on_broker.broker_account("notify"),
        password=on_broker.broker_password,
    )

    def send(number: int) -> None:
        data = {"event": "test", "number": number, "severity": "minor"}
        message = Message(title="t", text="b", kind="info", data=data)
        channel_mqtt.send(
            {"target": "hypervisor/alarms"}, posting(message, seconds=PATIENCE, broker=to)
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(24)))
    for listener in listeners:
        assert wait_until(lambda: len(listener.got) >= 24, seconds=PATIENCE)  # noqa: B023  at once
        assert sorted(body["number"] for _, body in listener.got) == list(range(24))
        listener.close()
