"""SQL of hand-overs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hypervisor.database.connect import Connection
from hypervisor.logbook.model import Handover

_COLUMNS = (
    "id, area, begins, offered_at, scenario_at, offered_by, note, page, digest, state, closed_at,"
    " closed_by, remark"
)


def insert_handover(  # noqa: PLR0913  the columns
    connection: Connection,
    page: Mapping[str, Any],
    *,
    author: str,
    note: str,
    area: str | None,
    begins: datetime | None,
    digest: str,
    now: datetime,
) -> int:
    """Insert a hand-over; returns its id. `begins` None: since the instance was created."""
    row = connection.execute(
        "INSERT INTO handover (area, begins, offered_at, scenario_at, offered_by, note, page,"
        " digest) SELECT %s, COALESCE(%s, (SELECT created_at FROM instance)), %s,"
        " (SELECT max(heard_at) FROM worker WHERE (SELECT mode FROM instance) = 'exercise'),"
        " %s, %s, %s, %s RETURNING id",
        [area, begins, now, author, note, Jsonb(dict(page)), digest],
    ).fetchone()
    return int(row[0]) if row else 0


def close_handover(  # noqa: PLR0913  the columns
    connection: Connection, number: int, state: str, *, author: str, remark: str, now: datetime
) -> bool:
    """Close an offer; False: it is no longer on offer."""
    done = connection.execute(
        "UPDATE handover SET state = %s, closed_at = %s, closed_by = %s, remark = %s"
        " WHERE id = %s AND state = 'offered'",
        [state, now, author, remark.strip(), number],
    )
    return done.rowcount == 1


def find_handover(connection: Connection, number: int) -> Handover | None:
    """A hand-over by its id."""
    return _first(connection, "id = %s", [number])


def find_offered(connection: Connection, area: str | None) -> Handover | None:
    """The hand-over awaiting its second signature."""
    return _first(connection, "state = 'offered' AND area IS NOT DISTINCT FROM %s", [area])


def find_latest(connection: Connection, area: str | None) -> Handover | None:
    """The last hand-over taken."""
    return _first(connection, "state = 'taken' AND area IS NOT DISTINCT FROM %s", [area])


def list_handovers(
    connection: Connection, *, before: int | None = None, limit: int = 100
) -> list[Handover]:
    """Hand-overs, latest first."""
    rows = connection.cursor(row_factory=class_row(Handover)).execute(
        f"SELECT {_COLUMNS} FROM handover"  # noqa: S608  our own columns
        " WHERE (%(before)s::bigint IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s",
        {"before": before, "limit": limit},
    )
    return rows.fetchall()


def _first(connection: Connection, where: str, values: list[Any]) -> Handover | None:
    sql = f"SELECT {_COLUMNS} FROM handover WHERE {where} ORDER BY id DESC LIMIT 1"  # noqa: S608
    return connection.cursor(row_factory=class_row(Handover)).execute(sql, values).fetchone()
