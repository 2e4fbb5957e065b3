"""The dead man's signal: leaves at intervals while all is well; its silence is the alarm."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hypervisor.base.instants import micros
from hypervisor.database.connect import Connection
from hypervisor.notifications import health, queries_deliveries, queries_outbox, rendering
from hypervisor.notifications.dispatcher import Dispatcher, write
from hypervisor.notifications.queries_outbox import Event
from hypervisor.notifications.routes import DEAD_MAN, Route


@dataclass(kw_only=True)
class DeadMan:
    """Remembers what was said last, so that trouble is said once."""

    say: Callable[[str], None]
    _tick: int | None = None
    _trouble: tuple[str, ...] = ()

    def beat(self, connection: Connection, office: Dispatcher, wall: datetime) -> bool:
        """Send a sign of life if one is due and all is well; whether one left.

        Of several processes one sends: the key names the interval of the wall's clock.
        """
        man = office.routes.dead_man
        if man is None:
            return False
        tick = micros(wall) // man.every
        if tick == self._tick:
            return False
        state = health.look(connection, mode=office.instance.mode, wall=wall)
        self._tell(state.trouble)
        if state.trouble:
            return False  # looked at again at once: it leaves as soon as all is well
        self._tick = tick
        route = Route(
            name=DEAD_MAN, channels=man.channels, language=man.language, zone="Europe/Paris"
        )
        return _leave(connection, office, route, f"alive:{man.every}:{tick}", wall)

    def _tell(self, trouble: tuple[str, ...]) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            words = "; ".join(trouble)
            self.say(f"no sign of life leaves: {words}" if trouble else "signs of life leave again")


def _leave(
    connection: Connection, office: Dispatcher, route: Route, key: str, wall: datetime
) -> bool:
    with connection.transaction():
        event = Event(alarm=None, event="alive", at=micros(wall), body={}, key=key)
        entry = queries_outbox.put_decided(connection, event, outcome="sent to", reason=route.name)
        if entry is None:
            return False
        queries_deliveries.supersede(connection, route.name)
        counts = queries_deliveries.counts(connection)
        voice = office.voice(route)
        write(
            connection,
            entry,
            route,
            lambda key, _: rendering.alive(
                key, wall, voice, waiting=counts["waiting"], dead=counts["dead"]
            ),
            active=False,
            now=micros(wall),
        )
    return True
