"""Stores readings once, and corrects them by first arrival, whatever the order of commit.

At one (series, time) each distinct value and quality is a version with its first arrival. The
version whose first arrival is latest is current, in `reading`; `reading_version` holds all where
there are several. Of two that arrived at the same instant the greater value is current. Imported
history has no arrival and ranks before all that arrived. A correction counts as an arrival.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from hypervisor.base.instants import POSTGRES_EPOCH, micros, moment
from hypervisor.database.columns import Column, Doubles, Integers, SmallIntegers, Times
from hypervisor.database.connect import Connection
from hypervisor.readings import queries_compression, queries_history
from sensors._row import NEVER, ROW, Rows

_INCOMING = (
    "unnest(%(series)s, %(time)s, %(received)s, %(value)s, %(quality)s)"
    " AS incoming (series_id, time, received_at, value, quality)"
)
_INSERT = (
    "INSERT INTO reading (series_id, time, received_at, value, quality)"  # noqa: S608  constants
    " SELECT series_id, time, NULLIF(received_at, '-infinity'), NULLIF(value, 'NaN'), quality"
    f" FROM {_INCOMING} ON CONFLICT DO NOTHING"
)
_STAGE = f"INSERT INTO incoming SELECT * FROM {_INCOMING}"  # noqa: S608  constants

# What follows runs only where rows conflict with stored ones.

# Row by row by the index, whatever the planner thinks of a table without statistics; the bounds
# exclude all chunks but a few. The locks make two workers take turns at a row.
_FIND_STORED = """
INSERT INTO standing
SELECT r.* FROM (
    SELECT DISTINCT series_id, time FROM incoming ORDER BY series_id, time
) i CROSS JOIN LATERAL (
    SELECT series_id, time, COALESCE(received_at, '-infinity'), value, quality FROM reading
    WHERE series_id = i.series_id AND time = i.time AND time BETWEEN %(first)s AND %(last)s
    FOR UPDATE OFFSET 0
) r
"""

# All arrivals where something differs now or differed before.
_ADD_VERSIONS = """
WITH met AS (
    SELECT series_id, time, NULLIF(value, 'NaN') AS value, quality,
           min(NULLIF(received_at, '-infinity')) AS received_at
    FROM incoming GROUP BY 1, 2, 3, 4
), contested AS (
    SELECT s.series_id, s.time FROM standing s JOIN met m USING (series_id, time)
    WHERE (m.value, m.quality) IS DISTINCT FROM (s.value, s.quality)
    UNION
    SELECT s.series_id, s.time FROM standing s JOIN reading_version v USING (series_id, time)
), every AS (
    SELECT series_id, time, value, quality, received_at FROM met
    UNION ALL
    SELECT series_id, time, value, quality, received_at FROM standing
)
INSERT INTO reading_version (series_id, time, value, quality, received_at)
SELECT series_id, time, value, quality, min(NULLIF(received_at, '-infinity'))
FROM every JOIN contested USING (series_id, time) GROUP BY 1, 2, 3, 4
ON CONFLICT (series_id, time, value, quality) DO UPDATE
SET received_at = LEAST(reading_version.received_at, EXCLUDED.received_at)
"""

# Of versions the latest to arrive is current; a single version has its earliest arrival.
_FIND_CHANGED = """
WITH met AS (
    SELECT series_id, time, min(NULLIF(received_at, '-infinity')) AS received_at
    FROM incoming GROUP BY 1, 2
), latest AS (
    SELECT DISTINCT ON (series_id, time) series_id, time, v.value, v.quality,
           COALESCE(v.received_at, '-infinity') AS received_at
    FROM met JOIN reading_version v USING (series_id, time)
    ORDER BY series_id, time, COALESCE(GREATEST(v.received_at, v.acted_at), '-infinity') DESC,
             v.value DESC NULLS LAST, v.quality DESC
), current AS (
    SELECT * FROM latest
    UNION ALL
    SELECT series_id, time, s.value, s.quality,
           COALESCE(LEAST(NULLIF(s.received_at, '-infinity'), m.received_at), '-infinity')
    FROM standing s JOIN met m USING (series_id, time)
    WHERE (series_id, time) NOT IN (SELECT series_id, time FROM latest)
)
SELECT w.series_id, w.time, NULLIF(w.received_at, '-infinity'), w.value, w.quality
FROM current w JOIN standing s USING (series_id, time)
WHERE (w.value, w.quality, w.received_at) IS DISTINCT FROM (s.value, s.quality, s.received_at)
"""

_UPDATE = (
    "UPDATE reading SET received_at = %s, value = %s, quality = %s"
    " WHERE series_id = %s AND time = %s"
)

# Rows that are as this batch has them, so (except for repeats) from this batch; and those of which
# this batch has the first arrival, with a value that has been corrected since.
_FIND_CONFIRMED = """
SELECT DISTINCT s.series_id, s.time, NULLIF(s.received_at, '-infinity'), s.value, s.quality
FROM standing s JOIN incoming i USING (series_id, time)
WHERE (NULLIF(i.value, 'NaN'), i.quality, i.received_at)
      IS NOT DISTINCT FROM (s.value, s.quality, s.received_at)
   OR i.received_at = (SELECT min(received_at) FROM reading_version v
                       WHERE v.series_id = i.series_id AND v.time = i.time)
