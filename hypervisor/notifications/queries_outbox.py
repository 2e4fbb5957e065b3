"""SQL of the outbox: events written in the transaction of what they report."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from pydantic.dataclasses import dataclass as record

from hypervisor.base.instants import Micros, micros, moment
from hypervisor.database.connect import Connection

CHANNEL = "outbox"

_TAKEN = "(SELECT true FROM outbox WHERE key = %(key)s || ':' || {number} LIMIT 1) IS NOT NULL"
# Numbers are doubled until one is free, then the gap to the last that is taken is halved: an alarm
# may be revised thousands of times.
_NEXT_NUMBER = f"""
WITH RECURSIVE doubled (n, taken) AS (
    SELECT 1::bigint, {_TAKEN.format(number=1)}
    UNION ALL SELECT 2 * n, {_TAKEN.format(number="2 * n")} FROM doubled WHERE taken),
halved (used, free) AS (
    SELECT max(n) / 2, max(n) FROM doubled
    UNION ALL SELECT CASE WHEN taken THEN middle ELSE used END,
        CASE WHEN taken THEN free ELSE middle END
    FROM (SELECT used, free, middle, {_TAKEN.format(number="middle")} AS taken
        FROM (SELECT used, free, (used + free) / 2 AS middle FROM halved WHERE free - used > 1)
        AS half OFFSET 0) AS looked_up)
SELECT min(free) FROM halved
"""  # noqa: S608  constants

_ROW = "id, alarm, event, key, at, body, due, held"
_LISTED = (  # whatever stands in a body; `held`: why it waits or was given up
    "id, alarm, event, key, at, due, coalesce(held, reason) AS held,"
    " CASE jsonb_typeof(body) WHEN 'object' THEN body ELSE '{}' END AS body"
)


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event to notify.

    `at`: when it was noticed; `due`: when it may be sent (µs, the instance's clock; None: at once).
    A repeated `key` is ignored; with `numbered` it becomes `<key>:1`, `<key>:2`, …
    """

    alarm: int | None
    event: str
    at: int
    body: Mapping[str, Any]
    key: str
    numbered: bool = False
    due: int | None = None


@record(frozen=True, kw_only=True)
class Entry:
    """An event of the outbox, on the instance's clock. `held`: why it waits."""

    id: int
    alarm: int | None
    event: str
    key: str
    at: Micros
    body: Mapping[str, Any]
    due: Micros
    held: str | None


def put_events(connection: Connection, events: Iterable[Event]) -> int:
    """Insert events in the caller's transaction; returns how many were new (not in a pipeline)."""
    events = list(events)
    if not events:
        return 0
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO outbox (alarm, event, key, at, body, due)"  # noqa: S608  constants
            " VALUES (%(alarm)s::bigint, %(event)s, %(key)s || CASE WHEN %(numbered)s"
            f" THEN ':' || ({_NEXT_NUMBER}) ELSE '' END, %(at)s, %(body)s, %(due)s)"
            " ON CONFLICT (key) DO NOTHING",
            [
                {
                    "alarm": event.alarm,
                    "event": event.event,
                    "key": event.key,
                    "numbered": event.numbered,
                    "at": moment(event.at),
                    "body": Jsonb(dict(event.body)),
                    "due": moment(event.at if event.due is None else event.due),
                }
                for event in events
            ],
        )
        notify_workers(connection)
        return cursor.rowcount


def put_decided(connection: Connection, event: Event, *, outcome: str, reason: str) -> Entry | None:
    """Insert an event that needs no decision; None: it exists."""
    entry = (
        connection.cursor(row_factory=class_row(Entry))
        .execute(
            "INSERT INTO outbox (alarm, event, key, at, body, due, decided_at, outcome, reason)"  # noqa: S608  constants
            " VALUES (%s, %s, %s, %s, %s, %s, clock_timestamp(), %s, %s)"
            f" ON CONFLICT (key) DO NOTHING RETURNING {_ROW}",
            [
                *(event.alarm, event.event, event.key, moment(event.at), Jsonb(dict(event.body))),
                *(moment(event.at), outcome, reason),
            ],
        )
        .fetchone()
    )
    if entry is not None:
        notify_workers(connection)
    return entry


def list_due(connection: Connection, now: int, *, most: int) -> list[Entry]:
    """Undecided events that are due, oldest first."""
    return _list(connection, "decided_at IS NULL AND due <= %s", "id", [moment(now), most])


def list_due_numbers(connection: Connection, now: int, *, most: int) -> list[int]:
    """The numbers of undecided events that are due, oldest first."""
    rows = connection.execute(
        "SELECT id FROM outbox WHERE decided_at IS NULL AND due <= %s ORDER BY id LIMIT %s",
        [moment(now), most],
    )
    return [number for (number,) in rows]


