"""Readings: stored once, corrected by first arrival, whatever the order of commit.

At one (series, time) each distinct value and quality is a version, known by its first arrival. The
version whose first arrival is latest stands in `reading`; `reading_version` keeps them all where
there is more than one. Of two that arrived at the same instant the greater value stands, so that
no order decides. Imported history is no arrival: it comes before every one.
"""

import numpy as np
from numpy.typing import NDArray

from hypervisor.instants import moment
from hypervisor.store import feed
from hypervisor.store.connect import Connection

Rows = NDArray[np.void]  # of feed.ROW

NEVER = np.iinfo(np.int64).min  # received: imported, which is no arrival; -infinity to PostgreSQL
_EPOCH = 946_684_800_000_000  # µs from 1970 to PostgreSQL's year 2000
_HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TAIL = b"\xff\xff"
_FIELDS = (("series", ">i4"), ("time", ">i8"), ("received", ">i8"), ("value", ">f8"))

# One row as binary COPY wants it: the number of fields, then each with its length before it.
_COPY = np.dtype(
    [("fields", ">i2")]
    + [part for name, kind in _FIELDS for part in ((f"{name}_length", ">i4"), (name, kind))]
    + [("quality_length", ">i4"), ("quality", ">i2")]
)

_INSERT = (
    "INSERT INTO reading (series_id, time, received_at, value, quality)"
    " SELECT series_id, time, NULLIF(received_at, '-infinity'), NULLIF(value, 'NaN'), quality"
    " FROM incoming ON CONFLICT DO NOTHING"
)

# What follows runs only where rows met others. The bounds let the planner pass over all chunks
# but a few, and the row locks make two workers take turns at a row.
_LOCK = (
    "SELECT FROM incoming i JOIN reading r USING (series_id, time)"
    " WHERE r.time BETWEEN %(first)s AND %(last)s"
    " ORDER BY r.series_id, r.time FOR UPDATE OF r"
)

# All that arrived where something differs now or differed before.
_VERSIONS = """
WITH met AS (
    SELECT i.series_id, i.time, NULLIF(i.value, 'NaN') AS value, i.quality,
           min(i.received_at) AS received_at
    FROM incoming i GROUP BY 1, 2, 3, 4
), standing AS (
    SELECT r.* FROM (SELECT DISTINCT series_id, time FROM met) m
    JOIN reading r USING (series_id, time) WHERE r.time BETWEEN %(first)s AND %(last)s
), contested AS (
    SELECT series_id, time FROM standing s WHERE EXISTS (
        SELECT FROM met m WHERE m.series_id = s.series_id AND m.time = s.time
        AND (m.value, m.quality) IS DISTINCT FROM (s.value, s.quality))
    OR EXISTS (
        SELECT FROM reading_version v WHERE v.series_id = s.series_id AND v.time = s.time)
), found AS (
    SELECT series_id, time, value, quality, received_at FROM met
    UNION ALL
    SELECT series_id, time, value, quality, COALESCE(received_at, '-infinity') FROM standing
)
INSERT INTO reading_version (series_id, time, value, quality, received_at)
SELECT series_id, time, value, quality, NULLIF(min(received_at), '-infinity')
FROM found JOIN contested USING (series_id, time) GROUP BY 1, 2, 3, 4
ON CONFLICT (series_id, time, value, quality) DO UPDATE
SET received_at = NULLIF(LEAST(COALESCE(reading_version.received_at, '-infinity'),
                               COALESCE(EXCLUDED.received_at, '-infinity')), '-infinity')
"""

