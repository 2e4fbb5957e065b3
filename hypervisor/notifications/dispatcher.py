"""Turns events of the outbox into deliveries; one process at a time decides."""

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms.errors import AlarmError
from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.queries import SYSTEM
from hypervisor.alarms.service import Act, perform
from hypervisor.alarms.service_suppression import read_suppression
from hypervisor.base.instance import Instance, Mode
from hypervisor.base.instants import moment
from hypervisor.database.connect import Connection
from hypervisor.notifications import decision as deciding
from hypervisor.notifications import (
    evaluation_failures,
    queries_alarms,
    queries_deliveries,
    queries_outbox,
    rendering,
)
from hypervisor.notifications.decision import Drop, Facts, Hold, NotifiedRoutes, Send
from hypervisor.notifications.grace import grace_period
from hypervisor.notifications.hours import Holiday
from hypervisor.notifications.message import Message
from hypervisor.notifications.queries_deliveries import NewDelivery
from hypervisor.notifications.queries_outbox import Entry
from hypervisor.notifications.rendering import AlarmNotice, MessageStyle
from hypervisor.notifications.routes import Route, Routes
from hypervisor.registry.queries_works import load_in_force
from sensors._calendar import public_holidays

BATCH = 500  # events decided in one transaction
_NEW = ("raised", "severity", "stale")
_ACTS = {"reminder": ActKind.REMIND, "escalation": ActKind.ESCALATE}


@dataclass(kw_only=True)
class Dispatcher:
    """Decides events of the outbox. `quantities`: labels per language."""

    instance: Instance
    link: str
    quantities: Mapping[str, Mapping[str, str]]
    holiday: Holiday
    wall: Callable[[], datetime]
    routes: Routes = field(default_factory=Routes)
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
                if (
                    entry.event in _ACTS
                ):  # it locks an alarm: one lock per transaction avoids deadlocks
                    break
        return len(entries)


