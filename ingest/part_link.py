"""The way to a cluster's broker: the queues of the parts that this process holds.

Everything here runs in one thread, as in ingest.link. What is published goes over a connection of
its own: a broker without room stops reading from those that publish, and must still read what we
acknowledge.
"""

import logging
import secrets
import select
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from pamqp import commands

from ingest.amqp import ASIDE, HEARTBEAT, AmqpConnection, AmqpError
from ingest.batch import Parcel
from ingest.decode import LARGEST
from ingest.letters import make_dead_letters
from ingest.loop import Address, Attempts, Bell
from ingest.message import Arrival, NewDeadLetter, Reason, Refused
from ingest.part_inbox import PartInbox, read_stamp
from ingest.queues import (
    BEATS,
    DEAD,
    DELIVERIES,
    SOURCE,
    declare_exchanges,
    declare_part,
    list_bindings,
    list_part_bindings,
    queue_name,
    to_pattern,
    to_topic,
)
from ingest.topics import PAUSES
from sensors._errors import Message

PREFETCH = 2_000  # messages of a part that the broker sends ahead of our acknowledgements
_MOST_DEAD = 20  # messages that could not be stored, received at a time
_MOST_UNSENT = 65_536  # bytes of heartbeats for a broker that does not read them

log = logging.getLogger(__name__)


