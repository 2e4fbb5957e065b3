"""Dead letters: what ingest refused, with its bytes and its reason, and whether it was replayed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.base.instants import moment
from hypervisor.database.connect import Connection, fetch
from ingest.message import NewDeadLetter
from sensors._row import NEVER

_ADD = (
    "INSERT INTO dead_letter (topic, payload, reason, detail, received_at, worker)"
    " SELECT %(topic)s, %(payload)s, %(reason)s, %(detail)s, COALESCE(%(at)s, now()), %(worker)s"
)
# What the broker sends again may be stored already.
_UNLESS_THERE = (
    " WHERE NOT EXISTS (SELECT FROM dead_letter WHERE topic = %(topic)s AND reason = %(reason)s"
    " AND md5(payload) = md5(%(payload)s) AND replayed_at IS NULL)"
)
_SELECT = (
    "SELECT id, topic, payload, reason, detail, received_at, worker, replayed_at,"
    " outcome FROM dead_letter"
)
_REASONS = """
SELECT reason, count(*) FILTER (WHERE replayed_at IS NULL) AS waiting,
       count(*) FILTER (WHERE replayed_at IS NOT NULL) AS replayed,
       count(*) FILTER (WHERE replayed_at IS NULL AND received_at > %(since)s::timestamptz)
           AS lately,
       max(received_at) AS last,
       count(DISTINCT topic) FILTER (WHERE replayed_at IS NULL) AS topics,
       count(*) FILTER (WHERE replayed_at IS NULL AND outcome IS NOT NULL) AS failed
FROM dead_letter GROUP BY reason ORDER BY waiting DESC, last DESC
"""


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A message, or part of one, that was refused. `replayed_at` None: it waits."""

    id: int
    topic: str
    payload: bytes
    reason: str
    detail: str
    received_at: datetime
    worker: str
    replayed_at: datetime | None
    outcome: str | None

    @property
    def size(self) -> int:
        return len(self.payload)


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """The letters of one reason. `lately`: waiting since a time; `failed`: replayed in vain."""

    reason: str
    waiting: int
    replayed: int
    lately: int
    last: datetime
    topics: int
    failed: int


def store_letters(
    connection: Connection, letters: Sequence[NewDeadLetter], worker: str, *, again: bool = False
) -> None:
    """Store letters in the caller's transaction; one that may be stored already only once.

    `again`: all of them may be, since it is unknown whether an earlier try succeeded.
    """
    with connection.cursor() as cursor:
        for doubtful in (False, True):
            rows = [
                {
                    "topic": letter.topic,
                    "payload": letter.payload,
                    "reason": letter.reason,
                    "detail": letter.detail,
                    "at": None if letter.received_at == NEVER else moment(letter.received_at),
                    "worker": worker,
                }
                for letter in letters
                if (letter.again or again) is doubtful
            ]
            if rows:
                cursor.executemany(_ADD + (_UNLESS_THERE if doubtful else ""), rows)


def list_letters(  # noqa: PLR0913  one argument a filter
    connection: Connection,
    *,
    reason: str | None = None,
    topic: str | None = None,
    waiting: bool = True,
    after: int = 0,
    before: int | None = None,
    newest_first: bool = False,
    limit: int | None = 50,
) -> list[DeadLetter]:
    """Letters by id, between the ids `after` and `before`; `waiting`: without accepted ones."""
    return fetch(
        connection,
        DeadLetter,
        f"{_SELECT} WHERE (%(reason)s::text IS NULL OR reason = %(reason)s)"
        " AND (%(topic)s::text IS NULL OR topic = %(topic)s)"
        " AND (NOT %(waiting)s OR replayed_at IS NULL)"
        " AND id > %(after)s AND (%(before)s::bigint IS NULL OR id < %(before)s)"
        f" ORDER BY id {'DESC' if newest_first else 'ASC'} LIMIT %(limit)s",
        {
            "reason": reason,
            "topic": topic,
            "waiting": waiting,
            "after": after,
            "before": before,
            "limit": limit,
        },
    )


def get_dead_letter(connection: Connection, number: int) -> DeadLetter | None:
    letters = fetch(connection, DeadLetter, f"{_SELECT} WHERE id = %s", [number])
    return letters[0] if letters else None


def count_by_reason(connection: Connection, *, since: datetime | None = None) -> list[Refusals]:
    """Letters by reason, the most waiting first; `since`: from when on they count as `lately`."""
    return fetch(connection, Refusals, _REASONS, {"since": since})


def lock_letter(connection: Connection, number: int) -> bool:
    """Lock a letter for replay; False: it has been replayed meanwhile."""
    locked = connection.execute(
        "SELECT FROM dead_letter WHERE id = %s AND replayed_at IS NULL FOR UPDATE", [number]
    )
    return locked.fetchone() is not None


def record_outcome(connection: Connection, number: int, *, outcome: str, done: bool) -> None:
    """Record what became of a replayed letter; it waits until it is `done`."""
    connection.execute(
        "UPDATE dead_letter SET replayed_at = CASE WHEN %s THEN now() END, outcome = %s"
        " WHERE id = %s",
        [done, outcome, number],
    )
