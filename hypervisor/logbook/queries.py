"""SQL of the operational log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from hypervisor.database.connect import Connection
from hypervisor.database.instance import SCENARIO_CLOCK
from hypervisor.logbook.model import OPEN, EntryKind, LogEntry, NewEntry, NoEntryError

_COLUMNS = (
    "e.id, e.at, e.scenario_at, e.author, e.kind, e.text, e.area, area.name AS area_name,"
    " site.name AS site, site.title AS site_title, e.alarm, alarm.title AS alarm_title, e.incident,"
    " e.due, e.about, e.owner, s.at AS settled, s.author AS settled_by,"
    " (SELECT coalesce(jsonb_agg(jsonb_build_object('id', f.id, 'name', f.name, 'media', f.media,"
    " 'size', octet_length(f.content), 'digest', f.digest) ORDER BY f.id), '[]')"
    " FROM attachment f WHERE f.entry = e.id) AS attachments"
)
_FROM = (
    "log_entry e LEFT JOIN site ON site.id = e.site LEFT JOIN alarm ON alarm.id = e.alarm"
    " LEFT JOIN area ON area.code = e.area"
    " LEFT JOIN log_entry s ON s.about = e.id AND s.kind = 'settled'"
)


@dataclass(frozen=True, kw_only=True)
class LogFilter:
    """A filter of entries. `before`: smaller ids only; `open`: unsettled only.

    `since`, `until`: wall clock; `first`, `last`: the instance's clock. `incident`: the numbers of
    its alarms, which entries may name as the incident's or the alarm's.
    """

    since: datetime | None = None
    until: datetime | None = None
    first: datetime | None = None
    last: datetime | None = None
    kinds: frozenset[EntryKind] | None = None
    author: str | None = None
    site: str | None = None
    alarm: int | None = None
    incident: Sequence[int] | None = None
    text: str | None = None
    open: bool = False
    before: int | None = None
    limit: int = 200


def insert_entry(connection: Connection, new: NewEntry, *, now: datetime) -> int:
    """Insert an entry; returns its id. An entry of a site gets the site's commune as area.

    Raises NoEntryError: no such site, alarm or area.
    """
    try:
        row = connection.execute(
            "INSERT INTO log_entry (at, scenario_at, author, kind, text, area, site, alarm,"  # noqa: S608  a constant
            f" incident, due, about, owner) SELECT %(now)s, {SCENARIO_CLOCK}, %(author)s, %(kind)s,"
            " %(text)s, CASE WHEN %(site)s::text IS NULL THEN %(area)s ELSE site.commune END,"
            " site.id, %(alarm)s, %(incident)s, %(due)s, %(about)s, %(owner)s"
            " FROM (SELECT 1) row LEFT JOIN site ON site.name = %(site)s"
            " WHERE %(site)s::text IS NULL OR site.id IS NOT NULL RETURNING id",
            {**vars(new), "kind": str(new.kind), "now": now},
        ).fetchone()
    except psycopg.errors.ForeignKeyViolation as error:
        raise NoEntryError(
            "the entry refers to something that does not exist: {detail}",
            error.diag.message_detail,
        ) from error
    if row is None:
        raise NoEntryError("no site is named {name!r}", new.site)
    return int(row[0])


def find_entry(connection: Connection, number: int) -> LogEntry | None:
    """An entry by its id."""
    return (
        connection.cursor(row_factory=class_row(LogEntry))
        .execute(f"SELECT {_COLUMNS} FROM {_FROM} WHERE e.id = %s", [number])  # noqa: S608  our own columns
        .fetchone()
    )


def list_entries(connection: Connection, query: LogFilter) -> list[LogEntry]:
    """Entries, latest first."""
    rows = connection.cursor(row_factory=class_row(LogEntry)).execute(
        f"SELECT {_COLUMNS} FROM {_FROM}"  # noqa: S608  our own columns
        " WHERE (%(since)s::timestamptz IS NULL OR e.at >= %(since)s)"
        " AND (%(until)s::timestamptz IS NULL OR e.at < %(until)s)"
        " AND (%(first)s::timestamptz IS NULL OR COALESCE(e.scenario_at, e.at) >= %(first)s)"
        " AND (%(last)s::timestamptz IS NULL OR COALESCE(e.scenario_at, e.at) < %(last)s)"
        " AND (%(kinds)s::text[] IS NULL OR e.kind = ANY (%(kinds)s))"
        " AND (%(author)s::text IS NULL OR e.author = %(author)s)"
        " AND (%(site)s::text IS NULL OR site.name = %(site)s)"
        " AND (%(alarm)s::bigint IS NULL OR e.alarm = %(alarm)s)"
        " AND (%(incident)s::bigint[] IS NULL OR e.incident = ANY (%(incident)s)"
        "   OR e.alarm = ANY (%(incident)s))"
        " AND (%(text)s::text IS NULL OR strpos(lower(e.text), lower(%(text)s)) > 0)"
        " AND (NOT %(open)s OR (e.kind = ANY (%(standing)s) AND s.id IS NULL))"
        " AND (%(before)s::bigint IS NULL OR e.id < %(before)s)"
        " ORDER BY e.id DESC LIMIT %(limit)s",
        {
            **vars(query),
            "kinds": None if query.kinds is None else [str(kind) for kind in query.kinds],
            "standing": [str(kind) for kind in OPEN],
            "incident": None if query.incident is None else list(query.incident),
        },
    )
    return rows.fetchall()
