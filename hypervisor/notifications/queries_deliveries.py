"""SQL of deliveries: one row per message and channel, claimed by one process at a time."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hypervisor.base.instants import moment
from hypervisor.database import locks
from hypervisor.database.connect import Connection
from hypervisor.database.locks import Lock

_ALIVE = (  # each process holds a lock (this, worker) while it lives
    "SELECT objid::bigint::integer FROM pg_locks WHERE locktype = 'advisory'"  # noqa: S608  constants
    f" AND classid = {Lock.NOTIFIER:d} AND objsubid = 2"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)

_HOLDS_UP = 4  # tries in which a delivery holds up those of a later alarm: half a minute

STATES = ("waiting", "sent", "dead", "dropped")

Lane = tuple[str, str]  # route, channel


@dataclass(frozen=True, kw_only=True)
class NewDelivery:
    """A delivery to insert. `notified_at`: µs, the instance's clock.

    `sequence`: deliveries of one sequence leave a channel in order; None: at once.
    """

    outbox: int
    alarm: int | None
    sequence: str | None
    route: str
    channel: str
    key: str
    message: Mapping[str, Any]
    active: bool
    notified_at: int


@dataclass(frozen=True, kw_only=True)
class ClaimedDelivery:
    """A claimed delivery. `age`: seconds since it was written; `attempts`: failed so far.

    `deaths`: processes in a row that died, or hung, while they sent it.
    """

    id: int
    route: str
    channel: str
    key: str
    message: Mapping[str, Any]
    attempts: int
    age: float
    deaths: int = 0


@dataclass(frozen=True, kw_only=True)
class DeliveryRow:
    """A delivery of a list. Times: wall clock."""

    id: int
    alarm: int | None
    event: str
    key: str
    route: str
    channel: str
    state: str
    attempts: int
    created_at: datetime
    next_try: datetime
    sent_at: datetime | None
    last_error: str | None
    title: str


def register_worker(connection: Connection) -> int:
    """Register as a worker while the connection lives; returns its number."""
    while True:
        row = connection.execute(
            "SELECT n, pg_try_advisory_lock(%s, n) FROM"
            " (SELECT nextval('notify_worker')::integer AS n OFFSET 0) AS one",
            [Lock.NOTIFIER.value],
        ).fetchone()
        if row is not None and row[1]:
            return int(row[0])


def lock_decisions(connection: Connection) -> bool:
    """Try to become the deciding process until the end of the transaction."""
    return locks.take_in_transaction(connection, Lock.DECIDING)


def insert_deliveries(connection: Connection, rows: Iterable[NewDelivery]) -> None:
    """Insert deliveries in the caller's transaction."""
    for new in rows:
        connection.execute(
            "INSERT INTO delivery (outbox, alarm, sequence, route, channel, key, message, active,"
            " notified_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (key) DO NOTHING",
            [
                *(new.outbox, new.alarm, new.sequence, new.route, new.channel, new.key),
                *(Jsonb(dict(new.message)), new.active, moment(new.notified_at)),
            ],
        )


def list_due_lanes(connection: Connection) -> list[Lane]:
    """The lanes with a due delivery."""
    rows = connection.execute(
        "SELECT DISTINCT route, channel FROM delivery"
        " WHERE state = 'waiting' AND next_try <= clock_timestamp() ORDER BY 1, 2"
    )
    return [(route, channel) for route, channel in rows]


def claim_next(
    connection: Connection, worker: int, lane: Lane, *, seconds: float
) -> ClaimedDelivery | None:
    """Claim the next delivery of a lane for `seconds`.

    Deliveries of dead or hanging processes are free again. Within a sequence the order is kept,
    unless one of an earlier alarm fails again and again: it must not hold up the next alarm. Those
    that failed least come first, so that a bad one takes no other's turn.
    """
    cursor = connection.cursor(row_factory=class_row(ClaimedDelivery)).execute(
        "UPDATE delivery SET worker = %(worker)s,"  # noqa: S608  constants
        " deaths = CASE WHEN worker IS NULL THEN 0 ELSE deaths + 1 END,"
        " lease = clock_timestamp() + %(seconds)s * interval '1 second' WHERE id = ("
        "  SELECT id FROM delivery d WHERE state = 'waiting' AND next_try <= clock_timestamp()"
        "  AND route = %(route)s AND channel = %(channel)s AND (worker IS NULL"
        f"   OR lease < clock_timestamp() OR worker NOT IN ({_ALIVE}))"
        "  AND NOT EXISTS (SELECT FROM delivery e WHERE e.state = 'waiting'"
        "   AND e.sequence = d.sequence AND e.route = d.route AND e.channel = d.channel"
        "   AND e.id < d.id AND (e.alarm IS NOT DISTINCT FROM d.alarm OR e.attempts < %(tries)s))"
        "  ORDER BY attempts, id LIMIT 1 FOR UPDATE SKIP LOCKED)"
        " RETURNING id, route, channel, key, message, attempts, deaths,"
        " extract(epoch FROM clock_timestamp() - created_at)::float AS age",
        {
            "worker": worker,
            "seconds": seconds,
            "tries": _HOLDS_UP,
            "route": lane[0],
            "channel": lane[1],
        },
    )
    return cursor.fetchone()


