"""Who is on call by the routes: now, and when no one is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from hypervisor.base.instants import moment
from hypervisor.base.person import Territory
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
    """A route on call. `until` None: beyond a day and a half; `chief`: the escalation route.

    `call`, `chief_call`: whom to call, where the routes say so.
    """

    name: str
    ways: tuple[str, ...]
    call: str
    until: datetime | None
    chief: str | None
    chief_call: str
    after: timedelta | None


@dataclass(frozen=True, kw_only=True)
class OnCallNow:
    """The routes on call. `routed`: there are valid routes for the territory."""

    routed: bool
    on_call: tuple[OnCallRoute, ...] = ()


def covers(route: Route, at: datetime) -> bool:
    """Whether a route is on call."""
    return is_on_call(route.hours, at, route.zone, is_holiday)


def find_on_call(owner: Connection, now: datetime, territory: Territory) -> OnCallNow:
    """Who is on call now for alarms of a territory. `owner`: a connection that sees all routes."""
    revision = queries_routes.ROUTES.find_revision(owner)
    routes = None if revision is None else _parse_routes(revision.text)
    if routes is None:
        return OnCallNow(routed=False)
    here = None
    if not territory.whole:
        here = queries_routes.read_names_around(owner, sorted(territory.communes))
    taking = [route for route in routes.routes if route.takes_alarms and _concerns(route, here)]
    return OnCallNow(
        routed=bool(taking),
        on_call=tuple(_describe(route, routes, now) for route in taking if covers(route, now)),
    )


def _concerns(route: Route, here: tuple[frozenset[str], frozenset[str]] | None) -> bool:
    """Whether it takes alarms of these areas and sites; None: of the whole territory."""
    if here is None:
        return True
    areas, sites = here
    return not (
        (route.areas and route.areas.isdisjoint(areas))
        or (route.sites and route.sites.isdisjoint(sites))
    )


def _describe(route: Route, routes: Routes, now: datetime) -> OnCallRoute:
    chief = routes.named(route.escalate.to) if route.escalate else None
    return OnCallRoute(
        name=route.name,
        ways=tuple(channel.name for channel in route.channels),
        call=route.call,
        until=_on_call_until(route, now),
        chief=chief.name if chief else None,
        chief_call=chief.call if chief else "",
        after=timedelta(microseconds=route.escalate.after) if route.escalate else None,
    )


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
        personal = domain in vocabulary.personal
        fit = [route for route in routes.routes if _takes_all(route, domain, personal=personal)]
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


def _takes_all(route: Route, domain: str, *, personal: bool) -> bool:
    """Whether a route takes every critical hazard of a domain, anywhere."""
    return (
        not route.is_narrowed
        and (domain in route.domains or not (route.domains or personal))
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
