"""A test notification, sent the same way as alarms, and its outcome."""

import time

from hypervisor.base.instants import micros, moment
from hypervisor.base.settings import Settings
from hypervisor.database.connect import Connection
from hypervisor.notifications import queries_deliveries, queries_outbox, rendering, routing
from hypervisor.notifications.dispatcher import write_deliveries
from hypervisor.notifications.errors import NotifyError
from hypervisor.notifications.queries_deliveries import DeliveryRow
from hypervisor.notifications.queries_outbox import Event
from hypervisor.notifications.routes import DEAD_MAN, Route
from hypervisor.notifications.running import build_dispatcher, wall_clock
from sensors._nearest import did_you_mean

_LOOK = 0.1  # s between polls


def send_and_wait(
    connection: Connection, settings: Settings, name: str, *, seconds: float
) -> list[DeliveryRow]:
    """Send a test to every channel of a route; returns the deliveries.

    Raises:
        NotifyError: no such route, or no notifier is running.
    """
    return wait_for_outcome(connection, send_test(connection, settings, name), seconds=seconds)


def send_test(connection: Connection, settings: Settings, name: str) -> int:
    """Queue a test for every channel of a route; returns the number of its event.

    Raises:
        NotifyError: no such route, or no notifier is running.
    """
    route = _find_route(connection, name)
    if not queries_deliveries.list_workers(connection):
        raise NotifyError("nobody is there to send: `hypervisor up`, or `hypervisor notify`")
    now = wall_clock()
    style = build_dispatcher(connection, settings).message_style(route)
    at = queries_outbox.read_clock(connection) if style.exercise else micros(now)
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
        write_deliveries(
            connection,
            entry,
            route,
            lambda key, _: rendering.render_test(name, key, shown, style),
            active=False,
            now=micros(shown),
        )
    return entry.id


def wait_for_outcome(connection: Connection, event: int, *, seconds: float) -> list[DeliveryRow]:
    """The deliveries of a test once each was attempted, or after `seconds`."""
    until = time.monotonic() + seconds
    while True:
        rows = queries_deliveries.list_by_event(connection, event)
        tried = all(row.state != "waiting" or row.attempts for row in rows)
        if tried or time.monotonic() > until:
            return rows
        time.sleep(_LOOK)


def _find_route(connection: Connection, name: str) -> Route:
    routes = routing.read_in_force(connection)
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
