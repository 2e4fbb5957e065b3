"""Corrections of stored readings: invalidate, observe, undo; each a version with its act.

An act ranks behind all arrivals present at its (series, time): what it replaced does not come back
when it is sent again, but another value that arrives later is current. Hold `lock_corrections`, and
append what changed to the feed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.database import locks
from hypervisor.database.connect import Connection, fetch
from hypervisor.database.instance import CLOCK
from hypervisor.database.locks import Lock
from hypervisor.readings import queries, queries_compression
from sensors._quality import Quality
from sensors._row import Rows

_INVALIDATED = int(Quality.INVALIDATED)
_SPAN = "series_id = %(series)s AND time BETWEEN %(first)s AND %(last)s"
_FIELDS = "r.series_id, r.time, r.received_at, r.value, r.quality"
_SAME = "(r.value, r.quality) IS NOT DISTINCT FROM (v.value, v.quality)"
_AT = "v.series_id = r.series_id AND v.time = r.time"
_RANK = "GREATEST(v.received_at, v.acted_at)"

# In order of time, as ingest locks, so that there is no deadlock.
_LOCK_ROWS = f"""
SELECT count(*) FROM (SELECT FROM reading WHERE {_SPAN} ORDER BY time FOR UPDATE) locked
"""  # noqa: S608  constants

_INSERT = (
    "INSERT INTO reading_version (series_id, time, value, quality, received_at, act, acted_at)"
)
# The first arrival stays; an act takes the place of an earlier one.
_MEETS = """
ON CONFLICT (series_id, time, value, quality) DO UPDATE SET
    received_at = LEAST(reading_version.received_at, EXCLUDED.received_at),
    act = COALESCE(EXCLUDED.act, reading_version.act),
    acted_at = COALESCE(EXCLUDED.acted_at, reading_version.acted_at)
"""

# Behind the latest, if the clock of arrivals is ahead of ours or stands still; and at an instant at
# which nothing arrives, since a scenario's arrivals are whole milliseconds.
_STEP = "INTERVAL '1001 microseconds'"

_INVALIDATE = f"""
WITH last AS (
    SELECT time, max({_RANK}) AS at FROM reading_version v WHERE {_SPAN} GROUP BY time
), met AS (
    SELECT {_FIELDS},
           GREATEST(%(at)s, r.received_at, last.at) + {_STEP} AS acted_at
    FROM reading r LEFT JOIN last ON last.time = r.time
    WHERE {_SPAN.replace("time", "r.time")} AND r.quality & {_INVALIDATED} = 0
)
{_INSERT}
SELECT series_id, time, value, quality, received_at, NULL, NULL FROM met
UNION ALL
SELECT series_id, time, value, (quality | {_INVALIDATED})::smallint, received_at,
       %(act)s::bigint, acted_at FROM met
{_MEETS}
"""  # noqa: S608  constants

_INVALIDATED_NOW = f"""
UPDATE reading r SET quality = v.quality FROM reading_version v
WHERE v.act = %(act)s AND v.series_id = %(series)s AND v.time BETWEEN %(first)s AND %(last)s
  AND {_AT} AND r.series_id = %(series)s AND r.time BETWEEN %(first)s AND %(last)s
  AND v.value IS NOT DISTINCT FROM r.value AND v.quality = r.quality | {_INVALIDATED}
RETURNING {_FIELDS}
"""  # noqa: S608  constants

_OBSERVE = f"""
WITH stood AS (
    SELECT {_FIELDS} FROM reading r
    WHERE r.series_id = %(series)s AND r.time = %(first)s
), last AS (
    SELECT max(at) AS at FROM (
        SELECT {_RANK} AS at FROM reading_version v
        WHERE series_id = %(series)s AND time = %(first)s
        UNION ALL SELECT received_at FROM stood
    ) ranks
)
{_INSERT}
SELECT series_id, time, value, quality, received_at, NULL, NULL FROM stood
UNION ALL
SELECT %(series)s, %(first)s, %(value)s, %(quality)s::smallint, NULL, %(act)s::bigint,
       GREATEST(%(at)s, last.at) + {_STEP} FROM last
{_MEETS}
"""  # noqa: S608  constants

_OBSERVED_NOW = f"""
INSERT INTO reading AS r (series_id, time, received_at, value, quality)
VALUES (%(series)s, %(first)s, NULL, %(value)s, %(quality)s)
ON CONFLICT (series_id, time) DO UPDATE SET (received_at, value, quality) =
    (EXCLUDED.received_at, EXCLUDED.value, EXCLUDED.quality)
