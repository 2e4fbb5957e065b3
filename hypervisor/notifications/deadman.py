"""The dead man's switch: a heartbeat is sent while all is well; its absence is the alarm."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hypervisor.base.instants import micros
from hypervisor.database.connect import Connection
from hypervisor.notifications import health, queries_deliveries, queries_outbox, rendering
from hypervisor.notifications.dispatcher import Dispatcher, write_deliveries
from hypervisor.notifications.queries_outbox import Event
from hypervisor.notifications.routes import DEAD_MAN, Route


@dataclass(kw_only=True)
class DeadMan:
    """Sends heartbeats, and logs trouble once."""

    say: Callable[[str], None]
    _tick: int | None = None
    _trouble: tuple[str, ...] = ()

    def beat(self, connection: Connection, dispatcher: Dispatcher, wall: datetime) -> bool:
        """Send a heartbeat if one is due and all is well; returns whether one was sent.

        The key names the interval, so that only one of several processes sends.
        """
        switch = dispatcher.routes.dead_man
        if switch is None:
            return False
        tick = micros(wall) // switch.every
        if tick == self._tick:
            return False
        state = health.check_health(connection, mode=dispatcher.instance.mode, wall=wall)
        self._tell(state.trouble)
        if state.trouble:
            return False  # checked again at once: sent as soon as all is well
        self._tick = tick
        route = Route(
            name=DEAD_MAN, channels=switch.channels, language=switch.language, zone="Europe/Paris"
        )
        return _put_heartbeat(connection, dispatcher, route, f"alive:{switch.every}:{tick}", wall)

    def _tell(self, trouble: tuple[str, ...]) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            words = "; ".join(trouble)
            self.say(f"no sign of life leaves: {words}" if trouble else "signs of life leave again")


def _put_heartbeat(
    connection: Connection, dispatcher: Dispatcher, route: Route, key: str, wall: datetime
) -> bool:
    with connection.transaction():
        event = Event(alarm=None, event="alive", at=micros(wall), body={}, key=key)
        entry = queries_outbox.put_decided(connection, event, outcome="sent to", reason=route.name)
        if entry is None:
            return False
        queries_deliveries.drop_waiting(connection, route.name)
        counts = queries_deliveries.count_by_state(connection)
        style = dispatcher.message_style(route)
        write_deliveries(
            connection,
            entry,
            route,
            lambda key, _: rendering.render_heartbeat(
                key, wall, style, waiting=counts["waiting"], dead=counts["dead"]
            ),
            active=False,
            now=micros(wall),
        )
    return True
