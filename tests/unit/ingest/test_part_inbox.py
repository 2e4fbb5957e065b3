"""Arrivals by the broker's stamp, within what the heartbeats of the part allow."""

from dataclasses import dataclass, field

import pytest
from pamqp import commands, header
from pamqp.common import FieldTable, FieldValue

from ingest.heartbeat import HeartbeatState
from ingest.message import UNSTAMPED
from ingest.part_inbox import PartInbox
from ingest.queues import BEATS
from ingest.topics import format_time

SECOND = 1_000_000
T0 = 1_700_000_000 * SECOND


def properties(stamp: float | None, **headers: FieldValue) -> bytes:
    """As the broker sends them: seconds after T0, beside headers of the sender's."""
    table: FieldTable = dict(headers)
    if stamp is not None:
        table["timestamp_in_ms"] = T0 // 1000 + round(stamp * 1000)
    made = commands.Basic.Properties(delivery_mode=2, headers=table or None)
    return header.ContentHeader(0, 1, made).marshal()[12:]


@dataclass
class Queue:
    """An inbox that holds part 1, heard until T0, and the clock of its machine."""

    now: float = 0.0
    exercise: bool = False
    number: int = 0
    inbox: PartInbox = field(init=False)

    def __post_init__(self) -> None:
        self.inbox = PartInbox(
            sender=b"ours",
            interval=2 * SECOND,
            exercise=self.exercise,
            clock=lambda: T0 + round(self.now * SECOND),
        )
        self.inbox.begin(1)
        self.inbox.open_part(1, T0)

    def deliver(self, exchange: bytes, key: bytes, payload: bytes, table: bytes) -> None:
        self.number += 1
        self.inbox.look_at_the_clock()
        self.inbox.on_delivery(b"1", self.number, False, exchange, key, table, payload)  # noqa: FBT003

    def reading(self, stamp: float | None, **headers: FieldValue) -> None:
        self.deliver(b"amq.topic", b"devices.gauge.readings", b"x", properties(stamp, **headers))

    def beat(self, clock: float, sender: str, *, taken: float | None = None) -> None:
        """A heartbeat that its machine's broker took at `taken`."""
        text = f"{format_time(T0 + round(clock * SECOND))} {sender}"
        stamp = properties(clock if taken is None else taken)
        self.deliver(BEATS.encode(), b"1", text.encode(), stamp)

    def arrivals(self) -> list[float]:
        """Seconds after T0."""
        return [(each.received_at - T0) / SECOND for each in self.inbox.arrivals]

    def beats(self) -> list[float]:
        return [(each.clock - T0) / SECOND for each in self.inbox.take().beats]


def test_time_in_the_queue_does_not_count() -> None:
    queue = Queue(now=600)
    queue.reading(5)
    queue.reading(5)
    queue.reading(7)
    assert queue.arrivals() == [5, 5.000001, 7]


def test_a_stamp_is_neither_before_the_last_heartbeat_nor_after_the_next() -> None:
    queue = Queue(now=10)
    queue.inbox.sent(T0 + 10 * SECOND)
    queue.now = 40
    queue.reading(-90)  # by brokers whose clocks are wrong
    queue.reading(90)
    queue.reading(9)
    queue.beat(10, "ours")
    queue.reading(8)
    queue.reading(90)
    assert queue.arrivals() == [1e-06, 10, 10.000001, 10.000002, 40]


@pytest.mark.parametrize(
    "headers",
    [
        {"a": "text", "b": 5},
        {"z": "\x0ftimestamp_in_msl\0\0\0\0\0\0\0\0"},
        {"timestamp_in_mt": 7},
    ],
)
def test_a_sender_cannot_write_the_stamp(headers: dict[str, FieldValue]) -> None:
    queue = Queue(now=600)
    queue.reading(5, **headers)
    assert queue.arrivals() == [5]