RETURNING {_FIELDS}
"""  # noqa: S608  constants

_TABLE = """
CREATE TEMPORARY TABLE IF NOT EXISTS restored (series_id integer, time timestamptz,
    received_at timestamptz, value double precision, quality smallint, acted_at timestamptz,
    stands boolean) ON COMMIT DELETE ROWS;
DELETE FROM restored
"""

# What each version of an act replaced: the version that ranks next below; if there is none the
# version itself, invalidated. `stands`: nothing has replaced the act since. If something has, the
# restored version ranks just above the act, and still below that.
_REPLACED = f"""
WITH own AS (
    SELECT * FROM reading_version WHERE act = %(undone)s AND {_SPAN}
), before AS (
    SELECT DISTINCT ON (v.time) v.time, v.value, v.quality, v.received_at
    FROM reading_version v JOIN own ON own.time = v.time
    WHERE {_SPAN.replace("series_id", "v.series_id").replace("time", "v.time")}
      AND (v.value, v.quality) IS DISTINCT FROM (own.value, own.quality)
      AND COALESCE({_RANK}, '-infinity') < own.acted_at
    ORDER BY v.time, COALESCE({_RANK}, '-infinity') DESC, v.value DESC NULLS LAST, v.quality DESC
), present AS (
    SELECT v.*, {_SAME} AS stands
    FROM own v JOIN reading r
      ON {_AT} AND r.series_id = %(series)s AND r.time BETWEEN %(first)s AND %(last)s
)
INSERT INTO restored (series_id, time, received_at, value, quality, acted_at, stands)
SELECT f.series_id, f.time, b.received_at,
       CASE WHEN b.time IS NULL THEN f.value ELSE b.value END,
       CASE WHEN b.time IS NULL THEN f.quality | {_INVALIDATED} ELSE b.quality END,
       CASE WHEN stands THEN GREATEST(%(at)s, f.acted_at) + {_STEP}
            ELSE f.acted_at + INTERVAL '1 microsecond' END,
       stands
FROM present f LEFT JOIN before b ON b.time = f.time
"""  # noqa: S608  constants

_RESTORE_VERSIONS = f"""
{_INSERT}
SELECT series_id, time, value, quality, received_at, %(act)s::bigint, acted_at FROM restored
{_MEETS}
"""  # noqa: S608  constants
_RESTORE_READINGS = f"""
UPDATE reading r SET (received_at, value, quality) = (a.received_at, a.value, a.quality)
FROM restored a
WHERE a.stands AND a.series_id = r.series_id AND a.time = r.time
  AND r.series_id = %(series)s AND r.time BETWEEN %(first)s AND %(last)s
RETURNING {_FIELDS}
"""  # noqa: S608  constants


@dataclass(frozen=True, kw_only=True)
class Span:
    """A series between two times, both included."""

    series: int
    first: datetime
    last: datetime

    @property
    def parameters(self) -> dict[str, Any]:
        return {"series": self.series, "first": self.first, "last": self.last}


@dataclass(frozen=True, kw_only=True)
class StoredReading:
    """A current reading; `act`: the latest correction at its time."""

    series: int
    time: datetime
    value: float | None
    quality: int
    received_at: datetime | None = None
    act: int | None = None


@dataclass(frozen=True, kw_only=True)
class UndoneReadings:
    """The restored rows, and how many of the act's readings had been replaced since."""

    rows: Rows
    replaced_since: int


