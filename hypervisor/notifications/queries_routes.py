"""SQL of the revisions of the routes file, and of the names that it may use."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from hypervisor.database.connect import Connection

_REVISIONS = "SELECT id, text, author, reason, recorded_at FROM notify_routes"


@dataclass(frozen=True, kw_only=True)
class RoutesRevision:
    """A revision of the routes file."""

    id: int
    text: str
    author: str
    reason: str
    recorded_at: datetime


def list_revisions(connection: Connection) -> list[RoutesRevision]:
    """All revisions of the routes file, latest last."""
    rows = connection.cursor(row_factory=class_row(RoutesRevision))
    return rows.execute(f"{_REVISIONS} ORDER BY id").fetchall()


def find_revision(connection: Connection, after: int) -> RoutesRevision | None:
    """The revision in force, if its number is above `after`."""
    rows = connection.cursor(row_factory=class_row(RoutesRevision))
    return rows.execute(f"{_REVISIONS} WHERE id > %s ORDER BY id DESC LIMIT 1", [after]).fetchone()


def lock(connection: Connection) -> None:
    """Let nobody else change the routes until the transaction's end."""
    connection.execute("LOCK TABLE notify_routes IN SHARE ROW EXCLUSIVE MODE")


def insert_revision(connection: Connection, text: str, *, author: str, reason: str) -> int:
    """Insert a revision; returns its number."""
    row = connection.execute(
        "INSERT INTO notify_routes (text, author, reason) VALUES (%s, %s, %s) RETURNING id",
        [text, author, reason],
    ).fetchone()
    return int(row[0]) if row else 0


def read_names(
    connection: Connection,
) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The names of areas (with codes), sites and rules."""
    rows = connection.execute(
        "SELECT 1, code FROM area UNION SELECT 1, name FROM area UNION SELECT 2, name FROM site"
        " UNION SELECT 3, key FROM revision WHERE kind = 'rule'"
    ).fetchall()
    areas, sites, rules = (
        frozenset(name for kind, name in rows if kind == part) for part in (1, 2, 3)
    )
    return areas, sites, rules


def read_names_around(
    connection: Connection, communes: Sequence[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Codes and names of these communes and of what contains them; the names of their sites."""
    rows = connection.execute(
        "WITH RECURSIVE up AS (SELECT code, name, parent FROM area WHERE code = ANY(%(communes)s)"
        " UNION SELECT area.code, area.name, area.parent FROM area JOIN up ON area.code ="
        " up.parent) SELECT true, code FROM up UNION SELECT true, name FROM up"
        " UNION SELECT false, name FROM site WHERE commune = ANY(%(communes)s)",
        {"communes": list(communes)},
    ).fetchall()
    areas, sites = (
        frozenset(name for is_area, name in rows if is_area is kind) for kind in (True, False)
    )
    return areas, sites
