"""Both sides of each bound: how late is late, how much is a flood, how long a store is awaited."""

import threading
from collections.abc import Sequence

import pytest
from paho.mqtt.client import MQTTMessage

from ingest.batch import Beat, Parcel
from ingest.breaker import Breaker
from ingest.flood import FloodDetector
from ingest.heartbeat import HeartbeatState
from ingest.inbox import Inbox
from ingest.library import Library
from ingest.message import Arrival
from ingest.pipeline import Checked
from ingest.ports import Inventory, OccupiedError, UnavailableError
from ingest.route import Routes
from ingest.storer import Storer
from ingest.topics import DROPPED, SESSION_MADE, format_time, heartbeat_topic
from sensors._row import no_rows

SECOND = 1_000_000
START = 1_641_881_700_000_000  # 2022-01-11 06:15 UTC
LIVE = HeartbeatState(interval=2 * SECOND, clock=10 * SECOND)


def beat(clock: int, late: int = 0) -> Beat:
    return Beat(clock=clock, received_at=clock + late)


# -- heartbeats ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("beats", "deaf"),
    [
        # three intervals are on time, a microsecond more is not
        ([beat(12 * SECOND, 6 * SECOND)], []),
        ([beat(12 * SECOND, 6 * SECOND + 1)], [(12 * SECOND, 18 * SECOND + 1)]),
        ([beat(16 * SECOND)], []),
        ([beat(16 * SECOND + 1)], [(10 * SECOND, 16 * SECOND + 1)]),
        # late ones prolong one span, from the first one's clock to the last one's return
        (
            [beat(12 * SECOND, 7 * SECOND), beat(14 * SECOND, 9 * SECOND), beat(16 * SECOND)],
            [(12 * SECOND, 23 * SECOND)],
        ),
        # one on time between two late ones makes two
        (
            [beat(12 * SECOND, 7 * SECOND), beat(14 * SECOND), beat(16 * SECOND, 8 * SECOND)],
            [(12 * SECOND, 19 * SECOND), (16 * SECOND, 24 * SECOND)],
        ),
        # away, and late when back
        ([beat(30 * SECOND, 7 * SECOND)], [(10 * SECOND, 37 * SECOND)]),
    ],
)
def test_how_late_is_deaf(beats: Sequence[Beat], deaf: list[tuple[int, int]]) -> None:
    assert list(LIVE.after(beats).gaps) == deaf
    step = LIVE
    spans: dict[int, int] = {}
    for each in beats:  # one by one it is the same
        heard = step.after([each])
        step = heard.listening
        spans |= dict(heard.gaps)
    assert list(spans.items()) == deaf


def test_a_session_made_again_ends_what_was_late() -> None:
    again = Beat(clock=30 * SECOND, received_at=30 * SECOND, session_made=True)
    heard = LIVE.after([beat(12 * SECOND, 7 * SECOND), again, beat(32 * SECOND, 8 * SECOND)])
    assert heard.lost == ((12 * SECOND, 30 * SECOND),)
    assert heard.gaps == ((12 * SECOND, 30 * SECOND), (32 * SECOND, 40 * SECOND))
    same = Beat(clock=10 * SECOND, received_at=10 * SECOND, session_made=True)
    assert LIVE.after([same]).lost == ()
    later = Beat(clock=10 * SECOND + 1, received_at=0, session_made=True)
    assert LIVE.after([later]).lost == ((10 * SECOND, 10 * SECOND + 1),)


# -- floods -------------------------------------------------------------------------------------


def batch(*parts: tuple[str, int, int]) -> list[Arrival]:
    """Of each account so many messages of so many bytes."""
    return [
        arrival
        for account, count, size in parts
        for arrival in [Arrival(f"devices/{account}/readings", b"x" * size, 0)] * count
    ]


MANY = [("a", 500, 0), ("b", 10, 0)]


