"""Hand-overs: each a page that two people signed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from hypervisor.database.connect import Connection

_COLUMNS = (
    "id, area, begins, offered_at, scenario_at, offered_by, note, page, digest, state, closed_at,"
    " closed_by, remark"
)


@dataclass(frozen=True, kw_only=True)
class Handover:
    """A row. Times are the wall's but `scenario_at`."""

    id: int
    area: str | None
    begins: datetime
    offered_at: datetime
    scenario_at: datetime | None
    offered_by: str
    note: str
    page: Mapping[str, Any]
    digest: str
    state: str
    closed_at: datetime | None
    closed_by: str | None
    remark: str


def insert(  # noqa: PLR0913  the columns
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
    """Its number. `begins` None: the first one, of all that was before."""
    row = connection.execute(
        "INSERT INTO handover (area, begins, offered_at, scenario_at, offered_by, note, page,"
        " digest) SELECT %s, COALESCE(%s, (SELECT created_at FROM instance)), %s,"
        " (SELECT max(heard_at) FROM worker WHERE (SELECT mode FROM instance) = 'exercise'),"
        " %s, %s, %s, %s RETURNING id",
        [area, begins, now, author, note, Jsonb(dict(page)), digest],
    ).fetchone()
    return int(row[0]) if row else 0


def close(  # noqa: PLR0913  the columns
    connection: Connection, number: int, state: str, *, author: str, remark: str, now: datetime
) -> bool:
    """False: it was no longer on offer."""
    done = connection.execute(
        "UPDATE handover SET state = %s, closed_at = %s, closed_by = %s, remark = %s"
        " WHERE id = %s AND state = 'offered'",
        [state, now, author, remark.strip(), number],
    )
    return done.rowcount == 1


def one(connection: Connection, number: int) -> Handover | None:
    """A hand-over by its number."""
    return _first(connection, "id = %s", [number])


def offered(connection: Connection, area: str | None) -> Handover | None:
    """The one that waits for its second signature."""
    return _first(connection, "state = 'offered' AND area IS NOT DISTINCT FROM %s", [area])


def latest(connection: Connection, area: str | None) -> Handover | None:
    """The last one that was taken."""
    return _first(connection, "state = 'taken' AND area IS NOT DISTINCT FROM %s", [area])


def listing(
    connection: Connection, *, before: int | None = None, limit: int = 100
) -> list[Handover]:
    """Hand-overs, the latest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM handover"  # noqa: S608  our own columns
        " WHERE (%(before)s::bigint IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s",
        {"before": before, "limit": limit},
    )
    return [_handover(row) for row in rows]


def _first(connection: Connection, where: str, values: list[Any]) -> Handover | None:
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM handover WHERE {where} ORDER BY id DESC LIMIT 1",  # noqa: S608
        values,
    ).fetchone()
    return None if row is None else _handover(row)


def _handover(row: tuple[Any, ...]) -> Handover:
    return Handover(**dict(zip(_COLUMNS.split(", "), row, strict=True)))
