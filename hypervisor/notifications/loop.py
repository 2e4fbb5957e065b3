"""The notifier process: decides, sends and records; several may run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

from hypervisor.base.failures import describe_failure, wait_after
from hypervisor.base.instance import Mode
from hypervisor.base.senders import Result, Senders, Waker
from hypervisor.database.connect import Connection, listen
from hypervisor.database.steps import Steps, ends_session
from hypervisor.notifications import (
    queries_deliveries,
    queries_outbox,
    queries_routes,
    reminders,
    route_file,
)
from hypervisor.notifications.brokers import BrokerWatch
from hypervisor.notifications.deadman import DeadMan
from hypervisor.notifications.dispatcher import Dispatcher
from hypervisor.notifications.lateness import Lateness
from hypervisor.notifications.model import Message
from hypervisor.notifications.queries_deliveries import ClaimedDelivery, Lane
from hypervisor.notifications.sending import Send

_LONGEST_WAIT = 900.0  # s between two attempts
_LONGEST_REST = 60.0  # s of a failing channel
_DEATHS = 3  # processes that died with a delivery, before it counts as failed
_TICK = 1.0  # s between two polls
_REMINDERS = 5.0  # s between two checks for unacknowledged alarms
_DRAIN = 5.0  # s for deliveries in progress at stop

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Seconds: time-out of a channel, first wait after a failure, time until giving up."""

    timeout: float
    retry: float
    give_up: float


