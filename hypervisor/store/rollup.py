"""Readings of one or several series over a span, as they are or rolled up by hour or day.

The one place that knows how a roll-up is made: today it is reckoned from the readings when it is
asked for; when roll-ups are kept in tables of their own, `rolled` reads those.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.store.connect import Connection
from sensors._quality import Quality

_UNFIT = int(Quality.SUSPECT)
_FETCH = 5_000  # rows that a stream holds at once

_RAW = """
SELECT series_id, time, value, quality, received_at FROM reading
WHERE series_id = ANY(%(series)s) AND time >= coalesce(%(since)s::timestamptz, '-infinity')
  AND time < coalesce(%(until)s::timestamptz, 'infinity')
  AND (%(after)s::timestamptz IS NULL
       OR (time, series_id) > (%(after)s, %(after_series)s))
ORDER BY time, series_id LIMIT %(limit)s
"""
# What nothing believes is counted, and kept out of the figures.
_ROLLED = """
SELECT series_id, time_bucket(%(span)s::interval, time, origin => timestamptz '2000-01-01') AS at,
       count(*) FILTER (WHERE quality & %(unfit)s = 0 AND value IS NOT NULL),
       count(*) FILTER (WHERE quality & %(unfit)s <> 0),
       min(value) FILTER (WHERE quality & %(unfit)s = 0),
       max(value) FILTER (WHERE quality & %(unfit)s = 0),
       avg(value) FILTER (WHERE quality & %(unfit)s = 0),
       sum(value) FILTER (WHERE quality & %(unfit)s = 0),
       last(value, time) FILTER (WHERE quality & %(unfit)s = 0 AND value IS NOT NULL)
FROM reading
WHERE series_id = ANY(%(series)s) AND time >= coalesce(%(since)s::timestamptz, '-infinity')
  AND time < coalesce(%(until)s::timestamptz, 'infinity')
GROUP BY series_id, at
HAVING %(after)s::timestamptz IS NULL
    OR (time_bucket(%(span)s::interval, time, origin => timestamptz '2000-01-01'), series_id)
       > (%(after)s, %(after_series)s)
ORDER BY at, series_id LIMIT %(limit)s
"""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked for: since <= time < until, behind `after` (a time and a series' number)."""

    series: Sequence[int]
    since: datetime | None
    until: datetime | None
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
            "unfit": _UNFIT,
        }


@dataclass(frozen=True, kw_only=True)
class Raw:
    """One stored reading."""

    series: int
    time: datetime
    value: float | None
    quality: int
    received_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Rolled:
    """The readings of one series within a span that begins at `time`.

    `count` of those that are believed, of which the figures are; `suspect` of the others.
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


def raw(connection: Connection, asked: Asked) -> Iterator[Raw]:
    """Readings by time, streamed."""
    with connection.cursor(name="readings") as cursor:
        cursor.itersize = _FETCH
        for row in cursor.execute(_RAW, asked.words):
            yield Raw(series=row[0], time=row[1], value=row[2], quality=row[3], received_at=row[4])


def rolled(connection: Connection, asked: Asked, span: timedelta) -> Iterator[Rolled]:
    """The same rolled up, by the beginning of the span (UTC)."""
    names = tuple(Rolled.__dataclass_fields__)
    with connection.cursor(name="rolled") as cursor:
        cursor.itersize = _FETCH
        for row in cursor.execute(_ROLLED, {**asked.words, "span": span}):
            yield Rolled(**dict(zip(names, row, strict=True)))
