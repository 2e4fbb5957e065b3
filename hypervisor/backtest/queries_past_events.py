"""Reported events: list, get, add, withdraw."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from psycopg.rows import class_row
from pydantic import Field
from pydantic.dataclasses import dataclass

from hypervisor.database.connect import Connection
from hypervisor.web.schemas import old_key

Kind = Literal[
    "overflow",
    "flood",
    "heavy-rain",
    "frost",
    "heat",
    "storm",
    "outage",
    "jam",
    "other",
    "nothing",
]
KINDS: tuple[str, ...] = get_args(Kind)
_COLUMNS = (
    "e.id, s.name AS site, e.river, e.kind, e.begins, e.ends, e.peak, e.unit, e.note, e.author,"
    " e.recorded_at, e.withdrawn_at, e.withdrawn_by, e.withdrawn_reason"
    " FROM past_event e LEFT JOIN site s ON s.id = e.site"
)


@dataclass(frozen=True, kw_only=True)
class PastEvent:
    """A row of the table. It has a `site` or a `river`; `kind` is one of KINDS."""

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
    recorded_at: datetime
    withdrawn_at: Annotated[datetime | None, Field(exclude=True)]
    withdrawn_by: Annotated[str | None, Field(exclude=True)]
    withdrawn_reason: Annotated[str | None, Field(exclude=True)]
    noted_at = old_key("recorded_at", datetime)


def list_events(
    connection: Connection,
    *,
    sites: Sequence[str] | None = None,
    rivers: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[PastEvent]:
    """Events not withdrawn, by beginning: of these sites and rivers, or all; in a period."""
    condition = (
        "e.withdrawn_at IS NULL"
        " AND (%(sites)s::text[] IS NULL OR s.name = ANY(%(sites)s) OR e.river = ANY(%(rivers)s))"
        " AND (%(since)s::timestamptz IS NULL OR e.ends >= %(since)s)"
        " AND (%(until)s::timestamptz IS NULL OR e.begins <= %(until)s)"
        " ORDER BY e.begins, e.id"
    )
    listed = None if sites is None else list(sites)
    values = {"sites": listed, "rivers": list(rivers), "since": since, "until": until}
    cursor = connection.cursor(row_factory=class_row(PastEvent))
    return cursor.execute(f"SELECT {_COLUMNS} WHERE {condition}", values).fetchall()


def get(connection: Connection, number: int) -> PastEvent | None:
    """By its number, withdrawn or not."""
    cursor = connection.cursor(row_factory=class_row(PastEvent))
    return cursor.execute(f"SELECT {_COLUMNS} WHERE e.id = %s", [number]).fetchone()


def add(connection: Connection, **event: Any) -> int:
    """Add an event by its fields, in the caller's transaction; its number."""
    ((number,),) = connection.execute(
        "INSERT INTO past_event (site, river, kind, begins, ends, peak, unit, note, author)"
        " VALUES ((SELECT id FROM site WHERE name = %(site)s), %(river)s, %(kind)s, %(begins)s,"
        " %(ends)s, %(peak)s, %(unit)s, %(note)s, %(author)s) RETURNING id",
        event,
    )
    return int(number)


def withdraw(connection: Connection, number: int, *, author: str, reason: str) -> bool:
    """Withdraw an event; False if it was not in force."""
    return bool(
        connection.execute(
            "UPDATE past_event SET withdrawn_at = clock_timestamp(), withdrawn_by = %s,"
            " withdrawn_reason = %s WHERE id = %s AND withdrawn_at IS NULL",
            [author, reason, number],
        ).rowcount
    )