"""

_Row = tuple[int, datetime, datetime | None, float | None, int]


def create_staging_tables(connection: Connection) -> None:
    """Make the temporary tables that `store` uses. Once a connection, committed."""
    for table in ("incoming", "standing"):
        connection.execute(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {table} (series_id integer, time timestamptz,"
            " received_at timestamptz, value double precision, quality smallint)"
            " ON COMMIT DELETE ROWS"
        )
    queries_compression.lift_row_limit(connection)


def store(connection: Connection, rows: Rows) -> Rows:
    """Store readings in the caller's transaction, once a transaction.

    Returns:
        The rows that are new or changed, for the feed: each has the first arrival at its time.
    """
    rows = rows[np.lexsort((rows["time"], rows["series"]))]  # two workers lock in one order
    if insert_new(connection, rows) == len(rows):
        return rows
    return _resolve_conflicts(connection, rows)


def insert_new(connection: Connection, rows: Rows) -> int:
    """Store the readings whose series has none at their time; returns how many."""
    with connection.pipeline():  # with the transaction's BEGIN
        cursor = connection.execute(_INSERT, _pack(rows))
    return cursor.rowcount


def _pack(rows: Rows) -> dict[str, Column]:
    received = rows["received"]
    return {
        "series": Integers.of(rows["series"]),
        "time": Times.of(rows["time"] - POSTGRES_EPOCH),
        "received": Times.of(received - np.where(received == NEVER, 0, POSTGRES_EPOCH)),
        "value": Doubles.of(rows["value"]),
        "quality": SmallIntegers.of(rows["quality"]),
    }


def _resolve_conflicts(connection: Connection, rows: Rows) -> Rows:
    """Some rows conflict with stored ones: find which is current."""
    span = {
        "first": moment(int(rows["time"].min())),
        "last": moment(int(rows["time"].max())),
    }
    queries_compression.decompress_rows(connection, rows)
    with connection.pipeline():
        connection.execute("SET LOCAL jit = off")  # compiling these takes longer than running them
        connection.execute(_STAGE, _pack(rows))
        connection.execute(_FIND_STORED, span)
        connection.execute(_ADD_VERSIONS)
        cursor = connection.execute(_FIND_CHANGED)
    changed: list[_Row] = cursor.fetchall()
    with connection.pipeline():
        connection.cursor().executemany(
            _UPDATE,
            [
                (received, value, quality, series, time)
                for series, time, received, value, quality in changed
            ],
        )
        cursor = connection.execute(_FIND_CONFIRMED)
    confirmed: list[_Row] = cursor.fetchall()
    points = {(series, time) for series, time, *_ in changed}
    return make_feed_rows(
        connection, [*changed, *(row for row in confirmed if row[:2] not in points)]
    )


def make_feed_rows(connection: Connection, records: Sequence[_Row]) -> Rows:
    """Current readings as the feed carries them: in order, with the first arrival at their time."""
    rows = make_rows(records)
    rows = rows[np.lexsort((rows["time"], rows["series"]))]
    queries_history.set_first_arrivals(connection, queries_history.split_by_series(rows))
    return rows


def make_rows(records: Sequence[_Row]) -> Rows:
    """Records of (series, time, arrival, value, quality) as columns."""
    return np.array(
        [
            (
                series,
                micros(time),
                NEVER if received is None else micros(received),
                np.nan if value is None else value,
                quality,
            )
            for series, time, received, value, quality in records
        ],
        dtype=ROW,
    )
