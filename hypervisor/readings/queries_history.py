"""Stored readings as columns, for the evaluation and backtests.

A row's `received` is the first arrival of any version at its time: a correction changes the value,
not when the device reported.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from psycopg import Copy

from hypervisor.base.instants import POSTGRES_EPOCH, micros, moment
from hypervisor.database.connect import Connection
from hypervisor.database.quality import is_good
from sensors._quality import Quality
from sensors._row import ROW, Rows

# A row of binary COPY without NULLs: the number of fields, then each field with its length before.
_KINDS = {"series": ">i4", "time": ">i8", "received": ">i8", "value": ">f8", "quality": ">i2"}
_COPY_ROW = np.dtype(
    [("fields", ">i2")]
    + [part for name, kind in _KINDS.items() for part in ((f"{name}_length", ">i4"), (name, kind))]
)
_HEADER = 19  # bytes before the first row
_TRAILER = 2
_LATEST = micros(datetime.max.replace(tzinfo=UTC))
_BY_PEOPLE = int(Quality.MANUAL | Quality.INVALIDATED)
_SENT = f"received_at IS NOT NULL AND quality & {_BY_PEOPLE} = 0"
_FIELDS = (
    "r.series_id, r.time, coalesce(r.received_at, '-infinity'), coalesce(r.value, 'NaN'), r.quality"
)


def read_newest(connection: Connection, keep: Sequence[tuple[int, int, int]]) -> Rows:
    """The latest rows of each series and the last good one before, ordered by series and time.

    `keep`: (series, µs before its newest row, rows at most).
    """
    return _copy_rows(
        connection,
        f"SELECT {_FIELDS} FROM unnest(%s::int[], %s::bigint[], %s::int[])"  # noqa: S608  a constant
        " AS k (series, span, most)"
        " CROSS JOIN LATERAL (SELECT max(time) - k.span * interval '1 microsecond' AS time"
        "   FROM reading WHERE series_id = k.series) AS since"
        " LEFT JOIN LATERAL (SELECT time FROM reading"
        "   WHERE series_id = k.series AND time < since.time"
        f"   AND {is_good()} ORDER BY time DESC LIMIT 1) AS held ON true"
        " CROSS JOIN LATERAL (SELECT * FROM reading WHERE series_id = k.series"
        "   AND time >= coalesce(held.time, since.time) ORDER BY time DESC LIMIT k.most) AS r",
        [list(column) for column in zip(*keep, strict=True)] if keep else [[], [], []],
    )


def read_spans(connection: Connection, spans: Sequence[tuple[int, int, int | None]]) -> Rows:
    """Rows of (series, from µs on, before µs or the end), ordered by series and time.

    With them the last good row before each span: its value may still hold.
    """
    return _copy_rows(
        connection,
        f"SELECT {_FIELDS} FROM unnest(%s::int[], %s::timestamptz[], %s::timestamptz[])"  # noqa: S608  a constant
        " AS k (series, since, before) LEFT JOIN LATERAL (SELECT time FROM reading"
        "   WHERE series_id = k.series AND time < k.since"
        f"   AND {is_good()} ORDER BY time DESC LIMIT 1) AS held ON true"
        " CROSS JOIN LATERAL (SELECT * FROM reading WHERE series_id = k.series"
        "   AND time >= coalesce(held.time, k.since) AND time < k.before) AS r",
        _spans(spans),
    )


def read_sent_spans(connection: Connection, spans: Sequence[tuple[int, int, int | None]]) -> Rows:
    """As `read_spans`, but what devices and services sent, whatever people did to it since.

    Without manual observations, imported history and letters whose times a person moved; what was
    invalidated counts as it arrived.
    """
    return _copy_rows(
        connection,
        "SELECT r.series_id, r.time, r.received_at, coalesce(r.value, 'NaN'), r.quality"  # noqa: S608  constants
        " FROM unnest(%s::int[], %s::timestamptz[], %s::timestamptz[])"
        " AS k (series, since, before) LEFT JOIN LATERAL (SELECT time FROM reading"
        f"   WHERE series_id = k.series AND time < k.since AND {_SENT}"
        f"   AND {is_good()} ORDER BY time DESC LIMIT 1) AS held ON true"
        " CROSS JOIN LATERAL (SELECT DISTINCT ON (time) * FROM ("
        "   SELECT series_id, time, received_at, value, quality FROM reading"
        "   UNION ALL SELECT series_id, time, received_at, value, quality FROM reading_version) v"
        "   WHERE series_id = k.series AND time >= coalesce(held.time, k.since) AND time < k.before"
        f"   AND {_SENT}"
        "   ORDER BY time, received_at DESC, value DESC NULLS LAST, quality DESC) AS r",
        _spans(spans),
    )


def read_bounds(
    connection: Connection, spans: Sequence[tuple[int, int, int]]
) -> list[tuple[int, int, tuple[float, float, float, float]]]:
    """Of the good rows of (series, from µs on, before µs): the latest time and what bounds them.

    Lowest and highest value (of a saturated row infinity), sums of those above and below zero.
    """
    rows = connection.execute(
        "SELECT k.series, max(r.time), min(r.value), max(r.high), sum(greatest(r.high, 0)),"  # noqa: S608  constants
        " sum(least(r.value, 0)) FROM unnest(%s::int[], %s::timestamptz[], %s::timestamptz[])"
        " AS k (series, since, before) JOIN LATERAL (SELECT time, value, CASE WHEN quality &"
        f" {int(Quality.SATURATED)} = 0 THEN value ELSE 'Infinity' END AS high FROM reading"
        "   WHERE series_id = k.series AND time >= k.since AND time < k.before"
        f"   AND {is_good()}) AS r ON true GROUP BY 1",
        [
            [series for series, _, _ in spans],
            [moment(since) for _, since, _ in spans],
            [moment(before) for _, _, before in spans],
        ],
    )
    return [(series, micros(time), tuple(bounds)) for series, time, *bounds in rows]


def read_range(connection: Connection, series: Sequence[int], since: int, before: int) -> Rows:
    """All rows of many series in a span of time (µs), ordered by series and time."""
    return _copy_rows(
        connection,
        f"SELECT {_FIELDS} FROM reading r"  # noqa: S608  a constant
        " WHERE r.series_id = ANY(%s) AND r.time >= %s AND r.time < %s",
        [list(series), moment(since), _end(before)],
    )


def read_all(connection: Connection, since: int, before: int) -> Rows:
    """All rows of all series in a span of time (µs), with their own arrivals, ordered likewise."""
    return _copy_rows(
        connection,
        f"SELECT {_FIELDS} FROM reading r WHERE r.time >= %s AND r.time < %s",  # noqa: S608  a constant
        [moment(since), moment(before)],
        first_arrivals=False,
    )


def read_points(connection: Connection, points: Sequence[tuple[int, int]]) -> Rows:
    """The rows at (series, time µs), ordered so."""
    return _copy_rows(
        connection,
        f"SELECT {_FIELDS} FROM unnest(%s::int[], %s::timestamptz[]) AS k (series, at)"  # noqa: S608  a constant
        " JOIN reading r ON r.series_id = k.series AND r.time = k.at",
        [[series for series, _ in points], [moment(time).isoformat() for _, time in points]],
    )


def read_late_arrivals(connection: Connection, spans: Sequence[tuple[int, int, int]]) -> Rows:
    """Rows of (series, older than µs, that arrived from µs on), ordered by series and time.

    A row that a person replaced has no arrival of its own, but its first version may have.
    """
    return _copy_rows(
        connection,
        "WITH k AS (SELECT * FROM unnest(%s::int[], %s::timestamptz[], %s::timestamptz[])"  # noqa: S608  a constant
        f"   AS k (series, before, since)) SELECT {_FIELDS} FROM k JOIN reading r"
        " ON r.series_id = k.series AND r.time < k.before AND r.received_at >= k.since"
        " WHERE r.received_at >= %s AND r.time < %s"  # which the index of arrivals answers
        f" UNION SELECT {_FIELDS} FROM k JOIN reading_version v"
        " ON v.series_id = k.series AND v.time < k.before AND v.received_at >= k.since"
        " JOIN reading r ON r.series_id = v.series_id AND r.time = v.time"
        " AND r.received_at IS NULL",
        [
            [series for series, _, _ in spans],
            [moment(before).isoformat() for _, before, _ in spans],
            [moment(since).isoformat() for _, _, since in spans],
            moment(min(since for _, _, since in spans)),
            moment(max(before for _, before, _ in spans)),
        ],
    )


def list_imported_series(connection: Connection, time: int) -> set[int]:
    """The series that have imported readings from before a time (µs)."""
    rows = connection.execute(
        "SELECT id FROM series WHERE EXISTS (SELECT FROM reading r WHERE r.series_id = series.id"  # noqa: S608  a constant
        f" AND r.time < %s AND r.received_at IS NULL AND r.quality & {int(Quality.MANUAL)} = 0)",
        [moment(time)],
    )
    return {row[0] for row in rows}


def split_by_series(rows: Rows) -> dict[int, Rows]:
    """Rows ordered by series and time -> each series' own."""
    if not len(rows):
        return {}
    bounds = np.flatnonzero(np.diff(rows["series"], prepend=-1)).tolist()
    return {
        int(rows["series"][start]): rows[start:end]
        for start, end in zip(bounds, [*bounds[1:], len(rows)], strict=True)
    }


