"""What has been received of the parts a process holds, and not yet handed over to be stored.

When a message arrived says the broker's stamp, so that the time in its queue does not count. The
stamp stands on the clock of whichever broker took the message; the heartbeats of the part, which
travel through the same queue, bound it: what comes out of the queue before one was in it when that
was sent, and what comes after it was not there before.
"""

from collections import deque
from collections.abc import Callable
from struct import Struct
from typing import Any

import msgspec
from pamqp import decode

from ingest.batch import Beat, Parcel
from ingest.message import UNSTAMPED, Arrival
from ingest.queues import BEATS, part_name, to_topic
from ingest.times import parse_micros
from ingest.topics import CLOCK, PLAYED, STAMP, format_time

STAMPED = "timestamp_in_ms"  # a header that the broker sets, whatever the sender wrote there
_ONLY_STAMPED = b"\0\0\0\x19\x0ftimestamp_in_msl"  # the whole table of headers, but for its value
_BEATS = BEATS.encode()
_MILLISECONDS = Struct(">Q")
_HEADERS = 0x2000  # among a message's properties
_AWAY = 3  # heartbeats of ours after which another process that was not heard counts as gone


class _Part(msgspec.Struct, kw_only=True):
    """`last`: the latest arrival given. `heard`: the latest heartbeat. All µs.

    `under_way`: our heartbeats that are not back. `others`: the latest clock of each other process,
    and how many of our heartbeats came back since.
    """

    name: str
    last: int
    heard: int
    ceiling: int = 0
    under_way: deque[int] = msgspec.field(default_factory=deque)
    others: dict[bytes, tuple[int, int]] = {}


