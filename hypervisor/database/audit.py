"""The audit: who did what to the instance, when and why; append-only, written with the act."""

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hypervisor.database.connect import Connection
from hypervisor.database.instance import SCENARIO_CLOCK
from sensors._errors import TerritoryError

_COLUMNS = "id, at, scenario_at, author, kind, subject, reason, details"


class ActError(TerritoryError):
    """An act that cannot be done: says which, and what was expected."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """A row of the table. `scenario_at`: where the scenario stood, in an exercise."""

    id: int
    at: datetime
    scenario_at: datetime | None
    author: str
    kind: str
    subject: str
    reason: str
    details: Mapping[str, Any]


def record(  # noqa: PLR0913  one argument a column
    connection: Connection,
    *,
    kind: str,
    subject: str,
    reason: str,
    author: str = "",
    details: Mapping[str, Any] | None = None,
) -> int:
    """Record an act in the caller's transaction; its number. `author` empty: the machine's user.

    Raises ActError: no reason is given.
    """
    if not reason.strip():
        raise ActError(
            "{kind} of {subject}: no reason is given; say why in a few words", kind, subject
        )
    row = connection.execute(
        "INSERT INTO audit (scenario_at, author, kind, subject, reason, details)"  # noqa: S608  a constant
        f" VALUES ({SCENARIO_CLOCK}, %s, %s, %s, %s, %s) RETURNING id",
        [
            *(author.strip() or current_user(), kind, subject, reason.strip()),
            Jsonb(dict(details or {})),
        ],
    ).fetchone()
    return int(row[0]) if row else 0


def current_user() -> str:
    """The machine's user, where no author is given."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return "unknown"


def get_act(connection: Connection, number: int) -> Act | None:
    """One act by its number."""
    query = f"SELECT {_COLUMNS} FROM audit WHERE id = %s"  # noqa: S608  constants
    with connection.cursor(row_factory=class_row(Act)) as cursor:
        return cursor.execute(query, [number]).fetchone()


def list_acts(  # noqa: PLR0913  one argument a filter
    connection: Connection,
    *,
    since: datetime | None = None,
    kind: str | None = None,
    subject: str | None = None,
    author: str | None = None,
    limit: int | None = None,
) -> list[Act]:
    """Acts in the order they were done; `limit`: only the latest."""
    acts = list_latest(
        connection, since=since, kind=kind, subject=subject, author=author, limit=limit
    )
    return acts[::-1]


def list_latest(  # noqa: PLR0913  one argument a filter
    connection: Connection,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    kind: str | None = None,
    subject: str | None = None,
    author: str | None = None,
    before: int | None = None,
    limit: int | None,
) -> list[Act]:
    """Acts, the latest first; `before`: only those with a lower number."""
    filters = {
        "at >= %s::timestamptz": since,
        "at < %s::timestamptz": until,
        "kind = %s": kind,
        "subject = %s": subject,
        "author = %s": author,
        "id < %s::bigint": before,
    }
    given = {condition: value for condition, value in filters.items() if value is not None}
    where = " AND ".join(given) or "true"
    query = f"SELECT {_COLUMNS} FROM audit WHERE {where} ORDER BY id DESC LIMIT %s"  # noqa: S608  constants
    with connection.cursor(row_factory=class_row(Act)) as cursor:
        return cursor.execute(query.encode(), [*given.values(), limit]).fetchall()


@dataclass(frozen=True, kw_only=True)
class AuditFilters:
    """The authors and kinds of all acts."""

    authors: list[str]
    kinds: list[str]


def list_filters(connection: Connection) -> AuditFilters:
    """What acts can be filtered by."""
    with connection.cursor(row_factory=class_row(AuditFilters)) as cursor:
        return cursor.execute(
            "SELECT ARRAY (SELECT DISTINCT author FROM audit ORDER BY 1) AS authors,"
            " ARRAY (SELECT DISTINCT kind FROM audit ORDER BY 1) AS kinds"
        ).fetchall()[0]


def find_undoing(connection: Connection, number: int) -> int | None:
    """The number of the act that undid this one."""
    row = connection.execute(
        "SELECT id FROM audit WHERE details->>'undoes' = %s", [str(number)]
    ).fetchone()
    return None if row is None else int(row[0])
