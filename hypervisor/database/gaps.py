"""The ledger of gaps: when acknowledged messages may have been lost, and what came since."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psycopg
from psycopg.rows import class_row

from hypervisor.base.instants import BEGINNING, moment
from hypervisor.database.connect import Connection, StoreError, connect

Cause = Literal["broker-killed", "machine-died", "session-lost", "broker-dropped", "not-listening"]

_LATEST = """
SELECT cause, worker, from_at AS begins, to_at AS ends, messages FROM (
    SELECT cause, worker, from_at, to_at, messages FROM message_loss
    UNION ALL
    SELECT 'not-listening', g.worker, g.from_at, g.to_at, NULL FROM ingest_gap g
    WHERE g.from_at > %(beginning)s AND NOT EXISTS (SELECT FROM message_loss l
        WHERE l.cause = 'session-lost' AND l.worker = g.worker AND l.from_at = g.from_at)
) gap WHERE to_at > %(since)s ORDER BY to_at DESC, from_at DESC LIMIT %(limit)s
"""
# Readings are due at whole intervals from the last reading before the gap. A series that had been
# silent for ten intervals by then was not expected.
_RETURNS = """
SELECT d.name AS device, sum(due.count)::int AS due,
       sum(least(due.count, came.prompt))::int AS prompt,
       sum(least(greatest(due.count - came.prompt, 0), came.late))::int AS late
FROM unnest(%(series)s::int[], %(intervals)s::float[]) AS s (id, seconds)
JOIN series r ON r.id = s.id JOIN device d ON d.id = r.device
CROSS JOIN LATERAL (SELECT make_interval(secs => s.seconds) AS step) i
CROSS JOIN LATERAL (
    SELECT time FROM reading WHERE series_id = s.id AND time < %(begins)s
        AND time >= %(begins)s::timestamptz - 10 * i.step ORDER BY time DESC LIMIT 1) last
CROSS JOIN LATERAL (SELECT
    floor(extract(epoch FROM %(ends)s::timestamptz - last.time) / s.seconds)::int
    - floor(extract(epoch FROM %(begins)s::timestamptz - last.time) / s.seconds)::int AS count) due
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE received_at <= %(ends)s)::int AS prompt,
           count(*) FILTER (WHERE received_at > %(ends)s OR received_at IS NULL)::int AS late
    FROM reading WHERE series_id = s.id AND time > last.time
        AND time >= %(begins)s::timestamptz - i.step / 2
        AND time < %(ends)s::timestamptz + i.step / 2) came
WHERE due.count > 0 GROUP BY d.name ORDER BY d.name
"""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """`messages`: how many the broker says it dropped; None: unknown.

    Cause `not-listening`: ingest did not listen, but the broker lost nothing that it had queued.
    """

    cause: Cause
    worker: str
    begins: datetime
    ends: datetime
    messages: int | None = None

    @classmethod
    def of(cls, cause: Cause, worker: str, begins: int, ends: int) -> "Gap":
        """A gap between times in µs."""
        return cls(cause=cause, worker=worker, begins=moment(begins), ends=moment(ends))


@dataclass(frozen=True, kw_only=True)
class Returns:
    """Readings of a device due within a gap: there in time, later (refilled), or still missing."""

    device: str
    due: int
    prompt: int
    late: int

    @property
    def missing(self) -> int:
        return self.due - self.prompt - self.late


def add(connection: Connection, gap: Gap) -> None:
    """Enter a gap; entering it again changes nothing."""
    connection.execute(
        "INSERT INTO message_loss (cause, worker, from_at, to_at, messages)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [gap.cause, gap.worker, gap.begins, gap.ends, gap.messages],
    )


def note_dropped(connection: Connection, worker: str, count: int) -> None:
    """Enter what the broker dropped since the worker last looked; it counts from its own start.

    `count`: what it says now. It dropped them since our last heartbeat, or while we were away.
    """
    row = connection.execute(
        "SELECT coalesce(broker_dropped, 0), now(), CASE mode WHEN 'live' THEN"
        " coalesce(heartbeat_at, joined_at) ELSE now() - INTERVAL '10 s' END"  # scenario clock
        " FROM worker, instance WHERE worker.name = %s FOR UPDATE OF worker",
        [worker],
    ).fetchone()
    if row is None:
        return
    before, now, since = row
    connection.execute("UPDATE worker SET broker_dropped = %s WHERE name = %s", [count, worker])
    more = count - before if count >= before else count
    if more:
        since = min(since, now)
        gap = Gap(cause="broker-dropped", worker=worker, begins=since, ends=now, messages=more)
        add(connection, gap)


def enter(url: str, noted: Sequence[Gap]) -> bool:
    """Enter gaps noted while the database was away; False: it still is, or lacks migrations."""
    with suppress(StoreError, psycopg.Error), connect(url) as connection:
        for gap in noted:
            add(connection, gap)
        return True
    return False


def latest(connection: Connection, *, limit: int, since: datetime | None = None) -> Sequence[Gap]:
    """Gaps that ended after `since`, the latest first."""
    beginning = moment(BEGINNING)
    with connection.cursor(row_factory=class_row(Gap)) as cursor:
        return cursor.execute(
            _LATEST, {"beginning": beginning, "since": since or beginning, "limit": limit}
        ).fetchall()


def count_returns(
    connection: Connection, begins: datetime, ends: datetime, intervals: Mapping[int, float]
) -> list[Returns]:
    """By device, what was due between two times and what is there now.

    `intervals`: seconds between two readings of each series (by its number).
    """
    series, seconds = list(intervals), list(intervals.values())
    with connection.cursor(row_factory=class_row(Returns)) as cursor:
        return cursor.execute(
            _RETURNS, {"series": series, "intervals": seconds, "begins": begins, "ends": ends}
        ).fetchall()
