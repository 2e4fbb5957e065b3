"""The audit: who did what to the instance, when and why. Append-only; written with the act."""

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from hypervisor.database.connect import Connection
from sensors._errors import TerritoryError

_COLUMNS = "id, at, scenario_at, author, kind, subject, reason, details"


class ActError(TerritoryError):
    """An act on the data that cannot be done: says which, and what was expected."""


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


def record(  # noqa: PLR0913  what an audit has to say
    connection: Connection,
    *,
    kind: str,
    subject: str,
    reason: str,
    author: str = "",
    details: Mapping[str, Any] | None = None,
) -> int:
    """Record an act in the caller's transaction; its number. `author` empty: the account at work.

    Raises:
        ActError: no reason is given.
    """
    if not reason.strip():
        raise ActError(f"{kind} of {subject}: no reason is given; say why in a few words")
    row = connection.execute(
        "INSERT INTO audit (scenario_at, author, kind, subject, reason, details) VALUES ("
        "(SELECT max(heard_at) FROM worker WHERE (SELECT mode FROM instance) = 'exercise'),"
        " %s, %s, %s, %s, %s) RETURNING id",
        [author.strip() or whoever(), kind, subject, reason.strip(), Jsonb(dict(details or {}))],
    ).fetchone()
    return int(row[0]) if row else 0


def whoever() -> str:
    """The account at work, where nobody says who acts."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return "unknown"


def get_act(connection: Connection, number: int) -> Act | None:
    """One act by its number."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM audit WHERE id = %s",  # noqa: S608  our own columns
        [number],
    ).fetchone()
    return None if row is None else _act(row)


def listing(
    connection: Connection,
    *,
    since: datetime | None = None,
    kind: str | None = None,
    subject: str | None = None,
    limit: int | None = None,
) -> list[Act]:
    """Acts in the order they were done; with `limit` the latest so many."""
    rows = connection.execute(
        f"SELECT * FROM (SELECT {_COLUMNS} FROM audit"  # noqa: S608  our own columns
        " WHERE (%(since)s::timestamptz IS NULL OR at >= %(since)s)"
        " AND (%(kind)s::text IS NULL OR kind = %(kind)s)"
        " AND (%(subject)s::text IS NULL OR subject = %(subject)s)"
        " ORDER BY id DESC LIMIT %(limit)s) latest ORDER BY id",
        {"since": since, "kind": kind, "subject": subject, "limit": limit},
    )
    return [_act(row) for row in rows]


def page(  # noqa: PLR0913  one argument a filter
    connection: Connection,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    kind: str | None = None,
    subject: str | None = None,
    author: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[Act]:
    """Acts, the latest first, from the one done before `before` on."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM audit"  # noqa: S608  our own columns
        " WHERE (%(since)s::timestamptz IS NULL OR at >= %(since)s)"
        " AND (%(until)s::timestamptz IS NULL OR at < %(until)s)"
        " AND (%(kind)s::text IS NULL OR kind = %(kind)s)"
        " AND (%(subject)s::text IS NULL OR subject = %(subject)s)"
        " AND (%(author)s::text IS NULL OR author = %(author)s)"
        " AND (%(before)s::bigint IS NULL OR id < %(before)s)"
        " ORDER BY id DESC LIMIT %(limit)s",
        {
            "since": since,
            "until": until,
            "kind": kind,
            "subject": subject,
            "author": author,
            "before": before,
            "limit": limit,
        },
    )
    return [_act(row) for row in rows]


@dataclass(frozen=True, kw_only=True)
class Words:
    """By what acts can be looked for."""

    authors: tuple[str, ...]
    kinds: tuple[str, ...]


def words(connection: Connection) -> Words:
    """The authors and kinds that there are."""
    row = connection.execute(
        "SELECT ARRAY (SELECT DISTINCT author FROM audit ORDER BY 1),"
        " ARRAY (SELECT DISTINCT kind FROM audit ORDER BY 1)"
    ).fetchone()
    authors, kinds = row or ((), ())
    return Words(authors=tuple(authors), kinds=tuple(kinds))


def undone_by(connection: Connection, number: int) -> int | None:
    """The act that undid this one."""
    row = connection.execute(
        "SELECT id FROM audit WHERE details->>'undoes' = %s", [str(number)]
    ).fetchone()
    return None if row is None else int(row[0])


def _act(row: tuple[Any, ...]) -> Act:
    return Act(**dict(zip(_COLUMNS.split(", "), row, strict=True)))