@dataclass(frozen=True, kw_only=True)
class _Batch:
    """One batch: the inputs shared by its events."""

    dispatcher: Dispatcher
    connection: Connection
    now: int
    suppressed: Mapping[int | None, str]
    rules: Mapping[str, Mapping[str, Any]]

    @classmethod
    def load(
        cls, dispatcher: Dispatcher, connection: Connection, now: int, entries: Iterable[Entry]
    ) -> "_Batch":
        numbers = sorted({entry.alarm for entry in entries if entry.alarm is not None})
        around = read_suppression(connection, wall=dispatcher.wall())
        suppressions = around.of(connection, numbers)
        return cls(
            dispatcher=dispatcher,
            connection=connection,
            now=now,
            suppressed={key: why[0].reason for key, why in suppressions.items() if why},
            rules=load_in_force(connection, "rule", moment(now)),
        )

    def skip_unchanged(self, entries: list[Entry]) -> list[Entry]:
        """Without events whose reason to wait is unchanged: a dark street has a thousand."""
        same = [
            entry
            for entry in entries
            if entry.held and entry.held == self.suppressed.get(entry.alarm)
        ]
        lasting = queries_alarms.filter_active(
            self.connection, [entry.alarm or 0 for entry in same]
        )
        still = {entry.id for entry in same if entry.alarm in lasting and entry.event in _NEW}
        queries_outbox.extend_holds(self.connection, still, until=self.now + deciding.RECHECK)
        return [entry for entry in entries if entry.id not in still]

    def decide(self, entry: Entry) -> None:
        if entry.event in evaluation_failures.EVENTS:
            self._decide_failure(entry)
            return
        alarm = (
            None if entry.alarm is None else alarm_queries.find_alarm(self.connection, entry.alarm)
        )
        if alarm is None:
            queries_outbox.record_outcome(
                self.connection, entry.id, outcome="dropped", reason="it is no alarm's"
            )
            return
        values = alarm_queries.as_text(alarm)
        context = queries_alarms.read_context(self.connection, alarm.id)
        routes, active, since = queries_alarms.read_notified(self.connection, alarm.id)
        facts = Facts(
            entry=entry,
            alarm=values,
            now=self.now,
            notified=NotifiedRoutes(routes=routes, active=active),
            areas=context.areas,
            labels=frozenset((self.rules.get(values["rule"], {}).get("labels") or {}).items()),
            grace=grace_period(values["rule"], self.rules, interval=context.interval),
            suppressed=self.suppressed.get(alarm.id),
            acknowledged=queries_alarms.is_acknowledged(self.connection, alarm.id),
            raise_pending=queries_alarms.is_raise_pending(self.connection, alarm.id, entry.id),
        )
        decision = deciding.decide(facts, self.dispatcher.routes, self.dispatcher.holiday)
        match decision:
            case Hold() | Drop():
                self._record_unsent(entry, decision)
            case Send() if (refused := self._record_act(entry)) is not None:
                queries_outbox.record_outcome(
                    self.connection, entry.id, outcome="dropped", reason=refused
                )
            case Send():
                self._send(entry, decision, self._build_notice(entry, values, context, since))

    def _record_unsent(self, entry: Entry, decision: Hold | Drop) -> None:
        match decision:
            case Hold():
                queries_outbox.hold_event(
                    self.connection, entry.id, until=decision.until, why=decision.why
                )
            case Drop():
                outcome = "no route" if decision.no_route else "dropped"
                queries_outbox.record_outcome(
                    self.connection, entry.id, outcome=outcome, reason=decision.why
                )

    def _decide_failure(self, entry: Entry) -> None:
        dispatcher = self.dispatcher
        decision = evaluation_failures.decide(
            entry, self.now, dispatcher.routes, dispatcher.holiday
        )
        if not isinstance(decision, Send):
            self._record_unsent(entry, decision)
            return

        def render(key: str, route: Route) -> Message:
            return evaluation_failures.render(entry, key, dispatcher.message_style(route))

        self._write(entry, decision, render, active=False)

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

    def _build_notice(
        self,
        entry: Entry,
        alarm: Mapping[str, Any],
        context: queries_alarms.AlarmContext,
        since: int | None,
    ) -> AlarmNotice:
        last = alarm["last_value"] or {}
        return AlarmNotice(
            event=entry.event,
            key=entry.key,
            at=entry.at,
            alarm=alarm,
            reason=str(entry.body.get("reason") or ""),
            place=context.place,
            quantity=self.dispatcher.quantities.get(last.get("quantity", ""), {}),
            notified_at=since,
        )

    def _send(self, entry: Entry, decision: Send, notice: AlarmNotice) -> None:
        def render(key: str, route: Route) -> Message:
            return rendering.render(replace(notice, key=key), self.dispatcher.message_style(route))

        self._write(entry, decision, render, active=bool(notice.alarm["active"]))

    def _write(
        self,
        entry: Entry,
        decision: Send,
        render: Callable[[str, Route], Message],
        *,
        active: bool,
    ) -> None:
        for route in decision.routes:
            write_deliveries(self.connection, entry, route, render, active=active, now=self.now)
        names = ", ".join(route.name for route in decision.routes)
        queries_outbox.record_outcome(self.connection, entry.id, outcome="sent to", reason=names)


def write_deliveries(  # noqa: PLR0913  what a delivery is made of
    connection: Connection,
    entry: Entry,
    route: Route,
    render: Callable[[str, Route], Message],
    *,
    active: bool,
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
                route=route.name,
                channel=channel.name,
                key=key,
                message=render(key, route).to_json(),
                active=active,
                notified_at=now,
            )
        )
    queries_deliveries.insert_deliveries(connection, rows)


def is_holiday(day: date) -> bool:
    """Whether a day is a French public holiday."""
    return day in _holidays(day.year)


@functools.cache
def _holidays(year: int) -> frozenset[date]:
    return public_holidays(year)
