"""Readings of several series for the API: raw, or by time bucket with the SQL of `readings_by`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import class_row

from hypervisor.database.connect import Connection, fetch
from hypervisor.readings.schemas import Bucket, SeriesReading

_FETCH = 5_000  # rows that a stream holds at a time
_BUCKETS = 2_000  # of a series, read at a time; twice as many after a stretch without readings

_RAW = """
SELECT series_id AS series, time, value, quality, received_at FROM reading
WHERE series_id = ANY(%(series)s) AND time >= %(since)s AND time < %(until)s
  AND (%(after)s::timestamptz IS NULL
       OR (time, series_id) > (%(after)s, %(after_series)s))
ORDER BY time {order}, series_id LIMIT %(limit)s
"""
_ROLLED = """
SELECT series_id AS series, time, coalesce(b.count, 0) AS count, coalesce(s.count, 0) AS suspect,
       b.low, b.high, b.mean, b.total, b.last, b.increase
FROM readings_by(%(series)s, %(since)s, %(until)s, %(every)s) b
FULL JOIN suspects_by(%(series)s, %(since)s, %(until)s, %(every)s) s USING (series_id, time)
WHERE %(after)s::timestamptz IS NULL OR (time, series_id) > (%(after)s, %(after_series)s)
ORDER BY time, series_id
"""


@dataclass(frozen=True, kw_only=True)
class BucketQuery:
    """since <= time < until, behind `after` (a time and a series' number); raw: also backwards."""

    series: Sequence[int]
    since: datetime
    until: datetime
    after: tuple[datetime, int] | None = None
    limit: int | None = None
    newest_first: bool = False

    @property
    def parameters(self) -> dict[str, object]:
        after, after_series = self.after or (None, None)
        return {
            "series": list(self.series),
            "since": after or self.since,
            "until": self.until,
            "after": after,
            "after_series": after_series,
            "limit": self.limit,
        }


def stream_readings(connection: Connection, query: BucketQuery) -> Iterator[SeriesReading]:
    """Readings by time, streamed."""
    with connection.cursor(name="readings", row_factory=class_row(SeriesReading)) as cursor:
        cursor.itersize = _FETCH
        order = "DESC" if query.newest_first else "ASC"
        yield from cursor.execute(_RAW.format(order=order), query.parameters)


def stream_buckets(
    connection: Connection, query: BucketQuery, every: timedelta
) -> Iterator[Bucket]:
    """Buckets that begin within the span, by time; read as they are consumed."""
    since, until = query.after[0] if query.after else query.since, query.until
    width = every * _BUCKETS
    while since < until:
        ends = until if until - since <= width else since + width
        parameters = {**query.parameters, "since": since, "until": ends, "every": every}
        buckets = fetch(connection, Bucket, _ROLLED, parameters)
        yield from buckets
        since, width = ends, width if buckets else width * 2
