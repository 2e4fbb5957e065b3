"""Who is on call by the notification routes, and until when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from hypervisor.database.connect import Connection
from hypervisor.notifications import queries_alarms
from hypervisor.notifications.dispatcher import is_holiday
from hypervisor.notifications.hours import is_on_call
from hypervisor.notifications.route_file import read_routes
from hypervisor.notifications.routes import Route, Routes
from rules._errors import RuleError

_STEP, _FAR = timedelta(minutes=15), timedelta(hours=36)


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
    on_call: tuple[OnCallRoute, ...]


def find_on_call(connection: Connection, now: datetime, *, whole: bool) -> OnCallNow:
    """Who is on call now; hidden from people who see only a part of the territory."""
    if not whole:
        return OnCallNow(routed=False, on_call=(), hidden=True)
    written = queries_alarms.find_routes_revision(connection, 0)
    routes = None if written is None else _parse_routes(written.text)
    if routes is None:
        return OnCallNow(routed=False, on_call=())
    first = [route for route in routes.routes if not route.only_escalated]
    return OnCallNow(routed=True, on_call=tuple(_list_on_call(first, now)))


@lru_cache(maxsize=4)
def _parse_routes(text: str) -> Routes | None:
    try:
        return read_routes(text, file="routes")
    except RuleError:
        return None  # reported when routes are applied


def _list_on_call(routes: list[Route], now: datetime) -> Iterator[OnCallRoute]:
    for route in routes:
        if is_on_call(route.hours, now, route.zone, is_holiday):
            chief = route.escalate
            yield OnCallRoute(
                name=route.name,
                ways=tuple(channel.name for channel in route.channels),
                until=_on_call_until(route, now),
                chief=chief.to if chief else None,
                after=timedelta(microseconds=chief.after) if chief else None,
            )


def _on_call_until(route: Route, now: datetime) -> datetime | None:
    if not route.hours:
        return None
    at = now.replace(minute=now.minute - now.minute % 15, second=0, microsecond=0)
    while at < now + _FAR:
        at += _STEP
        if not is_on_call(route.hours, at, route.zone, is_holiday):
            return at
    return None
