"""A test notification: by the very way that alarms take, and what became of it."""

import time

from hypervisor.base.instants import micros, moment
from hypervisor.base.settings import Settings
from hypervisor.database.connect import Connection
from hypervisor.notifications import queries_deliveries, queries_outbox, rendering, routing
from hypervisor.notifications.dispatcher import write
from hypervisor.notifications.errors import NotifyError
from hypervisor.notifications.queries_deliveries import DeliveryRow
from hypervisor.notifications.queries_outbox import Event
from hypervisor.notifications.routes import DEAD_MAN, Route
from hypervisor.notifications.running import office_of, wall
from sensors._nearest import did_you_mean

_LOOK = 0.1  # s between two looks


def test(
    connection: Connection, settings: Settings, name: str, *, seconds: float
) -> list[DeliveryRow]:
    """Send to every channel of a route, and what became of it.

    Raises:
        NotifyError: there is no such route, or nobody is there to send.
    """
    return outcome(connection, send(connection, settings, name), seconds=seconds)


def send(connection: Connection, settings: Settings, name: str) -> int:
    """Write a test to every channel of a route; the number of the event that it is.

    Raises:
        NotifyError: there is no such route, or nobody is there to send.
    """
    route = _route(connection, name)
    if not queries_deliveries.workers(connection):
        raise NotifyError("nobody is there to send: `hypervisor up`, or `hypervisor notify`")
    now = wall()
    voice = office_of(connection, settings).voice(route)
    at = queries_outbox.clock(connection) if voice.exercise else micros(now)
    shown = now if at is None else moment(at)
    with connection.transaction():
        event = Event(
            alarm=None,
            event="test",
            at=micros(shown),
            body={"route": name},
            key=f"test:{name}:{micros(now)}",
        )
        entry = queries_outbox.put_decided(connection, event, outcome="sent to", reason=name)
        if entry is None:
            raise NotifyError("this very test was sent already")
        write(
            connection,
            entry,
            route,
            lambda key, _: rendering.tried(name, key, shown, voice),
            active=False,
            now=micros(shown),
        )
    return entry.id


def outcome(connection: Connection, event: int, *, seconds: float) -> list[DeliveryRow]:
    """The deliveries of a test once each channel has tried, at most so long after now."""
    until = time.monotonic() + seconds
    while True:
        rows = queries_deliveries.of_event(connection, event)
        tried = all(row.state != "waiting" or row.attempts for row in rows)
        if tried or time.monotonic() > until:
            return rows
        time.sleep(_LOOK)


def _route(connection: Connection, name: str) -> Route:
    routes = routing.in_force(connection)
    route = routes.named(name)
    if route is None and name == DEAD_MAN and routes.dead_man is not None:
        man = routes.dead_man
        route = Route(name=DEAD_MAN, channels=man.channels, language=man.language)
    if route is None:
        names = [candidate.name for candidate in routes.routes] + [DEAD_MAN] * (
            routes.dead_man is not None
        )
        raise NotifyError(f"there is no route {name!r}{did_you_mean(name, names)}")
    return route
