"""Appends entries to the log."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hypervisor.access.context import RequestContext
from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms import queries_incidents, queries_list
from hypervisor.base.duties import DUTIES, Duty
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.logbook import queries, queries_attachments
from hypervisor.logbook.attachments import LARGEST_DAY, MOST, NewAttachment
from hypervisor.logbook.model import (
    OPEN,
    EntryKind,
    LogEntry,
    LogError,
    NewEntry,
    NoEntryError,
    check_entry,
)


def write_entry(
    context: RequestContext, new: NewEntry, files: Sequence[NewAttachment] = ()
) -> LogEntry:
    """Append an entry for its site or alarm, else for the person's own territory.

    Settling or correcting an entry needs the duty of its area. `files`: are part of it.

    Raises:
        ForbiddenError: the person may not write there.
        NoEntryError: what it refers to does not exist or is not visible.
        LogError: the entry is invalid.
    """
    if new.site is not None:
        context.require(Duty.OPERATE, site=new.site)
    if new.alarm is not None:
        context.require(Duty.OPERATE, alarm=new.alarm)
    if new.incident is not None and not queries_incidents.list_incidents(
        context.connection, number=new.incident
    ):
        raise NoEntryError("no incident has the number {n}", new.incident)
    if new.about is None:
        entry = replace(new, area=find_area(context))
    else:
        about = find_entry(context.connection, new.about)
        area = None if about.site else about.area
        context.require(Duty.OPERATE, site=about.site, area=area)
        entry = replace(new, area=about.area, site=new.site or about.site)
    if new.owner is not None:
        with context.owning() as owner:
            if new.owner not in queries_list.read_account_titles(owner):
                raise NoEntryError("no account is named {name!r}", new.owner)
    with context.writing() as connection:
        return append_entry(connection, entry, files, now=context.clock())


def append_entry(
    connection: Connection, new: NewEntry, files: Sequence[NewAttachment] = (), *, now: datetime
) -> LogEntry:
    """Append an entry with its files, and an audit record. `now`: wall clock.

    Raises:
        LogError: the entry is invalid.
        NoEntryError: no such entry, alarm or site.
    """
    entry = check_entry(new)
    if entry.about is not None:
        _check_about(entry.kind, find_entry(connection, entry.about))
    if entry.alarm is not None and alarm_queries.find_alarm(connection, entry.alarm) is None:
        raise NoEntryError("no alarm has the number {n}", entry.alarm)
    if len(files) > MOST:
        raise LogError("{n} files; an entry takes at most {number}", len(files), MOST)
    if files:
        _check_day(connection, entry.author, files, now)
    number = queries.insert_entry(connection, entry, now=now)
    queries_attachments.insert_attachments(connection, number, files)
    audit.record(
        connection,
        kind="log",
        subject=entry.site or f"log/{number}",
        reason=str(entry.kind),
        author=entry.author,
        details={"entry": number, **({"files": [new.name for new in files]} if files else {})},
    )
    return find_entry(connection, number)


def _check_day(
    connection: Connection, author: str, files: Sequence[NewAttachment], now: datetime
) -> None:
    before = queries_attachments.sum_sizes(connection, author, now - timedelta(days=1))
    if before + sum(len(file.content) for file in files) > LARGEST_DAY:
        raise LogError(
            "{author} has added {n} MiB of files within a day; at most {number} MiB fit",
            author,
            before // 1024**2,
            LARGEST_DAY // 1024**2,
        )


def _check_about(kind: EntryKind, about: LogEntry) -> None:
    if kind is EntryKind.SETTLED and about.kind not in OPEN:
        raise LogError(
            "{kind}: entry {n} is a {what}, which needs no settling", kind, about.id, about.kind
        )
    if kind is EntryKind.SETTLED and about.settled is not None:
        raise LogError("{kind}: entry {n} was settled by {who}", kind, about.id, about.settled_by)


def find_entry(connection: Connection, number: int) -> LogEntry:
    """An entry by its number. Raises NoEntryError: no such entry is visible."""
    entry = queries.find_entry(connection, number)
    if entry is None:
        raise NoEntryError("no entry has the number {n}", number)
    return entry


def find_area(context: RequestContext) -> str | None:
    """The area for which the person writes; None: the whole territory.

    Raises ForbiddenError: the person is an operator nowhere.
    """
    if not context.person.everywhere(Duty.OPERATE):
        for grant in context.person.grants:
            if grant.area is not None and Duty.OPERATE in DUTIES[grant.role]:
                context.require(Duty.OPERATE, area=grant.area)
                return grant.area
    context.require(Duty.OPERATE)
    return None