class PartInbox:
    """AmqpConnection puts messages here; `clock` gives the wall clock in µs.

    `interval`: µs between two heartbeats of a process. `sender`: what ours say of whom they are.
    """

    def __init__(
        self, *, sender: bytes, interval: int, exercise: bool, clock: Callable[[], int]
    ) -> None:
        self.arrivals: list[Arrival] = []
        self.bytes = 0
        self.received = 0  # messages and heartbeats, in all
        self._beats: list[Beat] = []
        self._number = 0  # the broker's, of the last message
        self._connection = 0
        self._sender, self._interval = sender, interval
        self._exercise, self._clock = exercise, clock
        self._parts: dict[bytes, _Part] = {}
        self._received_of: dict[bytes, int] = {}  # what `received` was at the last of each part

    # -- parts ----------------------------------------------------------------------------------

    def open_part(self, part: int, heard: int) -> None:
        """Expect what a part's queue has. `heard`: how far it was heard (µs)."""
        self._parts[b"%d" % part] = _Part(
            name=part_name(part), last=heard, heard=heard, ceiling=self._clock()
        )

    def close_part(self, part: int) -> None:
        """Nothing of it comes any more."""
        self._parts.pop(b"%d" % part, None)

    def find_last(self, part: int) -> int:
        """What `received` was with the last message of the part."""
        return self._received_of.get(b"%d" % part, 0)

    def begin(self, connection: int) -> None:
        """A new connection, or none: what waits is stored, but acknowledged when it comes again."""
        self._connection, self._number = connection, 0
        self._parts.clear()

    def begin_queue(self, part: int) -> None:
        """The part's queue was made now: what it had before is gone."""
        now = self._clock()
        beat = Beat(clock=now, received_at=now, session_made=True, part=part_name(part))
        self._put_beat(b"%d" % part, beat)

    def sent(self, clock: int) -> bytes:
        """A heartbeat of ours is on its way through every part: what it says."""
        for part in self._parts.values():
            part.under_way.append(clock)
        return b"%s %s" % (format_time(clock).encode(), self._sender)

    # -- for the worker -------------------------------------------------------------------------

    @property
    def behind(self) -> int:
        """How long the oldest of our heartbeats is under way (µs)."""
        oldest = [part.under_way[0] for part in self._parts.values() if part.under_way]
        return self._clock() - min(oldest) if oldest else 0

    @property
    def waiting(self) -> int:
        """How many messages and heartbeats."""
        return len(self.arrivals) + len(self._beats)

    def take(self) -> Parcel:
        """What was received since last taken."""
        parcel = Parcel(
            arrivals=self.arrivals,
            beats=self._beats,
            mids=[self._number] if self._number else [],
            connection=self._connection,
        )
        self.arrivals, self._beats, self.bytes, self._number = [], [], 0, 0
        return parcel

    # -- for the connection ---------------------------------------------------------------------

    def look_at_the_clock(self) -> None:
        """Before each reading of the socket."""
        now = self._clock()
        for part in self._parts.values():
            part.ceiling = min(now, part.under_way[0]) if part.under_way else now

    def on_delivery(  # noqa: PLR0913, PLR0917  as ingest.amqp calls it
        self,
        tag: bytes,
        number: int,
        again: bool,  # noqa: FBT001
        exchange: bytes,
        key: bytes,
        properties: bytes,
        payload: bytes,
    ) -> None:
        """A message or a heartbeat of a part, whose number is the consumer's tag."""
        self._number = number
        part = self._parts[tag]
        if exchange == _BEATS:
            self._hear(tag, part, payload, read_stamp(properties))
            return
        topic = to_topic(key.decode("utf-8", "replace"))
        if self._exercise:
            self._play(tag, topic, payload, properties, again=again)
            return
        arrival = min(read_stamp(properties) or part.ceiling, part.ceiling)
        part.last = arrival = max(arrival, part.last + 1)
        self._put(tag, Arrival(topic, payload, arrival, again))

    def _put(self, tag: bytes, arrival: Arrival) -> None:
        self.arrivals.append(arrival)
        self.bytes += len(arrival.payload)
        self.received += 1
        self._received_of[tag] = self.received

    def _put_beat(self, tag: bytes, beat: Beat) -> None:
        self._beats.append(beat)
        self.received += 1
        self._received_of[tag] = self.received

    def _hear(self, tag: bytes, part: _Part, payload: bytes, stamp: int) -> None:
        """A heartbeat: ours, or one of another process, which tells when we were not there.

        One of ours counts as no later than those of the others allow: our clock may be wrong.
        """
        text, _, sender = payload.partition(b" ")
        try:
            clock = parse_micros(text.decode())
        except ValueError:
            return
        late = max(stamp - clock, 0)  # by the clocks of its sender's machine
        if sender == self._sender:
            while part.under_way and part.under_way[0] <= clock:
                part.under_way.popleft()
            part.others = {
                other: (at, beats + 1)
                for other, (at, beats) in part.others.items()
                if beats < _AWAY
            }
            latest = max((at for at, _ in part.others.values()), default=clock)
            clock = min(clock, latest + 2 * self._interval)
        else:
            part.others[sender] = (clock, 0)
            clock = min(clock, self._clock())
            if clock < part.heard + self._interval * 3 // 2:
                return
        part.heard, part.last = max(part.heard, clock), max(part.last, clock)
        # How long it lay in the queue does not matter, only how long it took to get there.
        self._put_beat(tag, Beat(clock=clock, received_at=clock + late, part=part.name))

    def _play(
        self, tag: bytes, topic: str, payload: bytes, properties: bytes, *, again: bool
    ) -> None:
        """A message of an exercise, whose clock is the player's."""
        received_at = UNSTAMPED
        if topic == CLOCK:
            try:
                clock = parse_micros(payload.decode())
            except ValueError:
                pass
            else:
                name = self._parts[tag].name
                self._put_beat(tag, Beat(clock=clock, received_at=UNSTAMPED, part=name))
                return
        elif topic.startswith(PLAYED):
            topic = topic.removeprefix(PLAYED)
            try:
                received_at = parse_micros(str(_read_headers(properties).get(STAMP)))
            except ValueError:
                received_at = UNSTAMPED
        self._put(tag, Arrival(topic, payload, received_at, again))


def read_stamp(properties: bytes) -> int:
    """When the broker took a message (µs); 0: it does not say."""
    table = properties[2:]
    if not table.startswith(_ONLY_STAMPED):
        stamp = _read_headers(properties).get(STAMPED)
        return stamp * 1000 if isinstance(stamp, int) else 0
    return int(_MILLISECONDS.unpack_from(table, len(_ONLY_STAMPED))[0]) * 1000


def _read_headers(properties: bytes) -> dict[str, Any]:
    """The headers among a message's properties."""
    flags = int.from_bytes(properties[:2])
    at = 2
    for bit in (0x8000, 0x4000):  # content type and encoding: short texts
        at += 1 + properties[at] if flags & bit else 0
    return decode.field_table(properties[at:])[1] if flags & _HEADERS else {}
