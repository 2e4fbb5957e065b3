"""Who is put out while we are behind, and when a message has arrived that comes late to us."""

import pytest

from ingest.flood import FloodDetector
from ingest.inbox import Inbox
from ingest.message import Arrival
from ingest.topics import format_time

SECOND = 1_000_000


class Clock:
    """Stands until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def batch(account: str, messages: int, size: int = 10) -> list[Arrival]:
    one = Arrival(f"devices/{account}/readings", b"x" * size, 0, False)  # noqa: FBT003  a struct
    return [one] * messages


FLOOD = batch("a", 900) + batch("b", 100)


@pytest.mark.parametrize(
    ("arrivals", "behind", "paused"),
    [
        (FLOOD, [3, 5], ["a"]),
        (FLOOD, [3, 5, 7], ["a", "a"]),  # until it is put out
        (FLOOD, [1, 1.5, 1.9], []),  # we keep up
        (FLOOD, [60, 50, 40], []),  # the store was away, and we catch up
        (FLOOD, [3, 2.5, 3], []),  # it stalled twice
        (batch("a", 90) + batch("b", 10), [3, 5], []),  # few: the store is slow, not they many
        ([arrival for n in range(20) for arrival in batch(f"d{n}", 100)], [3, 5], []),  # everybody
        (batch("a", 3, 2**20) + batch("b", 200), [3, 5], ["a"]),  # few, but large
        (batch("a", 100, 2048) + [m for n in range(10) for m in batch(f"d{n}", 35)], [3, 5], []),
        (batch("a", 100, 2048) + [m for n in range(8) for m in batch(f"d{n}", 35)], [3, 5], ["a"]),
    ],
)
def test_who_is_put_out(arrivals: list[Arrival], behind: list[float], paused: list[str]) -> None:
    """A second a look."""
    asked: list[str] = []
    clock = Clock()
    flood = FloodDetector(pause=asked.append, ticks=clock)
    flood.look([], 0.0)
    for number, late in enumerate(behind, start=1):
        clock.now = float(number)
        flood.look(arrivals, late)
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
        inbox.on_publication(topic, format_time(clock * SECOND).encode(), mid, False)  # noqa: FBT003
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