class PartLink:
    """Ingest's connections with its machine's broker.

    `parts`: how many there are. `interval`: seconds between two heartbeats through each of them,
    None in an exercise. `clock` gives the wall clock in µs, `ticks` a steady one in seconds.
    """

    keeps_unread = True  # what is not read waits in its queue

    def __init__(  # noqa: PLR0913
        self,
        *,
        address: Address,
        worker: str,
        parts: int,
        interval: float | None,
        clock: Callable[[], int],
        ticks: Callable[[], float],
    ) -> None:
        self.connection = 0
        self.settled = 0  # messages and heartbeats, of those that the inbox received
        self._address, self._worker, self._parts = address, worker, parts
        self._interval, self._clock, self._ticks = interval, clock, ticks
        self.inbox = PartInbox(
            sender=f"{worker}-{secrets.token_hex(4)}".encode(),
            interval=round((interval or 0.0) * 1e6),
            exercise=interval is None,
            clock=clock,
        )
        self.exercise = interval is None
        self._attempts = Attempts(ticks)
        self._bell = Bell()
        self._connections: tuple[AmqpConnection, AmqpConnection] | None = None
        self._consumed = set[int]()
        self.dead: dict[int, NewDeadLetter] = {}  # by the broker's number
        self._next_beat = self._next_sign = self._down_since = ticks()

    # -- the loop -------------------------------------------------------------------------------

    @property
    def up(self) -> bool:
        return self._connections is not None

    @property
    def down(self) -> float:
        """For how long there is no broker (s)."""
        return 0.0 if self.up else self._ticks() - self._down_since

    def turn(self, seconds: float, *, room: int) -> None:
        """Wait for something to do and do it: write, and read up to `room` messages."""
        if self._connections is None:
            self._connect()
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        at_once = False
        if self._connections is not None:
            reader, speaker = self._connections
            at_once = room > 0 and reader.buffered
            for connection, reads in ((reader, room > 0), (speaker, True)):
                writes = select.POLLOUT if connection.unsent else 0
                poll.register(connection, (select.POLLIN if reads else 0) | writes)
        ready = dict(poll.poll(0 if at_once else max(seconds, 0.0) * 1000))
        if self._bell.fileno() in ready:
            self._bell.hush()
        if self._connections is not None:
            self._guard(partial(self._serve, *self._connections, ready, room, at_once=at_once))
        self.beat()

    def _serve(
        self,
        reader: AmqpConnection,
        speaker: AmqpConnection,
        ready: dict[int, int],
        room: int,
        *,
        at_once: bool,
    ) -> None:
        for connection in (reader, speaker):
            if ready.get(connection.fileno(), 0) & select.POLLOUT:
                connection.flush()
        if ready.get(speaker.fileno(), 0) & ~select.POLLOUT:
            speaker.read(1)
        if at_once or ready.get(reader.fileno(), 0) & ~select.POLLOUT:
            self.inbox.look_at_the_clock()
            reader.read(max(room, 1))
        if self._ticks() >= self._next_sign:
            self._next_sign = self._ticks() + HEARTBEAT / 2
            reader.stay_alive()
            speaker.stay_alive()

    def rest(self, seconds: float) -> None:
        self.turn(seconds, room=0)

    def wake(self) -> None:
        self._bell.ring()

    # -- parts ----------------------------------------------------------------------------------

    def consumes(self, part: int) -> bool:
        return part in self._consumed

    def has_queue(self, part: int) -> bool:
        """Whether the part's queue is there. Raises AmqpError: the broker does not say."""
        return bool(self._ask(lambda reader: reader.exists(queue_name(part))))

    def make_queue(self, part: int) -> None:
        """Make the part's queue.

        Only by the process that holds the part, and after it has noted what the last queue lost.
        Raises AmqpError.
        """
        self._ask(lambda reader: declare_part(reader.call, part, exercise=self.exercise))

    def renew_bindings(self, part: int) -> None:
        """Have the broker bind a queue that is there, in case that its maker was killed before."""
        if self._connections is not None:
            _, speaker = self._connections
            bindings = list_part_bindings(part, exercise=self.exercise)
            self._guard(partial(_do_aside, speaker, bindings))

    def consume(self, part: int, heard: int) -> None:
        """Receive what the part's queue has. `heard`: how far it was heard (µs).

        Raises AmqpError.
        """
        self.inbox.open_part(part, heard)
        consume = commands.Basic.Consume(queue=queue_name(part), consumer_tag=str(part))
        self._ask(lambda reader: reader.call(consume))
        self._consumed.add(part)

    def cancel(self, part: int) -> None:
        """Receive no more of the part. Raises AmqpError."""
        if part in self._consumed:
            self._consumed.remove(part)
            self._ask(lambda reader: reader.call(commands.Basic.Cancel(str(part))))
            self.inbox.close_part(part)

    def is_settled(self, part: int) -> bool:
        """Whether all that was received of a part is stored."""
        return self.inbox.find_last(part) <= self.settled

    # -- messages that killed their receivers -----------------------------------------------------

    def _bury(
        self,
        _tag: bytes,
        number: int,
        again: bool,  # noqa: FBT001
        _exchange: bytes,
        key: bytes,
        properties: bytes,
        payload: bytes,
    ) -> None:
        topic, at = to_topic(key.decode("utf-8", "replace")), read_stamp(properties)
        refused = Refused(
            arrival=Arrival(topic, payload, at or self._clock(), again),
            reason=Reason.NOT_STORABLE,
            detail=Message("each process that received it ended, {count} times", DELIVERIES),
        )
        (self.dead[number],) = make_dead_letters([refused], largest=LARGEST)

    def acknowledge_dead(self) -> None:
        """The dead letters have been committed."""
        if self._connections is not None:
            _, speaker = self._connections
            for number in self.dead:
                self._guard(partial(speaker.send, commands.Basic.Ack(number), channel=ASIDE))
        self.dead.clear()

    def _ask(self, question: Callable[[AmqpConnection], object]) -> object:
        if self._connections is None:
            raise AmqpError("no broker answers")
        reader, _ = self._connections
        try:
            return question(reader)
        except AmqpError as error:
            self._drop(error)
            raise

    # -- what we send ---------------------------------------------------------------------------

    def acknowledge(self, parcel: Parcel) -> None:
        """The one place that acknowledges: what `parcel` holds has been committed."""
        self.settled += len(parcel.arrivals) + len(parcel.beats)
        if self._connections is None or parcel.connection != self.connection or not parcel.mids:
            return
        reader, _ = self._connections
        self._guard(lambda: reader.send(commands.Basic.Ack(parcel.mids[-1], multiple=True)))

    def beat(self) -> None:
        """Send our clock through every part, if it is time: also through those of others.

        So a part is deaf only while its queue is, and not while it passes to another process.
        """
        if self._interval is None or self._connections is None or self._ticks() < self._next_beat:
            return
        self._next_beat = self._ticks() + self._interval
        _, speaker = self._connections
        if speaker.unsent > _MOST_UNSENT:
            return
        heartbeat = self.inbox.sent(self._clock())
        for part in range(1, self._parts + 1):
            self._guard(partial(speaker.publish, BEATS, str(part), heartbeat))

    def pause(self, account: str) -> None:
        """Have an account put out for a while, whose messages everybody else's wait behind."""
        log.warning("%s: %s floods the broker", self._worker, account)
        if self._connections is not None:
            _, speaker = self._connections
            self._guard(partial(speaker.publish, SOURCE, to_pattern(f"{PAUSES}{account}"), b""))

    def forget(self) -> None:
        """Drop what was received and not stored: its queues have it, and others may hold them."""
        self._drop(None)
        self.inbox.take()
        self.settled = self.inbox.received

    def close(self) -> None:
        """Leave once the broker has read what we sent; the rest is for others to receive."""
        if self._connections is not None:
            reader, _ = self._connections
            self._guard(reader.leave)
        self._drop(None)

    def end(self) -> None:
        """After `close`, when nothing will be sent or received any more."""
        self._bell.close()

    # -- connecting -----------------------------------------------------------------------------

    def _connect(self) -> None:
        """Try to connect, if it is time for a try."""
        if not self._attempts.is_due():
            return
        opened: list[AmqpConnection] = []
        try:
            reader = AmqpConnection(self._address, self._worker, self.inbox.on_delivery)
            opened.append(reader)
            speaker = AmqpConnection(self._address, self._worker, self._bury)
            opened.append(speaker)
            reader.call(commands.Basic.Qos(prefetch_count=PREFETCH))
            speaker.call(commands.Channel.Open(), channel=ASIDE)
            speaker.call(commands.Basic.Qos(prefetch_count=_MOST_DEAD), channel=ASIDE)
            bindings = list_bindings(exercise=self.exercise)
            if not reader.exists(DEAD):
                declare_exchanges(reader.call, exercise=self.exercise)
                bindings = []
            self.dead.clear()
            consume = commands.Basic.Consume(queue=DEAD, consumer_tag=DEAD)
            _do_aside(speaker, [consume, *bindings])
        except AmqpError as error:
            log.warning("%s: %s; trying again", self._worker, error)
            for connection in opened:
                connection.close()
            return
        self._attempts.succeed()
        self.connection += 1
        self.inbox.begin(self.connection)
        self._connections = reader, speaker
        log.info("%s: connected to the broker", self._worker)

    def _guard(self, use: Callable[[], None]) -> None:
        """Use a connection; without it we are down."""
        try:
            use()
        except AmqpError as error:
            self._drop(error)

    def _drop(self, error: AmqpError | None) -> None:
        """End the connections: the broker gives what is not acknowledged to other consumers."""
        if self._connections is None:
            return
        if error is not None:
            log.warning("%s: %s", self._worker, error)
        for connection in self._connections:
            connection.close()
        self._connections = None
        self._consumed.clear()
        self._down_since = self._ticks()
        self.inbox.begin(self.connection)


def _do_aside(connection: AmqpConnection, methods: Iterable[Any]) -> None:
    """Have it done while other things go on: to bind takes 7 s while a machine is lost."""
    for method in methods:
        method.nowait = True
        connection.send(method, channel=ASIDE)
