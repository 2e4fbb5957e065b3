"""Notify as a process: decides, sends, marks, until stopped; several of them may run."""

import select
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

from hypervisor.database.connect import Connection
from hypervisor.notifications import (
    backoff,
    queries_alarms,
    queries_deliveries,
    queries_outbox,
    reminders,
    route_file,
)
from hypervisor.notifications.deadman import DeadMan
from hypervisor.notifications.dispatcher import Dispatcher
from hypervisor.notifications.lanes import Lanes, Result
from hypervisor.notifications.message import Message
from hypervisor.notifications.queries_deliveries import Lane, Parcel
from hypervisor.notifications.sending import Send
from rules._errors import RuleError

_TICK = 1.0  # s: what nobody woke us for is found by then
_REMINDERS = 5.0  # s between two looks for alarms that nobody acknowledges
_FAREWELL = 5.0  # s for what is on its way when we stop

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds: how long a channel may take, the first wait after a failure, until giving up."""

    timeout: float
    retry: float
    give_up: float


@dataclass(kw_only=True)
class Notifier:
    """One process's work on one connection, which is its own and commits by itself."""

    connection: Connection
    office: Dispatcher
    send: Send
    pace: Pace
    say: Say
    wall: Callable[[], datetime]
    _revision: int = 0
    _failures: dict[Lane, int] = field(default_factory=dict)
    _reminded: float = float("-inf")

    def __post_init__(self) -> None:
        self._bell, self._ear = socket.socketpair()
        self._bell.settimeout(0)
        self._ear.settimeout(0)
        # A channel bounds each of its waits; all of them together may take twice as long.
        self._lanes = Lanes(seconds=2 * self.pace.timeout, ticks=monotonic, ring=self._ring)
        self._dead_man = DeadMan(say=self.say)
        self._worker = queries_deliveries.join(self.connection)
        queries_outbox.listen(self.connection)

    def run(self, stopping: Callable[[], bool]) -> None:
        while not stopping():
            if not self.turn():
                self._wait(_TICK)
        self._farewell()

    def close(self) -> None:
        """Let go of what it holds; what is on its way is free for others."""
        self.connection.close()
        self._bell.close()
        self._ear.close()

    def remind_at_once(self) -> None:
        """Look for alarms that nobody acknowledges at the next turn."""
        self._reminded = float("-inf")

    def turn(self) -> bool:
        """Do what there is to do; whether there may be more at once."""
        self._read_routes()
        more = self.office.decide(self.connection) > 0
        now = monotonic()
        if now - self._reminded >= _REMINDERS:
            self._reminded = now
            more = reminders.remind(self.connection, self.office.routes) > 0 or more
        more = self._dead_man.beat(self.connection, self.office, self.wall()) or more
        self._mark()
        return self._start() or more

    def _read_routes(self) -> None:
        written = queries_alarms.routes_text(self.connection, self._revision)
        if written is None:
            return
        try:
            self.office.routes = route_file.read_routes(written.text, file="the routes in force")
        except RuleError as error:  # a kind of channel that this machine lacks
            self.office.ready = bool(self.office.routes.routes)  # else those before go on
            self.say(f"the routes of revision {written.id} cannot be used: {error}")
        else:
            self.office.ready = True
            self.say(f"routes of revision {written.id}, by {written.author}: {written.reason}")
        self._revision = written.id

    # -- sending ----------------------------------------------------------------------------------

    def _start(self) -> bool:
        """Give every free lane its next message."""
        started = False
        for lane in queries_deliveries.lanes(self.connection):
            if not self._lanes.free(lane, wide=not self._failures.get(lane)):
                continue
            seconds = 3 * self.pace.timeout + 10
            parcel = queries_deliveries.claim(self.connection, self._worker, lane, seconds=seconds)
            if parcel is not None:
                self._hand_over(parcel)
                started = True
        return started

    def _hand_over(self, parcel: Parcel) -> None:
        channel = self.office.routes.channel(parcel.route, parcel.channel)
        if channel is None:
            self._bury(parcel, f"the route {parcel.route!r} has no channel {parcel.channel!r} more")
            return
        message = Message.from_json(parcel.message)
        self._lanes.start(parcel, lambda: self.send(channel, message, parcel.key))

    def _mark(self) -> None:
        for result in self._lanes.finished():
            self._note(result)

    def _note(self, result: Result) -> None:
        parcel, lane = result.parcel, (result.parcel.route, result.parcel.channel)
        if result.error is None:
            self._failures.pop(lane, None)
            queries_deliveries.sent(self.connection, parcel.id)
            self.say(f"sent to {parcel.route}/{parcel.channel}: {parcel.message['title']}")
            return
        self._failures[lane] = self._failures.get(lane, 0) + 1
        self._lanes.rest(lane, min(backoff.wait(self.pace.retry, self._failures[lane]), 60.0))
        if parcel.age >= self.pace.give_up:
            self._bury(parcel, result.error)
            return
        wait = backoff.wait(self.pace.retry, parcel.attempts + 1)
        queries_deliveries.failed(self.connection, parcel.id, error=result.error, wait=wait)
        self.say(
            f"not sent to {parcel.route}/{parcel.channel} ({result.error});"
            f" try {parcel.attempts + 2} in {wait:g} s: {parcel.key}"
        )

    def _bury(self, parcel: Parcel, error: str) -> None:
        queries_deliveries.bury(self.connection, parcel.id, error=error)
        self.say(
            f"GIVEN UP: {parcel.message['title']} to {parcel.route}/{parcel.channel} ({error});"
            f" `hypervisor notify list --dead`, `hypervisor notify retry {parcel.id}`"
        )

    # -- waiting ----------------------------------------------------------------------------------

    def _ring(self) -> None:
        with suppress(OSError):  # rung often enough already
            self._bell.send(b"\0")

    def _wait(self, seconds: float) -> None:
        """Until a message is done, the outbox has something new, or so long."""
        select.select([self._ear.fileno(), self.connection.fileno()], [], [], seconds)
        with suppress(BlockingIOError):
            self._ear.recv(4096)
        queries_outbox.hear(self.connection)

    def _farewell(self) -> None:
        """What is on its way may arrive; what does not is anybody's at once."""
        until = monotonic() + _FAREWELL
        while self._lanes.busy and monotonic() < until:
            select.select([self._ear], [], [], 0.2)
            with suppress(BlockingIOError):
                self._ear.recv(4096)
            self._mark()
        self._mark()
