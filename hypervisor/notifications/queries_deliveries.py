"""Messages on their way: one row a message and channel, claimed by one process at a time."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from hypervisor.base.instants import moment
from hypervisor.database import locks
from hypervisor.database.connect import Connection
from hypervisor.database.locks import Lock

_ALIVE = (  # each holds a lock of its own, (this, worker), as long as its process lives
    "SELECT objid::bigint::integer FROM pg_locks WHERE locktype = 'advisory'"  # noqa: S608  constants
    f" AND classid = {Lock.NOTIFIER:d} AND objsubid = 2"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)

Lane = tuple[str, str]  # route, channel


@dataclass(frozen=True, kw_only=True)
class New:
    """A message to be written. `told`: µs, the instance's clock."""

    outbox: int
    alarm: int | None
    route: str
    channel: str
    key: str
    message: Mapping[str, Any]
    active: bool
    told: int


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """A message in hand. `age`: seconds since it was written; `attempts` that failed before."""

    id: int
    route: str
    channel: str
    key: str
    message: Mapping[str, Any]
    attempts: int
    age: float


@dataclass(frozen=True, kw_only=True)
class DeliveryRow:
    """A delivery as people see it. Times of the wall."""

    id: int
    alarm: int | None
    event: str
    key: str
    route: str
    channel: str
    state: str
    attempts: int
    made_at: datetime
    next_try: datetime
    sent_at: datetime | None
    last_error: str | None
    title: str


def join(connection: Connection) -> int:
    """Become a worker for as long as the connection lives; its number."""
    while True:
        row = connection.execute(
            "SELECT n, pg_try_advisory_lock(%s, n) FROM"
            " (SELECT nextval('notify_worker')::integer AS n OFFSET 0) AS one",
            [Lock.NOTIFIER.value],
        ).fetchone()
        if row is not None and row[1]:
            return int(row[0])


def take_turn(connection: Connection) -> bool:
    """In a transaction: be the one that decides, until its end."""
    return locks.take_for_now(connection, Lock.DECIDING)


def add(connection: Connection, rows: Iterable[New]) -> None:
    """Write messages in the caller's transaction."""
    for new in rows:
        connection.execute(
            "INSERT INTO delivery (outbox, alarm, route, channel, key, message, active, told_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (key) DO NOTHING",
            [
                *(new.outbox, new.alarm, new.route, new.channel, new.key),
                *(Jsonb(dict(new.message)), new.active, moment(new.told)),
            ],
        )


def lanes(connection: Connection) -> list[Lane]:
    """The channels for which something is due."""
    rows = connection.execute(
        "SELECT DISTINCT route, channel FROM delivery"
        " WHERE state = 'waiting' AND next_try <= clock_timestamp() ORDER BY 1, 2"
    )
    return [(route, channel) for route, channel in rows]


def claim(connection: Connection, worker: int, lane: Lane, *, seconds: float) -> Parcel | None:
    """Take the next message of a channel in hand, for at most so long.

    One that a process took which is no more, or which hangs, is free again. Of one alarm a message
    waits for those before it.
    """
    row = connection.execute(
        "UPDATE delivery SET worker = %(worker)s,"  # noqa: S608  constants
        " lease = clock_timestamp() + %(seconds)s * interval '1 second' WHERE id = ("
        "  SELECT id FROM delivery d WHERE state = 'waiting' AND next_try <= clock_timestamp()"
        "  AND route = %(route)s AND channel = %(channel)s AND (worker IS NULL"
        f"   OR lease < clock_timestamp() OR worker NOT IN ({_ALIVE}))"
        "  AND NOT EXISTS (SELECT FROM delivery e WHERE e.state = 'waiting'"
        "   AND e.alarm = d.alarm AND e.route = d.route AND e.channel = d.channel AND e.id < d.id)"
        "  ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)"
        " RETURNING id, key, message, attempts,"
        " extract(epoch FROM clock_timestamp() - made_at)::float",
        {
            "worker": worker,
            "seconds": seconds,
            "route": lane[0],
            "channel": lane[1],
        },
    ).fetchone()
    if row is None:
        return None
    return Parcel(
        id=row[0],
        route=lane[0],
        channel=lane[1],
        key=row[1],
        message=row[2],
        attempts=row[3],
        age=row[4],
    )


