"""The way to the broker: one persistent session, read by a loop of our own.

Everything here runs in one thread. A message is acknowledged only on the connection it came on:
after a reconnection the broker sends all that is unacknowledged again, under the same numbers.
"""

import logging
import select
from collections.abc import Callable, Sequence
from typing import Any

from paho.mqtt.client import ConnectFlags, DisconnectFlags, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.batch import Parcel
from ingest.client import BufferedClient
from ingest.inbox import Inbox
from ingest.loop import Address, Attempts, Bell, probe_peer
from ingest.topics import (
    AWAY,
    DROPPED,
    HERE,
    PAUSES,
    PRESENCE,
    SUBSCRIPTIONS,
    format_time,
    heartbeat_topic,
)

KEEPALIVE = 60  # seconds
_FAREWELL = 5.0  # seconds to send what is left to send

log = logging.getLogger(__name__)


class Link:
    """Ingest's session with the broker: one, whose client id is its account's name.

    `clock` gives the wall clock in µs, `ticks` a steady one in seconds. In an exercise the
    player's stamp on each message takes the place of the clock. `wake` may be called from
    another thread to end a `turn` early.
    """

    keeps_unread = False  # the broker's queue grows meanwhile, but only while we are away

    def __init__(
        self,
        *,
        address: Address,
        worker: str,
        exercise: bool,
        clock: Callable[[], int],
        ticks: Callable[[], float],
    ) -> None:
        self.connection = 0
        self._address, self._worker, self._exercise = address, worker, exercise
        self._clock, self._ticks = clock, ticks
        self._up = False
        self._attempts = Attempts(ticks)
        self.subscribed = False
        self.inbox = Inbox(exercise=exercise, clock=clock)
        self._bell = Bell()
        self._client = self._make_client()

    def _make_client(self) -> BufferedClient:
        client = BufferedClient(
            CallbackAPIVersion.VERSION2,
            client_id=self._address.user,
            clean_session=None if self._exercise else False,
            protocol=MQTTv5 if self._exercise else MQTTv311,
            manual_ack=True,
        )
        client.username_pw_set(self._address.user, self._address.password)
        client.will_set(PRESENCE, AWAY, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self.inbox.on_message
        client.on_socket_open = lambda _client, _data, sock: probe_peer(sock)
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
        poll.register(self._bell, select.POLLIN)
        if sock is not None:
            events_to_read = select.POLLIN if room > 0 else 0
            poll.register(sock, events_to_read | (select.POLLOUT if client.want_write() else 0))
        ready = dict(poll.poll(0 if at_once else max(seconds, 0.0) * 1000))
        if self._bell.fileno() in ready:
            self._bell.hush()
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
        poll.register(self._bell, select.POLLIN)
        if poll.poll(seconds * 1000):
            self._bell.hush()

    def wake(self) -> None:
        self._bell.ring()

    # -- what we send ---------------------------------------------------------------------------

    def acknowledge(self, parcel: Parcel) -> None:
        """The one place that acknowledges: what `parcel` holds has been committed."""
        if parcel.mids and self._up and parcel.connection == self.connection:
            self._client.acknowledge(parcel.mids)

    def beat(self) -> None:
        """Send our clock round through the broker."""
        if self._up:
            clock = self._clock()
            self.inbox.sent(clock)
            self._client.publish(heartbeat_topic(self._worker), format_time(clock), qos=1)

    def pause(self, account: str) -> None:
        """Have an account put out for a while, whose messages everybody else's wait behind."""
        log.warning("%s: %s floods the broker", self._worker, account)
        self._client.publish(f"{PAUSES}{account}", b"", qos=1)

    def close(self) -> None:
        """Send what is to be sent and leave; the broker keeps our session and queues for us."""
        if self._up:
            # Not to be acknowledged: it would be sent again when we are back, behind `here`.
            self._client.publish(PRESENCE, AWAY, qos=0, retain=True)
        self._up = False
        self._client.disconnect()
        end = self._ticks() + _FAREWELL
        while self._client.socket() is not None and self._ticks() < end:
            self._client.loop_write()

    def end(self) -> None:
        """After `close`, when nothing will be sent or received any more."""
        self._bell.close()

    # -- connecting -----------------------------------------------------------------------------

    def _connect(self) -> None:
        """Try to connect, if it is time for a try."""
        if not self._attempts.is_due():
            return
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
        self._up = True
        self._attempts.succeed()
        self.inbox.begin(self.connection)
        if flags.session_present:
            log.info("%s: connected to the broker, which kept our queue", self._worker)
        else:
            log.warning("%s: connected to the broker, which has no queue for us", self._worker)
            self.inbox.begin_session()
        # Not queued while we are away: when we are back the broker tells the latest count.
        self._client.publish(PRESENCE, HERE, qos=1, retain=True)
        self._client.subscribe([*((topic, 1) for topic in SUBSCRIPTIONS), (DROPPED, 0)])

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
        self, _client: Any, _data: Any, _mid: int, reasons: Sequence[ReasonCode], _properties: Any
    ) -> None:
        self.subscribed = not any(reason.is_failure for reason in reasons)
        for reason in reasons:
            if reason.is_failure:
                log.error("%s: the broker refuses a subscription: %s", self._worker, reason)
