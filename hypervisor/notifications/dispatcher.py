"""Events of the outbox -> deliveries, in one transaction: one process at a time decides."""

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms.errors import AlarmError
from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.queries_lifecycle import SYSTEM
from hypervisor.alarms.service import Act, perform
from hypervisor.alarms.situation import read_suppression
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
from hypervisor.notifications.decision import Drop, Facts, Hold, Notified, Send
from hypervisor.notifications.grace import grace_of
from hypervisor.notifications.hours import Holiday
from hypervisor.notifications.message import Message
from hypervisor.notifications.queries_deliveries import New
from hypervisor.notifications.queries_outbox import Entry
from hypervisor.notifications.rendering import Telling, Voice
from hypervisor.notifications.routes import Route, Routes
from sensors._calendar import public_holidays

BATCH = 500  # events decided in one transaction
_NEWS = ("raised", "severity", "stale")
_ACTS = {"reminder": ActKind.REMIND, "escalation": ActKind.ESCALATE}


@dataclass(kw_only=True)
class Dispatcher:
    """What decisions stand on, beside the database. `quantities`: labels per language."""

    instance: Instance
    link: str
    quantities: Mapping[str, Mapping[str, str]]
    holiday: Holiday
    wall: Callable[[], datetime]
    routes: Routes = field(default_factory=Routes)
    ready: bool = True  # False: there are routes that cannot be read; events wait

    def voice(self, route: Route) -> Voice:
        return Voice(
            instance=self.instance.name,
            exercise=self.instance.mode is Mode.EXERCISE,
            language=route.language,
            zone=route.zone,
            link=self.link,
        )

    def decide(self, connection: Connection) -> int:
        """Decide what is due; how many events were looked at."""
        if not self.ready:
            return 0
        with connection.transaction():
            if not queries_deliveries.take_turn(connection):
                return 0
            now = queries_outbox.clock(connection)
            entries = [] if now is None else queries_outbox.due(connection, now, most=BATCH)
            if now is None or not entries:
                return 0
            table = _Table.laid(self, connection, now, entries)
            for entry in table.loud(entries):
                table.decide(entry)
                if entry.event in _ACTS:  # it locks its alarm: of two locks another may hold one
                    break
        return len(entries)


