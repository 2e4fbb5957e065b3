"""The decision on an event: send, hold, or drop with a reason. Pure functions."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from hypervisor.base.instants import moment
from hypervisor.notifications.events import current_severity
from hypervisor.notifications.hours import is_on_call
from hypervisor.notifications.queries_outbox import Entry
from hypervisor.notifications.routes import Route, Routes
from rules._rule import SEVERITIES

RECHECK = 10_000_000  # µs until a held event is decided again
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
    """Notify nobody. `no_route`: somebody should have been notified, but no route matches."""

    why: str
    no_route: bool = False


Decision = Send | Hold | Drop


@dataclass(frozen=True, kw_only=True)
class NotifiedRoutes:
    """The routes already notified of an alarm, and whether it was active then."""

    routes: frozenset[str] = frozenset()
    active: bool = False


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The inputs of a decision. Times in µs, on the instance's clock.

    `alarm`: its present plain values. `areas`: codes and names of the areas it is in; `labels`: of
    its rule. `grace`: how long an inhibitable rule waits. `suppressed`: why it may not notify now.
    `raise_pending`: the event of its raising is still undecided.
    """

    entry: Entry
    alarm: Mapping[str, Any]
    now: int
    notified: NotifiedRoutes = NotifiedRoutes()
    areas: frozenset[str] = frozenset()
    labels: frozenset[tuple[str, str]] = frozenset()
    grace: int = 0
    suppressed: str | None = None
    acknowledged: bool = False
    raise_pending: bool = False


def decide(facts: Facts, routes: Routes, holiday: Callable[[date], bool]) -> Decision:
    """Decide on an event."""
    match facts.entry.event:
        case "cleared" | "withdrawn":
            return _decide_end(facts, routes)
        case "revised" if not facts.alarm["active"]:
            return (
                _decide_end(facts, routes)
                if facts.notified.active
                else Drop(why="it matters no more")
            )
        case "reminder" | "escalation":
            return _decide_unanswered(facts, routes, holiday)
    return _decide_new(facts, routes, holiday)


def _decide_end(facts: Facts, routes: Routes) -> Decision:
    """Those notified of the beginning are notified of the end, at any hour."""
    if not facts.notified.routes:
        return Drop(why="nobody was told of it")
    return _send_to(routes, facts.notified.routes, facts.entry.event)


def _send_to(routes: Routes, names: Collection[str], event: str) -> Decision:
    there = [route for route in routes.routes if route.name in names]
    wanting = tuple(route for route in there if event in route.events)
    if wanting:
        return Send(routes=wanting)
    if there:
        return Drop(why=f"no route that was told wants to know of {event}")
    return Drop(why="the routes that were told are no more", no_route=True)


def _decide_unanswered(facts: Facts, routes: Routes, holiday: Callable[[date], bool]) -> Decision:
    """A reminder only while its route is on call; an escalation at any hour."""
    if not facts.alarm["active"]:
        return Drop(why="it is over")
    if facts.acknowledged:
        return Drop(why="it was acknowledged")
    if facts.suppressed is not None:
        return Drop(why=facts.suppressed)
    route = routes.named(facts.entry.body["to"])
    if route is None:
        return Drop(why=f"the route {facts.entry.body['to']!r} is no more", no_route=True)
    if facts.entry.event == "reminder" and not is_on_call(
        route.hours, moment(facts.now), route.zone, holiday
    ):
        return Drop(why="nobody of the route is on call")
    return Send(routes=(route,))


def _decide_new(facts: Facts, routes: Routes, holiday: Callable[[date], bool]) -> Decision:
    return _find_obstacle(facts) or _choose_routes(facts, routes, holiday)


def _find_obstacle(facts: Facts) -> Hold | Drop | None:
    """Why it may not notify, or not yet; None: it may."""
    entry, now = facts.entry, facts.now
    if entry.event != "raised" and facts.raise_pending:
        return Drop(why="it is told with the raising, which waits")
    if facts.alarm["withdrawn"] is not None and entry.event != "revised":
        return Drop(why="it was withdrawn before it was told")
    if not facts.alarm["active"] and (entry.held is not None or facts.grace or facts.suppressed):
        return Drop(why="it was over before it might speak")
    if facts.suppressed is not None:
        return Hold(until=now + RECHECK, why=facts.suppressed)
    if entry.event == "raised" and now < entry.at + facts.grace:
        return Hold(until=entry.at + facts.grace, why="grace: what inhibits it may yet speak")
    return None


def _choose_routes(facts: Facts, routes: Routes, holiday: Callable[[date], bool]) -> Decision:
    """The routes on call for a new event."""
    event, at = facts.entry.event, moment(facts.now)
    fit = [route for route in routes.routes if _matches(route, facts)]
    here = [route for route in fit if is_on_call(route.hours, at, route.zone, holiday)]
    if event == "revised":  # routes notified before are notified at any hour
        here += [r for r in routes.routes if r.name in facts.notified.routes and r not in here]
    wanting = tuple(route for route in here if event in route.events)
    if wanting:
        return Send(routes=wanting)
    if here:
        return Drop(why=f"no route on call wants to know of {event}")
    if fit and facts.alarm["active"]:
        return Hold(until=facts.now + RECHECK, why="nobody is on call for it")
    if fit:
        return Drop(why="it was over before anybody was on call", no_route=True)
    return Drop(why="no route takes it", no_route=True)


def _matches(route: Route, facts: Facts) -> bool:
    alarm = facts.alarm
    return (
        not route.only_escalated
        and _allows(route.domains, alarm["domain"])
        and _allows(route.categories, alarm["category"])
        and _allows(route.sites, alarm["site"])
        and _allows(route.rules, alarm["rule"])
        and route.labels <= facts.labels
        and (not route.areas or not route.areas.isdisjoint(facts.areas))
        and _RANK[current_severity(alarm)] >= _RANK[route.severity]
    )


def _allows(allowed: frozenset[str], value: str | None) -> bool:
    return not allowed or value in allowed
