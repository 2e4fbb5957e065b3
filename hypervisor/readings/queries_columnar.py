"""The columnar copy of readings: closed chunks as Parquet files, read a hundred times as fast.

Always exact: days changed by a transaction that the copy has not seen are read from the table until
the copy is made again. Readers need one snapshot (`REPEATABLE READ`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from hypervisor.base.instants import EPOCH, micros, moment
from hypervisor.database import locks
from hypervisor.database.connect import Connection
from hypervisor.database.feed import DAY, changed_days
from hypervisor.database.locks import Lock
from hypervisor.readings import parquet_parts, queries_compression, queries_history
from sensors._row import ROW, Rows

FOLDER = "columnar"  # below an instance's data folder
_BYTES = np.dtype((np.void, ROW.itemsize))
_FOREVER = 2**62
_EPOCH_DAY = EPOCH.toordinal()

Spans = Sequence[tuple[int, int]]  # from µs on, before µs


@dataclass(frozen=True, kw_only=True)
class Part:
    """A copied chunk; `dirty`: days since the epoch on which the copy is out of date."""

    first: int
    last: int
    file: Path
    dirty: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Copy:
    """The copied chunks of a snapshot, and the spans of time to read from the table (`rest`)."""

    parts: tuple[Part, ...]
    rest: tuple[tuple[int, int], ...]


def find_copy(connection: Connection, folder: Path) -> Copy:
    """The part of the copy that is valid in this snapshot."""
    chunks = _list_chunks(connection)
    part_rows = connection.execute(
        "SELECT first, last, xid::text, file FROM columnar_part WHERE file <> '' ORDER BY first"
    ).fetchall()
    changes = _list_changed_days(connection, min((int(row[2]) for row in part_rows), default=0))
    parts: dict[tuple[int, int], Part] = {}
    for first, last, xid, name in part_rows:
        span = micros(first), micros(last)
        dirty = {
            day
            for day, latest in changes.items()
            if latest >= int(xid) and span[0] <= day * DAY < span[1]
        }
        if span in chunks and (folder / name).is_file():
            parts[span] = Part(
                first=span[0], last=span[1], file=folder / name, dirty=frozenset(dirty)
            )
    rest = [span for span in chunks if span not in parts]
    rest += [(day * DAY, (day + 1) * DAY) for part in parts.values() for day in part.dirty]
    return Copy(parts=tuple(parts.values()), rest=tuple(merge_spans(rest)))


def _list_chunks(connection: Connection) -> list[tuple[int, int]]:
    chunks = queries_compression.list_chunks(connection)
    return [(micros(first), micros(last)) for first, last in chunks]


def _list_changed_days(connection: Connection, xid: int) -> dict[int, int]:
    """Days whose readings a transaction from `xid` on changed, with the latest of them."""
    latest_by_day = {
        day.toordinal() - _EPOCH_DAY: int(latest)
        for day, latest in connection.execute("SELECT day, xid::text FROM columnar_dirty")
    }
    changed = changed_days(connection, "xid >= %s::xid8", str(xid), before=_FOREVER)
    for day, latest in changed.items():
        latest_by_day[day] = max(latest, latest_by_day.get(day, 0))
    return latest_by_day


def merge_spans(spans: Spans) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    return joined


def read_rows(
    connection: Connection, copy: Copy, series: Sequence[int], since: int, before: int
) -> dict[int, Rows]:
    """The rows of each series in a span of time (µs), ascending by time; none: it is absent."""
    series_ids = np.unique(np.array(series, dtype=np.int32))
    pieces: dict[int, list[Rows]] = {}
    own_readings = list_personal(connection)  # of homes: the copy has none
    for source, numbers in (
        (copy, np.setdiff1d(series_ids, own_readings)),
        (Copy(parts=(), rest=((since, before),)), np.intersect1d(series_ids, own_readings)),
    ):
        if len(numbers):
            for own_rows in _read_pieces(connection, source, numbers, since, before):
                for series_id, own in own_rows.items():
                    pieces.setdefault(series_id, []).append(own)
    rows_by_series = {
        series_id: merge_by_time(pieces.pop(series_id)) for series_id in sorted(pieces)
    }
    queries_history.set_first_arrivals(connection, rows_by_series)
    return rows_by_series


def list_personal(connection: Connection) -> np.ndarray:
    """The series of homes, whose readings are kept for a short time only."""
    rows = connection.execute(
        "SELECT r.id FROM series r JOIN device d ON d.id = r.device"
        " JOIN site s ON s.id = d.site WHERE s.personal"
    )
    return np.array([number for (number,) in rows], dtype=np.int32)


def _read_pieces(
    connection: Connection, copy: Copy, series: np.ndarray, since: int, before: int
) -> Iterator[Mapping[int, Rows]]:
    """Rows of each series, ascending by time within each piece; no two share a time."""
    for first, last in copy.rest:
        span = max(first, since), min(last, before)
        if span[0] < span[1]:
            rows = queries_history.read_range(connection, series.tolist(), *span)
            yield queries_history.split_by_series(rows)
    for part in copy.parts:
        if part.first < before and part.last > since:
            try:
                yield _read_part(part, series, since, before)
            except FileNotFoundError:  # replaced meanwhile: read the table instead
                span = max(part.first, since), min(part.last, before)
                rows = queries_history.read_range(connection, series.tolist(), *span)
                yield without_days(queries_history.split_by_series(rows), part.dirty)


def merge_by_time(pieces: Sequence[Rows]) -> Rows:
    """Pieces of one series that do not share a time, ascending."""
    inside = sorted(pieces, key=lambda rows: int(rows["time"][0]))
    # As plain bytes: field by field it takes ten times as long.
    rows: Rows = np.concatenate([part.view(_BYTES) for part in inside]).view(ROW)
    if all(earlier["time"][-1] < later["time"][0] for earlier, later in pairwise(inside)):
        return rows
    return rows[np.argsort(rows["time"], kind="stable")]  # a dirty day lies within its part


def _read_part(part: Part, series: np.ndarray, since: int, before: int) -> Mapping[int, Rows]:
    cut = since > part.first or before < part.last
    rows_by_series = parquet_parts.read_part(part.file, series, (since, before) if cut else None)
    return without_days(rows_by_series, part.dirty)


def without_days(rows_by_series: Mapping[int, Rows], days: frozenset[int]) -> Mapping[int, Rows]:
    """The rows that are not of these days since the epoch."""
    if not days:
        return rows_by_series
    others = {
        number: rows[~np.isin(rows["time"] // DAY, list(days))]
        for number, rows in rows_by_series.items()
    }
    return {number: rows for number, rows in others.items() if len(rows)}


def refresh(
    connection: Connection, folder: Path, *, tick: Callable[[int, int], None] = lambda *_: None
) -> int:
    """Copy the closed chunks that are not copied, or changed since; how many.

    A chunk is closed a day after its end, by the newest reading. `connection`: in autocommit. Does
    nothing while another process copies.
    """
    if not locks.take(connection, Lock.COPYING):
        return 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        due = _list_due(connection, folder)
        for number, span in enumerate(due):
            tick(number, len(due))
            _copy(connection, folder, *span)
        _remove_unused(connection, folder)
    finally:
        locks.release(connection, Lock.COPYING)
    return len(due)


def _list_due(connection: Connection, folder: Path) -> list[tuple[int, int]]:
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        ((newest,),) = connection.execute("SELECT max(time) FROM reading")
        if newest is None:
            return []
        clean = {
            part.first
            for part in find_copy(connection, folder).parts
            if not part.dirty and parquet_parts.is_immutable(part.file.name)
        }
        spans = _list_chunks(connection)
    closed = micros(newest) - DAY
    return [span for span in spans if span[0] not in clean and span[1] <= closed]


def _copy(connection: Connection, folder: Path, first: int, last: int) -> None:
    """Copy a chunk. Its row comes first: from then on changes are recorded."""
    connection.execute(
        "INSERT INTO columnar_part (first, last, xid, file, rows) VALUES (%s, %s, '0', '', 0)"
        " ON CONFLICT DO NOTHING",
        [moment(first), moment(last)],
    )
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        ((xid,),) = connection.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
        rows = queries_history.read_all(connection, first, last)
        rows = rows[~np.isin(rows["series"], list_personal(connection))]
    name = parquet_parts.write_part(folder, first, rows)
    connection.execute(
        "UPDATE columnar_part SET last = %s, xid = %s::xid8, file = %s, rows = %s WHERE first = %s",
        [moment(last), xid, name, len(rows), moment(first)],
    )


def _remove_unused(connection: Connection, folder: Path) -> None:
    """Remove files that no part names, and dirty days that every copy includes."""
    named = {row[0] for row in connection.execute("SELECT file FROM columnar_part")}
    for file in (*folder.glob("*.parquet"), *folder.glob("*.tmp")):
        if file.name not in named:
            file.unlink(missing_ok=True)
    connection.execute(
        "DELETE FROM columnar_dirty WHERE xid < COALESCE((SELECT min(xid) FROM columnar_part"
        " WHERE file <> ''), '0')"
    )


def measure_copy(connection: Connection) -> Mapping[str, int]:
    """How many parts and rows are copied."""
    ((parts, rows),) = connection.execute(
        "SELECT count(*), COALESCE(sum(rows), 0) FROM columnar_part WHERE file <> ''"
    )
    return {"parts": int(parts), "rows": int(rows)}
