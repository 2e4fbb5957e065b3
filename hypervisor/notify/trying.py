"""A test notification: by the very way that alarms take, and what became of it."""

import time

from hypervisor.instants import micros, moment
from hypervisor.notify import rendering, routing
from hypervisor.notify.errors import NotifyError
from hypervisor.notify.office import write
from hypervisor.notify.routes import DEAD_MAN, Route
from hypervisor.notify.running import office_of, wall
from hypervisor.registry.problems import nearest
from hypervisor.settings import Settings
from hypervisor.store.connect import Connection
from hypervisor.store.notify import deliveries, outbox
from hypervisor.store.notify.deliveries import Row
from hypervisor.store.notify.outbox import Event

_LOOK = 0.1  # s between two looks


def test(connection: Connection, settings: Settings, name: str, *, seconds: float) -> list[Row]:
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
    if not deliveries.workers(connection):
        raise NotifyError("nobody is there to send: `hypervisor up`, or `hypervisor notify`")
    now = wall()
    voice = office_of(connection, settings).voice(route)
    at = outbox.clock(connection) if voice.exercise else micros(now)
    shown = now if at is None else moment(at)
    with connection.transaction():
        event = Event(
            alarm=None,
            event="test",
            at=micros(shown),
            body={"route": name},
            key=f"test:{name}:{micros(now)}",
        )
        entry = outbox.put_decided(connection, event, outcome="sent to", reason=name)
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


def outcome(connection: Connection, event: int, *, seconds: float) -> list[Row]:
    """The deliveries of a test once each channel has tried, at most so long after now."""
    until = time.monotonic() + seconds
    while True:
        rows = deliveries.of_event(connection, event)
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
        known = [one.name for one in routes.routes] + [DEAD_MAN] * (routes.dead_man is not None)
        raise NotifyError(f"there is no route {name!r}{nearest(name, known)}")
    return route
