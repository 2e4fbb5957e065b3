"""The worker's turns: when it reads and how much, when it hands over, and what it acknowledges."""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from ingest.batch import Batch, Parcel
from ingest.check import TimeTolerance
from ingest.heartbeat import HeartbeatState
from ingest.library import Library
from ingest.link import Link
from ingest.loop import Address
from ingest.message import Reason
from ingest.pipeline import Checked, Pipeline
from ingest.ports import Channel, Inventory, UnavailableError
from ingest.worker import Limits, Worker

RECEIVED = 1_641_881_700_000_000
READING = json.dumps({"time": "2022-01-11T06:15:00Z", "values": {"level": 1}}).encode()
GAUGE = Inventory(devices={"gauge": {"level": Channel(series=1, unit="m", low=None, high=None)}})
NOBODY = Address(host="127.0.0.1", port=9, user="session", password="")


@dataclass
class Ticks:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class Desk(Link):
    """A link whose broker is this test: what comes is laid down here, and time passes by waiting.

    `done`: what the worker asked of it, in order. `patient`: waiting, too, ends when it is woken.
    """

    def __init__(self, ticks: Ticks) -> None:
        super().__init__(
            address=NOBODY,
            worker="ingest-1",
            exercise=False,
            clock=lambda: RECEIVED + round(ticks.now * 1e6),
            ticks=ticks,
        )
        self.time = ticks
        self.coming = deque[bytes]()
        self.done: list[tuple[object, ...]] = []
        self.rung = threading.Semaphore(0)
        self.patient = False
        self._up = True
        self.end()  # nothing is sent over a socket here

    def turn(self, seconds: float, *, room: int) -> None:
        self.done.append(("turn", seconds, room))
        if not (room > 0 and self.coming):
            self.time.now += seconds
        if self.patient:
            assert self.rung.acquire(timeout=20)
        for mid in range(min(room, len(self.coming))):
            payload = self.coming.popleft()
            self.inbox.on_publication(b"devices/gauge/readings", payload, mid, False)  # noqa: FBT003

    def rest(self, seconds: float) -> None:
        self.done.append(("rest", seconds))
        self.time.now += seconds

    def wake(self) -> None:
        self.rung.release()

    def acknowledge(self, parcel: Parcel) -> None:
        self.done.append(("acknowledge", len(parcel.mids)))

    def beat(self) -> None:
        self.done.append(("beat", self.time.now))

    def pause(self, account: str) -> None:
        self.done.append(("pause", account))

    def close(self) -> None:
        self.done.append(("close",))
        self._up = False

    def since(self) -> list[tuple[object, ...]]:
        """What was asked since last looked at."""
        done, self.done = self.done, []
        return done

    def kinds(self) -> list[object]:
        return [kind for kind, *_ in self.since()]


@dataclass(kw_only=True)
class Shelf:
    """A store that commits when the test lets it; one that is `away` never does."""

    away: bool = False
    allowed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    rows: list[int] = field(default_factory=list)

    def commit(self, batch: Batch) -> None:
        if self.away:
            raise UnavailableError("nobody answers")
        assert self.allowed.acquire(timeout=20)
        self.rows.append(len(batch.rows))

    def changed(self, *, at_once: bool) -> Inventory | None:
        return GAUGE if at_once else None


class Slow(Pipeline):
    """Takes `seconds` to check each message."""

    seconds = 0.0
    time = Ticks()

    def check(self, parcel: Parcel) -> Checked:
        self.time.now += self.seconds * len(parcel.arrivals)
        return super().check(parcel)


@dataclass(kw_only=True)
class Place:
    """A worker with what stands around it."""

    worker: Worker
    desk: Desk
    shelf: Shelf
    pipeline: Slow
    ticks: Ticks

    def store(self, batches: int = 1) -> None:
        """Let some batches be committed; back when they are."""
        for _ in range(batches):
            self.shelf.allowed.release()
            assert self.desk.rung.acquire(timeout=20)

    def steps(self, count: int = 1) -> list[tuple[object, ...]]:
        for _ in range(count):
            self.worker.step()
        return self.desk.since()


