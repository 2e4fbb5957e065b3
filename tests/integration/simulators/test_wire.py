"""The player's wire on a real broker: its window, its patience, and what ends it."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from hypervisor.broker import accounts
from hypervisor.broker.child import find_processes
from hypervisor.broker.mosquitto import Broker as Server
from simulators._mqtt import Broker, MqttConnection, PlayerError, WallClock
from tests.ports import reserve_port

pytestmark = pytest.mark.integration

TOPIC = "devices/player/readings"


@dataclass
class Hasty:
    """A wall's clock on which a second passes with every look, and waiting costs nothing."""

    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        self.seconds += 1
        return self.seconds

    @property
    def wall(self) -> WallClock:
        return WallClock(now=self.now, sleep=self.slept.append)


REAL = WallClock(now=time.monotonic, sleep=time.sleep)


def account(port: int) -> Broker:
    return Broker(host="127.0.0.1", port=port, user="player", password="secret")


@pytest.fixture
def played(broker: Server) -> Broker:
    accounts.change(broker, put={"player": "secret"})
    return account(broker.port)


@contextmanager
def opened(
    broker: Broker, *, wall: WallClock = REAL, window: int = 1000
) -> Iterator[MqttConnection]:
    wire = MqttConnection(broker, wall=wall, window=window, patience=20)
    wire.open()
    try:
        yield wire
    finally:
        wire.close()


def test_no_more_are_under_way_than_its_window_holds(played: Broker) -> None:
    with opened(played, window=3) as wire:
        most = 0
        for number in range(50):
            wire.send(TOPIC, b"%d" % number)
            most = max(most, wire.sent - wire.acknowledged)
        assert most == 3
        wire.settle()
        assert (wire.sent, wire.acknowledged, wire.reconnections) == (50, 50, 0)


def test_answers_are_looked_at_every_sixty_four_messages(played: Broker) -> None:
    with opened(played) as wire:
        for number in range(1, 1_000):
            wire.send(TOPIC, b"")
            assert number >= 64 or not wire.acknowledged
        assert wire.acknowledged > 0
        wire.settle()
        assert wire.acknowledged == 999


def test_what_the_broker_refuses_is_told(played: Broker) -> None:
    with opened(played) as wire:
        wire.send("hypervisor/alarms/x", b"")
        with pytest.raises(PlayerError) as raised:
            wire.settle()
    assert str(raised.value) == (
        "the broker refuses a publication on hypervisor/alarms/x (Not authorized)"
    )
    assert wire.acknowledged == 0


def pump_for_long(wire: MqttConnection) -> None:
    for _ in range(1_000):
        wire.pump(0.05)


def test_another_player_takes_over(played: Broker) -> None:
    with opened(played) as wire, opened(played) as other:
        other.send(TOPIC, b"")
        other.settle()
        with pytest.raises(PlayerError, match="another player has taken over this exercise"):
            pump_for_long(wire)


def test_an_account_that_is_refused_is_told(broker: Server) -> None:
    with pytest.raises(PlayerError) as raised:
        MqttConnection(account(broker.port), wall=REAL).open()
    assert str(raised.value) == (
        "the broker refuses the account 'player' (Not authorized); only an exercise has a player"
    )


def test_a_broker_that_is_not_there_is_waited_for_with_patience() -> None:
    hasty, port = Hasty(), reserve_port()
    with pytest.raises(PlayerError) as raised:
        MqttConnection(account(port), wall=hasty.wall, patience=10).open()
    told = str(raised.value)
    assert told.startswith(f"no broker answers at 127.0.0.1:{port} (")
    assert told.endswith("); is the instance up?")
    assert hasty.slept == [0.1] * 10


def test_a_broker_that_does_not_greet_is_given_up() -> None:
    hasty = Hasty()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(PlayerError, match="went away before it greeted"):
            MqttConnection(account(port), wall=hasty.wall, patience=10).open()
    assert hasty.slept == [0.1], "five seconds a greeting, twice"


def test_a_broker_that_acknowledges_nothing_is_given_up(broker: Server, played: Broker) -> None:
    hasty = Hasty()
    (pid,) = find_processes(broker.is_mine)
    with opened(played, wall=hasty.wall) as wire:
        os.kill(pid, signal.SIGSTOP)
        try:
            wire.send(TOPIC, b"")
            with pytest.raises(PlayerError) as raised:
                wire.settle()
        finally:
            os.kill(pid, signal.SIGCONT)
    assert str(raised.value) == "the broker acknowledged nothing for 20 s"
