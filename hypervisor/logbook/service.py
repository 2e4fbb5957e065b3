"""An entry written into the log."""

from datetime import datetime

from hypervisor.alarms import queries as alarm_queries
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.logbook import queries
from hypervisor.logbook.errors import LogError, NoEntryError
from hypervisor.logbook.model import OPEN, Kind, New, checked
from hypervisor.logbook.queries import Entry


def write(connection: Connection, new: New, *, now: datetime) -> Entry:
    """Append it, with its act in the audit. `now` is the wall's.

    Raises:
        LogError: it cannot stand so.
        NoEntryError: the entry, alarm or site that it names is not there.
    """
    entry = checked(new)
    if entry.about is not None:
        _require_about(connection, entry.kind, entry.about)
    if entry.alarm is not None and alarm_queries.find_alarm(connection, entry.alarm) is None:
        raise NoEntryError(f"no alarm has the number {entry.alarm}")
    number = queries.insert(connection, entry, now=now)
    audit.record(
        connection,
        kind="log",
        subject=entry.site or f"log/{number}",
        reason=str(entry.kind),
        author=entry.author,
        details={"entry": number},
    )
    stored = queries.one(connection, number)
    if stored is None:
        raise NoEntryError(f"no entry has the number {number}")
    return stored


def _require_about(connection: Connection, kind: Kind, about: int) -> None:
    before = queries.one(connection, about)
    if before is None:
        raise NoEntryError(f"{kind}: no entry has the number {about}")
    if kind is Kind.SETTLED and before.kind not in OPEN:
        raise LogError(f"{kind}: entry {about} is a {before.kind}, which does not stand open")
    if kind is Kind.SETTLED and before.settled is not None:
        raise LogError(f"{kind}: entry {about} was settled by {before.settled_by}")
