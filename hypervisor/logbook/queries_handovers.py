"""SQL of hand-overs, and of what changed during a shift."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hypervisor.database.connect import Connection
from hypervisor.database.instance import SCENARIO_CLOCK
from hypervisor.logbook.model import Handover

_COLUMNS = (
    "id, area, begins, offered_at, scenario_at, offered_by, note, page, digest, state, closed_at,"
    " closed_by, remark"
)


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A revision of a rule or a threshold. `value` None: withdrawn."""

    kind: str
    key: str
    site_title: str | None
    value: dict[str, Any] | None
    before: dict[str, Any] | None
    author: str
    reason: str
    recorded_at: datetime


@dataclass(frozen=True, kw_only=True)
class OutOfServiceDevice:
    """A device out of service since a time, by whom and why."""

    device: str
    site: str
    site_title: str
    since: datetime
    author: str
    reason: str


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
        "INSERT INTO handover (area, begins, offered_at, scenario_at, offered_by, note, page,"  # noqa: S608  a constant
        " digest) SELECT %s, COALESCE(%s, (SELECT created_at FROM instance)), %s,"
        f" {SCENARIO_CLOCK}, %s, %s, %s, %s RETURNING id",
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
    return _find_latest(connection, "id = %s", number)


def find_offered(connection: Connection, area: str | None) -> Handover | None:
    """The hand-over awaiting its second signature."""
    return _find_latest(connection, "state = 'offered' AND area IS NOT DISTINCT FROM %s", area)


def find_latest(connection: Connection, area: str | None) -> Handover | None:
    """The last hand-over taken."""
    return _find_latest(connection, "state = 'taken' AND area IS NOT DISTINCT FROM %s", area)


def _find_latest(connection: Connection, where: str, value: str | int | None) -> Handover | None:
    sql = f"SELECT {_COLUMNS} FROM handover WHERE {where} ORDER BY id DESC LIMIT 1"  # noqa: S608  a constant
    return connection.cursor(row_factory=class_row(Handover)).execute(sql, [value]).fetchone()


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


def list_edits(connection: Connection, since: datetime) -> list[Edit]:
    """Changes of rules and thresholds since a time (wall clock), oldest first."""
    rows = connection.cursor(row_factory=class_row(Edit)).execute(
        "SELECT r.kind, r.key, site.title AS site_title, r.value, p.value AS before, r.author,"
        " r.reason, r.recorded_at FROM revision r JOIN revision p ON p.id = r.previous"
        " LEFT JOIN site ON r.kind = 'threshold' AND site.name = split_part(r.key, '/', 1)"
        " WHERE r.kind IN ('rule', 'threshold') AND r.recorded_at >= %s ORDER BY r.id",
        [since],
    )
    return rows.fetchall()


def list_out_of_service(connection: Connection, at: datetime) -> list[OutOfServiceDevice]:
    """Devices out of service at a time (the instance's clock)."""
    rows = connection.cursor(row_factory=class_row(OutOfServiceDevice)).execute(
        "SELECT d.name AS device, site.name AS site, site.title AS site_title,"
        " r.effective AS since, r.author, r.reason FROM ("
        " SELECT DISTINCT ON (key) key, value, effective, author, reason FROM revision"
        " WHERE kind = 'device' AND effective <= %s ORDER BY key, effective DESC, id DESC) r"
        " JOIN device d ON d.name = r.key JOIN site ON site.id = d.site"
        " WHERE r.value->>'in_service' = 'false' AND (d.retired IS NULL OR d.retired > %s)"
        " ORDER BY site.title, d.name",
        [at, at],
    )
    return rows.fetchall()