Open = Callable[..., Place]


@pytest.fixture
def opened() -> Iterator[Open]:
    made: list[Place] = []

    def open_(*, rows: int = 100, heartbeat: float | None = None, seconds: float = 0.5) -> Place:
        ticks, shelf = Ticks(), Shelf()
        pipeline = Slow(
            directory=shelf,
            store=shelf,
            belief=TimeTolerance(ahead=300_000_000, behind=10**15),
            listening={"": HeartbeatState(interval=None)},
            library=Library(),
        )
        pipeline.time = ticks
        pipeline.look_up(at_once=True)
        desk = Desk(ticks)
        limits = Limits(rows=rows, seconds=seconds, heartbeat=heartbeat)
        worker = Worker(link=desk, pipeline=pipeline, limits=limits, ticks=ticks)
        place = Place(worker=worker, desk=desk, shelf=shelf, pipeline=pipeline, ticks=ticks)
        made.append(place)
        return place

    yield open_
    for place in made:
        for _ in range(20):
            place.shelf.allowed.release()
        place.worker.finish()


def test_a_message_waits_for_others_and_is_acknowledged_when_it_is_stored(opened: Open) -> None:
    place = opened()
    assert place.steps() == [("turn", 0.2, 100)], "nothing to do: a doze"
    place.ticks.now = 8.0
    place.desk.coming.append(READING)
    assert place.steps() == [("turn", 0.2, 100)]
    place.desk.coming.append(READING)
    # half a second from the first one's coming; then all that is there at once
    assert place.steps() == [("turn", 0.5, 0), ("turn", 0.0, 99)]
    assert place.desk.inbox.waiting == 0, "handed over"
    assert place.steps() == [("turn", 0.2, 100)], "not acknowledged before its commit"
    place.store()
    assert place.steps() == [("turn", 0.2, 100), ("acknowledge", 2)]
    assert place.shelf.rows == [2]
    assert place.steps() == [("turn", 0.2, 100)]


def test_a_full_batch_does_not_wait(opened: Open) -> None:
    place = opened(rows=3)
    place.desk.coming.extend([READING] * 4)
    assert place.steps() == [("turn", 0.2, 3)]
    assert place.desk.inbox.waiting == 0
    place.store()
    assert place.steps() == [("turn", 0.2, 3), ("acknowledge", 3)]
    assert place.desk.inbox.waiting == 1


def test_one_message_less_than_a_full_batch_waits(opened: Open) -> None:
    place = opened(rows=3)
    place.desk.coming.extend([READING] * 2)
    place.steps()
    assert place.desk.inbox.waiting == 2


def test_while_one_batch_is_stored_a_second_is_ready_and_a_third_received(opened: Open) -> None:
    place = opened(rows=2)
    place.desk.coming.extend([READING] * 9)
    assert place.steps() == [("turn", 0.2, 2)]
    assert place.steps() == [("turn", 0.2, 2)], "the second is full, and checked"
    assert place.desk.inbox.waiting == 0
    assert place.steps() == [("turn", 0.2, 2)], "the third is received"
    assert place.desk.inbox.waiting == 2
    assert place.steps() == [("turn", 0.2, 0), ("turn", 0.0, 0)], "and no more is read"
    assert len(place.desk.coming) == 3
    place.store()
    assert place.steps() == [("turn", 0.2, 0), ("turn", 0.0, 0), ("acknowledge", 2)]
    place.store()
    kinds = [kind for kind, *_ in place.steps(2)]
    assert kinds.count("acknowledge") == 1
    assert place.shelf.rows == [2, 2]


