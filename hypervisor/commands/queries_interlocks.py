"""SQL of interlocks: those of sites and devices, what waits to be sent, overrides."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row

from hypervisor.commands.queries import NOW
from hypervisor.database.connect import Connection


@dataclass(frozen=True, kw_only=True)
class OwnInterlock:
    """A row of the table: of a device, or of all at a site. `condition` None: withdrawn."""

    id: int
    site: str
    device: str | None
    kind: str
    choice: str
    condition: str | None
    place: str
    effective: datetime
    author: str
    reason: str
    recorded_at: datetime


@dataclass(frozen=True, kw_only=True)
class WaitingCommand:
    """A queued command as its interlocks see it. `overridden`: an administrator lets it pass.

    `by_rule`: no person has ordered it.
    """

    id: UUID
    kind: str
    parameters: Mapping[str, Any]
    device: str
    site: str
    domain: str
    overridden: bool
    by_rule: bool


_OWN: LiteralString = (
    "SELECT i.id, s.name AS site, d.name AS device, i.kind, i.choice, i.condition,"
    " p.name AS place, i.effective, i.author, i.reason, i.recorded_at FROM interlock i"
    " JOIN site s ON s.id = i.site JOIN site p ON p.id = i.place"
    " LEFT JOIN device d ON d.id = i.device "
)
# Of what the sender may send next; those that another one holds are left out there, too.
_WAITING = f"""
SELECT c.id, c.kind, c.parameters, d.name AS device, s.name AS site, s.domain,
    EXISTS (SELECT FROM command_override o WHERE o.command = c.id) AS overridden,
    starts_with(c.author, 'rule/') AS by_rule
FROM command c JOIN device d ON d.id = c.device JOIN site s ON s.id = c.site
WHERE c.state = 'queued' AND c.due_at IS NOT NULL AND c.valid_until > {NOW}
    AND c.kind = ANY (%s)
"""  # noqa: S608  a constant


def list_in_force(connection: Connection) -> list[OwnInterlock]:
    """Of each owner, kind and choice the one that is in effect now; withdrawn ones left out."""
    query: LiteralString = (
        f"SELECT * FROM (SELECT DISTINCT ON (i.site, i.device, i.kind, i.choice)"  # noqa: S608  a constant
        f" i.id AS number FROM interlock i WHERE i.effective <= {NOW}"
        " ORDER BY i.site, i.device, i.kind, i.choice, i.effective DESC, i.id DESC) latest"
        f" JOIN ({_OWN}) own ON own.id = latest.number"
        " WHERE condition IS NOT NULL ORDER BY kind, site, device NULLS FIRST, choice"
    )
    rows = connection.execute(query)
    return [OwnInterlock(**dict(zip(_NAMES, row[1:], strict=True))) for row in rows]


_NAMES = tuple(OwnInterlock.__dataclass_fields__)


def lock(connection: Connection) -> None:
    """Let no other transaction change interlocks until this one ends."""
    connection.execute("LOCK TABLE interlock IN SHARE ROW EXCLUSIVE MODE")


def read_last(
    connection: Connection, owner: tuple[str, str | None] | None = None, kind: str = ""
) -> int:
    """The number of the last decision, of a (site, device) and kind or of all; 0: there is none."""
    site, device = owner or (None, None)
    row = connection.execute(
        "SELECT coalesce(max(i.id), 0) FROM interlock i JOIN site s ON s.id = i.site"
        " LEFT JOIN device d ON d.id = i.device WHERE %(site)s::text IS NULL OR s.name = %(site)s"
        " AND d.name IS NOT DISTINCT FROM %(device)s AND i.kind = %(kind)s",
        {"site": site, "device": device, "kind": kind},
    ).fetchone()
    return int(row[0]) if row else 0


def insert(  # noqa: PLR0913  the columns
    connection: Connection,
    *,
    site: str,
    device: str | None,
    kind: str,
    choice: str,
    condition: str | None,
    place: str,
    effective: datetime,
    author: str,
    reason: str,
) -> None:
    """Record an interlock, or with a condition None its end."""
    connection.execute(
        "INSERT INTO interlock (site, device, kind, choice, condition, place, effective, author,"
        " reason) SELECT s.id, (SELECT id FROM device WHERE name = %s), %s, %s, %s, p.id, %s, %s,"
        " %s FROM site s, site p WHERE s.name = %s AND p.name = %s",
        [device, kind, choice, condition, effective, author, reason, site, place],
    )


def list_waiting(connection: Connection, kinds: Collection[str]) -> list[WaitingCommand]:
    """The queued commands of these kinds."""
    with connection.cursor(row_factory=class_row(WaitingCommand)) as cursor:
        return cursor.execute(_WAITING, [sorted(kinds)]).fetchall()


def insert_overrides(
    connection: Connection, commands: Collection[UUID], *, author: str, reason: str
) -> None:
    """Let these commands pass."""
    connection.execute(
        "INSERT INTO command_override SELECT id, %s, %s FROM unnest(%s::uuid[]) id"
        " ON CONFLICT DO NOTHING",
        [author, reason, list(commands)],
    )


def find_last_event(connection: Connection, site: str) -> tuple[datetime, datetime] | None:
    """When the last alarm of a hazard there began and ended (or now)."""
    row: tuple[datetime, datetime] | None = connection.execute(
        f"SELECT a.began, coalesce(a.ended, {NOW}) FROM alarm a JOIN site s ON s.id = a.site"  # noqa: S608  a constant
        " WHERE s.name = %s AND a.category = 'hazard' AND a.withdrawn IS NULL"
        " AND a.source IS NULL ORDER BY a.began DESC LIMIT 1",
        [site],
    ).fetchone()
    return row