def _spans(spans: Sequence[tuple[int, int, int | None]]) -> list[object]:
    return [
        [series for series, _, _ in spans],
        [moment(since).isoformat() for _, since, _ in spans],
        ["infinity" if before is None else moment(before).isoformat() for _, _, before in spans],
    ]


def _end(instant: int) -> str:
    """An end that may lie beyond all dates."""
    return "infinity" if instant > _LATEST else moment(instant).isoformat()


def _copy_rows(
    connection: Connection, query: str, parameters: list[object], *, first_arrivals: bool = True
) -> Rows:
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)".encode(), parameters) as copy,
    ):
        data = b"".join(_messages(copy))
    count = (len(data) - _HEADER - _TRAILER) // _COPY_ROW.itemsize
    wire = np.frombuffer(data, dtype=_COPY_ROW, offset=_HEADER, count=count)
    rows = np.empty(len(wire), dtype=ROW)
    for name in ("series", "value", "quality"):
        rows[name] = wire[name]
    rows["time"] = wire["time"] + POSTGRES_EPOCH
    imported = wire["received"] == np.iinfo(np.int64).min  # -infinity
    rows["received"] = np.where(imported, wire["received"], wire["received"] + POSTGRES_EPOCH)
    rows = rows[np.lexsort((rows["time"], rows["series"]))]
    if first_arrivals:
        set_first_arrivals(connection, split_by_series(rows))
    return rows


