"""A test notification, sent the same way as alarms, and its outcome."""

import time

from hypervisor.base.instants import micros, moment
from hypervisor.base.settings import Settings
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.notifications import queries_deliveries, queries_outbox, routing
from hypervisor.notifications.dispatcher import send_decided
from hypervisor.notifications.model import NotifyError
from hypervisor.notifications.queries_deliveries import DeliveryRow
from hypervisor.notifications.queries_outbox import Event
from hypervisor.notifications.rendering import render_test
from hypervisor.notifications.running import build_dispatcher, wall_clock
from sensors._nearest import did_you_mean

_LOOK = 0.1  # s between polls


def send_test(connection: Connection, settings: Settings, name: str, *, author: str = "") -> int:
    """Queue a test for every channel of a route; returns the number of its event.

    `author` empty: the machine's user. Raises NotifyError: no such route, or no notifier is
    running.
    """
    routes = routing.read_in_force(connection).every
    route = next((route for route in routes if route.name == name), None)
    if route is None:
        names = [route.name for route in routes]
        raise NotifyError("there is no route {name!r}{hint}", name, did_you_mean(name, names))
    if not queries_deliveries.list_workers(connection):
        raise NotifyError("no notifier is running: `hypervisor up`, or `hypervisor notify`")
    now = wall_clock()
    style = build_dispatcher(connection, settings).message_style(route)
    at = queries_outbox.read_clock(connection) if style.exercise else micros(now)
    shown = now if at is None else moment(at)
    event = Event(
        alarm=None,
        event="test",
        at=micros(shown),
        body={"route": name},
        key=f"test:{name}:{micros(now)}",
    )
    with connection.transaction():
        entry = send_decided(
            connection, event, route, lambda key, _: render_test(name, key, shown, style)
        )
        if entry is not None:
            audit.record(
                connection,
                kind="notification-test",
                subject=name,
                reason="sent a test",
                author=author,
            )
    if entry is None:
        raise NotifyError("this test was already sent")
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
