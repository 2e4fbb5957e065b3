"""The way to the broker: one persistent session, read by a loop of our own.

Everything here runs in one thread. A message is acknowledged only on the connection it came on:
after a reconnection the broker sends all that is unacknowledged again, under the same numbers.
"""

import logging
import select
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.batch import Parcel
from ingest.client import BufferedClient
from ingest.inbox import Inbox
from ingest.topics import CLOCK, PLAYED_SHARES, SHARES, heartbeat_topic, written

KEEPALIVE = 60  # seconds
_FAREWELL = 5.0  # seconds to send what is left to send
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0  # seconds between two tries to connect

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the broker is, and as whom we speak to it."""

    host: str
    port: int
    user: str
    password: str


class Link:
    """A worker's session with the broker.

    `clock` gives the wall clock in µs, `ticks` a steady one in seconds. In an exercise the
    player's stamp on each message takes the place of the clock. `wake` may be called from
    another thread to end a `turn` early.
    """

    def __init__(  # noqa: PLR0913  who, where, and two clocks
        self,
        *,
        address: Address,
        worker: str,
        exercise: bool,
        clock: Callable[[], int],
        ticks: Callable[[], float],
        joins: bool = True,
    ) -> None:
        self.connection = 0
        self._address, self._worker, self._exercise = address, worker, exercise
        self._clock, self._ticks = clock, ticks
        self._up = False
        self._answered: set[int] = set()
        self._wait, self._next_try = _FIRST_WAIT, 0.0
        self.subscribed = False
        self._pulse = CLOCK if exercise else heartbeat_topic(worker)
        self.inbox = Inbox(pulse=self._pulse, exercise=exercise, clock=clock)
        self._shares = (*SHARES, *PLAYED_SHARES) if exercise else SHARES
        self._topics = [(topic, 1) for topic in (*self._shares, self._pulse)] if joins else []
        self._bell, self._ear = socket.socketpair()
        self._bell.settimeout(0)
        self._ear.settimeout(0)
        self._client = self._make_client()

    def _make_client(self) -> BufferedClient:
        client = BufferedClient(
            CallbackAPIVersion.VERSION2,
            client_id=self._worker,
            clean_session=None if self._exercise else False,
            protocol=MQTTv5 if self._exercise else MQTTv311,
            manual_ack=True,
        )
        client.username_pw_set(self._address.user, self._address.password)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_unsubscribe = self._on_unsubscribe
        client.on_message = self.inbox.on_message
        client.message_callback_add(self._pulse, self.inbox.on_beat)
        if self._exercise:  # there our own heartbeat tells no time
            client.message_callback_add(heartbeat_topic(self._worker), self.inbox.on_mark)
        return client

    # -- the loop -------------------------------------------------------------------------------

    @property
    def up(self) -> bool:
        return self._up

    def turn(self, seconds: float, *, room: int) -> None:
        """Wait for something to do and do it: write, and read up to `room` messages.

        Without room nothing is read: what comes then waits at the broker.
        """
        client = self._client
        if client.socket() is None:
            self._connect()
        sock: Any = client.socket()
        at_once = room > 0 and client.buffered
        poll = select.poll()
        poll.register(self._ear, select.POLLIN)
        if sock is not None:
            wanted = select.POLLIN if room > 0 else 0
            poll.register(sock, wanted | (select.POLLOUT if client.want_write() else 0))
        ready = dict(poll.poll(0 if at_once else max(seconds, 0.0) * 1000))
        if self._ear.fileno() in ready:
            self._ear.recv(4096)
        events = 0 if sock is None else ready.get(sock.fileno(), 0)
        if events & select.POLLOUT:
            client.loop_write()
        if at_once or events & ~select.POLLOUT:
            self.inbox.look_at_the_clock()
            client.read(self.inbox.on_publication, max(room, 1))
        if client.socket() is not None:
            client.loop_misc()

    def rest(self, seconds: float) -> None:
        """Wait to be woken, and leave the connection alone."""
        poll = select.poll()
        poll.register(self._ear, select.POLLIN)
        if poll.poll(seconds * 1000):
            self._ear.recv(4096)

    def wake(self) -> None:
        with suppress(OSError):  # rung often enough already, or nobody is left to hear it
            self._bell.send(b"\0")

    # -- what we send ---------------------------------------------------------------------------

    def acknowledge(self, parcel: Parcel) -> None:
        """The one place that acknowledges: what `parcel` holds has been committed."""
        if parcel.mids and self._up and parcel.connection == self.connection:
            self._client.acknowledge(parcel.mids)

    def beat(self) -> None:
        """Send our clock round through the broker."""
        if self._up:
            self._client.publish(heartbeat_topic(self._worker), written(self._clock()), qos=1)

    def send_mark(self) -> None:
        """Send a heartbeat that we shall know again: the inbox is `marked` once it is back."""
        self.inbox.mark = written(self._clock()).encode()
        self._client.publish(heartbeat_topic(self._worker), self.inbox.mark, qos=1)

    def leave(self) -> int:
        """Stop taking our share; the number by which `answered` tells that the broker knows."""
        self._topics = []
        _, mid = self._client.unsubscribe([*self._shares, CLOCK])
        return mid or 0

    def listen_to_ourselves(self) -> int:
        """Subscribe to our own heartbeat alone; `answered` tells as for `leave`."""
        _, mid = self._client.subscribe(heartbeat_topic(self._worker), qos=1)
        return mid or 0

    def answered(self, number: int) -> bool:
        return number in self._answered

    def close(self) -> None:
        """Send what is to be sent and leave; the broker keeps our session and queues for us."""
        self._up = False
        self._client.disconnect()
        end = self._ticks() + _FAREWELL
        while self._client.socket() is not None and self._ticks() < end:
            self._client.loop_write()

    def end(self) -> None:
        """After `close`, when nothing will be sent or received any more."""
        self._bell.close()
        self._ear.close()

    def be_forgotten(self) -> None:
        """After `close`: have the broker end our session, so that it queues nothing more for us."""
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._worker,
            clean_session=True,
            protocol=MQTTv311,
        )
        client.username_pw_set(self._address.user, self._address.password)
        client.connect(self._address.host, self._address.port)
        while not client.is_connected():
            client.loop(1.0)
        client.disconnect()

    # -- connecting -----------------------------------------------------------------------------

    def _connect(self) -> None:
        """Try to connect, if it is time for a try."""
        now = self._ticks()
        if now < self._next_try:
            return
        self._next_try = now + self._wait
        self._wait = min(self._wait * 2, _LONGEST_WAIT)
        self._client.forget()
        options: dict[str, Any] = {"keepalive": KEEPALIVE}
        if self._exercise:
            forever = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            forever.SessionExpiryInterval = 0xFFFFFFFF
            options |= {"clean_start": False, "properties": forever}
        try:
            self._client.connect(self._address.host, self._address.port, **options)
        except OSError as error:
            log.warning(
                "%s: no broker answers at %s:%s (%s); trying again",
                self._worker,
                self._address.host,
                self._address.port,
                error,
            )

    def _on_connect(
        self,
        _client: Any,
        _data: Any,
        flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Any,
    ) -> None:
        if reason.is_failure:
            log.error("%s: the broker refuses us: %s", self._worker, reason)
            return
        self.connection += 1
        self._up, self._wait, self._next_try = True, _FIRST_WAIT, 0.0
        self.inbox.begin(self.connection)
        self._answered = set()
        kept = "its queue was kept for us" if flags.session_present else "a new session"
        log.info("%s: connected to the broker (%s)", self._worker, kept)
        if self._topics:
            self._client.subscribe(self._topics)

    def _on_disconnect(
        self,
        _client: Any,
        _data: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Any,
    ) -> None:
        if self._up:
            log.warning("%s: the connection to the broker ended (%s)", self._worker, reason)
        self._up = False
        self._client.forget()

    def _on_subscribe(
        self, _client: Any, _data: Any, mid: int, reasons: Sequence[ReasonCode], _properties: Any
    ) -> None:
        self._answered.add(mid)
        self.subscribed = not any(reason.is_failure for reason in reasons)
        for reason in reasons:
            if reason.is_failure:
                log.error("%s: the broker refuses a subscription: %s", self._worker, reason)

    def _on_unsubscribe(
        self, _client: Any, _data: Any, mid: int, _reasons: Any, _properties: Any
    ) -> None:
        self._answered.add(mid)