@dataclass(frozen=True, kw_only=True)
class _Table:
    """One batch: what is the same for all of its events."""

    office: Dispatcher
    connection: Connection
    now: int
    suppressed: Mapping[int | None, str]
    rules: Mapping[str, Mapping[str, Any]]

    @classmethod
    def laid(
        cls, office: Dispatcher, connection: Connection, now: int, entries: Iterable[Entry]
    ) -> "_Table":
        numbers = sorted({entry.alarm for entry in entries if entry.alarm is not None})
        around = read_suppression(connection, wall=office.wall())
        suppressions = around.of(connection, numbers)
        return cls(
            office=office,
            connection=connection,
            now=now,
            suppressed={key: why[0].reason for key, why in suppressions.items() if why},
            rules=queries_alarms.rules_in_force(connection, moment(now)),
        )

    def loud(self, entries: list[Entry]) -> list[Entry]:
        """Without those that wait for what they waited for before: a dead street has a thousand."""
        same = [
            entry
            for entry in entries
            if entry.held and entry.held == self.suppressed.get(entry.alarm)
        ]
        lasting = queries_alarms.lasting(self.connection, [entry.alarm or 0 for entry in same])
        still = {entry.id for entry in same if entry.alarm in lasting and entry.event in _NEWS}
        queries_outbox.hold_on(self.connection, still, until=self.now + deciding.AGAIN)
        return [entry for entry in entries if entry.id not in still]

    def decide(self, entry: Entry) -> None:
        if entry.event in evaluation_failures.EVENTS:
            self._of_trouble(entry)
            return
        alarm = (
            None if entry.alarm is None else alarm_queries.find_alarm(self.connection, entry.alarm)
        )
        if alarm is None:
            queries_outbox.decide(
                self.connection, entry.id, outcome="dropped", reason="it is no alarm's"
            )
            return
        values = alarm_queries.as_text(alarm)
        ground = queries_alarms.ground(self.connection, alarm.id)
        routes, active, since = queries_alarms.told(self.connection, alarm.id)
        facts = Facts(
            entry=entry,
            alarm=values,
            now=self.now,
            told=Notified(routes=routes, active=active),
            areas=ground.areas,
            labels=frozenset((self.rules.get(values["rule"], {}).get("labels") or {}).items()),
            grace=grace_of(values["rule"], self.rules, interval=ground.interval),
            suppressed=self.suppressed.get(alarm.id),
            acknowledged=queries_alarms.acknowledged(self.connection, alarm.id),
            untold=queries_alarms.waits(self.connection, alarm.id, entry.id),
        )
        decision = deciding.decide(facts, self.office.routes, self.office.holiday)
        match decision:
            case Hold() | Drop():
                self._unsent(entry, decision)
            case Send() if (refused := self._acted(entry)) is not None:
                queries_outbox.decide(self.connection, entry.id, outcome="dropped", reason=refused)
            case Send():
                self._send(entry, decision, self._told(entry, values, ground, since))

    def _unsent(self, entry: Entry, decision: Hold | Drop) -> None:
        match decision:
            case Hold():
                queries_outbox.hold(
                    self.connection, entry.id, until=decision.until, why=decision.why
                )
            case Drop():
                outcome = "no route" if decision.no_route else "dropped"
                queries_outbox.decide(
                    self.connection, entry.id, outcome=outcome, reason=decision.why
                )

    def _of_trouble(self, entry: Entry) -> None:
        office = self.office
        decision = evaluation_failures.decide(entry, self.now, office.routes, office.holiday)
        if not isinstance(decision, Send):
            self._unsent(entry, decision)
            return

        def render(key: str, route: Route) -> Message:
            return evaluation_failures.render(entry, key, office.voice(route))

        self._write(entry, decision, render, active=False)

    def _acted(self, entry: Entry) -> str | None:
        """Reminders and escalations stand among the acts; why one may not be, else None."""
        kind = _ACTS.get(entry.event)
        if kind is None or entry.alarm is None:
            return None
        details = {"route": entry.body["route"], "to": entry.body["to"]}
        what = Act(alarm=entry.alarm, kind=kind, author=SYSTEM, details=details)
        try:
            perform(self.connection, what, now=self.office.wall())
        except AlarmError as error:
            return str(error)
        return None

    def _told(
        self,
        entry: Entry,
        alarm: Mapping[str, Any],
        ground: queries_alarms.Ground,
        since: int | None,
    ) -> Telling:
        last = alarm["last_value"] or {}
        return Telling(
            event=entry.event,
            key=entry.key,
            at=entry.at,
            alarm=alarm,
            reason=str(entry.body.get("reason") or ""),
            place=ground.place,
            quantity=self.office.quantities.get(last.get("quantity", ""), {}),
            told=since,
        )

    def _send(self, entry: Entry, decision: Send, telling: Telling) -> None:
        def render(key: str, route: Route) -> Message:
            return rendering.render(replace(telling, key=key), self.office.voice(route))

        self._write(entry, decision, render, active=bool(telling.alarm["active"]))

    def _write(
        self,
        entry: Entry,
        decision: Send,
        render: Callable[[str, Route], Message],
        *,
        active: bool,
    ) -> None:
        for route in decision.routes:
            write(self.connection, entry, route, render, active=active, now=self.now)
        names = ", ".join(route.name for route in decision.routes)
        queries_outbox.decide(self.connection, entry.id, outcome="sent to", reason=names)


def write(  # noqa: PLR0913  what a delivery is made of
    connection: Connection,
    entry: Entry,
    route: Route,
    render: Callable[[str, Route], Message],
    *,
    active: bool,
    now: int,
) -> None:
    """One message to each channel of a route."""
    rows = []
    for channel in route.channels:
        key = f"{entry.key}/{route.name}/{channel.name}"
        rows.append(
            New(
                outbox=entry.id,
                alarm=entry.alarm,
                route=route.name,
                channel=channel.name,
                key=key,
                message=render(key, route).to_json(),
                active=active,
                told=now,
            )
        )
    queries_deliveries.add(connection, rows)


def holiday_of(day: date) -> bool:
    """Whether it is one of the French public holidays."""
    return day in _of_year(day.year)


@functools.cache
def _of_year(year: int) -> frozenset[date]:
    return public_holidays(year)