def sent(connection: Connection, number: int) -> None:
    """It was taken by the other side."""
    connection.execute(
        "UPDATE delivery SET state = 'sent', sent_at = clock_timestamp(), worker = NULL,"
        " lease = NULL WHERE id = %s AND state = 'waiting'",
        [number],
    )


def failed(connection: Connection, number: int, *, error: str, wait: float) -> None:
    """It was not taken, or we cannot know: again after so many seconds."""
    connection.execute(
        "UPDATE delivery SET attempts = attempts + 1, last_error = %s, worker = NULL, lease = NULL,"
        " next_try = clock_timestamp() + %s * interval '1 second'"
        " WHERE id = %s AND state = 'waiting'",
        [error, wait, number],
    )


def bury(connection: Connection, number: int, *, error: str) -> None:
    """Given up: it is listed, and can be tried again by hand."""
    connection.execute(
        "UPDATE delivery SET state = 'dead', attempts = attempts + 1, last_error = %s,"
        " worker = NULL, lease = NULL WHERE id = %s AND state = 'waiting'",
        [error, number],
    )


def supersede(connection: Connection, route: str) -> None:
    """What still waits for a route, or is in hand, is out of date: an old sign of life is none."""
    connection.execute(
        "UPDATE delivery SET state = 'dropped', last_error = coalesce(last_error, 'superseded')"
        " WHERE route = %s AND state = 'waiting'",
        [route],
    )


def retry(connection: Connection, numbers: Sequence[int]) -> int:
    """Dead ones wait again, from now on; how many do. No numbers: all of them.

    One that was overtaken is dropped: a channel that was told the end must not be told the
    beginning afterwards.
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
        " made_at = clock_timestamp() WHERE state = 'dead' AND (%(none)s OR id = ANY(%(ids)s))",
        chosen,
    ).rowcount


def counts(connection: Connection) -> dict[str, int]:
    """How many wait and how many are dead."""
    rows = connection.execute(
        "SELECT state, count(*) FROM delivery WHERE state IN ('waiting', 'dead') GROUP BY 1"
    )
    return {"waiting": 0, "dead": 0, **dict(rows.fetchall())}


def workers(connection: Connection) -> list[int]:
    """The processes that notify, by their numbers."""
    return [row[0] for row in connection.execute(_ALIVE)]


_SHOWN = (
    "SELECT d.id, d.alarm, o.event, d.key, d.route, d.channel, d.state, d.attempts, d.made_at,"
    " d.next_try, d.sent_at, d.last_error, d.message->>'title'"
    " FROM delivery d JOIN outbox o ON o.id = d.outbox"
)


def of_event(connection: Connection, number: int) -> list[DeliveryRow]:
    """The deliveries of one event."""
    rows = connection.execute(f"{_SHOWN} WHERE o.id = %s ORDER BY d.id", [number])
    return [_row(row) for row in rows]


def listing(
    connection: Connection,
    *,
    states: Collection[str],
    alarm: int | None = None,
    limit: int = 100,
) -> list[DeliveryRow]:
    """The latest deliveries in some of the states, oldest first."""
    rows = connection.execute(
        f"SELECT * FROM ({_SHOWN} WHERE d.state = ANY(%(states)s)"  # noqa: S608  constants
        " AND (%(alarm)s::bigint IS NULL OR d.alarm = %(alarm)s)"
        " ORDER BY d.id DESC LIMIT %(limit)s) latest ORDER BY 1",
        {"states": list(states), "alarm": alarm, "limit": limit},
    )
    return [_row(row) for row in rows]


def _row(row: Sequence[Any]) -> DeliveryRow:
    return DeliveryRow(**dict(zip(DeliveryRow.__annotations__, row, strict=True)))
