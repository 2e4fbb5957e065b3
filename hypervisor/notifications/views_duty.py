"""Who is on call by the routes of notifications, and until when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from hypervisor.database.connect import Connection
from hypervisor.notifications import queries_alarms
from hypervisor.notifications.dispatcher import holiday_of
from hypervisor.notifications.hours import on_call
from hypervisor.notifications.route_file import read_routes
from hypervisor.notifications.routes import Route, Routes
from rules._errors import RuleError

_STEP, _FAR = timedelta(minutes=15), timedelta(hours=36)


@dataclass(frozen=True, kw_only=True)
class OnCall:
    """A route whose hours it is. `until` None: not within a day and a half; `chief`: after whom."""

    name: str
    ways: tuple[str, ...]
    until: datetime | None
    chief: str | None
    after: timedelta | None


@dataclass(frozen=True, kw_only=True)
class Duty:
    """`routed`: somebody wrote routes, and they can be read. `hidden`: not by this person."""

    routed: bool
    hidden: bool = False
    on_call: tuple[OnCall, ...]


def duty(connection: Connection, now: datetime, *, whole: bool) -> Duty:
    """Who is called now. Routes are the whole instance's: whoever sees a part sees none."""
    if not whole:
        return Duty(routed=False, on_call=(), hidden=True)
    written = queries_alarms.routes_text(connection, 0)
    routes = None if written is None else _read(written.text)
    if routes is None:
        return Duty(routed=False, on_call=())
    first = [route for route in routes.routes if not route.only_escalated]
    return Duty(routed=True, on_call=tuple(_called(first, now)))


@lru_cache(maxsize=4)
def _read(text: str) -> Routes | None:
    try:
        return read_routes(text, file="routes")
    except RuleError:
        return None  # said where routes are applied


def _called(routes: list[Route], now: datetime) -> Iterator[OnCall]:
    for route in routes:
        if on_call(route.hours, now, route.zone, holiday_of):
            chief = route.escalate
            yield OnCall(
                name=route.name,
                ways=tuple(channel.name for channel in route.channels),
                until=_until(route, now),
                chief=chief.to if chief else None,
                after=timedelta(microseconds=chief.after) if chief else None,
            )


def _until(route: Route, now: datetime) -> datetime | None:
    if not route.hours:
        return None
    at = now.replace(minute=now.minute - now.minute % 15, second=0, microsecond=0)
    while at < now + _FAR:
        at += _STEP
        if not on_call(route.hours, at, route.zone, holiday_of):
            return at
    return None
