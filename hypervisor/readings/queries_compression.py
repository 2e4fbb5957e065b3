"""Chunks of readings, and their compression where TimescaleDB has it (not in the Apache build).

A compressed chunk accepts late readings and corrections: TimescaleDB unpacks the batches (a
thousand rows of a series) that a statement's conditions name, and our next pass packs them again.
We unpack in advance what it would refuse: locking a packed row, more rows a statement than its
limit, and finding rows through a join.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import psycopg

from hypervisor.base.instants import moment
from hypervisor.database.connect import Connection
from sensors._row import Rows

_LOCK_TIMEOUT = "5s"  # sessions behind us in the queue wait as long as we do

# Each batch carries its least and greatest `received_at`: late arrivals are found packed.
_SWITCH_ON = {
    table: f"ALTER TABLE {table} SET (timescaledb.compress,"
    f" timescaledb.compress_segmentby = '{segments}', timescaledb.compress_orderby = '{order}')"
    for table, segments, order in (
        ("reading", "series_id", "time, received_at"),
        ("forecast", "site, quantity", "issued, created_at"),
    )
}
_COMPRESS = "SELECT compress_chunk(%s::regclass, if_not_compressed => true)"
CHUNKS = (
    "SELECT format('%%I.%%I', chunk_schema, chunk_name), is_compressed"
    " FROM timescaledb_information.chunks"
    " WHERE hypertable_schema = 'public' AND hypertable_name = %s AND range_end <= %s"
    " ORDER BY range_start"
)
_READING_CHUNKS = (
    "SELECT range_start, range_end FROM timescaledb_information.chunks"
    " WHERE hypertable_schema = 'public' AND hypertable_name = 'reading'"
    " AND (%(after)s::timestamptz IS NULL OR range_end > %(after)s)"
    " AND (%(until)s::timestamptz IS NULL OR range_end <= %(until)s) ORDER BY range_start"
)
_PACKED = (
    "SELECT range_start, range_end FROM timescaledb_information.chunks"
    " WHERE hypertable_schema = 'public' AND hypertable_name = 'reading' AND is_compressed"
    " AND range_start <= %(last)s AND range_end > %(first)s"
)
# Changes nothing, but makes TimescaleDB unpack what it touches.
_UNPACK = "UPDATE reading SET quality = quality WHERE series_id = %(series)s"
_UNPACK_ONE = f"{_UNPACK} AND time = %(time)s"
_UNPACK_SPAN = f"{_UNPACK} AND time BETWEEN %(first)s AND %(last)s"
_LIMIT = "timescaledb.max_tuples_decompressed_per_dml_transaction"


def list_chunks(
    connection: Connection, *, after: datetime | None = None, until: datetime | None = None
) -> list[tuple[datetime, datetime]]:
    """The time spans of chunks that end after a time, or by a time, oldest first."""
    rows = connection.execute(_READING_CHUNKS, {"after": after, "until": until})
    return [(first, last) for first, last in rows]


def is_supported(connection: Connection) -> bool:
    """Whether this TimescaleDB can compress: the build and its licence."""
    ((full,),) = connection.execute(
        "SELECT current_setting('timescaledb.license', true) = 'timescale'"
    )
    return bool(full)


def compress_chunks(
    connection: Connection, before: datetime | None, *, table: str = "reading"
) -> int:
    """Compress a table's chunks that end before, again if written to since; how many are new.

    `connection`: in autocommit, each chunk is a transaction. A chunk in use is left for later.
    """
    if before is None or not is_supported(connection):
        return 0
    chunks = connection.execute(CHUNKS, [table, before]).fetchall()
    done = 0
    for chunk, compressed in chunks:
        try:
            with connection.transaction():
                connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
                enable(connection, table)
                compress_chunk(connection, chunk)
        except psycopg.errors.LockNotAvailable:
            continue
        done += not compressed
    return done


def enable(connection: Connection, table: str = "reading") -> None:
    """Let TimescaleDB compress a table, if it does not already."""
    ((enabled,),) = connection.execute(
        "SELECT compression_enabled FROM timescaledb_information.hypertables"
        " WHERE hypertable_schema = 'public' AND hypertable_name = %s",
        [table],
    )
    if not enabled:
        connection.execute(_SWITCH_ON[table].encode())


def compress_chunk(connection: Connection, chunk: str) -> None:
    """Compress a chunk, or what was written to it since."""
    connection.execute(_COMPRESS, [chunk])


def lift_row_limit(connection: Connection) -> None:
    """Let a statement of this connection unpack as many rows as it touches: ours name them all."""
    connection.execute(
        "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = %s", [_LIMIT]
    )


def decompress_rows(connection: Connection, rows: Rows) -> None:
    """Unpack what is stored at these series and times, so that it can be locked."""
    if not len(rows) or not is_supported(connection):
        return
    first, last = moment(int(rows["time"].min())), moment(int(rows["time"].max()))
    spans = connection.execute(_PACKED, {"first": first, "last": last}).fetchall()
    points = {(int(series), moment(int(time))) for series, time in rows[["series", "time"]]}
    decompress_points(
        connection,
        sorted(
            point for point in points if any(begins <= point[1] < ends for begins, ends in spans)
        ),
    )


def decompress_points(connection: Connection, points: list[tuple[int, datetime]]) -> None:
    """Unpack what is stored at these series and times, unchanged."""
    if not points:
        return
    # A generic plan has no values by which to skip batches.
    connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
    with connection.cursor() as cursor:
        cursor.executemany(
            _UNPACK_ONE, [{"series": series, "time": time} for series, time in points]
        )


def decompress_span(connection: Connection, span: Mapping[str, Any]) -> None:
    """Unpack what is stored of a `series` from `first` to `last`, so that it can be locked."""
    if not is_supported(connection):
        return
    lift_row_limit(connection)
    if connection.execute(_PACKED, span).fetchone() is not None:
        connection.execute(_UNPACK_SPAN, span)
