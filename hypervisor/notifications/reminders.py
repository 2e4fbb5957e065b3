"""Unacknowledged alarms: reminders to the same route, escalation to another."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hypervisor.base.failures import describe_failure
from hypervisor.base.instants import moment
from hypervisor.database.connect import Connection
from hypervisor.notifications import queries_alarms, queries_outbox
from hypervisor.notifications.decision import parse_span
from hypervisor.notifications.queries_alarms import UnansweredAlarm
from hypervisor.notifications.queries_outbox import Event
from hypervisor.notifications.routes import Routes
from hypervisor.registry.queries_works import load_in_force


def put_reminders(connection: Connection, routes: Routes, say: Callable[[str], None]) -> int:
    """Put due reminders and escalations into the outbox; returns how many were new.

    An alarm whose reminder cannot be made is named in the log, and holds up no other.
    """
    with connection.transaction():
        now = queries_outbox.read_clock(connection)
        if now is None:
            return 0
        opens = queries_alarms.list_unanswered(connection, [route.name for route in routes.routes])
        if not opens:
            return 0
        rules = load_in_force(connection, "rule", moment(now))
        events: list[Event] = []
        for alarm in opens:
            try:
                events += list_due(alarm, routes, rules, now)
            except Exception as error:  # noqa: BLE001  one rule's `remind`, say
                say(f"no reminder of alarm {alarm.alarm}: {describe_failure(error)}")
        return queries_outbox.put_events(connection, events)


def list_due(
    alarm: UnansweredAlarm, routes: Routes, rules: Mapping[str, Mapping[str, Any]], now: int
) -> Iterator[Event]:
    """The reminder and escalation due for one alarm and route; missed reminders are skipped.

    `remind` and `escalate` of the rule take precedence over the route's.
    """
    route = routes.named(alarm.route)
    if route is None:
        return
    rule, waited = rules.get(alarm.rule, {}), now - alarm.notified_at
    every = _rule_span(rule, "remind") or route.remind
    if every and waited >= every:
        times = waited // every
        key = f"{alarm.news}:reminder:{route.name}:{times}"
        yield _event(alarm, "reminder", key, route.name, now)
    passing = route.escalate
    if passing and waited >= (_rule_span(rule, "escalate") or passing.after):
        key = f"{alarm.news}:escalation:{route.name}:{passing.to}"
        yield _event(alarm, "escalation", key, passing.to, now)


def _rule_span(rule: Mapping[str, Any], key: str) -> int | None:
    return parse_span(rule[key]) if rule.get(key) else None


def _event(alarm: UnansweredAlarm, event: str, key: str, to: str, now: int) -> Event:
    body = {"route": alarm.route, "to": to}
    return Event(alarm=alarm.alarm, event=event, at=now, body=body, key=key)