@pytest.mark.parametrize(
    ("parts", "looks", "paused"),
    [
        (MANY, [(1.0, 2.0), (2.0, 2.1)], True),
        (MANY, [(1.0, 1.99), (2.0, 2.1)], False),  # only from the second look on is it behind
        (MANY, [(1.0, 2.0), (2.0, 2.0)], False),  # it grows no more
        (MANY, [(1.0, 2.0), (1.99, 2.1), (2.0, 2.2)], True),
        (MANY, [(1.0, 2.0), (1.5, 2.1)], False),  # a second has not passed
        ([("a", 500, 0), ("b", 500, 0)], [(1.0, 2.0), (2.0, 3.0)], False),  # half of it is not more
        ([("a", 501, 0), ("b", 500, 0)], [(1.0, 2.0), (2.0, 3.0)], True),
        ([("a", 200, 0)], [(1.0, 2.0), (2.0, 3.0)], False),
        ([("a", 201, 0)], [(1.0, 2.0), (2.0, 3.0)], True),
        ([("a", 201, 0)], [(1.0, 2.0), (3.0, 3.0)], False),  # in two seconds
        ([("a", 100, 1023)], [(1.0, 2.0), (2.0, 3.0)], False),
        ([("a", 101, 1024)], [(1.0, 2.0), (2.0, 3.0)], True),  # weighs two
    ],
)
def test_how_much_is_a_flood(
    parts: list[tuple[str, int, int]], looks: list[tuple[float, float]], paused: object
) -> None:
    asked: list[str] = []
    now = [0.0]
    flood = FloodDetector(pause=asked.append, ticks=lambda: now[0])
    for at, behind in looks:
        now[0] = at
        flood.look(batch(*parts), behind)
    assert asked == (["a"] if paused else [])


def test_a_suspect_is_the_same_twice_in_a_row() -> None:
    asked: list[str] = []
    now = [0.0]
    flood = FloodDetector(pause=asked.append, ticks=lambda: now[0])
    for at, behind, account in ((1, 3, "a"), (2, 4, "b"), (3, 5, "a"), (4, 6, "a"), (5, 7, "a")):
        now[0] = float(at)
        flood.look(batch((account, 500, 0)), float(behind))
        assert len(asked) == max(0, at - 3)
    assert set(asked) == {"a"}
    flood.look([], 0.0)  # kept up meanwhile
    for at, behind in ((6, 3), (7, 4)):
        now[0] = float(at)
        flood.look(batch(("a", 500, 0)), float(behind))
    assert len(asked) == 3
    now[0] = 20.0
    flood.look([], 9.0)  # nothing came
    assert len(asked) == 3


# -- what is remembered -------------------------------------------------------------------------


def test_ten_thousand_devices_of_a_codec_are_remembered() -> None:
    breaker = Breaker(lambda: 0.0)
    for _ in range(3):
        breaker.spent("bad", 0.0, in_vain=True)
    for number in range(9_999):
        breaker.spent(f"device-{number}", 0.0, in_vain=True)
    assert breaker.objection("bad") is not None
    breaker.spent("one more", 0.0, in_vain=True)
    assert breaker.objection("bad") is None


def test_fifty_thousand_topics_are_remembered() -> None:
    routes = Routes(Inventory(devices={}), Library())
    for number in range(50_000):
        routes.add(f"devices/{number}/readings")
    assert routes.get("devices/0/readings") is not None
    routes.add("devices/one-more/readings")
    assert routes.get("devices/0/readings") is None
    assert routes.get("devices/one-more/readings") is not None


# -- the inbox ----------------------------------------------------------------------------------


def message(topic: str, payload: bytes, *, qos: int = 1) -> MQTTMessage:
    made = MQTTMessage(mid=7, topic=topic.encode())
    made.payload, made.qos = payload, qos
    return made


def test_what_the_broker_dropped_is_told_once() -> None:
    inbox = Inbox(exercise=False, clock=lambda: START)
    assert inbox.take().dropped is None
    for payload, dropped in ((b"12", 12), (b"0", 0), (b"-1", None), (b"", None), (b"x", None)):
        inbox.on_message(None, None, message(DROPPED, payload, qos=0))
        parcel = inbox.take()
        assert (parcel.dropped, parcel.arrivals, parcel.beats, parcel.mids) == (dropped, [], [], [])
        assert inbox.take().dropped is None