def test_what_comes_while_a_batch_is_stored_is_read_after_a_breath(opened: Open) -> None:
    place = opened(rows=2)
    place.desk.coming.extend([READING] * 3)
    place.steps(2)
    assert place.desk.inbox.waiting == 1
    place.ticks.now += 30  # its time is over, and yet it waits for the one before
    assert place.steps() == [("turn", 0.001, 0), ("turn", 0.0, 1)]
    place.store()
    assert place.steps() == [("turn", 0.001, 0), ("turn", 0.0, 1), ("acknowledge", 2)]
    assert place.desk.inbox.waiting == 0


def test_a_message_whose_time_is_over_is_not_waited_with(opened: Open) -> None:
    place = opened()
    place.desk.coming.append(READING)
    place.steps()
    place.ticks.now += 30
    assert place.steps() == [("turn", 0.0, 99)]
    assert place.desk.inbox.waiting == 0


@pytest.mark.parametrize(("size", "left"), [(400, 1), (401, 0)])
def test_a_batch_is_bounded_in_bytes(opened: Open, size: int, left: int) -> None:
    """Four hundred a row."""
    place = opened(rows=2)
    place.desk.coming.extend([READING + b" " * (2 * size - len(READING))])
    place.steps()
    assert place.desk.inbox.waiting == left


@pytest.mark.parametrize(
    ("seconds", "room"),
    [
        (0.0, 1000),
        (1 / 4096, 1000),  # a quarter of a second at most: 244 ms
        (1 / 2048, 512),
        (1 / 128, 32),
        (1 / 64, 20),  # at least so many, however long they take
        (1.0, 20),
    ],
)
def test_messages_that_take_long_to_decode_come_in_small_batches(
    opened: Open, seconds: float, room: int
) -> None:
    place = opened(rows=1000)
    place.pipeline.seconds = seconds
    place.desk.coming.extend([READING] * 4)
    place.steps(2)
    place.store()
    (_, turned) = (place.steps(), place.steps())
    assert turned == [("turn", 0.2, room)]


def test_at_first_messages_are_taken_to_be_slow(opened: Open) -> None:
    """A millisecond each: nobody knows yet what their codecs cost."""
    assert opened(rows=1000).steps() == [("turn", 0.2, 250)]


def test_messages_of_many_readings_fill_a_batch_sooner(opened: Open) -> None:
    place = opened(rows=100)
    array = json.dumps([json.loads(READING)] * 30).encode()
    place.desk.coming.append(array)
    place.steps(2)
    place.store()
    assert place.steps() == [("turn", 0.2, 3), ("acknowledge", 1)]