def mark_sent(connection: Connection, number: int) -> None:
    """Record a success."""
    connection.execute(
        "UPDATE delivery SET state = 'sent', sent_at = clock_timestamp(), worker = NULL,"
        " lease = NULL WHERE id = %s AND state = 'waiting'",
        [number],
    )


def mark_failed(connection: Connection, number: int, *, error: str, wait: float) -> None:
    """Record a failure; retry after `wait` seconds."""
    connection.execute(
        "UPDATE delivery SET attempts = attempts + 1, last_error = %s, worker = NULL, lease = NULL,"
        " next_try = clock_timestamp() + %s * interval '1 second'"
        " WHERE id = %s AND state = 'waiting'",
        [error, wait, number],
    )


def mark_dead(connection: Connection, number: int, *, error: str) -> None:
    """Give up: listed, and retried by hand only."""
    connection.execute(
        "UPDATE delivery SET state = 'dead', attempts = attempts + 1, last_error = %s,"
        " worker = NULL, lease = NULL WHERE id = %s AND state = 'waiting'",
        [error, number],
    )


def drop_waiting(connection: Connection, route: str) -> None:
    """Drop the waiting deliveries of a route: an old heartbeat is worthless."""
    connection.execute(
        "UPDATE delivery SET state = 'dropped', last_error = coalesce(last_error, 'superseded')"
        " WHERE route = %s AND state = 'waiting'",
        [route],
    )


def retry_dead(connection: Connection, numbers: Sequence[int]) -> int:
    """Requeue dead deliveries; returns how many. No numbers: all of them.

    One overtaken by a later delivery of its alarm is dropped instead.
    """
    chosen = {"none": not numbers, "ids": list(numbers)}
    connection.execute(
        "UPDATE delivery d SET state = 'dropped', last_error = 'a later one of its alarm was sent'"
        " WHERE state = 'dead' AND (%(none)s OR id = ANY(%(ids)s)) AND EXISTS (SELECT"
        "  FROM delivery e WHERE e.state = 'sent' AND e.alarm = d.alarm AND e.route = d.route"
        "  AND e.channel = d.channel AND e.id > d.id)",
        chosen,
    )
    return connection.execute(
        "UPDATE delivery SET state = 'waiting', attempts = 0, next_try = clock_timestamp(),"
        " created_at = clock_timestamp() WHERE state = 'dead' AND (%(none)s OR id = ANY(%(ids)s))",
        chosen,
    ).rowcount


def count_by_state(connection: Connection) -> dict[str, int]:
    """The number of waiting and of dead deliveries."""
    rows = connection.execute(
        "SELECT state, count(*) FROM delivery WHERE state IN ('waiting', 'dead') GROUP BY 1"
    )
    return {"waiting": 0, "dead": 0, **dict(rows.fetchall())}


def list_workers(connection: Connection) -> list[int]:
    """The numbers of running notifiers."""
    return [row[0] for row in connection.execute(_ALIVE)]


_SELECT = (
    "SELECT d.id, d.alarm, o.event, d.key, d.route, d.channel, d.state, d.attempts, d.created_at,"
    " d.next_try, d.sent_at, d.last_error, d.message->>'title' AS title"
    " FROM delivery d JOIN outbox o ON o.id = d.outbox"
)


def list_by_event(connection: Connection, number: int) -> list[DeliveryRow]:
    """The deliveries of an event."""
    rows = connection.cursor(row_factory=class_row(DeliveryRow)).execute(
        f"{_SELECT} WHERE o.id = %s ORDER BY d.id", [number]
    )
    return rows.fetchall()


def list_deliveries(
    connection: Connection,
    *,
    states: Collection[str] = STATES,
    alarm: int | None = None,
    limit: int = 100,
) -> list[DeliveryRow]:
    """The latest deliveries in these states, oldest first."""
    rows = connection.cursor(row_factory=class_row(DeliveryRow)).execute(
        f"SELECT * FROM ({_SELECT} WHERE d.state = ANY(%(states)s)"  # noqa: S608  constants
        " AND (%(alarm)s::bigint IS NULL OR d.alarm = %(alarm)s)"
        " ORDER BY d.id DESC LIMIT %(limit)s) latest ORDER BY 1",
        {"states": list(states), "alarm": alarm, "limit": limit},
    )
    return rows.fetchall()
