"""Ingest workers: how far each has listened, when it did not, and what arrived."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta

from hypervisor.base.instants import BEGINNING, micros, moment
from hypervisor.database import feed
from hypervisor.database.connect import Connection, fetch
from hypervisor.database.locks import Lock, take

_DAY = timedelta(days=1)

_ARRIVALS = """
SELECT time_bucket(%(step)s::interval, received_at, %(since)s::timestamptz) AS at,
       count(*) AS readings,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM received_at - time))::float
           AS median_s,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM received_at - time))::float
           AS most_s
FROM reading
WHERE received_at > %(since)s AND received_at <= %(until)s
  AND time > %(oldest)s AND time <= %(newest)s
GROUP BY at ORDER BY at
"""


@dataclass(kw_only=True, slots=True)
class Tally:
    """What a worker did since its last heartbeat.

    `rows`: readings stored; `repeated`: stored already; `refused`: dead letters.
    """

    messages: int = 0
    rows: int = 0
    refused: int = 0
    batches: int = 0
    retries: int = 0
    repeated: int = 0


@dataclass(frozen=True, kw_only=True)
class Worker:
    """An ingest worker. `drained_at`: since when it is no longer expected. `done`: in total."""

    name: str
    heartbeat_at: datetime | None
    joined_at: datetime
    drained_at: datetime | None
    done: Tally = field(default_factory=Tally)


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """Readings that arrived in a step from `at` on; seconds from measurement to arrival."""

    at: datetime
    readings: int
    median_s: float
    most_s: float  # the 95th percentile


def claim(connection: Connection) -> bool:
    """Be the one process that stores what devices send, for as long as `connection` lives."""
    return take(connection, Lock.WORKER)


def find_silent_claim(connection: Connection, *, lease: float) -> int | None:
    """The server process of a claim whose holder has done nothing for `lease` s.

    Both its last statement and its last heartbeat are older, and no statement is running: a worker
    with a long queue gets its heartbeat late. Live only: an exercise's clock may stand still.
    """
    row = connection.execute(
        "SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE locktype = 'advisory' AND granted AND classid = 0 AND objsubid = 1"
        " AND objid = %(lock)s AND pg_locks.database ="
        "  (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND pg_stat_activity.state <> 'active'"
        " AND state_change < clock_timestamp() - %(lease)s * interval '1 second'"
        " AND (SELECT mode FROM instance) = 'live' AND NOT EXISTS (SELECT FROM worker"
        "  WHERE drained_at IS NULL AND coalesce(heartbeat_at, joined_at)"
        "   > clock_timestamp() - %(lease)s * interval '1 second')",
        {"lock": Lock.WORKER.value, "lease": lease},
    ).fetchone()
    return None if row is None else int(row[0])


def end_claim(connection: Connection, process: int) -> None:
    """End the session of such a holder, which frees its claim."""
    connection.execute("SELECT pg_terminate_backend(%s)", [process])


def take_over(connection: Connection, name: str) -> Worker:
    """Join as the only worker, and continue where the last one stopped, whatever its name.

    Both use the same session at the broker, and so the same queue.
    """
    ((heard,),) = connection.execute(
        "SELECT max(heartbeat_at) FROM worker WHERE name <> %s AND drained_at IS NULL", [name]
    )
    joined = join(connection, name, heard)
    drained = connection.execute(
        "UPDATE worker SET drained_at = now() WHERE name <> %s AND drained_at IS NULL", [name]
    )
    if drained.rowcount:
        feed.append(connection, "registry")  # another worker may hold back the watermark now
    return joined


def join(connection: Connection, name: str, heard: datetime | None = None) -> Worker:
    """Expect a worker's heartbeats from now on; in an exercise from its beginning.

    `heard`: how far the worker before it has listened. A worker that was drained starts afresh.
    If no other worker is expected, the time until now is a gap: on its first day an instance
    takes no gauge for silent.
    """
    unheard = _find_unheard_since(connection)
    (worker,) = fetch(
        connection,
        Worker,
        "INSERT INTO worker AS w (name, heartbeat_at, joined_at) VALUES (%s, %s, (SELECT CASE mode"
        " WHEN 'exercise' THEN to_timestamp(0) ELSE now() END FROM instance))"
        " ON CONFLICT (name) DO UPDATE SET drained_at = NULL,"
        " heartbeat_at = CASE WHEN w.drained_at IS NULL"
        " THEN GREATEST(w.heartbeat_at, EXCLUDED.heartbeat_at) ELSE EXCLUDED.heartbeat_at END,"
        " joined_at = CASE WHEN w.drained_at IS NULL THEN w.joined_at"
        " ELSE EXCLUDED.joined_at END"
        " RETURNING name, heartbeat_at, joined_at, drained_at",
        [name, heard],
    )
    if unheard is not None:
        record_gaps(connection, name, [(unheard, micros(worker.joined_at))])
    return worker


def _find_unheard_since(connection: Connection) -> int | None:
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
        "SELECT name, heartbeat_at, joined_at, drained_at,"
        " messages, rows, refused, batches, retries, repeated FROM worker ORDER BY 1"
    )
    return [
        Worker(
            name=name,
            heartbeat_at=heard,
            joined_at=joined,
            drained_at=drained,
            done=Tally(**dict(zip(counters, done, strict=True))),
        )
        for name, heard, joined, drained, *done in rows
    ]


def record_heartbeat(
    connection: Connection, name: str, clock: int, done: Tally | None = None
) -> None:
    """Record a heartbeat (µs), sent after all that was stored up to here.

    `done` by the worker since the last one.
    """
    at = moment(clock)
    connection.execute(
        "UPDATE worker SET heartbeat_at = GREATEST(heartbeat_at, %s), messages = messages + %s,"
        " rows = rows + %s, refused = refused + %s, batches = batches + %s,"
        " retries = retries + %s, repeated = repeated + %s WHERE name = %s",
        [at, *astuple(done or Tally()), name],
    )
    feed.append(connection, "heartbeat", worker=name, at=at)


def record_gaps(connection: Connection, name: str, spans: Sequence[tuple[int, int]]) -> None:
    """Record spans (µs) in which the worker did not listen; a span of the same begin grows."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ingest_gap AS d (worker, from_at, to_at) VALUES (%s, %s, %s)"
            " ON CONFLICT (worker, from_at) DO UPDATE SET to_at ="
            " GREATEST(d.to_at, EXCLUDED.to_at)",
            [(name, moment(start), moment(end)) for start, end in spans],
        )


def list_arrivals(
    connection: Connection, *, since: datetime, until: datetime, step: timedelta
) -> list[Arrivals]:
    """By step from `since` on; steps without arrivals are absent.

    Readings that are older than a day before `since` are not counted: the chunks are not searched.
    """
    parameters = {"step": step, "since": since, "until": until}
    bounds = {"oldest": since - _DAY, "newest": until + _DAY}
    return fetch(connection, Arrivals, _ARRIVALS, parameters | bounds)
