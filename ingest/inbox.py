"""What has been received and not yet handed over to be stored."""

from collections import deque
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import MQTTMessage

from ingest.batch import Beat, Parcel
from ingest.message import UNSTAMPED, Arrival
from ingest.times import parse_micros
from ingest.topics import CLOCK, DROPPED, HEARTBEATS, PLAYED, SESSION_MADE, parse_exercise_message


class Inbox:
    """paho's callbacks put messages here; `clock` gives the wall clock in µs.

    Live, our own heartbeats tell how far we have heard, in an exercise its clock. What comes out
    of the broker's queue before a heartbeat of ours was in it when we sent that: however far we are
    behind, a message has arrived when the broker had it, and not later.
    In an exercise the stamp on the player's messages takes the place of the clock.
    """

    def __init__(self, *, exercise: bool, clock: Callable[[], int]) -> None:
        self.arrivals: list[Arrival] = []
        self.bytes = 0
        self._beats: list[Beat] = []
        self._mids: list[int] = []
        self._dropped: int | None = None
        self._connection = 0
        self._exercise, self._clock = exercise, clock
        self._pulse = CLOCK if exercise else HEARTBEATS
        self._foreign = HEARTBEATS if exercise else PLAYED  # topics that mean nothing here
        self._others = tuple(topic.encode() for topic in (HEARTBEATS, SESSION_MADE, PLAYED))
        self._last = clock()
        self._under_way: deque[int] = deque()  # clocks of our heartbeats on this connection

    @property
    def behind(self) -> int:
        """How long the oldest of our heartbeats is under way (µs)."""
        return self._clock() - self._under_way[0] if self._under_way else 0

    def sent(self, clock: int) -> None:
        """A heartbeat of ours is on its way."""
        if not self._exercise:
            self._under_way.append(clock)

    @property
    def waiting(self) -> int:
        """How many messages and heartbeats."""
        return len(self.arrivals) + len(self._beats)

    def begin(self, connection: int) -> None:
        """A new connection: what waits is stored, but acknowledged only when it comes again."""
        self._connection = connection
        self._mids = []
        self._under_way.clear()

    def take(self) -> Parcel:
        """What was received since last taken."""
        parcel = Parcel(
            arrivals=self.arrivals,
            beats=self._beats,
            mids=self._mids,
            connection=self._connection,
            dropped=self._dropped,
        )
        self._dropped = None
        self.arrivals, self._beats, self._mids, self.bytes = [], [], [], 0
        return parcel

    def begin_session(self) -> None:
        """The broker has no session for us: what it had queued until now is gone."""
        at = self._now()
        self._beats.append(Beat(clock=at, received_at=at, session_made=True))

    def on_message(self, _client: Any, _data: Any, message: MQTTMessage) -> None:
        """A message as paho gives it."""
        topic, payload = message.topic, bytes(message.payload)
        if topic == DROPPED:
            self._dropped = int(payload) if payload.isdigit() else None
        elif topic.startswith((self._pulse, SESSION_MADE)):
            self._hear(topic, payload, again=message.dup)
        elif not topic.startswith(self._foreign):
            received_at = UNSTAMPED if self._exercise else self._now()
            if self._exercise:
                topic, received_at = parse_exercise_message(topic, message.properties)
            self._take_in(topic, payload, received_at, again=message.dup)
        if message.qos:  # else its sender wants no acknowledgement
            self._mids.append(message.mid)

    def on_publication(self, topic: bytes, payload: bytes, mid: int, again: bool) -> None:  # noqa: FBT001  as ingest.client calls it
        """A live message as it was cut out of the stream."""
        self._mids.append(mid)
        if topic.startswith(self._others):
            if not topic.startswith(PLAYED.encode()):
                self._hear(topic.decode(), payload, again=again)
            return
        self._last = received_at = self._last + 1
        self.arrivals.append(Arrival(topic.decode("utf-8", "replace"), payload, received_at, again))
        self.bytes += len(payload)

    def _hear(self, topic: str, payload: bytes, *, again: bool) -> None:
        """A heartbeat is back, the exercise's clock struck, or our session was made."""
        received_at = UNSTAMPED if self._exercise else self._now()
        try:
            clock = parse_micros(payload.decode())
        except ValueError:
            self._take_in(topic, payload, received_at, again=again)
        else:
            made = topic == SESSION_MADE
            while not made and self._under_way and self._under_way[0] <= clock:
                self._under_way.popleft()
            self._beats.append(Beat(clock=clock, received_at=received_at, session_made=made))

    def look_at_the_clock(self) -> None:
        """Before each reading of the socket."""
        now = self._clock()
        self._last = max(min([now, *self._under_way]), self._last)

    def _now(self) -> int:
        """The instant of the reading; no two messages have the same, so that order is kept."""
        self._last += 1
        return self._last

    def _take_in(self, topic: str, payload: bytes, received_at: int, *, again: bool) -> None:
        self.arrivals.append(
            Arrival(topic=topic, payload=payload, received_at=received_at, again=again)
        )
        self.bytes += len(payload)
