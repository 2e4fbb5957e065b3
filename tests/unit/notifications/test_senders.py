"""Lanes: what hangs is left behind and delays no other; a late success counts."""

from collections.abc import Callable
from threading import Event

import pytest

from hypervisor.base.senders import Result, Senders
from hypervisor.notifications.model import ChannelError
from hypervisor.notifications.queries_deliveries import ClaimedDelivery

PATIENCE = 20.0  # s


class Bench:
    """Lanes on a clock of the test's."""

    def __init__(self) -> None:
        self.now = 0.0
        self.rung = Event()
        self.lanes = Senders[ClaimedDelivery](
            seconds=10,
            lane_of=lambda parcel: (parcel.route, parcel.channel),
            ticks=lambda: self.now,
            wake=self.rung.set,
        )
        self.count = 0

    def start(self, route: str, work: Callable[[], object]) -> ClaimedDelivery:
        self.count += 1
        parcel = ClaimedDelivery(
            id=self.count, route=route, channel="1", key="k", message={}, attempts=0, age=0
        )
        self.rung.clear()
        self.lanes.start(parcel, work)
        return parcel

    def done(self) -> list[Result[ClaimedDelivery]]:
        assert self.rung.wait(PATIENCE)
        return self.lanes.finished()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def refuse() -> None:
    raise ChannelError("not now")


def break_down() -> None:
    raise ZeroDivisionError("of a library")


@pytest.mark.parametrize(
    ("work", "error"),
    [
        (lambda: None, None),
        (refuse, "not now"),
        (break_down, "ZeroDivisionError: of a library"),
    ],
)
def test_what_becomes_of_it(bench: Bench, work: Callable[[], None], error: str | None) -> None:
    parcel = bench.start("duty", work)
    assert bench.done() == [Result(delivery=parcel, error=error)]
    assert not bench.lanes.busy


def test_one_that_hangs_is_left_behind_and_its_late_good_news_counts(bench: Bench) -> None:
    go = Event()
    parcel = bench.start("duty", lambda: go.wait(PATIENCE))
    assert not bench.lanes.free(("duty", "1"), wide=False)
    assert bench.lanes.free(("other", "1"))
    assert bench.lanes.free(("a", "1"), wide=False)
    assert bench.lanes.free(("duty", "0"), wide=False)
    bench.now = 11
    assert bench.lanes.finished() == [Result(delivery=parcel, error="no answer within 10 s")]
    assert bench.lanes.free(("duty", "1"), wide=False)
    assert not bench.lanes.busy
    go.set()
    assert bench.done() == [Result(delivery=parcel, error=None)]


def test_bad_news_that_comes_late_is_no_news(bench: Bench) -> None:
    go = Event()

    def late() -> None:
        go.wait(PATIENCE)
        refuse()

    bench.start("duty", late)
    bench.now = 11
    bench.lanes.finished()
    go.set()
    assert bench.done() == []


def test_a_lane_that_loses_every_thread_rests(bench: Bench) -> None:
    go = Event()
    for _ in range(4):
        assert bench.lanes.free(("duty", "1"))
        bench.start("duty", lambda: go.wait(PATIENCE))
    assert not bench.lanes.free(("duty", "1"))  # as many at once as there may be
    bench.now = 11
    assert len(bench.lanes.finished()) == 4
    assert not bench.lanes.free(("duty", "1"))
    assert bench.lanes.free(("other", "1"))
    go.set()


def test_a_channel_that_fails_is_let_be_for_a_while(bench: Bench) -> None:
    bench.lanes.rest(("duty", "1"), 5)
    assert not bench.lanes.free(("duty", "1"))
    assert bench.lanes.free(("duty", "2"))
    bench.now = 5
    assert bench.lanes.free(("duty", "1"))


def test_three_that_hang_are_left_behind_before_a_lane_rests(bench: Bench) -> None:
    go = Event()
    for count in (1, 2, 3, 4):
        bench.start("duty", lambda: go.wait(PATIENCE))
        bench.now += 11
        assert len(bench.lanes.finished()) == 1
        assert bench.lanes.free(("duty", "1")) is (count < 4)
    go.set()


def test_an_answer_at_the_very_end_is_in_time(bench: Bench) -> None:
    go = Event()
    bench.start("duty", lambda: go.wait(PATIENCE))
    bench.now = 10
    assert bench.lanes.finished() == []
    bench.now = 10.1
    assert len(bench.lanes.finished()) == 1
    assert bench.lanes.finished() == []
    go.set()


def test_a_destination_rests_after_many_silences_and_an_answer_ends_it(bench: Bench) -> None:
    lane, other = ("duty", "1"), ("other", "1")
    for _ in range(31):
        bench.lanes.note_silence(lane)
    assert bench.lanes.free(lane)
    bench.lanes.note_answer(lane)
    for _ in range(32):
        bench.lanes.note_silence(lane)
    assert not bench.lanes.free(lane)
    assert bench.lanes.list_full() == [lane]
    assert bench.lanes.free(other)
    bench.now = 1
    assert bench.lanes.free(lane)  # a few try it
    for _ in range(1_000):
        bench.lanes.note_silence(lane)
    bench.now = 30.9
    assert not bench.lanes.free(lane)
    bench.now = 31
    assert bench.lanes.free(lane)
    bench.lanes.note_answer(lane)
    assert bench.lanes.list_full() == []
