"""Commands in an exercise: the player's actuators answer and move, and nothing real does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from hypervisor.broker import accounts, passwords
from hypervisor.broker.mosquitto import Broker
from hypervisor.commands import queries, service
from hypervisor.commands.model import Command, CommandState
from hypervisor.commands.service import Order
from hypervisor.exercises.model import RunState
from hypervisor.exercises.playable import FOLDER
from sensors._command import Value, checksum
from sensors._domain import catalogue
from tests.integration.commands.test_sending import sender
from tests.integration.exercises.conftest import Led

BEGINS = datetime(2024, 11, 5, 6, tzinfo=UTC)
pytestmark = [pytest.mark.integration, pytest.mark.long]

ROAD = """
title: A road
sites:
  - name: mill-road
    title: Mill road
    domain: mobility
    lon: 2.2
    lat: 48.6
    devices:
      - {name: mill-loop, model: loop-station, commissioned: 2020-01-01}
      - {name: mill-barrier, model: road-barrier, commissioned: 2020-01-01}
      - {name: mill-sign, model: message-sign, commissioned: 2020-01-01}
"""
STORY = """
name: closed-road
title: A road is closed
begins: 2024-11-05T06:00:00Z
hours: 12
faults:
  - {kind: actuator-failure, where: [mill-barrier], from: 0 h, to: 12 h, mode: stuck}
"""


@pytest.fixture
def road(led: Led, tmp_path: Path, broker: Broker) -> Led:
    accounts.change(broker, put={passwords.REHEARSAL: led.settings.broker_password})
    file = tmp_path / "road.yaml"
    file.write_text(ROAD)
    led.exercise.apply(str(file))
    (led.settings.data / FOLDER / "closed-road.yaml").write_text(STORY)
    return led


@dataclass
class RealSign:
    """A real sign of the same name, at the exercise's broker: what it hears."""

    heard: list[str] = field(default_factory=list)
    granted: list[bool] = field(default_factory=list)


@pytest.fixture
def real_sign(road: Led, add_device: Callable[[str], str]) -> Iterator[RealSign]:
    sign = RealSign()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="mill-sign")
    client.username_pw_set("mill-sign", add_device("mill-sign"))
    client.on_connect = lambda *_: client.subscribe([("devices/#", 1), ("exercise/#", 1)]) and None
    client.on_subscribe = lambda _client, _data, _mid, codes, _more: sign.granted.extend(
        not code.is_failure for code in codes
    )
    client.on_message = lambda _client, _data, message: sign.heard.append(message.topic)
    client.connect("127.0.0.1", road.settings.broker_port)
    client.loop_start()
    yield sign
    client.disconnect()
    client.loop_stop()


def give(led: Led, kind: str, device: str, **parameters: Value) -> UUID:
    order = Order(
        kind=kind,
        target=f"device/{device}",
        parameters=parameters,
        author="anne",
        reason="the river rises",
    )

    def do(connection: object) -> UUID:
        plan = service.make_plan(connection, catalogue(), order)  # type: ignore[arg-type]
        (command,) = service.give(connection, plan)  # type: ignore[arg-type]
        if command.signatures == 2:
            service.sign(connection, command.id, who="bert")  # type: ignore[arg-type]
        return command.id

    return led.ask(do)


def read(led: Led, key: UUID) -> Command:
    return led.ask(lambda c: queries.list_by_id(c, [key])[0])


def life(led: Led, key: UUID) -> list[tuple[str, str]]:
    return [
        (event.to_state.value, event.why)
        for event in led.ask(lambda c: queries.list_events(c, key))
    ]


def told(led: Led, device: str, quantity: str) -> list[float]:
    """The stored values, by time."""
    query = (
        "SELECT value FROM reading r JOIN series s ON s.id = r.series_id"
        " JOIN device d ON d.id = s.device WHERE d.name = %s AND quantity = %s ORDER BY time"
    )
    return [
        value for (value,) in led.ask(lambda c: c.execute(query, [device, quantity]).fetchall())
    ]


def test_the_sign_confirms_the_barrier_fails_and_no_real_device_hears_it(
    road: Led, real_sign: RealSign
) -> None:
    """The player ends in between; the next player finds the sign as it was left."""
    with sender(road.settings):
        with road.conductor():
            run = road.start(source="closed-road.yaml", speed=120)
            road.comes_to(run, RunState.RUNNING)
            road.order(run, "jump", to=BEGINS + timedelta(hours=1))
            road.until(lambda: (road.run(run).clock or BEGINS) > BEGINS + timedelta(hours=1))
            sign = give(road, "sign_text", "mill-sign", text="ROUTE INONDÉE")
            road.until(lambda: not read(road, sign).open, what=lambda: life(road, sign))
            assert read(road, sign).state is CommandState.CONFIRMED, life(road, sign)
            barrier = give(road, "barrier", "mill-barrier", position="closed")
            road.until(lambda: not read(road, barrier).open, what=lambda: life(road, barrier))
            states = [state for state, _ in life(road, barrier)]
            assert states[-2:] == ["acknowledged", "failed"], life(road, barrier)
        road.comes_to(run, RunState.INTERRUPTED)
        with road.conductor():
            road.order(run, "resume")
            road.order(run, "speed", speed=None)
            road.comes_to(run, RunState.FINISHED)
    shown = told(road, "mill-sign", "sign_message_crc")
    dark, text = float(checksum("")), float(checksum("ROUTE INONDÉE"))
    assert set(shown) == {dark, text}
    assert shown == sorted(shown, key=[dark, text].index)
    assert len(shown) > 12, "every hour"
    assert set(told(road, "mill-barrier", "barrier_position")) == {0.0}
    assert real_sign.granted, "it was listening"
    assert real_sign.heard == []
