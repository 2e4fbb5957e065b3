"""The way of a command over the real broker: sent once, acknowledged, confirmed, or why not."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from hypervisor.base.instance import Mode
from hypervisor.base.settings import Settings
from hypervisor.broker import accounts, passwords
from hypervisor.broker.mosquitto import Broker
from hypervisor.commands import queries, queries_sending, sending, service
from hypervisor.commands.model import Command, CommandState
from hypervisor.commands.service import Order
from hypervisor.database.connect import Connection, connect
from sensors._domain import catalogue
from tests.actuators import Actuator, listening
from tests.integration.commands.conftest import make_field
from tests.integration.ingest.conftest import ingest

pytestmark = pytest.mark.integration

WORDS = catalogue()
DEVICES = ("lamp-1", "lamp-2", "lamp-3", "barrier-1")
DOWN = (
    "gateways/lora/application/a/device/a8404100000000f1/command/down",
    "gateways/lora/v3/app/devices/d/down/push",
    "gateways/lora/v3/app/devices/d/down/replace",
)


@pytest.fixture
def secrets(instance_settings: Settings, broker: Broker) -> dict[str, str]:
    """The devices' passwords; the registry has them, too."""
    with connect(instance_settings.database_url) as connection:
        make_field(connection)
    made = {name: passwords.new_password() for name in DEVICES}
    accounts.change(broker, put=made)
    return made


@pytest.fixture
def actuators(secrets: dict[str, str], broker: Broker) -> Iterator[dict[str, Actuator]]:
    made = {
        name: Actuator(name=name, password=password, port=broker.port)
        for name, password in secrets.items()
    }
    with listening(made):
        yield made


@contextmanager
def sender(settings: Settings) -> Iterator[list[str]]:
    """The sender in a thread; what it says."""
    stop = threading.Event()
    said: list[str] = []
    keywords: dict[str, Any] = {"stopping": stop.is_set, "say": said.append}
    thread = threading.Thread(target=sending.run, args=(settings,), kwargs=keywords)
    thread.start()
    try:
        yield said
    finally:
        stop.set()
        thread.join()


def give(connection: Connection, device: str, kind: str = "dim", **fields: Any) -> UUID:
    parameters = fields.pop("parameters", {"level": 40})
    author = fields.pop("author", "anne")
    order = Order(
        kind=kind,
        target=f"device/{device}",
        parameters=parameters,
        author=author,
        reason="test",
        **fields,
    )
    (command,) = service.give(connection, service.make_plan(connection, WORDS, order))
    connection.commit()
    return command.id


def read(settings: Settings, key: UUID) -> Command:
    with connect(settings.database_url) as connection:
        return queries.list_by_id(connection, [key])[0]


def life(settings: Settings, key: UUID) -> list[str]:
    with connect(settings.database_url) as connection:
        return [event.to_state.value for event in queries.list_events(connection, key)]


