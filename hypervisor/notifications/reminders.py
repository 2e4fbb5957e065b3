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
        events = [event for one in opens for event in due(one, routes, rules, now)]
        return queries_outbox.put(connection, events)


def due(
    one: Open, routes: Routes, rules: Mapping[str, Mapping[str, Any]], now: int
) -> Iterator[Event]:
    """What is due of one alarm at one route: the latest reminder alone, however many were missed.

    What the rule says of `remind` and `escalate` comes before what the route says.
    """
    route = routes.named(one.route)
    if route is None:
        return
    rule, waited = rules.get(one.rule, {}), now - one.told
    every = _of(rule, "remind") or route.remind
    if every and waited >= every:
        times = waited // every
        key = f"{one.news}:reminder:{route.name}:{times}"
        yield _event(one, "reminder", key, route.name, now)
    passing = route.escalate
    if passing and waited >= (_of(rule, "escalate") or passing.after):
        key = f"{one.news}:escalation:{route.name}:{passing.to}"
        yield _event(one, "escalation", key, passing.to, now)


def _of(rule: Mapping[str, Any], key: str) -> int | None:
    return span(rule[key]) if rule.get(key) else None


def _event(one: Open, event: str, key: str, to: str, now: int) -> Event:
    body = {"route": one.route, "to": to}
    return Event(alarm=one.alarm, event=event, at=now, body=body, key=key)
