"""Who may do what on the real broker."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from hypervisor.base.settings import Settings
from hypervisor.broker import accounts, password_file, passwords
from hypervisor.broker.mosquitto import Broker
from hypervisor.broker.probe import ACCEPTED, REFUSED, connack

pytestmark = pytest.mark.integration


class Client:
    """An MQTT 5 client that remembers what it was told."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self._mqtt = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._mqtt.username_pw_set(user, password)
        self._connected, self.gone, self._acknowledged = (threading.Event() for _ in range(3))
        self._reason: ReasonCode | None = None
        self._mqtt.on_connect = lambda *_: self._connected.set()
        self._mqtt.on_disconnect = lambda *_: self.gone.set()
        self._mqtt.on_publish = self._on_publish
        self._mqtt.connect("127.0.0.1", port)
        self._mqtt.loop_start()
        assert self._connected.wait(5)

    def _on_publish(
        self, _client: object, _data: object, _mid: int, reason: ReasonCode, _: object
    ) -> None:
        self._reason = reason
        self._acknowledged.set()

    def publish(self, topic: str) -> str:
        """Publish with QoS 1; how the broker acknowledged it."""
        self._acknowledged.clear()
        self._mqtt.publish(topic, b"{}", qos=1)
        assert self._acknowledged.wait(5)
        return str(self._reason)

    def subscribe(self, topic: str) -> list[str]:
        """A list to which the topics of what arrives are added."""
        arrived: list[str] = []
        subscribed = threading.Event()
        self._mqtt.on_message = lambda _c, _d, message: arrived.append(message.topic)
        self._mqtt.on_subscribe = lambda *_: subscribed.set()
        self._mqtt.subscribe(topic, qos=1)
        assert subscribed.wait(5)
        return arrived

    def close(self) -> None:
        self._mqtt.disconnect()
        self._mqtt.loop_stop()


@contextmanager
def connected(settings: Settings, user: str, password: str) -> Iterator[Client]:
    client = Client(settings.broker_port, user, password)
    try:
        yield client
    finally:
        client.close()


def answer(settings: Settings, user: str = "", password: str = "") -> int:
    return connack(settings.broker_host, settings.broker_port, user, password)


def test_a_device_publishes_only_as_itself(
    instance_settings: Settings, add_device: Callable[[str], str]
) -> None:
    settings = instance_settings
    password = add_device("poyo")
    add_device("other")
    with (
        connected(settings, "ingest", settings.broker_password) as ingest,
        connected(settings, "poyo", password) as device,
    ):
        arrived = ingest.subscribe("devices/+/readings")
        assert device.publish("devices/other/readings") == "Not authorized"
        assert device.publish("devices/poyo/anything") == "Not authorized"
        assert device.publish("exercise/clock") == "Not authorized"
        assert device.publish("hypervisor/heartbeat/ingest-1") == "Not authorized"
        assert device.publish("devices/poyo/readings") in {"Success", "No matching subscribers"}
        assert ingest.publish("hypervisor/heartbeat/ingest-1") in {
            "Success",
            "No matching subscribers",
        }
        assert arrived == ["devices/poyo/readings"]


def test_a_device_hears_nobody(
    instance_settings: Settings, add_device: Callable[[str], str]
) -> None:
    settings = instance_settings
    with (
        connected(settings, "one", add_device("one")) as one,
        connected(settings, "two", add_device("two")) as two,
    ):
        arrived = one.subscribe("#")
        two.publish("devices/two/readings")
        one.publish("devices/one/readings")  # what was on its way to it has arrived by now
        assert arrived == []


def test_only_the_player_sets_the_clock(exercise_settings: Settings) -> None:
    settings = exercise_settings
    with (
        connected(settings, "ingest", settings.broker_password) as ingest,
        connected(settings, "player", settings.player_password) as player,
    ):
        arrived = ingest.subscribe("exercise/clock")
        assert ingest.publish("exercise/clock") == "Not authorized"
        assert player.publish("exercise/clock") == "Success"
        assert ingest.publish("hypervisor/heartbeat/x") == "Success"
        assert arrived == ["exercise/clock"]


def test_strangers_stay_outside(
    instance_settings: Settings, add_device: Callable[[str], str]
) -> None:
    add_device("poyo")
    assert answer(instance_settings) in REFUSED
    assert answer(instance_settings, "poyo", "guess") in REFUSED
    assert answer(instance_settings, "nobody", "guess") in REFUSED


def test_a_removed_device_is_put_out_and_stays_out(
    instance_settings: Settings, broker: Broker, add_device: Callable[[str], str]
) -> None:
    password, kept = add_device("poyo"), add_device("kept")
    with (
        connected(instance_settings, "poyo", password) as device,
        connected(instance_settings, "kept", kept) as neighbour,
    ):
        assert accounts.change(broker, drop=frozenset({"poyo"}))
        assert device.gone.wait(5)
        assert not neighbour.gone.is_set()
        assert answer(instance_settings, "poyo", password) in REFUSED


def test_a_rotated_password_puts_the_old_one_out(
    instance_settings: Settings, broker: Broker, add_device: Callable[[str], str]
) -> None:
    old, new = add_device("poyo"), passwords.new_password()
    with connected(instance_settings, "poyo", old) as device:
        accounts.change(broker, put={"poyo": new})
        assert device.gone.wait(5)
    assert answer(instance_settings, "poyo", old) in REFUSED
    assert answer(instance_settings, "poyo", new) == ACCEPTED


def test_passwords_are_not_kept(broker: Broker, add_device: Callable[[str], str]) -> None:
    password = add_device("poyo")
    file = password_file.path_of(broker.folder)
    assert password not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
