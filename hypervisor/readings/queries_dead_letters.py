"""Dead letters: what ingest refused, with its bytes and its reason, and what became of it since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.base.instants import moment
from hypervisor.database.connect import Connection
from ingest.message import NewDeadLetter
from sensors._row import NEVER

_ADD = (
    "INSERT INTO dead_letter (topic, payload, reason, detail, received_at, worker)"
    " SELECT %(topic)s, %(payload)s, %(reason)s, %(detail)s, COALESCE(%(at)s, now()), %(worker)s"
)
# What the broker sends again we may have buried already.
_UNLESS_THERE = (
    " WHERE NOT EXISTS (SELECT FROM dead_letter WHERE topic = %(topic)s AND reason = %(reason)s"
    " AND md5(payload) = md5(%(payload)s) AND redriven_at IS NULL)"
)
_COLUMNS = "id, topic, payload, reason, detail, received_at, worker, redriven_at, outcome"


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A row of the table."""

    id: int
    topic: str
    payload: bytes
    reason: str
    detail: str
    received_at: datetime
    worker: str
    redriven_at: datetime | None
    outcome: str | None


def store_letters(
    connection: Connection, letters: Sequence[NewDeadLetter], worker: str, *, again: bool = False
) -> None:
    """Bury letters in the caller's transaction; one that may be there already only once.

    `again`: all of them may be there, since it is not known whether an earlier try succeeded.
    """
    with connection.cursor() as cursor:
        for doubtful in (False, True):
            some = [
                _row(letter, worker) for letter in letters if (letter.again or again) is doubtful
            ]
            if some:
                cursor.executemany(_ADD + (_UNLESS_THERE if doubtful else ""), some)


def _row(letter: NewDeadLetter, worker: str) -> dict[str, object]:
    return {
        "topic": letter.topic,
        "payload": letter.payload,
        "reason": letter.reason,
        "detail": letter.detail,
        "at": None if letter.received_at == NEVER else moment(letter.received_at),
        "worker": worker,
    }


_CHOSEN = (
    f"SELECT {_COLUMNS} FROM dead_letter"  # noqa: S608  our own columns
    " WHERE (%(reason)s::text IS NULL OR reason = %(reason)s)"
    " AND (%(topic)s::text IS NULL OR topic = %(topic)s)"
    " AND (NOT %(waiting)s OR redriven_at IS NULL)"
)


def list_oldest(  # noqa: PLR0913  each narrows the search
    connection: Connection,
    *,
    reason: str | None = None,
    topic: str | None = None,
    waiting: bool = True,
    after: int = 0,
    limit: int | None = 50,
) -> list[DeadLetter]:
    """Dead letters in the order they were buried, from the one behind `after` on."""
    rows = connection.execute(
        f"{_CHOSEN} AND id > %(after)s ORDER BY id LIMIT %(limit)s",
        {"after": after, "reason": reason, "topic": topic, "waiting": waiting, "limit": limit},
    )
    return [_letter(row) for row in rows]


def list_latest(  # noqa: PLR0913  each narrows the search
    connection: Connection,
    *,
    reason: str | None = None,
    topic: str | None = None,
    waiting: bool = True,
    before: int | None = None,
    limit: int,
) -> list[DeadLetter]:
    """Dead letters, the latest first, from the one buried before `before` on."""
    rows = connection.execute(
        f"{_CHOSEN} AND (%(before)s::bigint IS NULL OR id < %(before)s)"
        " ORDER BY id DESC LIMIT %(limit)s",
        {"reason": reason, "topic": topic, "waiting": waiting, "before": before, "limit": limit},
    )
    return [_letter(row) for row in rows]


def get_dead_letter(connection: Connection, number: int) -> DeadLetter | None:
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM dead_letter WHERE id = %s",  # noqa: S608  our own columns
        [number],
    ).fetchone()
    return None if row is None else _letter(row)


def _letter(row: Sequence[object]) -> DeadLetter:
    names = _COLUMNS.split(", ")
    return DeadLetter(**dict(zip(names, row, strict=True)))  # type: ignore[arg-type]


def count_by_reason(connection: Connection) -> list[tuple[str, int, int]]:
    """Each reason with how many wait and how many were redriven."""
    return connection.execute(
        "SELECT reason, count(*) FILTER (WHERE redriven_at IS NULL),"
        " count(*) FILTER (WHERE redriven_at IS NOT NULL)"
        " FROM dead_letter GROUP BY reason ORDER BY count(*) DESC, reason"
    ).fetchall()


def lock_letter(connection: Connection, number: int) -> bool:
    """Take a letter for redriving; False: somebody has redriven it meanwhile."""
    locked = connection.execute(
        "SELECT FROM dead_letter WHERE id = %s AND redriven_at IS NULL FOR UPDATE", [number]
    )
    return locked.fetchone() is not None


def record_outcome(connection: Connection, number: int, *, outcome: str, done: bool) -> None:
    """Say what became of a letter that was redriven; it waits on unless it is `done` with."""
    connection.execute(
        "UPDATE dead_letter SET redriven_at = CASE WHEN %s THEN now() END, outcome = %s"
        " WHERE id = %s",
        [done, outcome, number],
    )