def lock_corrections(connection: Connection) -> None:
    """Let one correction run at a time, until the transaction ends.

    The planner has few statistics on versions, and would search all of them for each row.
    """
    locks.wait_for(connection, Lock.CORRECTING)
    connection.execute("SET LOCAL jit = off")
    connection.execute("SET LOCAL enable_nestloop = off")


def read_clock(connection: Connection) -> datetime | None:
    """Now, as arrivals are stamped: the wall clock, or the scenario's (None before it begins)."""
    row = connection.execute(f"SELECT {CLOCK}").fetchone()
    return row[0] if row else None


def list_readings(
    connection: Connection, span: Span, *, limit: int | None = None
) -> list[StoredReading]:
    """The readings of a span in order of time; with `limit` only the latest."""
    return fetch(
        connection,
        StoredReading,
        "SELECT series_id AS series, r.time, value, quality, received_at, a.act"  # noqa: S608  constants
        f" FROM (SELECT * FROM reading WHERE {_SPAN} ORDER BY time DESC LIMIT %(limit)s) r"
        " LEFT JOIN (SELECT time, max(act) AS act FROM reading_version"
        f"  WHERE {_SPAN} AND act IS NOT NULL GROUP BY time) a ON a.time = r.time"
        " ORDER BY r.time",
        {**span.parameters, "limit": limit},
    )


def invalidate(connection: Connection, span: Span, *, act: int, at: datetime) -> Rows:
    """Invalidate the readings of the span; the rows that changed, as they are now."""
    parameters = {**span.parameters, "act": act, "at": at}
    _lock_rows(connection, parameters)
    connection.execute(_INVALIDATE, parameters)
    return _fetch_rows(connection, _INVALIDATED_NOW, parameters)


def observe(connection: Connection, seen: StoredReading, *, act: int, at: datetime) -> Rows:
    """Store a manual observation, which is no arrival; the row as it is now."""
    span = Span(series=seen.series, first=seen.time, last=seen.time)
    values = {"value": seen.value, "quality": seen.quality}
    parameters = {**span.parameters, **values, "act": act, "at": at}
    _lock_rows(connection, parameters)
    connection.execute(_OBSERVE, parameters)
    return _fetch_rows(connection, _OBSERVED_NOW, parameters)


def undo(
    connection: Connection, span: Span, *, undone: int, act: int, at: datetime
) -> UndoneReadings:
    """Restore what an act replaced, except where something has replaced the act since."""
    parameters = {**span.parameters, "undone": undone, "act": act, "at": at}
    connection.execute(_TABLE)
    _lock_rows(connection, parameters)
    touched = connection.execute(_REPLACED, parameters).rowcount
    connection.execute(_RESTORE_VERSIONS, parameters)
    rows = _fetch_rows(connection, _RESTORE_READINGS, parameters)
    return UndoneReadings(rows=rows, replaced_since=touched - len(rows))


def _lock_rows(connection: Connection, parameters: Mapping[str, Any]) -> None:
    queries_compression.decompress_span(connection, parameters)
    connection.execute(_LOCK_ROWS, parameters)


def list_causes(
    connection: Connection, points: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], tuple[str, str]]:
    """Which readings at (series, time µs) are current by a correction: its kind and reason."""
    rows = connection.execute(
        "SELECT k.series, k.us, a.kind, a.reason FROM unnest(%s::int[], %s::bigint[])"  # noqa: S608  constants
        " AS k (series, us) JOIN reading r ON r.series_id = k.series"
        " AND r.time = timestamptz 'epoch' + k.us * interval '1 microsecond'"
        f" JOIN reading_version v ON {_AT} AND {_SAME} JOIN audit a ON a.id = v.act",
        [[series for series, _ in points], [time for _, time in points]],
    )
    return {(series, us): (kind, reason) for series, us, kind, reason in rows}


def _fetch_rows(connection: Connection, query: str, parameters: Mapping[str, Any]) -> Rows:
    return queries.make_feed_rows(connection, connection.execute(query, parameters).fetchall())
