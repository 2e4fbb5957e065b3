"""Whether evaluation and ingest are healthy enough to send a heartbeat."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.base.instance import Mode
from hypervisor.database.connect import Connection
from hypervisor.notifications import queries_alarms
from hypervisor.readings import queries_latest

_LATE = timedelta(seconds=45)  # a healthy part reports every few seconds
_BEHIND = 1_000  # unread batches of the feed


@dataclass(frozen=True, kw_only=True)
class HealthState:
    """Empty `trouble`: all is well."""

    trouble: tuple[str, ...] = ()


def check_health(connection: Connection, *, mode: Mode, wall: datetime) -> HealthState:
    """Check the heartbeats of workers and the progress of the evaluation.

    In an exercise clocks stand still between runs; there a running evaluation is enough.
    """
    trouble: list[str] = []
    progress = queries_latest.get_progress(connection)
    expected = [
        (name, heard) for name, heard, gone in queries_latest.list_workers(connection) if not gone
    ]
    if not queries_alarms.is_evaluation_running(connection):
        trouble.append("no watch is at work")
    if progress.unread > _BEHIND:
        trouble.append(f"the watch is {progress.unread} batches behind")
    if not expected:
        trouble.append("no ingest worker is there")
    if mode is Mode.LIVE:
        late = [name for name, heard in expected if heard is None or wall - heard > _LATE]
        trouble += [f"ingest {name} was not heard lately" for name in late]
        if progress.evaluated_to is None or wall - progress.evaluated_to > _LATE:
            trouble.append("the watch has not judged lately")
    return HealthState(trouble=tuple(trouble))
