"""What has been received and not yet handed over to be stored."""

from collections.abc import Callable
from typing import Any

from paho.mqtt.client import MQTTMessage

from ingest.batch import Beat, Parcel
from ingest.message import UNSTAMPED, Arrival
from ingest.times import instant
from ingest.topics import played


class Inbox:
    """paho's callbacks put messages here; `clock` gives the wall clock in µs.

    `pulse` is the topic of the heartbeat.
    In an exercise the stamp on the player's messages takes the place of the clock.
    """

    def __init__(self, *, pulse: str, exercise: bool, clock: Callable[[], int]) -> None:
        self.arrivals: list[Arrival] = []
        self.bytes = 0
        self.mark: bytes | None = None  # a heartbeat that we want to see come back
        self.marked = False
        self._beats: list[Beat] = []
        self._mids: list[int] = []
        self._connection = 0
        self._exercise, self._clock = exercise, clock
        self._pulse, self._pulse_topic = pulse, pulse.encode()
        self._last = clock()

    @property
    def waiting(self) -> int:
        """How many messages and heartbeats."""
        return len(self.arrivals) + len(self._beats)

    def begin(self, connection: int) -> None:
        """A new connection: what waits is stored, but acknowledged only when it comes again."""
        self._connection = connection
        self._mids = []

    def take(self) -> Parcel:
        """What was received since last taken."""
        parcel = Parcel(
            arrivals=self.arrivals,
            beats=self._beats,
            mids=self._mids,
            connection=self._connection,
        )
        self.arrivals, self._beats, self._mids, self.bytes = [], [], [], 0
        return parcel

    def on_message(self, _client: Any, _data: Any, message: MQTTMessage) -> None:
        """A message as paho gives it."""
        topic, received_at = (
            played(message.topic, message.properties)
            if self._exercise
            else (message.topic, self._now())
        )
        self._take_in(topic, bytes(message.payload), received_at, again=message.dup)
        if message.qos:  # else its sender wants no acknowledgement
            self._mids.append(message.mid)

    def on_publication(self, topic: bytes, payload: bytes, mid: int, again: bool) -> None:  # noqa: FBT001  as ingest.client calls it
        """A live message as it was cut out of the stream."""
        self._mids.append(mid)
        if topic == self._pulse_topic:
            self._hear(payload, again=again)
            return
        self._last = received_at = self._last + 1
        self.arrivals.append(Arrival(topic.decode("utf-8", "replace"), payload, received_at, again))
        self.bytes += len(payload)

    def on_beat(self, _client: Any, _data: Any, message: MQTTMessage) -> None:
        """Our own heartbeat is back, or the exercise's clock struck."""
        self._hear(bytes(message.payload), again=message.dup)
        if message.qos:
            self._mids.append(message.mid)

    def on_mark(self, _client: Any, _data: Any, message: MQTTMessage) -> None:
        """What we sent ourselves only to see it come back."""
        self.marked = self.marked or message.payload == self.mark
        if message.qos:
            self._mids.append(message.mid)

    def _hear(self, payload: bytes, *, again: bool) -> None:
        self.marked = self.marked or payload == self.mark
        received_at = UNSTAMPED if self._exercise else self._now()
        try:
            clock = instant(payload.decode())
        except ValueError:
            self._take_in(self._pulse, payload, received_at, again=again)
        else:
            self._beats.append(Beat(clock=clock, received_at=received_at))

    def look_at_the_clock(self) -> None:
        """Before each reading of the socket."""
        self._last = max(self._clock(), self._last)

    def _now(self) -> int:
        """The instant of the reading; no two messages have the same, so that order is kept."""
        self._last += 1
        return self._last

    def _take_in(self, topic: str, payload: bytes, received_at: int, *, again: bool) -> None:
        self.arrivals.append(
            Arrival(topic=topic, payload=payload, received_at=received_at, again=again)
        )
        self.bytes += len(payload)
