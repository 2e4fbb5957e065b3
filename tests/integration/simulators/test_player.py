"""The player on a real broker: order, stamps, the clock's promise, a broker that comes and goes."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from hypervisor.base.settings import Settings
from hypervisor.broker.child import find_processes, stop_pid
from hypervisor.broker.mosquitto import Broker as Server
from hypervisor.broker.passwords import SESSION
from hypervisor.stack.servers import Running, start_broker
from ingest.topics import SESSION_MADE
from simulators._mqtt import Broker, PlayerError, WallClock
from simulators._player import CLOCK, Pace, Player, Progress
from simulators._publications import Publication, instant_of

pytestmark = pytest.mark.integration

T0 = instant_of(datetime(2024, 10, 29, 18, tzinfo=UTC))
SECOND = 1_000_000
WALL = WallClock(now=time.monotonic, sleep=time.sleep)


@dataclass
class Heard:
    """What a worker would hear, in order: (topic, payload, stamp in µs or None)."""

    messages: list[tuple[str, bytes, int | None]] = field(default_factory=list)

    def readings(self) -> list[int]:
        return [int(payload) for topic, payload, _ in self.messages if topic != CLOCK]

    def clocks(self) -> list[int]:
        return [
            instant_of(datetime.fromisoformat(payload.decode()))
            for topic, payload, _ in self.messages
            if topic == CLOCK
        ]


@contextmanager
def listener(settings: Settings) -> Iterator[Heard]:
    heard = Heard()

    def on_message(_client: object, _data: object, message: paho.MQTTMessage) -> None:
        stamps = dict(getattr(message.properties, "UserProperty", ()))
        stamp = stamps.get("scenario-time")
        at = instant_of(datetime.fromisoformat(stamp)) if stamp else None
        if message.topic == SESSION_MADE:
            return
        heard.messages.append((message.topic, bytes(message.payload), at))

    def on_connect(*_: object) -> None:
        options = SubscribeOptions(qos=1)
        client.subscribe([("exercise/devices/+/readings", options), (CLOCK, options)])

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="w", protocol=paho.MQTTv5)
    client.username_pw_set(SESSION, settings.broker_password)
    client.on_connect = on_connect
    client.on_message = on_message
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 600
    client.connect("127.0.0.1", settings.broker_port, clean_start=False, properties=properties)
    client.loop_start()
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def plan(count: int, *, step: int = SECOND) -> list[Publication]:
    return [
        Publication(
            arrival=T0 + i * step, topic="devices/a/readings", payload=str(i).encode(), readings=1
        )
        for i in range(count)
    ]


def player(
    settings: Settings,
    pace: Pace,
    notice: Callable[[Progress], None] | None = None,
    heard: Callable[[], int | None] | None = None,
) -> Player:
    account = Broker(
        host="127.0.0.1",
        port=settings.broker_port,
        user="player",
        password=settings.player_password,
    )
    return Player(account, wall=WALL, pace=pace, notice=notice, heard=heard)


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_everything_arrives_in_order_stamped_and_the_clock_keeps_its_promise(
    exercise_settings: Settings,
) -> None:
    with listener(exercise_settings) as heard:
        tally = player(exercise_settings, Pace(clock_every=50)).play(plan(500), linger=60)
        until(lambda: tally.clock in heard.clocks())
    assert heard.readings() == list(range(500))
    assert tally.publications == tally.readings == 500
    assert tally.clock == T0 + 559 * SECOND
    assert heard.clocks() == sorted(set(heard.clocks()))
    assert len(heard.clocks()) > 5
    promised = 0
    for topic, payload, stamp in heard.messages:
        if topic == CLOCK:
            promised = instant_of(datetime.fromisoformat(payload.decode()))
        else:
            assert stamp == T0 + int(payload) * SECOND
            assert stamp > promised


def test_speed_is_kept_and_the_clock_goes_on_between_messages(exercise_settings: Settings) -> None:
    seen: list[Progress] = []
    with listener(exercise_settings) as heard:
        tally = player(exercise_settings, Pace(speed=600, tick=0.05), seen.append).play(
            plan(3, step=300 * SECOND)
        )
        until(lambda: tally.clock in heard.clocks())
    assert tally.seconds >= 1.0, "no faster than asked; how much slower is the machine's affair"
    assert len(heard.clocks()) > 10
    assert seen[-1].readings == 3
    assert 0 < seen[-1].speed <= 601


def test_a_clock_never_turns_back(exercise_settings: Settings) -> None:
    stands = T0 + 10 * SECOND
    with listener(exercise_settings) as heard:
        tally = player(exercise_settings, Pace()).play(plan(5), not_before=stands)
        until(lambda: len(heard.messages) >= 7)
    assert tally.clock == stands
    assert set(heard.clocks()) == {stands}


def test_a_clock_that_the_broker_lost_is_told_again(exercise_settings: Settings) -> None:
    with listener(exercise_settings) as listening:

        def stored() -> int | None:
            """As if the broker had died with each clock that was told once."""
            clocks = listening.clocks()
            return max((clock for clock in clocks if clocks.count(clock) > 1), default=None)

        pace = Pace(again=0.05, patience=5, clock_every=2, ahead=2)
        player(exercise_settings, pace, heard=stored).play(plan(6))
        until(lambda: len(listening.readings()) == 6)
    assert listening.readings() == list(range(6))
    assert listening.clocks() == sorted(listening.clocks())


def test_what_is_played_before_ingest_ever_came_waits_for_it(exercise_settings: Settings) -> None:
    """The broker's queue is there before anything can be published into it."""
    player(exercise_settings, Pace()).play(plan(20))
    with listener(exercise_settings) as heard:
        until(lambda: len(heard.readings()) >= 20)
    assert heard.readings() == list(range(20))


def test_a_wrong_account_is_told(exercise_settings: Settings) -> None:
    wrong = exercise_settings.model_copy(update={"player_password": "no"})
    with pytest.raises(PlayerError, match="refuses the account 'player'"):
        player(wrong, Pace()).play(plan(3))


def test_a_broker_that_is_away_is_told(exercise_settings: Settings) -> None:
    away = exercise_settings.model_copy(update={"broker_port": 1})
    with pytest.raises(PlayerError, match=r"no broker answers at 127\.0\.0\.1:1"):
        player(away, Pace(patience=0.3)).play(plan(3))


def test_a_restart_of_the_broker_loses_nothing(exercise_settings: Settings, broker: Server) -> None:
    restarted: list[Running] = []

    def restart(progress: Progress) -> None:
        if progress.publications >= 1000 and not restarted:
            for pid in find_processes(broker.is_mine):
                stop_pid(pid, signal.SIGTERM, seconds=10)
            restarted.append(start_broker(broker))

    with listener(exercise_settings) as heard:
        tally = player(exercise_settings, Pace(clock_every=200), restart).play(plan(3000))
        until(lambda: tally.clock in heard.clocks())
    assert restarted
    assert tally.reconnections >= 1
    assert set(heard.readings()) == set(range(3000))
    restarted[0].halt()
