"""Whether watch and ingest are well enough for a sign of life: silence is to mean trouble."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.base.instance import Mode
from hypervisor.database.connect import Connection
from hypervisor.notifications import queries_alarms
from hypervisor.readings import queries_latest

_LATE = timedelta(seconds=45)  # a part that is well speaks every few seconds
_BEHIND = 1_000  # entries of the feed that the watch has not taken up


@dataclass(frozen=True, kw_only=True)
class HealthState:
    """`trouble` empty: all is well."""

    trouble: tuple[str, ...] = ()


def look(connection: Connection, *, mode: Mode, wall: datetime) -> HealthState:
    """Heartbeats of the workers, how far the watch has judged, how much it has left unread.

    In an exercise clocks stand still between two plays; there a watch that is at work is enough.
    """
    trouble: list[str] = []
    progress = queries_latest.get_progress(connection)
    expected = [
        (name, heard) for name, heard, gone in queries_latest.list_workers(connection) if not gone
    ]
    if not queries_alarms.watch_works(connection):
        trouble.append("no watch is at work")
    if progress.unread > _BEHIND:
        trouble.append(f"the watch is {progress.unread} batches behind")
    if not expected:
        trouble.append("no ingest worker is there")
    if mode is Mode.LIVE:
        late = [name for name, heard in expected if heard is None or wall - heard > _LATE]
        trouble += [f"ingest {name} was not heard lately" for name in late]
        if progress.judged_to is None or wall - progress.judged_to > _LATE:
            trouble.append("the watch has not judged lately")
    return HealthState(trouble=tuple(trouble))
