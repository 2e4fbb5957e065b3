"""Appends entries to the log."""

from datetime import datetime

from hypervisor.alarms import queries as alarm_queries
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.logbook import queries
from hypervisor.logbook.errors import LogError, NoEntryError
from hypervisor.logbook.model import OPEN, EntryKind, LogEntry, NewEntry, check_entry


def append_entry(connection: Connection, new: NewEntry, *, now: datetime) -> LogEntry:
    """Append an entry, with an audit record. `now`: wall clock.

    Raises:
        LogError: the entry is invalid.
        NoEntryError: no such entry, alarm or site.
    """
    entry = check_entry(new)
    if entry.about is not None:
        _check_about(connection, entry.kind, entry.about)
    if entry.alarm is not None and alarm_queries.find_alarm(connection, entry.alarm) is None:
        raise NoEntryError(f"no alarm has the number {entry.alarm}")
    number = queries.insert_entry(connection, entry, now=now)
    audit.record(
        connection,
        kind="log",
        subject=entry.site or f"log/{number}",
        reason=str(entry.kind),
        author=entry.author,
        details={"entry": number},
    )
    stored = queries.find_entry(connection, number)
    if stored is None:
        raise NoEntryError(f"no entry has the number {number}")
    return stored


def _check_about(connection: Connection, kind: EntryKind, about: int) -> None:
    before = queries.find_entry(connection, about)
    if before is None:
        raise NoEntryError(f"{kind}: no entry has the number {about}")
    if kind is EntryKind.SETTLED and before.kind not in OPEN:
        raise LogError(f"{kind}: entry {about} is a {before.kind}, which does not stand open")
    if kind is EntryKind.SETTLED and before.settled is not None:
        raise LogError(f"{kind}: entry {about} was settled by {before.settled_by}")