def find_undecided(connection: Connection, number: int) -> list[Entry]:
    """The event of this number; none: it was decided."""
    return _list(connection, "decided_at IS NULL AND id = %s", "id", [number, 1])


def find_latest(connection: Connection, events: Collection[str]) -> Entry | None:
    """The latest of these events; None: there was none."""
    return next(iter(_list(connection, "event = ANY(%s)", "id DESC", [list(events), 1])), None)


def list_undecided(connection: Connection, limit: int) -> list[Entry]:
    """Undecided events, oldest first."""
    return _list(connection, "decided_at IS NULL", "id", [limit])


def list_unrouted(connection: Connection, limit: int) -> list[Entry]:
    """The latest events that no route matched, or that were given up; `held`: why."""
    return _list(connection, "outcome IN ('no route', 'failed')", "id DESC", [limit])


def _list(connection: Connection, which: str, order: str, values: list[Any]) -> list[Entry]:
    rows = connection.cursor(row_factory=class_row(Entry)).execute(
        f"SELECT {_LISTED} FROM outbox WHERE {which} ORDER BY {order} LIMIT %s",  # noqa: S608  constants
        values,
    )
    return rows.fetchall()


def hold_event(connection: Connection, number: int, *, until: int, why: str) -> None:
    """Hold an event until a time (µs, the instance's clock)."""
    connection.execute(
        "UPDATE outbox SET due = %s, held = %s WHERE id = %s", [moment(until), why, number]
    )


def extend_holds(connection: Connection, numbers: Collection[int], *, until: int) -> None:
    """Extend holds until a time (µs, the instance's clock); their reasons stay."""
    if numbers:
        connection.execute(
            "UPDATE outbox SET due = %s WHERE id = ANY(%s)", [moment(until), list(numbers)]
        )


def record_outcome(connection: Connection, number: int, *, outcome: str, reason: str) -> None:
    """Record the final decision on an event."""
    connection.execute(
        "UPDATE outbox SET decided_at = clock_timestamp(), outcome = %s, reason = %s, held = NULL"
        " WHERE id = %s AND decided_at IS NULL",
        [outcome, reason, number],
    )


def record_failure(
    connection: Connection, number: int, *, error: str, now: int, tries: int
) -> None:
    """Count a failed try; decide again after a growing wait, or give up after `tries`."""
    connection.execute(
        "UPDATE outbox SET failures = failures + 1,"
        " held = CASE WHEN failures + 1 < %(tries)s THEN %(error)s END,"
        " due = %(now)s + least(INTERVAL '10 minutes', INTERVAL '5 seconds' * 2 ^ failures),"
        " decided_at = CASE WHEN failures + 1 >= %(tries)s THEN clock_timestamp() END,"
        " outcome = CASE WHEN failures + 1 >= %(tries)s THEN 'failed' END,"
        " reason = CASE WHEN failures + 1 >= %(tries)s THEN %(error)s END"
        " WHERE id = %(number)s AND decided_at IS NULL",
        {"number": number, "error": error, "now": moment(now), "tries": tries},
    )


def count_failure(connection: Connection, number: int) -> None:
    """Count a failure of an event that was sent all the same, for `hypervisor doctor`."""
    connection.execute("UPDATE outbox SET failures = failures + 1 WHERE id = %s", [number])


def retry_failed(connection: Connection) -> int:
    """Have all events that were given up decided again; returns how many."""
    return connection.execute(
        "UPDATE outbox SET decided_at = NULL, outcome = NULL, reason = NULL, failures = 0"
        " WHERE outcome = 'failed'"
    ).rowcount


def read_clock(connection: Connection) -> int | None:
    """The instance's clock in µs: wall clock, or in an exercise the scenario's."""
    row = connection.execute(
        "SELECT CASE mode WHEN 'live' THEN clock_timestamp() ELSE greatest("
        " (SELECT max(heartbeat_at) FROM worker),"
        " (SELECT greatest(watermark, evaluated_to) FROM evaluation_progress()),"
        " (SELECT at FROM outbox ORDER BY id DESC LIMIT 1)) END FROM instance"
    ).fetchone()
    return None if row is None or row[0] is None else micros(row[0])


def notify_workers(connection: Connection) -> None:
    """Wake the notifiers when the transaction commits."""
    connection.execute(f"NOTIFY {CHANNEL}")


def drain_notifications(connection: Connection) -> None:
    """Discard received notifications."""
    for _ in connection.notifies(timeout=0):
        pass