def _messages(copy: Copy) -> Iterator[bytes | bytearray | memoryview]:
    """Each message of a binary copy, and at once what came with it: psycopg takes 5 µs for each."""
    for message in copy:
        yield message
        received = len(message)
        while received > _HEADER + _TRAILER:  # a row is longer; the end of an empty copy is not
            received, more = copy.connection.pgconn.get_copy_data(1)
            if received > 0:
                yield more


def set_first_arrivals(connection: Connection, rows_by_series: Mapping[int, Rows]) -> None:
    """Replace each row's arrival by the first arrival of any version at its time."""
    if not rows_by_series:
        return
    series = list(rows_by_series)
    since = min(int(rows["time"][0]) for rows in rows_by_series.values())
    until = max(int(rows["time"][-1]) for rows in rows_by_series.values())
    arrivals = list_first_arrivals(connection, series, since, until)
    replace_arrivals(rows_by_series, split_by_series(arrivals))


def list_first_arrivals(
    connection: Connection, series: Sequence[int], since: int, until: int
) -> Rows:
    """When the first version arrived, where there were several; ordered by series and time."""
    versions = connection.execute(
        "SELECT series_id, time, min(received_at) FROM reading_version"
        " WHERE series_id = ANY(%s) AND time BETWEEN %s AND %s AND received_at IS NOT NULL"
        " GROUP BY 1, 2 ORDER BY 1, 2",
        [list(series), moment(since), _end(until)],
    ).fetchall()
    rows = np.zeros(len(versions), dtype=ROW)
    rows["series"] = [number for number, _, _ in versions]
    rows["time"] = [micros(time) for _, time, _ in versions]
    rows["received"] = [micros(received) for _, _, received in versions]
    return rows


def replace_arrivals(rows_by_series: Mapping[int, Rows], arrivals: Mapping[int, Rows]) -> None:
    """Set the arrivals at the same times."""
    for series in rows_by_series.keys() & arrivals.keys():
        rows, own = rows_by_series[series], arrivals[series]
        at = np.minimum(np.searchsorted(rows["time"], own["time"]), len(rows) - 1)
        same = rows["time"][at] == own["time"]
        rows["received"][at[same]] = own["received"][same]