# Where there are versions the latest to arrive stands; elsewhere the earliest arrival of the one.
_STAND = """
WITH met AS (
    SELECT series_id, time, min(received_at) AS received_at FROM incoming GROUP BY 1, 2
), stands AS (
    SELECT DISTINCT ON (series_id, time) series_id, time, v.value, v.quality, v.received_at
    FROM met JOIN reading_version v USING (series_id, time)
    ORDER BY series_id, time, COALESCE(v.received_at, '-infinity') DESC,
             v.value DESC NULLS LAST, v.quality DESC
), wanted AS (
    SELECT * FROM stands
    UNION ALL
    SELECT m.series_id, m.time, r.value, r.quality,
           NULLIF(LEAST(COALESCE(r.received_at, '-infinity'), m.received_at), '-infinity')
    FROM met m JOIN reading r USING (series_id, time)
    WHERE r.time BETWEEN %(first)s AND %(last)s
    AND NOT EXISTS (SELECT FROM stands s WHERE s.series_id = m.series_id AND s.time = m.time)
)
UPDATE reading r SET value = w.value, quality = w.quality, received_at = w.received_at
FROM wanted w WHERE r.series_id = w.series_id AND r.time = w.time
AND r.time BETWEEN %(first)s AND %(last)s
AND (r.value, r.quality, r.received_at) IS DISTINCT FROM (w.value, w.quality, w.received_at)
RETURNING r.series_id, (extract(epoch FROM r.time) * 1000000)::bigint
"""

# As they stand now; `as_given`: exactly as a row of this batch has it, so probably by this batch.
_STANDING = """
SELECT r.series_id, (extract(epoch FROM r.time) * 1000000)::bigint,
       (extract(epoch FROM r.received_at) * 1000000)::bigint, r.value, r.quality,
       bool_or((NULLIF(i.value, 'NaN'), i.quality, i.received_at) IS NOT DISTINCT FROM
               (r.value, r.quality, COALESCE(r.received_at, '-infinity'))) AS as_given
FROM incoming i JOIN reading r USING (series_id, time)
WHERE r.time BETWEEN %(first)s AND %(last)s
GROUP BY 1, 2, 3, 4, 5
"""


def prepare(connection: Connection) -> None:
    """Make the temporary table that `put` goes through. Once a connection, committed."""
    connection.execute(
        "CREATE TEMPORARY TABLE IF NOT EXISTS incoming (series_id integer, time timestamptz,"
        " received_at timestamptz, value double precision, quality smallint)"
        " ON COMMIT DELETE ROWS"
    )


def put(connection: Connection, rows: Rows) -> Rows:
    """Store readings in the caller's transaction; once a transaction, after `prepare`.

    Returns:
        The rows that are new or stand otherwise than before, as they stand now: tell the feed.
    """
    rows = rows[np.lexsort((rows["time"], rows["series"]))]  # two workers lock in one order
    if insert(connection, rows) == len(rows):
        return rows
    return _correct(connection, rows)


def insert(connection: Connection, rows: Rows) -> int:
    """Store the readings whose series has none at their time; how many those were."""
    with connection.cursor() as cursor:
        with cursor.copy("COPY incoming FROM STDIN (FORMAT binary)") as copy:
            copy.write(_packed(rows))
        cursor.execute(_INSERT)
        return cursor.rowcount


def _packed(rows: Rows) -> bytes:
    packed = np.empty(len(rows), dtype=_COPY)
    packed["fields"] = len(_FIELDS) + 1
    for name, kind in _FIELDS:
        packed[f"{name}_length"] = int(kind[-1])
    packed["quality_length"] = 2
    packed["series"] = rows["series"]
    packed["time"] = rows["time"] - _EPOCH
    received = rows["received"]
    packed["received"] = np.where(received == NEVER, NEVER, received - _EPOCH)
    packed["value"] = rows["value"]
    packed["quality"] = rows["quality"]
    return _HEAD + packed.tobytes() + _TAIL


def _correct(connection: Connection, rows: Rows) -> Rows:
    """Some rows met a stored one: sort out what stands."""
    span = {
        "first": moment(int(rows["time"].min())),
        "last": moment(int(rows["time"].max())),
    }
    connection.execute("SET LOCAL enable_hashjoin = off")
    connection.execute("SET LOCAL enable_mergejoin = off")
    connection.execute("SET LOCAL enable_seqscan = off")
    connection.execute(_LOCK, span)
    connection.execute(_VERSIONS, span)
    moved = set(connection.execute(_STAND, span).fetchall())
    standing = [
        (
            series,
            time,
            NEVER if received is None else received,
            np.nan if value is None else value,
            quality,
        )
        for series, time, received, value, quality, as_given in connection.execute(_STANDING, span)
        if as_given or (series, time) in moved
    ]
    return np.array(standing, dtype=feed.ROW)