def wait_for(true: Callable[[], object], what: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what()
        time.sleep(0.02)


def await_state(settings: Settings, key: UUID, *states: CommandState) -> None:
    wait_for(lambda: read(settings, key).state in states, lambda: life(settings, key))


def test_a_command_is_obeyed_acknowledged_and_confirmed(
    instance_settings: Settings, actuators: dict[str, Actuator]
) -> None:
    settings = instance_settings
    with connect(settings.database_url) as connection, ingest(settings), sender(settings):
        lit, dark = give(connection, "lamp-1"), give(connection, "lamp-3")
        await_state(settings, lit, CommandState.ACKNOWLEDGED)
        await_state(settings, dark, CommandState.ACKNOWLEDGED)
        (received,) = actuators["lamp-1"].received
        assert (received["key"], received["command"]) == (str(lit), "dim")
        assert received["parameters"] == {"level": 40.0}
        assert datetime.fromisoformat(received["valid_until"]) == read(settings, lit).valid_until
        assert not read(settings, dark).open  # no reading will come
        for level in (90.0, 41.0):
            reading = {"time": datetime.now(UTC).isoformat(), "values": {"light_level": level}}
            actuators["lamp-1"].publish("readings", json.dumps(reading).encode())
        await_state(settings, lit, CommandState.CONFIRMED)
        with connect(settings.database_url) as seen:
            event = queries.list_events(seen, lit)[-1]
        assert (event.who, event.why) == ("device/lamp-1", "light_level 41")
    assert life(settings, dark) == ["drafted", "queued", "sent", "accepted", "acknowledged"] or (
        life(settings, dark) == ["drafted", "queued", "sent", "acknowledged"]
    )


def test_a_device_refuses_and_ingest_says_what_is_no_acknowledgement(
    instance_settings: Settings, actuators: dict[str, Actuator]
) -> None:
    settings = instance_settings
    actuators["lamp-2"].answer = {"state": "refused", "reason": "driver too hot"}
    with connect(settings.database_url) as connection, ingest(settings), sender(settings):
        key = give(connection, "lamp-2")
        await_state(settings, key, CommandState.REFUSED)
        event = queries.list_events(connection, key)[-1]
        assert (event.who, event.why) == ("device/lamp-2", "driver too hot")
        actuators["lamp-1"].answer = None
        waiting = give(connection, "lamp-1")
        await_state(settings, waiting, CommandState.ACCEPTED)
        good = b'{"state": "acknowledged"}'
        barrier = actuators["barrier-1"]
        barrier.publish(f"commands/{uuid4()}/ack", good)  # of no command
        barrier.publish(f"commands/{waiting}/ack", good)  # of another device
        barrier.publish("commands/hello/ack", good)
        barrier.publish(f"commands/{waiting}/ack", b'{"state": "done"}')
        wait_for(lambda: len(_letters(connection)) == 4, lambda: _letters(connection))
        assert sorted(reason for reason, _ in _letters(connection)) == [
            *["unknown-command"] * 3,
            "wrong-shape",
        ]
        assert any("another device's" in detail for _, detail in _letters(connection))
        assert read(settings, waiting).state is CommandState.ACCEPTED


def _letters(connection: Connection) -> list[tuple[str, str]]:
    connection.rollback()
    return connection.execute("SELECT reason, detail FROM dead_letter").fetchall()


def test_what_was_sent_under_another_start_of_the_broker_is_never_sent_again(
    instance_settings: Settings, actuators: dict[str, Actuator]
) -> None:
    settings = instance_settings
    with connect(settings.database_url, autocommit=True) as connection:
        key = give(connection, "lamp-1", valid_for=timedelta(seconds=1.5))
        assert queries_sending.send_due(connection, "an earlier start", most=10)
        connection.execute("ALTER TABLE command DISABLE TRIGGER stays")
        connection.execute("UPDATE command SET within = '0 s', due_at = valid_until")
        with sender(settings):
            await_state(settings, key, CommandState.EXPIRED)
        event = queries.list_events(connection, key)[-1]
        assert "whether the device got it is not known" in event.why
    assert actuators["lamp-1"].received == []


def test_nothing_is_sent_after_its_validity(
    instance_settings: Settings, actuators: dict[str, Actuator]
) -> None:
    settings = instance_settings
    with connect(settings.database_url) as connection:
        late = give(connection, "lamp-1", valid_for=timedelta(seconds=1))
        unsigned = give(
            connection,
            "barrier-1",
            "barrier",
            parameters={"position": "closed"},
            valid_for=timedelta(seconds=1),
        )
        time.sleep(1.1)
        with sender(settings):
            await_state(settings, late, CommandState.EXPIRED)
            await_state(settings, unsigned, CommandState.EXPIRED)
        assert "countersigned" in queries.list_events(connection, unsigned)[-1].why
    assert life(settings, late) == ["drafted", "queued", "expired"]
    assert actuators["lamp-1"].received == []


def test_one_sender_sends_while_another_stands_by(
    instance_settings: Settings, actuators: dict[str, Actuator]
) -> None:
    settings = instance_settings
    with connect(settings.database_url) as connection, sender(settings) as second:
        wait_for(lambda: second, lambda: "not connected")
        with sender(settings) as standby:
            key = give(connection, "lamp-1")
            await_state(settings, key, CommandState.ACCEPTED, CommandState.ACKNOWLEDGED)
            assert standby == ["another process has the lock COMMANDS: standing by until it ends"]
    assert len(actuators["lamp-1"].received) == 1


# -- who may write and read ----------------------------------------------------------------------


@contextmanager
def _connected(settings: Settings, user: str, password: str) -> Iterator[dict[str, Any]]:
    """A client of an account: what the broker answers to its publications and sends to it."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=user, protocol=MQTTv5)
    client.username_pw_set(user, password)
    heard: dict[str, Any] = {"client": client, "answers": {}, "messages": [], "let_in": None}
    client.on_connect = lambda *event: heard.update(let_in=not event[3].is_failure)
    client.on_publish = lambda *event: heard["answers"].update({event[2]: str(event[3])})
    client.on_message = lambda *event: heard["messages"].append(event[2].topic)
    client.connect(settings.broker_host, settings.parts_port)
    client.loop_start()
    wait_for(lambda: heard["let_in"] is not None, lambda: f"{user} was not answered")
    yield heard
    client.disconnect()
    client.loop_stop()


def _try_publish(heard: dict[str, Any], topic: str) -> str:
    sent = heard["client"].publish(topic, b"{}", qos=1)
    wait_for(lambda: sent.mid in heard["answers"], lambda: topic)
    return str(heard["answers"][sent.mid])


def test_an_exercise_s_sender_reaches_no_device(
    exercise_settings: Settings, broker: Broker, add_device: Callable[[str], str]
) -> None:
    """The broker refuses it, whatever the sender is told; network servers hear nothing, too."""
    settings = exercise_settings
    password, of_gateway = add_device("lamp-1"), add_device("lora")
    player = passwords.new_password()
    live, rehearsal = passwords.SENDERS[Mode.LIVE], passwords.SENDERS[Mode.EXERCISE]
    put = {rehearsal: settings.broker_password, passwords.PLAYER: player}
    accounts.change(broker, put=put, drop=frozenset({live}))
    assert sending.make_address(settings, Mode.EXERCISE).user == rehearsal
    with (
        _connected(settings, "lamp-1", password) as lamp,
        _connected(settings, "lora", of_gateway) as lora,
        _connected(settings, passwords.PLAYER, player) as played,
        _connected(settings, rehearsal, settings.broker_password) as own,
    ):
        lamp["client"].subscribe([("devices/#", 1), ("exercise/#", 1)])
        lora["client"].subscribe([("gateways/#", 1), ("exercise/#", 1)])
        for topic in DOWN:
            for client in (own, played, lamp, lora):
                assert _try_publish(client, topic) == "Not authorized"
            assert _try_publish(own, f"exercise/{topic}") != "Not authorized"
        assert _try_publish(own, "devices/lamp-1/commands") == "Not authorized"
        assert _try_publish(own, "devices/lamp-1/readings") == "Not authorized"
        assert _try_publish(own, "exercise/devices/lamp-1/commands") != "Not authorized"
        played["client"].subscribe([("devices/#", 1), ("exercise/devices/+/commands", 1)])
        for topic in ("devices/lamp-1/commands", f"devices/lamp-1/commands/{uuid4()}/ack"):
            assert _try_publish(played, topic) == "Not authorized"
            assert _try_publish(lamp, f"exercise/{topic}") == "Not authorized"
        _try_publish(own, "exercise/devices/lamp-1/commands")
        wait_for(lambda: played["messages"], lambda: "nothing came")
        assert played["messages"] == ["exercise/devices/lamp-1/commands"]
        assert lamp["messages"] == lora["messages"] == []
    with _connected(settings, live, settings.broker_password) as refused:
        assert refused["let_in"] is False


def test_a_device_reads_its_own_commands_and_writes_none(
    instance_settings: Settings, secrets: dict[str, str]
) -> None:
    settings = instance_settings
    sends = passwords.SENDERS[Mode.LIVE]
    with (
        _connected(settings, "lamp-1", secrets["lamp-1"]) as lamp,
        _connected(settings, sends, settings.broker_password) as own,
    ):
        lamp["client"].subscribe("#", 1)
        for topic in ("devices/lamp-2/commands", "devices/lamp-1/commands"):
            assert _try_publish(own, topic) != "Not authorized"
            assert _try_publish(lamp, topic) == "Not authorized"
        wait_for(lambda: lamp["messages"], lambda: "nothing came")
        assert lamp["messages"] == ["devices/lamp-1/commands"]
        for topic in DOWN:  # a gateway's are none of a device's
            assert _try_publish(own, topic) != "Not authorized"
            assert _try_publish(lamp, topic) == "Not authorized"
        assert lamp["messages"] == ["devices/lamp-1/commands"]
        assert _try_publish(lamp, f"devices/lamp-2/commands/{uuid4()}/ack") == "Not authorized"
        assert _try_publish(own, "devices/lamp-1/readings") == "Not authorized"