def test_what_is_cut_out_of_the_stream_is_what_it_is() -> None:
    inbox = Inbox(exercise=False, clock=lambda: START)
    inbox.begin(4)
    at = format_time(START - 5 * SECOND).encode()
    inbox.sent(START - 5 * SECOND)
    inbox.sent(START - 3 * SECOND)
    assert inbox.behind == 5 * SECOND
    for mid, (topic, payload) in enumerate(
        [
            (heartbeat_topic("w"), at),
            (SESSION_MADE, at),
            ("exercise/clock", at),
            ("exercise/devices/a/readings", b"{}"),
            ("devices/a\ufffd/readings", b"{}"),
            (heartbeat_topic("w"), b"never"),
        ]
    ):
        inbox.on_publication(topic.encode(), payload, mid, mid == 4)
    assert inbox.behind == 3 * SECOND
    assert inbox.waiting == 4
    parcel = inbox.take()
    assert [(beat.clock, beat.session_made) for beat in parcel.beats] == [
        (START - 5 * SECOND, False),
        (START - 5 * SECOND, True),
    ]
    assert [(each.topic, each.payload, each.again) for each in parcel.arrivals] == [
        ("devices/a\ufffd/readings", b"{}", True),
        (heartbeat_topic("w"), b"never", False),
    ]
    assert (parcel.mids, parcel.connection) == ([0, 1, 2, 3, 4, 5], 4)


def test_a_session_made_is_no_heartbeat_come_round() -> None:
    inbox = Inbox(exercise=False, clock=lambda: START)
    inbox.sent(START)
    inbox.on_message(None, None, message(SESSION_MADE, format_time(START + SECOND).encode()))
    inbox.sent(START + SECOND)
    assert inbox.take().beats[0].session_made
    inbox.begin_session()
    (beat_,) = inbox.take().beats
    assert (beat_.session_made, beat_.clock, beat_.received_at - START) == (
        True,
        beat_.received_at,
        2,
    )


def test_in_an_exercise_no_heartbeat_is_under_way() -> None:
    inbox = Inbox(exercise=True, clock=lambda: START)
    inbox.sent(START - SECOND)
    assert inbox.behind == 0


# -- the storer ---------------------------------------------------------------------------------


def checked() -> Checked:
    parcel = Parcel(arrivals=[Arrival("t", b"", 1)] * 3, beats=(), mids=[1], connection=1)
    return Checked(parcel=parcel, inventory=Inventory(devices={}), rows=no_rows(), refused=())


class Patient(threading.Event):
    """Waits no time, and remembers for how long it should have."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return self.is_set()


@pytest.mark.parametrize(
    ("failures", "waits", "words"),
    [
        (0, [], []),
        (2, [0.05, 0.1], []),
        (3, [0.05, 0.1, 0.2], ["wait", "back"]),
        (9, [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0], ["wait", "back"]),
    ],
)
def test_an_absent_store_is_tried_less_and_less_often(
    failures: int,
    waits: list[float],
    words: list[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = [UnavailableError("nobody answers")] * failures
    rung = threading.Semaphore(0)

    def store(_batch: Checked) -> None:
        if left:
            raise left.pop()

    patient = Patient()
    storer = Storer(store=store, ring=rung.release)
    monkeypatch.setattr(storer, "_hurry", patient)
    batch_ = checked()
    storer.give(batch_)
    assert rung.acquire(timeout=20)
    assert storer.stored() is batch_
    assert storer.stop(seconds=20)
    assert patient.waits == waits
    told = {
        "wait": "3 messages wait, unacknowledged: nobody answers",
        "back": "the store is back; 3 messages stored",
    }
    assert caplog.messages == [told[word] for word in words]


def test_a_store_that_is_another_s_now_is_not_waited_for() -> None:
    rung = threading.Semaphore(0)

    def store(_batch: Checked) -> None:
        raise OccupiedError("another process stores")

    storer = Storer(store=store, ring=rung.release)
    storer.give(checked())
    assert rung.acquire(timeout=20)
    with pytest.raises(OccupiedError):
        storer.stored()
    assert storer.stop(seconds=20)
