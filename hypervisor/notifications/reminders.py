"""Alarms that nobody acknowledges: the same route is reminded, another one is called."""

from collections.abc import Iterator, Mapping
from typing import Any

from hypervisor.base.instants import moment
from hypervisor.database.connect import Connection
from hypervisor.notifications import queries_alarms, queries_outbox
from hypervisor.notifications.grace import span
from hypervisor.notifications.queries_alarms import Open
from hypervisor.notifications.queries_outbox import Event
from hypervisor.notifications.routes import Routes


def remind(connection: Connection, routes: Routes) -> int:
    """Put the reminders and escalations that are due into the outbox; how many were new."""
    with connection.transaction():
        now = queries_outbox.clock(connection)
        if now is None:
            return 0
        opens = queries_alarms.unanswered(connection, [route.name for route in routes.routes])
        if not opens:
            return 0
        rules = queries_alarms.rules_in_force(connection, moment(now))
        events = [event for alarm in opens for event in due(alarm, routes, rules, now)]
        return queries_outbox.put(connection, events)


def due(
    alarm: Open, routes: Routes, rules: Mapping[str, Mapping[str, Any]], now: int
) -> Iterator[Event]:
    """What is due of one alarm at one route: the latest reminder alone, however many were missed.

    What the rule says of `remind` and `escalate` comes before what the route says.
    """
    route = routes.named(alarm.route)
    if route is None:
        return
    rule, waited = rules.get(alarm.rule, {}), now - alarm.told
    every = _of(rule, "remind") or route.remind
    if every and waited >= every:
        times = waited // every
        key = f"{alarm.news}:reminder:{route.name}:{times}"
        yield _event(alarm, "reminder", key, route.name, now)
    passing = route.escalate
    if passing and waited >= (_of(rule, "escalate") or passing.after):
        key = f"{alarm.news}:escalation:{route.name}:{passing.to}"
        yield _event(alarm, "escalation", key, passing.to, now)


def _of(rule: Mapping[str, Any], key: str) -> int | None:
    return span(rule[key]) if rule.get(key) else None


def _event(alarm: Open, event: str, key: str, to: str, now: int) -> Event:
    body = {"route": alarm.route, "to": to}
    return Event(alarm=alarm.alarm, event=event, at=now, body=body, key=key)
