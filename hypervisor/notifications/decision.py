"""The decision on an event: send, hold, or drop with a reason. Pure functions."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypervisor.base.instants import moment
from hypervisor.notifications.events import current_severity
from hypervisor.notifications.hours import Holiday, is_on_call
from hypervisor.notifications.queries_alarms import AlarmContext
from hypervisor.notifications.queries_outbox import Entry
from hypervisor.notifications.routes import Route, Routes
from rules._rule import SEVERITIES
from sensors._scalars import ScalarError, duration_micros

SET_ASIDE, RESUMED = "set aside", "resumed"  # events of the evaluation: a rule or site failed
# Our own alarms, raised by the notifier: the event of each beginning, and that of its end.
LATE_EVALUATION, IN_TIME = "evaluation late", "evaluation in time"
BROKER_LEFT, BROKER_BACK = "broker left", "broker back"
OWN_ALARMS: Mapping[str, str] = {LATE_EVALUATION: IN_TIME, BROKER_LEFT: BROKER_BACK}
ASSIGNED = "assigned"  # a work order is given to a team
Rules = Mapping[str, Mapping[str, Any]]  # definitions by id

RECHECK = 10_000_000  # µs until a held event is decided again
_SILENT = re.compile(r"silent\(\s*[\w.]+\s*,\s*([\d.]+)\s*([a-z]+)\s*\)")
_RANK = {name: number for number, name in enumerate(SEVERITIES)}


@dataclass(frozen=True, kw_only=True)
class Send:
    """Send to these routes."""

    routes: tuple[Route, ...]


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Decide again at a time (µs, the instance's clock)."""

    until: int
    why: str


@dataclass(frozen=True, kw_only=True)
class Drop:
    """Notify no one. `no_route`: someone should have been notified, but no route matches."""

    why: str
    no_route: bool = False


Decision = Send | Hold | Drop


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The inputs of a decision. Times in µs, on the instance's clock.

    `alarm`: its present plain values. `labels`: of its rule. `grace`: how long an inhibitable rule
    waits. `suppressed`: why it may not notify now.
    """

    entry: Entry
    alarm: Mapping[str, Any]
    now: int
    context: AlarmContext = field(default_factory=AlarmContext)
    labels: frozenset[tuple[str, str]] = frozenset()
    grace: int = 0
    suppressed: str | None = None


def decide(facts: Facts, routes: Routes, holiday: Holiday) -> Decision:
    """Decide on an event."""
    match facts.entry.event:
        case "cleared" | "withdrawn":
            return _decide_end(facts, routes)
        case "revised" if not facts.alarm["active"]:
            if not facts.context.notified_active:
                return Drop(why="it is over, and no one was notified of it")
            return _decide_end(facts, routes)
        case "reminder" | "escalation":
            return _decide_unanswered(facts, routes, holiday)
    return _find_obstacle(facts) or _choose_routes(facts, routes, holiday)


def _decide_end(facts: Facts, routes: Routes) -> Decision:
    """Those notified of the beginning are notified of the end, at any hour."""
    if not facts.context.notified:
        return Drop(why="no one was notified of it")
    return _send_to(routes, facts.context.notified, facts.entry.event)


def _send_to(routes: Routes, names: Collection[str], event: str) -> Decision:
    before = [route for route in routes.routes if route.name in names]
    takers = tuple(route for route in before if event in route.events)
    if takers:
        return Send(routes=takers)
    if before:
        return Drop(why=f"no route notified before takes {event}")
    return Drop(why="the routes notified before no longer exist", no_route=True)


def _decide_unanswered(facts: Facts, routes: Routes, holiday: Holiday) -> Decision:
    """A reminder only while its route is on call; an escalation at any hour."""
    if not facts.alarm["active"]:
        return Drop(why="it is over")
    if facts.context.acknowledged:
        return Drop(why="it was acknowledged")
    if facts.suppressed is not None:
        return Drop(why=facts.suppressed)
    return _send_unanswered(facts, routes, holiday)


def _send_unanswered(facts: Facts, routes: Routes, holiday: Holiday) -> Decision:
    """To the route that the reminder or escalation names."""
    route = routes.named(facts.entry.body["to"])
    if route is None:
        return Drop(why=f"the route {facts.entry.body['to']!r} no longer exists", no_route=True)
    if not _may_take(route, facts):
        return Drop(why=f"the route {route.name!r} does not name this personal domain")
    if facts.entry.event == "reminder" and not is_on_call(
        route.hours, moment(facts.now), route.zone, holiday
    ):
        return Drop(why="no one is on call for this route")
    return Send(routes=(route,))


def _find_obstacle(facts: Facts) -> Hold | Drop | None:
    """Why it may not notify, or not yet; None: it may."""
    entry, now = facts.entry, facts.now
    if entry.event != "raised" and facts.context.raise_pending:
        return Drop(why="included in the raised notification, which waits")
    if facts.alarm["withdrawn"] is not None and entry.event != "revised":
        return Drop(why="it was withdrawn before anybody was notified")
    if not facts.alarm["active"] and (entry.held is not None or facts.grace or facts.suppressed):
        return Drop(why="it was over before it could be sent")
    if facts.suppressed is not None:
        return Hold(until=now + RECHECK, why=facts.suppressed)
    if entry.event == "raised" and now < entry.at + facts.grace:
        return Hold(until=entry.at + facts.grace, why="grace period of an inhibitable rule")
    return None


def _choose_routes(facts: Facts, routes: Routes, holiday: Holiday) -> Decision:
    """The routes on call for a new event."""
    event, at = facts.entry.event, moment(facts.now)
    fit = [route for route in routes.routes if _matches(route, facts)]
    on_call = [route for route in fit if is_on_call(route.hours, at, route.zone, holiday)]
    if event == "revised":  # routes notified before are notified at any hour
        notified = facts.context.notified
        on_call += [
            route
            for route in routes.routes
            if route.name in notified and route not in on_call and _may_take(route, facts)
        ]
    takers = tuple(route for route in on_call if event in route.events)
    if takers:
        return Send(routes=takers)
    if on_call:
        return Drop(why=f"no route on call takes {event}")
    if fit and facts.alarm["active"]:
        return Hold(until=facts.now + RECHECK, why="no one is on call")
    if fit:
        return Drop(why="it was over before anybody was on call", no_route=True)
    return Drop(why="no route matches", no_route=True)


def _matches(route: Route, facts: Facts) -> bool:
    alarm = facts.alarm
    return (
        route.takes_alarms
        and _may_take(route, facts)
        and _allows(route.domains, alarm["domain"])
        and _allows(route.categories, alarm["category"])
        and _allows(route.sites, alarm["site"])
        and _allows(route.rules, alarm["rule"])
        and route.labels <= facts.labels
        and (not route.areas or not route.areas.isdisjoint(facts.context.areas))
        and _RANK[current_severity(alarm)] >= _RANK[route.severity]
    )


def _may_take(route: Route, facts: Facts) -> bool:
    """An alarm of somebody's home goes only where its domain is named: never to "all functions"."""
    return not facts.context.personal or facts.alarm["domain"] in route.domains