def test_without_a_store_for_long_the_broker_is_left_until_it_is_back(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    place = opened(rows=1, seconds=0.0)
    place.desk.coming.extend([READING] * 3)
    place.steps(3)
    place.ticks.now = 19.5
    assert "rest" not in [kind for kind, *_ in place.steps()]
    place.ticks.now = 20.0
    assert place.steps(2) == [("close",), ("rest", 0.2), ("rest", 0.2)]
    assert caplog.messages == ["no store for 20 s: leaving the broker until it is back"]
    place.store()
    assert place.steps() == [("rest", 0.2), ("acknowledge", 1)]
    assert "turn" in [kind for kind, *_ in place.steps()]


def test_a_batch_that_is_stored_slowly_but_has_room_beside_it_is_no_absent_store(
    opened: Open,
) -> None:
    place = opened(rows=1, seconds=0.0)
    place.desk.coming.append(READING)
    place.steps()
    place.ticks.now = 100.0
    assert place.steps() == [("turn", 0.2, 1)]


def test_heartbeats_are_sent_at_their_interval_while_the_broker_is_there(opened: Open) -> None:
    place = opened(heartbeat=2.0)
    beats = []
    for now in (0.0, 1.0, 1.5, 2.0, 3.5, 4.5, 6.0, 6.5):
        place.ticks.now = now - 0.2
        beats += [what[1] for what in place.steps() if what[0] == "beat"]
    assert beats == pytest.approx([0.0, 2.0, 4.5, 6.5])
    place.desk._up = False  # noqa: SLF001
    place.ticks.now = 100.0
    assert "beat" not in [kind for kind, *_ in place.steps()]
    exercise = opened()
    assert "beat" not in [kind for kind, *_ in exercise.steps()]


@pytest.mark.parametrize(("heartbeat", "paused"), [(1000.0, [("pause", "gauge")]), (None, [])])
def test_who_floods_the_queue_is_paused_where_we_have_a_heartbeat(
    opened: Open, heartbeat: float | None, paused: list[object]
) -> None:
    place = opened(rows=1000, heartbeat=heartbeat)
    place.desk.inbox.sent(RECEIVED)
    kinds: list[object] = []
    for now in (3.0, 5.0):
        place.desk.coming.extend([READING + b" " * 8_192] * 100)
        place.ticks.now = now
        kinds += [what for what in place.steps() if what[0] == "pause"]
        place.store()
        place.steps()
    assert kinds == paused


def test_refusals_and_warnings_are_told_every_ten_seconds(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="ingest.worker")
    place = opened()
    reasons = [Reason.EMPTY, Reason.NO_TIME, Reason.BAD_TIME, Reason.NOT_JSON, Reason.NO_CODEC]
    for number, reason in enumerate([*reasons, Reason.SIMULATED]):
        place.pipeline.refusals[reason] = 9 - number
    place.pipeline.warnings.update({"low": 3, **{f"w{n}": 2 for n in range(5)}})
    place.ticks.now = 9.5
    place.steps()
    assert caplog.messages == []
    place.ticks.now = 9.8
    place.steps()
    assert caplog.messages == [
        "refused in the last 10 s: empty 9, no-time 8, bad-time 7, not-json 6, no-codec 5",
        "codecs warned in the last 10 s: low (3), w0 (2), w1 (2), w2 (2), w3 (2)",
    ]
    assert (place.pipeline.refusals, place.pipeline.warnings) == ({}, {})
    place.ticks.now = 19.0
    place.pipeline.refusals[Reason.EMPTY] = 1
    place.steps()
    assert len(caplog.messages) == 2
    place.ticks.now = 21.0
    place.steps()
    assert caplog.messages[2:] == ["refused in the last 10 s: empty 1"]
    place.ticks.now = 31.0
    place.steps()
    assert len(caplog.messages) == 3


def test_who_is_told_to_stop_stores_and_acknowledges_what_was_received(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="ingest.worker")
    place = opened(rows=2)
    place.desk.coming.extend([READING] * 5)
    left = [False] * 3

    def stopping() -> bool:
        if left:
            return left.pop()
        place.shelf.allowed.release(3)
        place.desk.patient = True
        return True

    place.worker.run(stopping)
    assert place.shelf.rows == [2, 2, 1]
    done = place.desk.since()
    assert sum(count for kind, count, *_ in done[:-1] if kind == "acknowledge") == 5  # type: ignore[misc]
    assert done[-1] == ("close",)
    assert all(what[2] == 0 for what in done[-5:] if what[0] == "turn"), "nothing more is read"
    assert caplog.messages == ["stopped; 5 readings stored"]


def test_who_is_told_to_stop_without_a_store_leaves_it_all_to_the_broker(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    place = opened(rows=1)
    place.shelf.away = True
    place.desk.coming.extend([READING] * 3)
    place.steps(3)
    place.worker.finish()
    done = place.desk.since()
    assert {kind for kind, *_ in done} == {"turn", "close"}, "nothing is acknowledged"
    assert {what[1:] for what in done if what[0] == "turn"} == {(0.1, 0)}, "nor more received"
    assert place.ticks.now == pytest.approx(15, abs=0.2), "a quarter of a minute is enough"
    (told,) = [each.getMessage() for each in caplog.records if each.name == "ingest.worker"]
    assert told == "the store is away: what it lacks stays unacknowledged at the broker"
