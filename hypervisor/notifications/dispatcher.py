"""Turns events of the outbox into deliveries; one process at a time decides."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms.errors import AlarmError
from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.log import SYSTEM, as_text
from hypervisor.alarms.service import Act, perform
from hypervisor.alarms.service_suppression import SuppressionState, read_suppression
from hypervisor.base.failures import describe_failure
from hypervisor.base.instance import Instance, Mode
from hypervisor.base.instants import moment
from hypervisor.database.connect import Connection
from hypervisor.database.steps import ends_session
from hypervisor.notifications import decision as deciding
from hypervisor.notifications import (
    queries_alarms,
    queries_deliveries,
    queries_orders,
    queries_outbox,
    rendering,
)
from hypervisor.notifications.decision import (
    ASSIGNED,
    OWN_ALARMS,
    RESUMED,
    SET_ASIDE,
    Drop,
    Facts,
    Hold,
    Send,
    decide_assignment,
    decide_failure,
    grace_period,
)
from hypervisor.notifications.hours import Holiday
from hypervisor.notifications.model import Message
from hypervisor.notifications.queries_alarms import AlarmContext
from hypervisor.notifications.queries_deliveries import NewDelivery
from hypervisor.notifications.queries_outbox import Entry, Event
from hypervisor.notifications.rendering import AlarmNotice, MessageStyle
from hypervisor.notifications.routes import Route, Routes
from hypervisor.registry.queries_works import load_in_force

BATCH = 500  # events decided in one transaction
TRIES = 10  # of an event whose decision fails; half an hour
_NEW = ("raised", "severity", "stale")
_ACTS = {"reminder": ActKind.REMIND, "escalation": ActKind.ESCALATE}

Render = Callable[[str, Route], Message]  # key and route


@dataclass(kw_only=True)
class Dispatcher:
    """Decides events of the outbox. `quantities`: labels per language."""

    instance: Instance
    link: str
    quantities: Mapping[str, Mapping[str, str]]
    holiday: Holiday
    wall: Callable[[], datetime]
    routes: Routes = field(default_factory=Routes)
    say: Callable[[str], None] = lambda _words: None
    ready: bool = True  # False: the routes cannot be read; events wait

    def message_style(self, route: Route) -> MessageStyle:
        return MessageStyle(
            instance=self.instance.name,
            exercise=self.instance.mode is Mode.EXERCISE,
            language=route.language,
            zone=route.zone,
            link=self.link,
        )

    def decide(self, connection: Connection) -> int:
        """Decide the events that are due; returns how many."""
        if not self.ready:
            return 0
        try:
            return self._decide_together(connection)
        except Exception as error:
            if ends_session(error):
                raise
        return self._decide_singly(connection)

    def _decide_together(self, connection: Connection) -> int:
        with connection.transaction():
            if not queries_deliveries.lock_decisions(connection):
                return 0
            now = queries_outbox.read_clock(connection)
            entries = [] if now is None else queries_outbox.list_due(connection, now, most=BATCH)
            if now is None or not entries:
                return 0
            batch = _Batch.load(self, connection, now, entries)
            for entry in batch.skip_unchanged(entries):
                batch.decide(entry)
                if entry.event in _ACTS:
                    break  # it locks an alarm: one lock per transaction avoids deadlocks
        return len(entries)

    def _decide_singly(self, connection: Connection) -> int:
        """The same, each event in a transaction of its own: one that fails is counted and waits."""
        now = queries_outbox.read_clock(connection)
        if now is None:
            return 0
        batch = _Batch.load(self, connection, now, [])  # if this fails, no event is to blame
        numbers = queries_outbox.list_due_numbers(connection, now, most=BATCH)
        for number in numbers:
            with connection.transaction():
                if not queries_deliveries.lock_decisions(connection):
                    break
                batch.try_to_decide(number)
        return len(numbers)


@dataclass(frozen=True, kw_only=True)
class _Batch:
    """One batch: the inputs shared by its events."""

    dispatcher: Dispatcher
    connection: Connection
    now: int
    suppressed: Mapping[int | None, str]
    rules: Mapping[str, Mapping[str, Any]]
    suppression: SuppressionState

    @classmethod
    def load(
        cls, dispatcher: Dispatcher, connection: Connection, now: int, entries: Iterable[Entry]
    ) -> "_Batch":
        numbers = sorted({entry.alarm for entry in entries if entry.alarm is not None})
        suppression = read_suppression(connection, wall=dispatcher.wall())
        return cls(
            dispatcher=dispatcher,
            connection=connection,
            now=now,
            suppressed=_explain_suppressed(suppression, connection, numbers),
            rules=load_in_force(connection, "rule", moment(now)),
            suppression=suppression,
        )

    def for_entry(self, entry: Entry) -> "_Batch":
        """The same with what suppresses the alarm of this event."""
        numbers = [] if entry.alarm is None else [entry.alarm]
        suppressed = _explain_suppressed(self.suppression, self.connection, numbers)
        return replace(self, suppressed=suppressed)

    def skip_unchanged(self, entries: list[Entry]) -> list[Entry]:
        """Without events whose reason to wait is unchanged: a dark street has a thousand."""
        same = [
            entry
            for entry in entries
            if entry.held and entry.held == self.suppressed.get(entry.alarm)
        ]
        numbers = [entry.alarm or 0 for entry in same]
        active = queries_alarms.filter_active(self.connection, numbers)
        still = {entry.id for entry in same if entry.alarm in active and entry.event in _NEW}
        queries_outbox.extend_holds(self.connection, still, until=self.now + deciding.RECHECK)
        return [entry for entry in entries if entry.id not in still]

    def try_to_decide(self, number: int) -> None:
        """Decide an event by itself, unless somebody did; a failure is counted as its own."""
        try:
            with self.connection.transaction():
                for entry in queries_outbox.find_undecided(self.connection, number):
                    self.for_entry(entry).decide(entry)
        except Exception as error:
            if ends_session(error):
                raise
            problem = describe_failure(error)
            self.dispatcher.say(f"event {number} of the outbox could not be decided: {problem}")
            queries_outbox.record_failure(
                self.connection, number, error=problem, now=self.now, tries=TRIES
            )

    def decide(self, entry: Entry) -> None:
        if entry.event in (SET_ASIDE, RESUMED):
            self._decide_failure(entry)
            return
        for pair in OWN_ALARMS.items():
            if entry.event in pair:
                self._decide_own_alarm(entry, pair)
                return
        if entry.event == ASSIGNED:
            self._decide_assignment(entry)
            return
        number = entry.alarm
        alarm = None if number is None else alarm_queries.find_alarm(self.connection, number)
        if alarm is None:
            self._drop(entry, Drop(why="it has no alarm"))
            return
        values = as_text(alarm)
        context = queries_alarms.read_context(self.connection, alarm.id, entry.id)
        facts = Facts(
            entry=entry,
            alarm=values,
            now=self.now,
            context=context,
            labels=self._labels(values["rule"], context),
            grace=grace_period(values["rule"], self.rules, interval=context.interval),
            suppressed=self.suppressed.get(alarm.id),
        )
        match deciding.decide(facts, self.dispatcher.routes, self.dispatcher.holiday):
            case Hold() as hold:
                self._hold(entry, hold)
            case Drop() as drop:
                self._drop(entry, drop)
            case Send() as send:
                self._send_notice(entry, send, values, context)

    def _labels(self, rule: str, context: AlarmContext) -> frozenset[tuple[str, str]]:
        """Those of the alarm's rule, or of the external alert."""
        return frozenset((self.rules.get(rule, {}).get("labels") or context.labels).items())

    def _decide_failure(self, entry: Entry) -> None:
        dispatcher = self.dispatcher
        personal = queries_alarms.name_homes(self.connection, entry.body["subjects"])
        decision = decide_failure(
            entry, self.now, dispatcher.routes, dispatcher.holiday, personal=personal
        )
        rule, about = entry.body["rule"], entry.body["subjects"]
        sequence = name_sequence(rule, "" if rule else about[0])
        self._settle(entry, decision, rendering.render_failure, sequence)

    def _decide_own_alarm(self, entry: Entry, pair: tuple[str, str]) -> None:
        """To routes on call; a beginning that waited until the end is not sent."""
        decision = decide_failure(entry, self.now, self.dispatcher.routes, self.dispatcher.holiday)
        latest = queries_outbox.find_latest(self.connection, pair)
        if entry.event == pair[0] and latest is not None and latest.id != entry.id:
            decision = Drop(why="it was over before it could be sent")
        self._settle(entry, decision, rendering.render_own_alarm, pair[0])

    def _decide_assignment(self, entry: Entry) -> None:
        dispatcher, body = self.dispatcher, entry.body
        waits = queries_orders.is_assigned(self.connection, body["order"], body["team"])
        if queries_orders.is_at_home(self.connection, body["order"]):  # what and where: on the page
            less = {"title": f"n° {body['order']}", "description": "", "place": ""}
            entry = replace(entry, body={**body, **less})
        decision = decide_assignment(
            entry, self.now, dispatcher.routes, dispatcher.holiday, waits=waits
        )
        self._settle(entry, decision, rendering.render_assignment)

    def _settle(
        self,
        entry: Entry,
        decision: deciding.Decision,
        render: Callable[[Entry, str, MessageStyle], Message],
        sequence: str | None = None,
    ) -> None:
        """Carry out the decision on an event that is about no alarm."""
        match decision:
            case Hold() as hold:
                self._hold(entry, hold)
            case Drop() as drop:
                self._drop(entry, drop)
            case Send() as send:
                self._send(
                    entry,
                    send,
                    lambda key, route: render(entry, key, self.dispatcher.message_style(route)),
                    active=False,
                    sequence=sequence,
                )

    def _hold(self, entry: Entry, hold: Hold) -> None:
        queries_outbox.hold_event(self.connection, entry.id, until=hold.until, why=hold.why)

    def _drop(self, entry: Entry, drop: Drop) -> None:
        outcome = "no route" if drop.no_route else "dropped"
        queries_outbox.record_outcome(self.connection, entry.id, outcome=outcome, reason=drop.why)

    def _send_notice(
        self, entry: Entry, send: Send, alarm: Mapping[str, Any], context: AlarmContext
    ) -> None:
        """Send an alarm's message; a reminder or escalation only if it is recorded as an act."""
        refusal = self._record_act(entry)
        if refusal is not None:
            self._drop(entry, Drop(why=refusal))
            return
        last = alarm["last_value"] or {}
        notice = AlarmNotice(
            event=entry.event,
            key=entry.key,
            at=entry.at,
            alarm=alarm,
            reason=str(entry.body.get("reason") or ""),
            place=context.place,
            quantity=self.dispatcher.quantities.get(last.get("quantity", ""), {}),
            notified_at=context.notified_at,
        )

        def render(key: str, route: Route) -> Message:
            return rendering.render(replace(notice, key=key), self.dispatcher.message_style(route))

        sequence = name_sequence(alarm["rule"], alarm["subject"])
        self._send(entry, send, render, active=bool(alarm["active"]), sequence=sequence)

    def _record_act(self, entry: Entry) -> str | None:
        """Record a reminder or escalation as an act; returns the reason of a refusal."""
        kind = _ACTS.get(entry.event)
        if kind is None or entry.alarm is None:
            return None
        details = {"route": entry.body["route"], "to": entry.body["to"]}
        request = Act(alarm=entry.alarm, kind=kind, author=SYSTEM, details=details)
        try:
            perform(self.connection, request, now=self.dispatcher.wall())
        except AlarmError as error:
            return str(error)
        return None

    def _send(
        self, entry: Entry, send: Send, render: Render, *, active: bool, sequence: str | None
    ) -> None:
        failures: list[str] = []

        def write(key: str, route: Route) -> Message:
            style = self.dispatcher.message_style(route)
            try:
                return render(key, route)
            except Exception as error:  # noqa: BLE001  people are notified all the same
                failures.append(describe_failure(error))
                return rendering.render_bare(entry, key, style)

        for route in send.routes:
            _write_deliveries(
                *(self.connection, entry, route, write),
                active=active,
                sequence=sequence,
                now=self.now,
            )
        if failures:
            queries_outbox.count_failure(self.connection, entry.id)
            self.dispatcher.say(f"the message of {entry.key} lacks its details: {failures[0]}")
        names = ", ".join(route.name for route in send.routes)
        queries_outbox.record_outcome(self.connection, entry.id, outcome="sent to", reason=names)


