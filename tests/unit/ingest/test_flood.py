"""Who is put out while we are behind, and when a message has arrived that comes late to us."""

import pytest

from ingest.flood import Flood
from ingest.inbox import Inbox
from ingest.message import Arrival
from ingest.topics import written

SECOND = 1_000_000


class Clock:
    """Stands until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def batch(account: str, messages: int, size: int = 10) -> list[Arrival]:
    one = Arrival(f"devices/{account}/readings", b"x" * size, 0, False)  # noqa: FBT003  a struct
    return [one] * messages


@pytest.mark.parametrize(
    ("batches", "behind", "paused"),
    [
        ([batch("a", 900) + batch("b", 100)], 3.0, ["a"]),
        ([batch("a", 900) + batch("b", 100)], 1.0, []),  # we keep up
        ([batch("a", 90) + batch("b", 10)], 3.0, []),  # few: the store is slow, not they many
        ([batch(f"d{n}", 100) for n in range(20)], 3.0, []),  # everybody after an outage
        ([batch("a", 3, 2**20) + batch("b", 200)], 3.0, ["a"]),  # few, but large
    ],
)
def test_who_is_put_out(batches: list[list[Arrival]], behind: float, paused: list[str]) -> None:
    asked: list[str] = []
    clock = Clock()
    flood = Flood(pause=asked.append, ticks=clock)
    flood.look([], 0.0)
    for number, arrivals in enumerate(batches, start=1):
        clock.now = number / len(batches)
        flood.look(arrivals, behind)
    assert asked == paused


def test_a_message_has_arrived_when_the_broker_had_it() -> None:
    """Ten seconds behind: what lies before our heartbeat in the queue was there when we sent it."""
    wall = [100 * SECOND]
    inbox = Inbox(exercise=False, clock=lambda: wall[0])
    inbox.begin(1)

    def receive(mid: int) -> None:
        inbox.look_at_the_clock()
        inbox.on_publication(b"devices/a/readings", b"{}", mid, False)  # noqa: FBT003

    receive(1)
    inbox.sent(102 * SECOND)
    inbox.sent(104 * SECOND)
    wall[0] = 112 * SECOND
    receive(2)
    assert inbox.behind == 10 * SECOND
    for mid, clock in ((3, 102), (5, 104)):
        topic = b"hypervisor/heartbeat/ingest-1"
        inbox.on_publication(topic, written(clock * SECOND).encode(), mid, False)  # noqa: FBT003
        receive(mid + 1)
    assert inbox.behind == 0
    parcel = inbox.take()
    arrived = [arrival.received_at // SECOND for arrival in parcel.arrivals]
    assert arrived == [100, 102, 104, 112]
    assert [beat.received_at - beat.clock < SECOND for beat in parcel.beats] == [True, True]


def test_a_heartbeat_of_an_earlier_connection_says_nothing_of_this_one() -> None:
    wall = [100 * SECOND]
    inbox = Inbox(exercise=False, clock=lambda: wall[0])
    inbox.begin(1)
    inbox.sent(100 * SECOND)
    wall[0] = 200 * SECOND
    inbox.begin(2)
    inbox.look_at_the_clock()
    inbox.on_publication(b"devices/a/readings", b"{}", 1, False)  # noqa: FBT003
    assert inbox.take().arrivals[0].received_at >= 200 * SECOND
