"""New readings over MQTT, on the real broker: what HTTP answers, to who may read it."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from hypervisor.broker import accounts, passwords
from hypervisor.broker.child import wait_until
from hypervisor.broker.mosquitto import Broker
from hypervisor.broker.ports import LOOPBACK
from hypervisor.standards import listeners, observations
from tests.integration.evaluation.world import CATALOGUE, Sent, World
from tests.integration.standards.conftest import settings_of
from tests.integration.web.conftest import NORTH, two_towns
from tests.integration.web.served import EVERYTHING, Roles, server, signed_in

pytestmark = pytest.mark.integration

ALL, OF_YVETTE = "v1.1/Observations", "v1.1/Datastreams('yvette:level')/Observations"
OF_ORGE = "v1.1/Datastreams('orge:level')/Observations"


class Listener:
    """Hears what an account may hear of all that is told."""

    def __init__(self, broker: Broker, account: str, password: str) -> None:
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.granted = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.username_pw_set(account, password)
        self.client.on_subscribe = lambda *_: self.granted.set()
        self.client.on_message = lambda _, __, m: self.got.append((m.topic, json.loads(m.payload)))
        self.client.connect(LOOPBACK, broker.port)
        self.client.loop_start()
        self.client.subscribe("v1.1/#")
        assert self.granted.wait(20)

    def topics(self) -> set[str]:
        return {topic for topic, _ in list(self.got)}


@contextmanager
def listening(broker: Broker, world: World, name: str) -> Iterator[Listener]:
    account, password = passwords.listener_account(name), passwords.new_password()
    topics = listeners.list_topics(world.connection, name)
    world.connection.commit()
    passwords.write_topics(broker.folder, account, topics)
    accounts.change(broker, put={account: password})
    made = Listener(broker, account, password)
    try:
        yield made
    finally:
        made.client.disconnect()
        made.client.loop_stop()


@contextmanager
def telling(world: World, broker: Broker, base: str) -> Iterator[None]:
    """The part that tells, in a thread."""
    settings = settings_of(world, "token").model_copy(
        update={
            "public_url": base,
            "broker_host": LOOPBACK,
            "broker_port": broker.port,
            "broker_parts_port": broker.parts_port,
            "broker_password": broker.password,
        }
    )
    stop = threading.Event()
    thread = threading.Thread(
        target=observations.run, args=(settings, CATALOGUE), kwargs={"stopping": stop.is_set}
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def forge(broker: Broker) -> None:
    """A device tells an observation itself, and is not heard."""
    accounts.change(broker, put={"gauge": "word"})
    device = Client(CallbackAPIVersion.VERSION2)
    device.username_pw_set("gauge", "word")
    device.connect(LOOPBACK, broker.port)
    device.loop_start()
    device.publish(ALL, json.dumps({"result": 1}), qos=1).wait_for_publish(20)
    device.disconnect()
    device.loop_stop()


def test_new_readings_are_told_to_who_may_hear_them(database_url: str, broker: Broker) -> None:
    people: dict[str, Roles] = {"anne": EVERYTHING, "nora": (("viewer", NORTH),)}
    with ExitStack() as stack:
        world = stack.enter_context(closing(two_towns(database_url)))
        base = stack.enter_context(server(world.url))
        clients = {
            name: stack.enter_context(signed_in(base, world.url, name, roles))
            for name, roles in people.items()
        }
        anne, nora = (
            stack.enter_context(listening(broker, world, name)) for name in ("anne", "nora")
        )
        forge(broker)
        stack.enter_context(telling(world, broker, base))
        minutes = iter(range(20, 200))

        def told() -> bool:
            at = next(minutes)
            world.store([Sent(site=site, at=at, value=at) for site in ("orge", "yvette")])
            wait_until(lambda: {ALL, OF_ORGE, OF_YVETTE} <= anne.topics(), seconds=1)
            return {ALL, OF_ORGE, OF_YVETTE} <= anne.topics() and bool(nora.got)

        assert wait_until(told, seconds=60)
        assert nora.topics() == {OF_ORGE}
        assert all("@iot.id" in body for _, body in anne.got)  # none is forged
        (body, *_) = (body for topic, body in anne.got if topic == OF_ORGE)
        assert body["parameters"].pop("mode") == "EXERCICE"
        assert body == clients["anne"].get(body["@iot.selfLink"]).json()
