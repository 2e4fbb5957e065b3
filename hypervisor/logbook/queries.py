"""The operational log's rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from hypervisor.database.connect import Connection
from hypervisor.logbook.errors import NoEntryError
from hypervisor.logbook.model import OPEN, Kind, New

_COLUMNS = (
    "e.id, e.at, e.scenario_at, e.author, e.kind, e.text, e.area, area.name, site.name, site.title,"
    " e.alarm, alarm.title, e.incident, e.due, e.about, s.at, s.author"
)
_FROM = (
    "log_entry e LEFT JOIN site ON site.id = e.site LEFT JOIN alarm ON alarm.id = e.alarm"
    " LEFT JOIN area ON area.code = e.area"
    " LEFT JOIN log_entry s ON s.about = e.id AND s.kind = 'settled'"
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row. `at` is the wall's; `due` and `scenario_at` the instance's clock."""

    id: int
    at: datetime
    scenario_at: datetime | None
    author: str
    kind: Kind
    text: str
    area: str | None
    area_name: str | None
    site: str | None
    site_title: str | None
    alarm: int | None
    alarm_title: str | None
    incident: int | None
    due: datetime | None
    about: int | None
    settled: datetime | None
    settled_by: str | None

    @property
    def open(self) -> bool:
        """Whether it waits to be settled."""
        return self.kind in OPEN and self.settled is None

    @property
    def shown_at(self) -> datetime:
        """On the instance's clock."""
        return self.scenario_at or self.at


@dataclass(frozen=True, kw_only=True)
class LogFilter:
    """Which entries. `before`: with smaller numbers than this one; `open`: those not settled.

    `since` and `until` are the wall's clock; `first` and `last` the instance's: the scenario's in
    an exercise.
    """

    since: datetime | None = None
    until: datetime | None = None
    first: datetime | None = None
    last: datetime | None = None
    kinds: frozenset[Kind] | None = None
    author: str | None = None
    site: str | None = None
    alarm: int | None = None
    text: str | None = None
    open: bool = False
    before: int | None = None
    limit: int = 200


def insert(connection: Connection, new: New, *, now: datetime) -> int:
    """Its number. The area of a site's entry is that of the site's commune.

    Raises:
        NoEntryError: no such site, alarm or area.
    """
    try:
        row = connection.execute(
            "INSERT INTO log_entry (at, scenario_at, author, kind, text, area, site, alarm,"
            " incident, due, about) SELECT %(now)s,"
            " (SELECT max(heard_at) FROM worker WHERE (SELECT mode FROM instance) = 'exercise'),"
            " %(author)s, %(kind)s, %(text)s,"
            " CASE WHEN %(site)s::text IS NULL THEN %(area)s ELSE site.commune END, site.id,"
            " %(alarm)s, %(incident)s, %(due)s, %(about)s"
            " FROM (SELECT 1) one LEFT JOIN site ON site.name = %(site)s"
            " WHERE %(site)s::text IS NULL OR site.id IS NOT NULL RETURNING id",
            {**vars(new), "kind": str(new.kind), "now": now},
        ).fetchone()
    except psycopg.errors.ForeignKeyViolation as error:
        raise NoEntryError(
            f"the entry names what is not there: {error.diag.message_detail}"
        ) from error
    if row is None:
        raise NoEntryError(f"no site is named {new.site!r}")
    return int(row[0])


def one(connection: Connection, number: int) -> Entry | None:
    """An entry by its number."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM {_FROM} WHERE e.id = %s",  # noqa: S608  our own columns
        [number],
    ).fetchone()
    return None if row is None else _entry(row)


def listing(connection: Connection, query: LogFilter) -> list[Entry]:
    """Entries, the latest first."""
    rows: Iterable[tuple[Any, ...]] = connection.execute(
        f"SELECT {_COLUMNS} FROM {_FROM}"  # noqa: S608  our own columns
        " WHERE (%(since)s::timestamptz IS NULL OR e.at >= %(since)s)"
        " AND (%(until)s::timestamptz IS NULL OR e.at < %(until)s)"
        " AND (%(first)s::timestamptz IS NULL OR COALESCE(e.scenario_at, e.at) >= %(first)s)"
        " AND (%(last)s::timestamptz IS NULL OR COALESCE(e.scenario_at, e.at) < %(last)s)"
        " AND (%(kinds)s::text[] IS NULL OR e.kind = ANY (%(kinds)s))"
        " AND (%(author)s::text IS NULL OR e.author = %(author)s)"
        " AND (%(site)s::text IS NULL OR site.name = %(site)s)"
        " AND (%(alarm)s::bigint IS NULL OR e.alarm = %(alarm)s)"
        " AND (%(text)s::text IS NULL OR strpos(lower(e.text), lower(%(text)s)) > 0)"
        " AND (NOT %(open)s OR (e.kind = ANY (%(standing)s) AND s.id IS NULL))"
        " AND (%(before)s::bigint IS NULL OR e.id < %(before)s)"
        " ORDER BY e.id DESC LIMIT %(limit)s",
        {
            **vars(query),
            "kinds": None if query.kinds is None else [str(kind) for kind in query.kinds],
            "standing": [str(kind) for kind in OPEN],
        },
    )
    return [_entry(row) for row in rows]


def _entry(row: tuple[Any, ...]) -> Entry:
    values = dict(zip(Entry.__dataclass_fields__, row, strict=True))
    return Entry(**{**values, "kind": Kind(values["kind"])})