def _allows(allowed: frozenset[str], value: str | None) -> bool:
    return not allowed or value in allowed


def decide_failure(
    entry: Entry, now: int, routes: Routes, holiday: Holiday, *, personal: bool = False
) -> Decision:
    """Of a rule or site set aside, or resumed, or of an alarm of our own.

    `personal`: of somebody's home.

    Sent to every route on call that takes critical alarms of the rule's domain anywhere.
    """
    rule = str(entry.body["rule"])
    fit = [
        route
        for route in routes.routes
        if not route.is_narrowed
        and (
            not (personal or (rule and route.domains))
            or any(rule.startswith(f"{domain}-") for domain in route.domains)
        )
    ]
    at = moment(now)
    on_call = tuple(route for route in fit if is_on_call(route.hours, at, route.zone, holiday))
    if on_call:
        return Send(routes=on_call)
    if fit and (entry.event == SET_ASIDE or entry.event in OWN_ALARMS):
        return Hold(until=now + RECHECK, why="no one is on call")
    return Drop(why="no one is on call" if fit else "no route matches", no_route=not fit)


def decide_assignment(
    entry: Entry, now: int, routes: Routes, holiday: Holiday, *, waits: bool
) -> Decision:
    """Of a work order that was given to a team. `waits`: it has not moved on since."""
    if not waits:
        return Drop(why="the order no longer waits for this team")
    fit = [route for route in routes.routes if entry.body["team"] in route.teams]
    at = moment(now)
    on_call = tuple(route for route in fit if is_on_call(route.hours, at, route.zone, holiday))
    if on_call:
        return Send(routes=on_call)
    if fit:
        return Hold(until=now + RECHECK, why="no one is on call")
    return Drop(why="no route names its team")


def grace_period(rule: str, rules: Rules, *, interval: int) -> int:
    """The grace period of a rule in µs; 0: no rule inhibits it.

    Its own `grace`, else the longest `for` or `silent` of its inhibitors plus one interval.
    """
    inhibitors = [other for other in rules.values() if rule in _as_list(other.get("inhibits"))]
    if not inhibitors:
        return 0
    own = rules.get(rule, {}).get("grace")
    if own is not None:
        return parse_span(own) or 0
    return max(_detection_delay(inhibitor, interval) for inhibitor in inhibitors) + interval


def parse_span(written: Any) -> int | None:
    """A duration of a rule in µs; None: missing or malformed."""
    try:
        return duration_micros(str(written))
    except ScalarError:
        return None  # the check of packs reports it


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _detection_delay(rule: Mapping[str, Any], interval: int) -> int:
    spans = [parse_span(rule.get("for")) or 0]
    for number, unit in _SILENT.findall(str(rule.get("when", ""))):
        counted = unit.startswith("interval")
        spans.append(int(float(number) * interval) if counted else parse_span(number + unit) or 0)
    return max(spans)
