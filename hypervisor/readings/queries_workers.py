"""Ingest workers: who is expected to be heard, how far each has listened, when it was deaf."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime

from hypervisor.base.instants import BEGINNING, micros, moment
from hypervisor.database import feed
from hypervisor.database.connect import Connection, StoreError
from hypervisor.database.locks import Lock, take


@dataclass(kw_only=True, slots=True)
class Tally:
    """What a worker did since it last said so.

    `rows`: readings stored; `repeated`: there already; `refused`: dead letters.
    """

    messages: int = 0
    rows: int = 0
    refused: int = 0
    batches: int = 0
    retries: int = 0
    repeated: int = 0


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A row of the table. `done`: what it did since it first joined."""

    name: str
    heard_at: datetime | None
    joined_at: datetime
    drained_at: datetime | None
    done: Tally = field(default_factory=Tally)


def claim(connection: Connection) -> bool:
    """Be the one process that stores what devices send, for as long as `connection` lives."""
    return take(connection, Lock.WORKER)


def find_silent_claim(connection: Connection, *, lease: float) -> int | None:
    """The server process of the claim's holder where that has done nothing for `lease` s.

    Its last statement and its last heartbeat are older then, and no statement is under way: who
    works off a long queue hears its heartbeat late. Live only: an exercise's clock may stand.
    """
    row = connection.execute(
        "SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE locktype = 'advisory' AND granted AND classid = 0 AND objsubid = 1"
        " AND objid = %(lock)s AND pg_locks.database ="
        "  (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND pg_stat_activity.state <> 'active'"
        " AND state_change < clock_timestamp() - %(lease)s * interval '1 second'"
        " AND (SELECT mode FROM instance) = 'live' AND NOT EXISTS (SELECT FROM worker"
        "  WHERE drained_at IS NULL AND coalesce(heard_at, joined_at)"
        "   > clock_timestamp() - %(lease)s * interval '1 second')",
        {"lock": Lock.WORKER.value, "lease": lease},
    ).fetchone()
    return None if row is None else int(row[0])


def end_claim(connection: Connection, process: int) -> None:
    """End the session of such a holder: its claim is free."""
    connection.execute("SELECT pg_terminate_backend(%s)", [process])


def take_over(connection: Connection, name: str) -> Worker:
    """Join as the one worker there is, and go on where the last one stood, whatever its name.

    The session at the broker is the same, and so is its queue.
    """
    ((heard,),) = connection.execute(
        "SELECT max(heard_at) FROM worker WHERE name <> %s AND drained_at IS NULL", [name]
    )
    joined = join(connection, name, heard)
    gone = connection.execute(
        "UPDATE worker SET drained_at = now() WHERE name <> %s AND drained_at IS NULL", [name]
    )
    if gone.rowcount:
        feed.append(connection, "registry")  # the watch: the lowest clock may be another's now
    return joined


def join(connection: Connection, name: str, heard: datetime | None = None) -> Worker:
    """Expect a worker to be heard from now on; in an exercise from its very beginning.

    `heard`: how far another has heard in its place. One that was sent away joins anew: what it
    heard before is over. Where nobody else is expected to be heard nobody listened until now: on
    its first day an instance accuses no gauge of silence.
    """
    unheard = _unheard_since(connection)
    row = connection.execute(
        "INSERT INTO worker AS w (name, heard_at, joined_at) VALUES (%s, %s, (SELECT CASE mode"
        " WHEN 'exercise' THEN to_timestamp(0) ELSE now() END FROM instance))"
        " ON CONFLICT (name) DO UPDATE SET drained_at = NULL,"
        " heard_at = CASE WHEN w.drained_at IS NULL THEN GREATEST(w.heard_at, EXCLUDED.heard_at)"
        " ELSE EXCLUDED.heard_at END,"
        " joined_at = CASE WHEN w.drained_at IS NULL THEN w.joined_at"
        " ELSE EXCLUDED.joined_at END"
        " RETURNING name, heard_at, joined_at, drained_at",
        [name, heard],
    ).fetchone()
    if row is None:
        raise StoreError(f"worker {name!r} could not join")
    if unheard is not None:
        record_gaps(connection, name, [(unheard, micros(row[2]))])
    return Worker(name=row[0], heard_at=row[1], joined_at=row[2], drained_at=row[3])


def _unheard_since(connection: Connection) -> int | None:
    """Since when no worker has listened (µs); None while one is expected, or in an exercise."""
    row = connection.execute(
        "SELECT max(drained_at) FROM worker HAVING count(*) = count(drained_at)"
        " AND (SELECT mode FROM instance) = 'live'"
    ).fetchone()
    if row is None:
        return None
    return BEGINNING if row[0] is None else micros(row[0])


def list_workers(connection: Connection) -> list[Worker]:
    counters = tuple(Tally.__dataclass_fields__)
    rows = connection.execute(
        "SELECT name, heard_at, joined_at, drained_at,"
        " messages, rows, refused, batches, retries, repeated FROM worker ORDER BY 1"
    )
    return [
        Worker(
            name=name,
            heard_at=heard,
            joined_at=joined,
            drained_at=drained,
            done=Tally(**dict(zip(counters, done, strict=True))),
        )
        for name, heard, joined, drained, *done in rows
    ]


def record_heartbeat(
    connection: Connection, name: str, clock: int, done: Tally | None = None
) -> None:
    """A heartbeat came round (µs), behind all that this transaction and those before it stored.

    `done` by the worker since the last one.
    """
    at = moment(clock)
    tally = astuple(done or Tally())
    connection.execute(
        "UPDATE worker SET heard_at = GREATEST(heard_at, %s), messages = messages + %s,"
        " rows = rows + %s, refused = refused + %s, batches = batches + %s,"
        " retries = retries + %s, repeated = repeated + %s WHERE name = %s",
        [at, *tally, name],
    )
    feed.append(connection, "heartbeat", worker=name, at=at)


def record_gaps(connection: Connection, name: str, spans: Sequence[tuple[int, int]]) -> None:
    """The worker was not listening in these spans (µs); one that began before goes on."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO deaf_span AS d (worker, from_at, to_at) VALUES (%s, %s, %s)"
            " ON CONFLICT (worker, from_at) DO UPDATE SET to_at ="
            " GREATEST(d.to_at, EXCLUDED.to_at)",
            [(name, moment(start), moment(end)) for start, end in spans],
        )
