"""What becomes of an event at sending time: sent, held, or dropped with its reason. Pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from hypervisor.base.instants import moment
from hypervisor.notifications.events import severity_now
from hypervisor.notifications.hours import on_call
from hypervisor.notifications.queries_outbox import Entry
from hypervisor.notifications.routes import Route, Routes
from rules._rule import SEVERITIES

AGAIN = 10_000_000  # µs of the instance's clock until what is held is looked at again
_RANK = {name: number for number, name in enumerate(SEVERITIES)}


@dataclass(frozen=True, kw_only=True)
class Send:
    """To these routes."""

    routes: tuple[Route, ...]


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Look again at a time (µs, the instance's clock)."""

    until: int
    why: str


@dataclass(frozen=True, kw_only=True)
class Drop:
    """Nobody is told. `no_route`: somebody should have been, and no route takes it."""

    why: str
    no_route: bool = False


Decision = Send | Hold | Drop


@dataclass(frozen=True, kw_only=True)
class Notified:
    """What people were told of an alarm: by which routes, and whether it lasted."""

    routes: frozenset[str] = frozenset()
    active: bool = False


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a decision stands on. Times in µs, of the instance's clock.

    `alarm`: as plain values, as it stands now. `areas`: codes and names of where it stands;
    `labels`: its rule's.
    `grace`: how long an inhibitable rule waits. `suppressed`: why it may not speak now.
    `untold`: an earlier event that tells of its raising still waits.
    """

    entry: Entry
    alarm: Mapping[str, Any]
    now: int
    told: Notified = Notified()
    areas: frozenset[str] = frozenset()
    labels: frozenset[tuple[str, str]] = frozenset()
    grace: int = 0
    suppressed: str | None = None
    acknowledged: bool = False
    untold: bool = False


def decide(facts: Facts, routes: Routes, holiday: Callable[[date], bool]) -> Decision:
    """What becomes of it."""
    match facts.entry.event:
        case "cleared" | "withdrawn":
            return _ended(facts, routes)
        case "revised" if not facts.alarm["active"]:
            return _ended(facts, routes) if facts.told.active else Drop(why="it matters no more")
        case "reminder" | "escalation":
            return _unanswered(facts, routes, holiday)
    return _news(facts, routes, holiday)


def _ended(facts: Facts, routes: Routes) -> Decision:
    """Those hear the end who heard the beginning, whatever the hour."""
    if not facts.told.routes:
        return Drop(why="nobody was told of it")
    return _to(routes, facts.told.routes, facts.entry.event)


def _to(routes: Routes, names: Collection[str], event: str) -> Decision:
    there = [route for route in routes.routes if route.name in names]
    wanting = tuple(route for route in there if event in route.events)
    if wanting:
        return Send(routes=wanting)
    if there:
        return Drop(why=f"no route that was told wants to know of {event}")
    return Drop(why="the routes that were told are no more", no_route=True)


def _unanswered(facts: Facts, routes: Routes, holiday: Callable[[date], bool]) -> Decision:
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
    if facts.entry.event == "reminder" and not on_call(
        route.hours, moment(facts.now), route.zone, holiday
    ):
        return Drop(why="nobody of the route is on call")
    return Send(routes=(route,))


def _news(facts: Facts, routes: Routes, holiday: Callable[[date], bool]) -> Decision:
    return _silent(facts) or _addressed(facts, routes, holiday)


def _silent(facts: Facts) -> Hold | Drop | None:
    """Why it does not speak, or not yet; None: it may."""
    entry, now = facts.entry, facts.now
    if entry.event != "raised" and facts.untold:
        return Drop(why="it is told with the raising, which waits")
    if facts.alarm["withdrawn"] is not None and entry.event != "revised":
        return Drop(why="it was withdrawn before it was told")
    if not facts.alarm["active"] and (entry.held is not None or facts.grace or facts.suppressed):
        return Drop(why="it was over before it might speak")
    if facts.suppressed is not None:
        return Hold(until=now + AGAIN, why=facts.suppressed)
    if entry.event == "raised" and now < entry.at + facts.grace:
        return Hold(until=entry.at + facts.grace, why="grace: what inhibits it may yet speak")
    return None


def _addressed(facts: Facts, routes: Routes, holiday: Callable[[date], bool]) -> Decision:
    """Who is told of something new, at this hour."""
    event, at = facts.entry.event, moment(facts.now)
    fit = [route for route in routes.routes if _fits(route, facts)]
    here = [route for route in fit if on_call(route.hours, at, route.zone, holiday)]
    if event == "revised":  # those who were told hear it at any hour
        here += [r for r in routes.routes if r.name in facts.told.routes and r not in here]
    wanting = tuple(route for route in here if event in route.events)
    if wanting:
        return Send(routes=wanting)
    if here:
        return Drop(why=f"no route on call wants to know of {event}")
    if fit and facts.alarm["active"]:
        return Hold(until=facts.now + AGAIN, why="nobody is on call for it")
    if fit:
        return Drop(why="it was over before anybody was on call", no_route=True)
    return Drop(why="no route takes it", no_route=True)


def _fits(route: Route, facts: Facts) -> bool:
    alarm = facts.alarm
    return (
        not route.only_escalated
        and _among(route.domains, alarm["domain"])
        and _among(route.categories, alarm["category"])
        and _among(route.sites, alarm["site"])
        and _among(route.rules, alarm["rule"])
        and route.labels <= facts.labels
        and (not route.areas or not route.areas.isdisjoint(facts.areas))
        and _RANK[severity_now(alarm)] >= _RANK[route.severity]
    )


def _among(allowed: frozenset[str], value: str | None) -> bool:
    return not allowed or value in allowed
