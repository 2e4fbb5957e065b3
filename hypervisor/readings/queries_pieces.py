"""What series said: each reading, or by pieces of time out of the roll-ups and what they lack.

How a piece is reckoned, and what it is read from, says `readings_by` (schema 0017), the same for
the API, the console and Grafana.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.database.connect import Connection

_FETCH = 5_000  # rows that a stream holds at once
_PIECES = 2_000  # of one series are looked for at once, and twice as many each time none is there

_RAW = """
SELECT series_id, time, value, quality, received_at FROM reading
WHERE series_id = ANY(%(series)s) AND time >= %(since)s AND time < %(until)s
  AND (%(after)s::timestamptz IS NULL
       OR (time, series_id) > (%(after)s, %(after_series)s))
ORDER BY time, series_id LIMIT %(limit)s
"""
_ROLLED = """
SELECT series_id, time, coalesce(b.count, 0), coalesce(s.count, 0), b.low, b.high, b.mean, b.total,
       b.last, b.increase
FROM readings_by(%(series)s, %(since)s, %(until)s, %(every)s) b
FULL JOIN suspects_by(%(series)s, %(since)s, %(until)s, %(every)s) s USING (series_id, time)
WHERE %(after)s::timestamptz IS NULL OR (time, series_id) > (%(after)s, %(after_series)s)
ORDER BY time, series_id
"""


@dataclass(frozen=True, kw_only=True)
class BucketQuery:
    """What is asked for: since <= time < until, behind `after` (a time and a series' number)."""

    series: Sequence[int]
    since: datetime
    until: datetime
    after: tuple[datetime, int] | None = None
    limit: int | None = None

    @property
    def words(self) -> dict[str, object]:
        return {
            "series": list(self.series),
            "since": self.after[0] if self.after else self.since,
            "until": self.until,
            "after": self.after[0] if self.after else None,
            "after_series": self.after[1] if self.after else None,
            "limit": self.limit,
        }


@dataclass(frozen=True, kw_only=True)
class RawReading:
    """One stored reading."""

    series: int
    time: datetime
    value: float | None
    quality: int
    received_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """What one series said within a piece of time that begins at `time`.

    `count` of those that are believed, of which the figures are; `suspect` of the others.
    `increase`: of counters, what they rose by.
    """

    series: int
    time: datetime
    count: int
    suspect: int
    low: float | None
    high: float | None
    mean: float | None
    total: float | None
    last: float | None
    increase: float | None


def stream_readings(connection: Connection, query: BucketQuery) -> Iterator[RawReading]:
    """Readings by time, streamed."""
    with connection.cursor(name="readings") as cursor:
        cursor.itersize = _FETCH
        for row in cursor.execute(_RAW, query.words):
            yield RawReading(
                series=row[0], time=row[1], value=row[2], quality=row[3], received_at=row[4]
            )


def stream_buckets(
    connection: Connection, query: BucketQuery, every: timedelta
) -> Iterator[Bucket]:
    """Pieces that begin within the span, by time; looked for as far as somebody takes them."""
    names = tuple(Bucket.__dataclass_fields__)
    since, until = query.after[0] if query.after else query.since, query.until
    width = every * _PIECES
    while since < until:
        ends = until if until - since <= width else since + width
        words = {**query.words, "since": since, "until": ends, "every": every}
        rows = connection.execute(_ROLLED, words).fetchall()
        for row in rows:
            yield Bucket(**dict(zip(names, row, strict=True)))
        since, width = ends, width if rows else width * 2
