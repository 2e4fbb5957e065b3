"""What is received: when it arrived, what is acknowledged for it, and whose stamp counts."""

from dataclasses import dataclass, field

import pytest
from paho.mqtt.client import MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.inbox import Inbox
from ingest.message import UNSTAMPED
from ingest.topics import CLOCK, SESSION_MADE, heartbeat_topic, parse_exercise_message

START = 1_641_881_700_000_000
STAMPED = 1_388_534_400_000_000  # 2014-01-01
READINGS = "devices/a/readings"


@dataclass
class Clock:
    now: int = START

    def __call__(self) -> int:
        return self.now


@dataclass
class Stamped:
    """What a message of MQTT 5 carries beside itself."""

    UserProperty: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def message(topic: str, payload: bytes = b"{}", *, qos: int = 1, mid: int = 1) -> MQTTMessage:
    made = MQTTMessage(mid=mid, topic=topic.encode())
    made.payload, made.qos = payload, qos
    return made


def stamped(topic: str, *stamps: str) -> MQTTMessage:
    made = message(topic)
    made.properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    made.properties.UserProperty = [("scenario-time", stamp) for stamp in stamps]
    return made


def test_no_two_messages_arrive_at_the_same_instant(clock: Clock) -> None:
    """Nor does one that comes later arrive earlier, whatever is done to the wall's clock."""
    inbox = Inbox(exercise=False, clock=clock)
    for moved in (0, 5, -3_600_000_000, 0, 3_600_000_010):
        clock.now += moved
        inbox.look_at_the_clock()
        inbox.on_publication(READINGS.encode(), b"1", 1, False)  # noqa: FBT003  as the client calls it
        inbox.on_message(None, None, message(READINGS))
    times = [arrival.received_at - START for arrival in inbox.take().arrivals]
    assert times == [1, 2, 6, 7, 8, 9, 10, 11, 16, 17]


def test_what_is_taken_is_acknowledged_once_and_on_its_own_connection(clock: Clock) -> None:
    inbox = Inbox(exercise=False, clock=clock)
    inbox.begin(1)
    inbox.on_publication(READINGS.encode(), b"abc", 7, False)  # noqa: FBT003
    inbox.on_message(None, None, message(READINGS, b"de", mid=8))
    inbox.on_message(None, None, message(READINGS, b"f", qos=0, mid=0))
    assert (inbox.waiting, inbox.bytes) == (3, 6)
    first = inbox.take()
    assert ([a.payload for a in first.arrivals], list(first.mids)) == (
        [b"abc", b"de", b"f"],
        [7, 8],
    )
    assert (inbox.waiting, inbox.bytes) == (0, 0)
    inbox.on_publication(READINGS.encode(), b"gh", 9, True)  # noqa: FBT003
    inbox.begin(2)  # what waits is stored, but the broker sends it again to be acknowledged
    inbox.on_publication(heartbeat_topic("w").encode(), b"2022-01-11T06:15:00Z", 10, False)  # noqa: FBT003
    second = inbox.take()
    assert [(a.payload, a.again) for a in second.arrivals] == [(b"gh", True)]
    assert (second.connection, list(second.mids), len(second.beats)) == (2, [10], 1)


@pytest.mark.parametrize(
    "payload", [b"", b"\xff", b"soon", b"9999-12-31T00:00:00Z", b"1799-01-01T00:00:00Z"]
)
def test_a_heartbeat_that_is_none_is_kept_as_a_message(clock: Clock, payload: bytes) -> None:
    for topic, exercise in ((heartbeat_topic("w"), False), (CLOCK, True), (SESSION_MADE, False)):
        inbox = Inbox(exercise=exercise, clock=clock)
        inbox.on_message(None, None, message(topic, payload))
        parcel = inbox.take()
        assert ([a.payload for a in parcel.arrivals], len(parcel.beats)) == ([payload], 0)


def test_an_exercises_clock_and_a_live_heartbeat(clock: Clock) -> None:
    at = b"2014-01-01T00:00:00Z"
    for topic, exercise in ((heartbeat_topic("w"), False), (CLOCK, True)):
        inbox = Inbox(exercise=exercise, clock=clock)
        inbox.on_message(None, None, message(topic, at))
        (beat,) = inbox.take().beats
        assert beat.clock == STAMPED
        assert beat.received_at == (UNSTAMPED if exercise else START + 1)
        other = Inbox(exercise=not exercise, clock=clock)  # means nothing there
        other.on_message(None, None, message(topic, at))
        parcel = other.take()
        assert (len(parcel.beats), len(parcel.arrivals), list(parcel.mids)) == (0, 0, [1])


@pytest.mark.parametrize(
    ("topic", "stamps", "arrival"),
    [
        (f"exercise/{READINGS}", ["2014-01-01T00:00:00Z"], STAMPED),
        (f"exercise/{READINGS}", ["2014-01-01T01:00:00+01:00"], STAMPED),
        (f"exercise/{READINGS}", ["1800-01-01T00:00:00Z"], -5_364_662_400_000_000),
        (f"exercise/{READINGS}", ["2199-12-31T23:59:59Z"], 7_258_118_399_000_000),
        (f"exercise/{READINGS}", ["1799-12-31T23:59:59Z"], UNSTAMPED),
        (f"exercise/{READINGS}", ["2200-01-01T00:00:00Z"], UNSTAMPED),
        (f"exercise/{READINGS}", ["9999-12-31T23:59:60Z"], UNSTAMPED),
        (f"exercise/{READINGS}", ["2014-01-01T00:00:00"], UNSTAMPED),
        (f"exercise/{READINGS}", ["1e300"], UNSTAMPED),
        (f"exercise/{READINGS}", [], UNSTAMPED),
        (f"exercise/{READINGS}", ["now", "2014-01-01T00:00:00Z"], UNSTAMPED),
        (READINGS, ["2014-01-01T00:00:00Z"], UNSTAMPED),
        ("gateways/exercise/senml", ["2014-01-01T00:00:00Z"], UNSTAMPED),
    ],
)
def test_a_stamp_counts_where_only_the_player_may_write(
    clock: Clock, topic: str, stamps: list[str], arrival: int
) -> None:
    inbox = Inbox(exercise=True, clock=clock)
    inbox.on_message(None, None, stamped(topic, *stamps))
    (found,) = inbox.take().arrivals
    assert (found.topic, found.received_at) == (topic.removeprefix("exercise/"), arrival)


def test_a_live_instance_knows_no_stamps(clock: Clock) -> None:
    inbox = Inbox(exercise=False, clock=clock)
    inbox.on_message(None, None, stamped(READINGS, "2014-01-01T00:00:00Z"))
    assert [a.received_at for a in inbox.take().arrivals] == [START + 1]


def test_other_properties_are_no_stamp() -> None:
    others = Stamped(UserProperty=[("time", "2014-01-01T00:00:00Z"), ("scenario-time", "?")])
    assert parse_exercise_message(f"exercise/{READINGS}", others) == (READINGS, UNSTAMPED)
    others.UserProperty[1] = ("scenario-time", "2014-01-01T00:00:00Z")
    assert parse_exercise_message(f"exercise/{READINGS}", others) == (READINGS, STAMPED)
    assert parse_exercise_message(f"exercise/{READINGS}", None) == (READINGS, UNSTAMPED)
