"""SQL of published messages: what is in force, what was sent, in the order of commit.

An exercise holds no `Actual` message (schema 0080), so that what asks for these alone can never
show one.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from hypervisor.database.connect import Connection, fetch
from hypervisor.publications.model import PublishedMessage, Status

_COLUMNS: LiteralString = (
    "m.id, m.publication, m.identifier, m.sender, m.kind, m.status, m.sent, m.expires, m.content,"
    " m.areas, m.communes, m.concerned"
)
_IN_FORCE: LiteralString = f"""
SELECT {_COLUMNS} FROM publication_message m
WHERE m.expires > %(now)s AND m.sent <= %(now)s AND m.kind <> 'Cancel' AND m.status = %(status)s
    AND (%(commune)s::text IS NULL OR %(commune)s = ANY (m.communes))
    AND NOT EXISTS (SELECT FROM publication_message l
        WHERE l.publication = m.publication AND l.id > m.id AND l.sent <= %(now)s)
ORDER BY m.id DESC
"""  # noqa: S608  constants
_MARK: LiteralString = """
SELECT count(*) AS count,
    coalesce(max(m.sent), (SELECT created_at FROM instance)) AS sent,
    coalesce(greatest(max(m.sent), max(m.expires) FILTER (WHERE m.expires <= %(now)s)),
             (SELECT created_at FROM instance)) AS changed
FROM publication_message m
WHERE m.status = %(status)s AND (%(commune)s::text IS NULL OR %(commune)s = ANY (m.concerned))
"""
_SENT: LiteralString = f"""
SELECT {_COLUMNS} FROM publication_message m
WHERE m.status = %(status)s AND m.id > %(after)s
    AND (%(commune)s::text IS NULL OR %(commune)s = ANY (m.concerned))
ORDER BY m.id LIMIT %(limit)s
"""  # noqa: S608  constants


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which messages. `commune`: an INSEE code."""

    commune: str | None = None
    status: Status = "Actual"


ACTUAL = Selection()


def list_published(
    connection: Connection,
    now: datetime,
    selection: Selection = ACTUAL,
) -> list[PublishedMessage]:
    """What is in force at a time: of each publication its last message, the latest first."""
    values = {"now": now, **asdict(selection)}
    return _read(connection, _IN_FORCE, values)


def list_sent(
    connection: Connection,
    after: int = 0,
    *,
    limit: int = 1_000,
    selection: Selection = ACTUAL,
) -> list[PublishedMessage]:
    """Messages behind a number, the oldest first: none commits later with a lower number.

    Of a commune also updates that no longer hold there. Followers are woken by the
    event log's channel (`database.events.CHANNEL`).
    """
    values = {"after": after, "limit": limit, **asdict(selection)}
    return _read(connection, _SENT, values)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How many messages there are, when the last one was sent, and when one came or expired."""

    count: int
    sent: datetime
    changed: datetime


def find_mark(
    connection: Connection,
    now: datetime,
    selection: Selection = ACTUAL,
) -> Mark:
    """What tells whether `list_published` and `list_sent` have changed."""
    values = {"now": now, **asdict(selection)}
    return fetch(connection, Mark, _MARK, values)[0]


def list_part(
    connection: Connection,
    first: int,
    count: int,
    selection: Selection = ACTUAL,
) -> list[PublishedMessage]:
    """`count` messages behind the first ones, the latest first; parts that are full stay so."""
    values = {"after": 0, "first": first, "limit": count, **asdict(selection)}
    messages = _read(connection, f"{_SENT} OFFSET %(first)s", values)
    return messages[::-1]


def list_of_publications(connection: Connection, numbers: Sequence[int]) -> list[PublishedMessage]:
    """All messages of these publications, the oldest first."""
    query: LiteralString = (
        f"SELECT {_COLUMNS} FROM publication_message m"  # noqa: S608  constants
        " WHERE m.publication = ANY (%(numbers)s) ORDER BY m.id"
    )
    return _read(connection, query, {"numbers": list(numbers)})


def find_message(connection: Connection, identifier: str) -> tuple[PublishedMessage, str] | None:
    """A message and its CAP document."""
    query: LiteralString = (
        f"SELECT {_COLUMNS}, m.xml FROM publication_message m WHERE m.identifier = %s"  # noqa: S608  constants
    )
    row = connection.cursor(row_factory=dict_row).execute(query, [identifier]).fetchone()
    return None if row is None else (PublishedMessage.model_validate(row), row["xml"])


def lock_messages(connection: Connection) -> None:
    """Lock publishing until the transaction's end: numbers commit in their order."""
    connection.execute("LOCK TABLE publication_message IN SHARE ROW EXCLUSIVE MODE")


def insert_message(connection: Connection, message: PublishedMessage, xml: str) -> int:
    """Store a message, whose `id` is given here; returns it. After `lock_messages`."""
    row = connection.execute(
        "INSERT INTO publication_message (publication, identifier, sender, kind, status, sent,"
        " expires, content, areas, communes, concerned, xml)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        [
            *(message.publication, message.identifier, message.sender, message.kind.value),
            *(message.status, message.sent, message.expires),
            Jsonb(message.content.model_dump(mode="json")),
            Jsonb([area.model_dump(mode="json") for area in message.areas]),
            *(list(message.communes), list(message.concerned), xml),
        ],
    ).fetchone()
    return int(row[0]) if row else 0


def _read(
    connection: Connection, query: LiteralString, values: dict[str, Any]
) -> list[PublishedMessage]:
    rows = connection.cursor(row_factory=dict_row).execute(query, values)
    return [PublishedMessage.model_validate(row) for row in rows]
