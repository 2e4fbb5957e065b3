"""Events that people noted: asked for, added, withdrawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from hypervisor.database.connect import Connection

KINDS = (
    *("overflow", "flood", "heavy-rain", "frost", "heat", "storm", "outage", "jam"),
    *("other", "nothing"),
)
_COLUMNS = (
    "e.id, s.name AS site, e.river, e.kind, e.begins, e.ends, e.peak, e.unit, e.note, e.author,"
    " e.noted_at, e.withdrawn_at, e.withdrawn_by, e.withdrawn_why"
    " FROM noted_event e LEFT JOIN site s ON s.id = e.site"
)


@dataclass(frozen=True, kw_only=True)
class NotedEvent:
    """A row of the table. Either `site` or `river` is said; `kind` is one of KINDS."""

    id: int
    site: str | None
    river: str | None
    kind: str
    begins: datetime
    ends: datetime
    peak: float | None
    unit: str | None
    note: str
    author: str
    noted_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawn_why: str | None


def standing(
    connection: Connection,
    *,
    sites: Sequence[str] | None = None,
    rivers: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[NotedEvent]:
    """Those not withdrawn, by when they began: of these sites and rivers, or all; in a span."""
    return (
        connection.cursor(row_factory=class_row(NotedEvent))
        .execute(
            f"SELECT {_COLUMNS} WHERE e.withdrawn_at IS NULL"
            " AND (%(sites)s::text[] IS NULL OR s.name = ANY(%(sites)s)"
            "  OR e.river = ANY(%(rivers)s))"
            " AND (%(since)s::timestamptz IS NULL OR e.ends >= %(since)s)"
            " AND (%(until)s::timestamptz IS NULL OR e.begins <= %(until)s)"
            " ORDER BY e.begins, e.id",
            {
                "sites": None if sites is None else list(sites),
                "rivers": list(rivers),
                "since": since,
                "until": until,
            },
        )
        .fetchall()
    )


def get(connection: Connection, number: int) -> NotedEvent | None:
    """By its number, withdrawn or not."""
    return (
        connection.cursor(row_factory=class_row(NotedEvent))
        .execute(f"SELECT {_COLUMNS} WHERE e.id = %s", [number])
        .fetchone()
    )


def add(  # noqa: PLR0913  what an event is
    connection: Connection,
    *,
    site: str | None,
    river: str | None,
    kind: str,
    begins: datetime,
    ends: datetime,
    peak: float | None,
    unit: str | None,
    note: str,
    author: str,
) -> int:
    """Note one, in the caller's transaction; its number."""
    ((number,),) = connection.execute(
        "INSERT INTO noted_event (site, river, kind, begins, ends, peak, unit, note, author)"
        " VALUES ((SELECT id FROM site WHERE name = %s), %s, %s, %s, %s, %s, %s, %s, %s)"
        " RETURNING id",
        [site, river, kind, begins, ends, peak, unit, note, author],
    )
    return int(number)


def withdraw(connection: Connection, number: int, *, author: str, reason: str) -> bool:
    """Let one count no more; whether it stood."""
    return bool(
        connection.execute(
            "UPDATE noted_event SET withdrawn_at = clock_timestamp(), withdrawn_by = %s,"
            " withdrawn_why = %s WHERE id = %s AND withdrawn_at IS NULL",
            [author, reason, number],
        ).rowcount
    )
