"""Who is on call by the routes: now, and when no one is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from hypervisor.base.instants import moment
from hypervisor.database.connect import Connection
from hypervisor.notifications import queries_routes
from hypervisor.notifications.hours import is_holiday, is_on_call, quarters
from hypervisor.notifications.route_file import Vocabulary, read_routes
from hypervisor.notifications.routes import Route, Routes
from rules._errors import RuleError
from sensors._errors import Message

_FAR, _AHEAD = timedelta(hours=36), timedelta(days=14)
_SHOWN = 5  # gaps of a domain


@dataclass(frozen=True, kw_only=True)
class OnCallRoute:
    """A route on call. `until` None: beyond a day and a half; `chief`: the escalation route."""

    name: str
    ways: tuple[str, ...]
    until: datetime | None
    chief: str | None
    after: timedelta | None


@dataclass(frozen=True, kw_only=True)
class OnCallNow:
    """The routes on call. `routed`: there are valid routes. `hidden`: from this person."""

    routed: bool
    hidden: bool = False
    on_call: tuple[OnCallRoute, ...] = ()


def covers(route: Route, at: datetime) -> bool:
    """Whether a route is on call."""
    return is_on_call(route.hours, at, route.zone, is_holiday)


def find_on_call(connection: Connection, now: datetime, *, sees_all: bool) -> OnCallNow:
    """Who is on call now; hidden from people who see only a part of the territory."""
    if not sees_all:
        return OnCallNow(routed=False, hidden=True)
    revision = queries_routes.find_revision(connection, 0)
    routes = None if revision is None else _parse_routes(revision.text)
    if routes is None:
        return OnCallNow(routed=False)
    on_call = tuple(
        OnCallRoute(
            name=route.name,
            ways=tuple(channel.name for channel in route.channels),
            until=_on_call_until(route, now),
            chief=route.escalate.to if route.escalate else None,
            after=timedelta(microseconds=route.escalate.after) if route.escalate else None,
        )
        for route in routes.routes
        if not route.only_escalated and covers(route, now)
    )
    return OnCallNow(routed=True, on_call=on_call)


@lru_cache(maxsize=4)
def _parse_routes(text: str) -> Routes | None:
    try:
        return read_routes(text, file="routes")
    except RuleError:
        return None  # reported when routes are applied


def _on_call_until(route: Route, now: datetime) -> datetime | None:
    if not route.hours:
        return None
    return next((at for at in quarters(now, _FAR) if at > now and not covers(route, at)), None)


def describe_gaps(routes: Routes, vocabulary: Vocabulary, now: int | None) -> list[str]:
    """One sentence for each domain without full cover for critical alarms in the next fortnight."""
    begin = moment(now) if now is not None else datetime(2024, 1, 1, tzinfo=UTC)
    zone = ZoneInfo(vocabulary.zone)
    lines: list[str] = []
    for domain in sorted(vocabulary.domains):
        fit = [route for route in routes.routes if _takes_all(route, domain)]
        if not fit:
            lines.append(Message("no route takes every critical alarm of {domain}", domain))
            continue
        gaps = [
            f"{since.astimezone(zone):%a %d %b %H:%M} to {until.astimezone(zone):%a %H:%M}"
            for since, until in _find_gaps(fit, begin)
        ]
        if gaps:
            when = ", ".join(gaps[:_SHOWN]) + (", …" if len(gaps) > _SHOWN else "")
            lines.append(
                Message("no one is on call for a critical alarm of {domain}: {when}", domain, when)
            )
    return lines


def _takes_all(route: Route, domain: str) -> bool:
    """Whether a route takes every critical hazard of a domain, anywhere."""
    return (
        not route.is_narrowed
        and (not route.domains or domain in route.domains)
        and (not route.categories or "hazard" in route.categories)
    )


def _find_gaps(fit: list[Route], begin: datetime) -> Iterator[tuple[datetime, datetime]]:
    since = at = None
    for at in quarters(begin, _AHEAD):
        covered = any(covers(route, at) for route in fit)
        if covered and since is not None:
            yield since, at
        since = None if covered else since or at
    if since is not None and at is not None:
        yield since, at + timedelta(minutes=15)