def _explain_suppressed(
    suppression: SuppressionState, connection: Connection, numbers: list[int]
) -> dict[int | None, str]:
    """Why each of these alarms may not notify now; those that may are left out."""
    reasons = suppression.of(connection, numbers)
    return {number: why[0].reason for number, why in reasons.items() if why}


def send_decided(
    connection: Connection, event: Event, route: Route, render: Render, *, supersede: bool = False
) -> Entry | None:
    """Send an event that needs no decision to a route; None: it was sent before.

    `supersede`: what the route has not sent yet is dropped.
    """
    entry = queries_outbox.put_decided(connection, event, outcome="sent to", reason=route.name)
    if entry is not None:
        if supersede:
            queries_deliveries.drop_waiting(connection, route.name)
        _write_deliveries(
            connection, entry, route, render, active=False, sequence=None, now=event.at
        )
    return entry


def name_sequence(rule: str, subject: str) -> str:
    """What a channel receives in order: an end never after the next beginning."""
    return f"{rule}:{subject}"


def _write_deliveries(  # noqa: PLR0913  what a delivery is made of
    connection: Connection,
    entry: Entry,
    route: Route,
    render: Render,
    *,
    active: bool,
    sequence: str | None,
    now: int,
) -> None:
    """Write one delivery for each channel of a route."""
    rows = []
    for channel in route.channels:
        key = f"{entry.key}/{route.name}/{channel.name}"
        rows.append(
            NewDelivery(
                outbox=entry.id,
                alarm=entry.alarm,
                sequence=sequence,
                route=route.name,
                channel=channel.name,
                key=key,
                message=vars(render(key, route)),
                active=active,
                notified_at=now,
            )
        )
    queries_deliveries.insert_deliveries(connection, rows)