@dataclass(kw_only=True)
class Notifier:
    """The work of one process on its own autocommit connection."""

    connection: Connection
    dispatcher: Dispatcher
    send: Send
    policy: RetryPolicy
    say: Say
    wall: Callable[[], datetime]
    brokers: BrokerWatch | None  # of a cluster
    _revision: int = 0
    _failures: dict[Lane, int] = field(default_factory=dict)
    _reminded: float = float("-inf")

    def __post_init__(self) -> None:
        self._waker = Waker()
        # A channel bounds each wait; together they may take twice as long.
        self._lanes = Senders[ClaimedDelivery](
            seconds=2 * self.policy.timeout,
            lane_of=lambda delivery: (delivery.route, delivery.channel),
            wake=self._waker.wake,
            ticks=monotonic,
        )
        self._dead_man = DeadMan(say=self.say)
        self._lateness = Lateness(say=self.say)
        self._steps = Steps(say=self.say)
        self._worker = queries_deliveries.register_worker(self.connection)
        self.dispatcher.ready = False
        listen(self.connection, queries_outbox.CHANNEL)

    def run(self, stopping: Callable[[], bool]) -> None:
        while not stopping():
            if not self.turn():
                self._wait(_TICK)
        self._drain()

    def close(self) -> None:
        """Close connections; unfinished deliveries become free for others."""
        self.connection.close()
        self._waker.close()

    def remind_at_once(self) -> None:
        """Check for unacknowledged alarms in the next turn."""
        self._reminded = float("-inf")

    def turn(self) -> bool:
        """Do the work that is due; returns whether there may be more."""
        step = self._steps.run
        step("read routes", self._read_routes)
        more = bool(step("decide", lambda: self.dispatcher.decide(self.connection)))
        now = monotonic()
        if now - self._reminded >= _REMINDERS:
            self._reminded = now
            more = bool(step("remind", self._remind)) or more
            more = bool(step("look at evaluation", self._look_at_evaluation)) or more
            more = bool(step("look at the brokers", self._look_at_brokers)) or more
        more = bool(step("send the heartbeat", self._beat)) or more
        self._record_results()
        return bool(step("send", self._start)) or more

    def _remind(self) -> int:
        return reminders.put_reminders(self.connection, self.dispatcher.routes, self.say)

    def _look_at_evaluation(self) -> int:
        live = self.dispatcher.instance.mode is Mode.LIVE
        return self._lateness.look(self.connection, live=live, wall=self.wall())

    def _look_at_brokers(self) -> int:
        return self.brokers.look(self.connection, wall=self.wall()) if self.brokers else 0

    def _beat(self) -> bool:
        failing = self._steps.failing
        return self._dead_man.beat(self.connection, self.dispatcher, self.wall(), failing)

    def _read_routes(self) -> None:
        """Take over what is new; the latest routes that can be read are in force."""
        dispatcher, documents = self.dispatcher, queries_routes.ROUTES
        new = documents.find_revision(self.connection, self._revision)
        if new is None:
            dispatcher.ready = dispatcher.ready or not self._revision  # there are none
            return
        usable = False  # without any route events wait, unless that is what was written last
        for revision in reversed(documents.list_revisions(self.connection)):
            if revision.id <= self._revision:
                break
            try:
                routes = route_file.read_routes(revision.text, file="the routes in force")
            except Exception as error:  # noqa: BLE001  e.g. a channel that this machine lacks
                problem = describe_failure(error)
                self.say(f"the routes of revision {revision.id} cannot be used: {problem}")
                continue
            dispatcher.routes, usable = routes, revision.id == new.id
            self.say(f"routes of revision {revision.id}, by {revision.author}: {revision.reason}")
            break
        dispatcher.ready = usable or bool(dispatcher.routes.routes)
        self._revision = new.id

    # -- sending ----------------------------------------------------------------------------------

    def _start(self) -> bool:
        """Start the next delivery of every free lane."""
        started = False
        for lane in queries_deliveries.list_due_lanes(self.connection):
            if not self._lanes.free(lane, wide=not self._failures.get(lane)):
                continue
            delivery = queries_deliveries.claim_next(
                self.connection, self._worker, lane, seconds=3 * self.policy.timeout + 10
            )
            if delivery is not None:
                self._start_claimed(delivery)
                started = True
        return started

    def _start_claimed(self, delivery: ClaimedDelivery) -> None:
        """Start a delivery; that processes died again and again while they sent it is a failure."""
        if delivery.deaths < _DEATHS:
            self._start_sending(delivery)
        else:
            self._record_failure(delivery, f"{delivery.deaths} notifiers died while they sent it")

    def _start_sending(self, delivery: ClaimedDelivery) -> None:
        channel = self.dispatcher.routes.channel(delivery.route, delivery.channel)
        if channel is None:
            error = f"the route {delivery.route!r} no longer has a channel {delivery.channel!r}"
            self._give_up(delivery, error)
            return
        self._lanes.start(
            delivery, lambda: self.send(channel, Message(**delivery.message), delivery.key)
        )

    def _record_results(self) -> None:
        for result in self._lanes.finished():
            try:
                self._record_result(result)
            except Exception as error:
                if ends_session(error):
                    raise
                self.say(f"no record of {result.delivery.key}: {describe_failure(error)}")

    def _record_result(self, result: Result[ClaimedDelivery]) -> None:
        delivery, lane = result.delivery, (result.delivery.route, result.delivery.channel)
        if result.error is None:
            self._failures.pop(lane, None)
            queries_deliveries.mark_sent(self.connection, delivery.id)
            self.say(f"sent to {delivery.route}/{delivery.channel}: {_name(delivery)}")
            return
        self._failures[lane] = self._failures.get(lane, 0) + 1
        rest = wait_after(self._failures[lane], first=self.policy.retry, longest=_LONGEST_REST)
        self._lanes.rest(lane, rest)
        self._record_failure(delivery, result.error)

    def _record_failure(self, delivery: ClaimedDelivery, error: str) -> None:
        if delivery.age >= self.policy.give_up:
            self._give_up(delivery, error)
            return
        wait = wait_after(delivery.attempts + 1, first=self.policy.retry, longest=_LONGEST_WAIT)
        queries_deliveries.mark_failed(self.connection, delivery.id, error=error, wait=wait)
        self.say(
            f"not sent to {delivery.route}/{delivery.channel} ({error});"
            f" try {delivery.attempts + 2} in {wait:g} s: {delivery.key}"
        )

    def _give_up(self, delivery: ClaimedDelivery, error: str) -> None:
        queries_deliveries.mark_dead(self.connection, delivery.id, error=error)
        self.say(
            f"GIVEN UP: {_name(delivery)} to {delivery.route}/{delivery.channel}"
            f" ({error}); `hypervisor notify list --dead`, `hypervisor notify retry {delivery.id}`"
        )

    # -- waiting ----------------------------------------------------------------------------------

    def _wait(self, seconds: float) -> None:
        """Wait for a finished delivery, a new event, or the time-out."""
        self._waker.wait(seconds, self.connection.fileno())
        queries_outbox.drain_notifications(self.connection)

    def _drain(self) -> None:
        """Give deliveries in progress time to finish; the rest is free for others."""
        until = monotonic() + _DRAIN
        while self._lanes.busy and monotonic() < until:
            self._waker.wait(0.2)
            self._record_results()
        self._record_results()


def _name(delivery: ClaimedDelivery) -> str:
    return str(delivery.message.get("title") or delivery.key)
