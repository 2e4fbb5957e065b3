"""The dead man's switch: a heartbeat is sent while all is well; its absence is the alarm."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.base.instance import Mode
from hypervisor.base.instants import micros
from hypervisor.database.connect import Connection
from hypervisor.database.progress import get_progress
from hypervisor.notifications import queries_alarms, queries_deliveries, rendering
from hypervisor.notifications.dispatcher import Dispatcher, send_decided
from hypervisor.notifications.queries_outbox import Event
from hypervisor.readings import queries_workers
from hypervisor.readings.queries_silence import list_set_aside

_LATE = timedelta(seconds=45)  # a healthy part reports every few seconds
_BEHIND = 1_000  # unread batches of the feed


@dataclass(kw_only=True)
class DeadMan:
    """Sends heartbeats, and logs trouble once."""

    say: Callable[[str], None]
    _tick: int | None = None
    _trouble: tuple[str, ...] = ()

    def beat(
        self,
        connection: Connection,
        dispatcher: Dispatcher,
        wall: datetime,
        failing: Collection[str] = (),
    ) -> bool:
        """Send a heartbeat if one is due and all is well; returns whether one was sent.

        `failing`: the steps of the notifier that fail. The key names the interval, so that only one
        of several processes sends.
        """
        switch = dispatcher.routes.dead_man
        tick = None if switch is None else micros(wall) // switch.every
        if switch is None or tick == self._tick:
            return False
        trouble = (
            *find_trouble(connection, mode=dispatcher.instance.mode, wall=wall),
            *(f"the notifier cannot {step}" for step in failing),
        )
        if trouble != self._trouble:
            self._trouble = trouble
            stopped = f"heartbeats stopped: {'; '.join(trouble)}"
            self.say(stopped if trouble else "heartbeats resumed")
        if trouble:
            return False  # checked again at once: sent as soon as all is well
        self._tick = tick
        key = f"alive:{switch.every}:{tick}"
        event = Event(alarm=None, event="alive", at=micros(wall), body={}, key=key)
        style = dispatcher.message_style(switch.route)
        with connection.transaction():
            entry = send_decided(
                connection,
                event,
                switch.route,
                lambda key, _: rendering.render_heartbeat(
                    key,
                    wall,
                    style,
                    aside=len(list_set_aside(connection)),
                    **queries_deliveries.count_by_state(connection),
                ),
                supersede=True,
            )
        return entry is not None


def find_trouble(connection: Connection, *, mode: Mode, wall: datetime) -> tuple[str, ...]:
    """What is wrong with evaluation or ingest, by heartbeats and progress; empty: nothing.

    In an exercise clocks stand still between runs; there a running evaluation is enough.
    """
    trouble: list[str] = []
    progress = get_progress(connection)
    expected = [
        worker for worker in queries_workers.list_workers(connection) if worker.drained_at is None
    ]
    if not queries_alarms.is_evaluation_running(connection):
        trouble.append("the evaluation is not running")
    if progress.unread > _BEHIND:
        trouble.append(f"the evaluation is {progress.unread} batches behind")
    if not expected:
        trouble.append("no ingest worker is running")
    if mode is Mode.LIVE:
        trouble += [
            f"no recent heartbeat of ingest worker {worker.name}"
            for worker in expected
            if worker.heartbeat_at is None or wall - worker.heartbeat_at > _LATE
        ]
        if progress.evaluated_to is None or wall - progress.evaluated_to > _LATE:
            trouble.append("the evaluation has made no recent progress")
    return tuple(trouble)