def test_a_broker_that_does_not_stamp() -> None:
    queue = Queue(now=600)
    queue.reading(None)
    queue.reading(None, timestamp_in_ms="soon")
    assert queue.arrivals() == [600, 600.000001]


def test_others_heartbeats_count_while_ours_do_not_come() -> None:
    queue = Queue(now=30)
    for clock in range(2, 12, 2):
        queue.beat(clock, "another")
    beats = queue.inbox.take().beats
    assert [(each.clock - T0) / SECOND for each in beats] == [4, 8]
    heard = HeartbeatState(interval=2 * SECOND, clock=T0).after(beats)
    assert (heard.clock, heard.gaps) == (T0 + 8 * SECOND, ())


def test_others_heartbeats_beside_ours_are_not_stored() -> None:
    queue = Queue(now=30)
    for clock in range(2, 12, 2):
        queue.beat(clock, "ours")
        queue.beat(clock + 0.5, "another")
    assert queue.beats() == [2, 4, 6, 8, 10]


def test_a_broker_that_took_no_heartbeat_was_deaf() -> None:
    queue = Queue(now=60)
    queue.beat(2, "ours")
    queue.beat(4, "ours", taken=30)
    heard = HeartbeatState(interval=2 * SECOND, clock=T0).after(queue.inbox.take().beats)
    assert heard.gaps == ((T0 + 4 * SECOND, T0 + 30 * SECOND),)


def test_a_clock_that_is_ahead_of_the_others_does_not_lead() -> None:
    queue = Queue(now=90)
    queue.beat(0, "another")
    queue.beat(90, "ours")
    queue.beat(2, "another")
    queue.beat(92, "ours")
    assert queue.beats() == [4, 6]


def test_anothers_clock_that_is_ahead_is_cut_at_ours() -> None:
    queue = Queue(now=20)
    queue.beat(100, "another", taken=100)
    (beat,) = queue.inbox.take().beats
    assert (beat.clock, beat.received_at) == (T0 + 20 * SECOND, T0 + 20 * SECOND)


def test_one_that_is_gone_holds_nobody_back() -> None:
    queue = Queue(now=90)
    queue.beat(0, "another")
    for clock in (2, 4, 6, 8, 10):
        queue.beat(clock, "ours")
    assert queue.beats() == [2, 4, 4, 8, 10]


def test_what_is_acknowledged_is_what_was_received_last() -> None:
    queue = Queue(now=10)
    queue.reading(1)
    queue.beat(2, "ours")
    parcel = queue.inbox.take()
    assert (parcel.mids, len(parcel.arrivals), len(parcel.beats)) == ([2], 1, 1)
    assert queue.inbox.take().mids == []
    assert queue.inbox.find_last(1) == queue.inbox.received == 2


def test_how_far_we_are_behind() -> None:
    queue = Queue(now=10)
    queue.inbox.sent(T0 + 10 * SECOND)
    queue.now = 14
    assert queue.inbox.behind == 4 * SECOND
    queue.beat(10, "ours")
    assert queue.inbox.behind == 0


def test_a_new_queue_tells_what_the_last_one_lost() -> None:
    queue = Queue(now=10)
    queue.inbox.begin_queue(1)
    heard = HeartbeatState(interval=2 * SECOND, clock=T0).after(queue.inbox.take().beats)
    assert heard.lost == ((T0, T0 + 10 * SECOND),)


def test_an_exercise_has_the_players_clock() -> None:
    queue = Queue(now=1e6, exercise=True)
    stamp = format_time(T0 + 3 * SECOND)
    queue.deliver(
        b"amq.topic",
        b"exercise.devices.gauge.readings",
        b"x",
        properties(5, **{"scenario-time": stamp}),
    )
    queue.reading(5)
    queue.deliver(b"amq.topic", b"exercise.clock", stamp.encode(), properties(6))
    played, own = queue.inbox.arrivals
    assert (played.topic, played.received_at) == ("devices/gauge/readings", T0 + 3 * SECOND)
    assert own.received_at == UNSTAMPED
    assert queue.beats() == [3]
