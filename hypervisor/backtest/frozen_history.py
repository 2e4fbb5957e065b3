"""The readings of one job as a frozen list of immutable parts, and the source that reads them."""

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hypervisor.backtest.sources import FOREVER, Closings, Source, Spans, StoredSource
from hypervisor.base.instants import BEGINNING
from hypervisor.database.feed import DAY
from hypervisor.readings import queries_columnar, queries_history
from hypervisor.readings.parquet_parts import (
    Span,
    VerifiedPart,
    is_immutable,
    open_verified,
    write_part,
)
from sensors._row import ROW, Rows

_WEEK = 7 * DAY  # of the table, written as one part
_EPOCH = 0  # the day in the name of a part that is of no day


@dataclass(frozen=True, kw_only=True)
class FrozenPart:
    """A part by its name; `series`: the lowest and highest.

    `span`: only rows within it (None: all), and not those of the `dirty` days since the epoch.
    `copied`: it is of the columnar copy.
    """

    name: str
    series: tuple[int, int]
    rows: int
    span: Span | None = None
    dirty: frozenset[int] = frozenset()
    copied: bool = False


@dataclass(frozen=True, kw_only=True)
class FrozenHistory:
    """The parts of a job, and those that hold first arrivals of readings that were corrected."""

    parts: tuple[FrozenPart, ...]
    arrivals: tuple[FrozenPart, ...] = ()

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)


@dataclass(frozen=True, kw_only=True)
class FrozenSource:
    """Reads a frozen history from a folder.

    PartError: a part is missing, truncated or changed.
    """

    folder: Path
    history: FrozenHistory
    floor: int
    gaps: Spans
    closings: Closings

    def rows(self, series: Sequence[int], since: int, until: int) -> Mapping[int, Rows]:
        """As any source; `since` and `until` are those for which the history was frozen."""
        del since, until
        numbers = np.unique(np.array(series, dtype=np.int32))
        pieces: dict[int, list[Rows]] = {}
        for own_rows in self._read(self.history.parts, numbers):
            for number, rows in own_rows.items():
                pieces.setdefault(number, []).append(rows)
        rows_by_series = {
            number: queries_columnar.merge_by_time(pieces.pop(number)) for number in sorted(pieces)
        }
        for arrivals in self._read(self.history.arrivals, numbers):
            queries_history.replace_arrivals(rows_by_series, arrivals)
        return rows_by_series

    def _read(
        self, parts: Sequence[FrozenPart], numbers: np.ndarray
    ) -> Iterator[Mapping[int, Rows]]:
        for part in parts:
            low, high = part.series
            mine = numbers[(numbers >= low) & (numbers <= high)]
            if len(mine):
                rows_by_series = open_verified(self.folder / part.name).read(mine, part.span)
                yield queries_columnar.without_days(rows_by_series, part.dirty)


def freeze(
    source: Source, folder: Path, series: Sequence[int], since: int, until: int
) -> FrozenHistory:
    """Lay the rows of these series, as the source has them, as parts into a folder.

    Parts of the columnar copy are linked, or copied; the rest is written. A history that is frozen
    stays as it is.
    """
    if isinstance(source, FrozenSource):
        return source.history
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(source, StoredSource):
        return _freeze_stored(source, folder, series, max(since, BEGINNING), until)
    rows = source.rows(series, since, until)
    return FrozenHistory(parts=_write_rows(folder, _EPOCH, [rows[key] for key in sorted(rows)]))


def _freeze_stored(
    source: StoredSource, folder: Path, series: Sequence[int], since: int, until: int
) -> FrozenHistory:
    connection, before = source.connection, FOREVER if until == FOREVER else until + 1
    copy = source.copy or queries_columnar.find_copy(connection, folder)
    parts: list[FrozenPart] = []
    rest = list(copy.rest)
    for part in copy.parts:
        if part.first >= before or part.last <= since:
            continue
        if is_immutable(part.file.name) and _link(part.file, folder):
            inside = since <= part.first and part.last <= before
            span = None if inside else (since, before)
            described = describe(folder, part.file.name, span)
            parts.append(replace(described, dirty=part.dirty, copied=True))
        else:
            rest.append((part.first, part.last))
    for first, last in _cut_weeks(queries_columnar.merge_spans(rest), since, before):
        rows = queries_history.read_range(connection, series, first, last)
        parts += _write_rows(folder, first, [rows])
    if since > BEGINNING:
        spans = [(number, since, since) for number in series]
        parts += _write_rows(folder, since, [queries_history.read_spans(connection, spans)])
    arrivals = queries_history.list_first_arrivals(connection, series, since, until)
    return FrozenHistory(parts=tuple(parts), arrivals=_write_rows(folder, _EPOCH, [arrivals]))


def _cut_weeks(spans: Sequence[Span], since: int, before: int) -> Iterator[Span]:
    for first, last in spans:
        begins, ends = max(first, since), min(last, before)
        for start in range(begins, ends, _WEEK):
            yield start, min(start + _WEEK, ends)


def _write_rows(folder: Path, first: int, rows: Sequence[Rows]) -> tuple[FrozenPart, ...]:
    """A part of these rows, ordered by series and time; none: no part."""
    joined = np.concatenate(rows) if rows else np.empty(0, dtype=ROW)
    return (describe(folder, write_part(folder, first, joined), None),) if len(joined) else ()


def describe(folder: Path, name: str, span: Span | None) -> FrozenPart:
    """A part that lies in a folder."""
    part = VerifiedPart(folder / name)
    return FrozenPart(name=name, series=part.series, rows=part.rows, span=span)


def _link(file: Path, folder: Path) -> bool:
    """Have a file in a folder under its own name; False: it was replaced meanwhile."""
    if (folder / file.name).exists():
        return True
    unfinished = folder / f"{secrets.token_hex(8)}.tmp"
    try:
        try:
            os.link(file, unfinished)
        except FileNotFoundError:
            raise
        except OSError:  # another file system, or one without links
            shutil.copyfile(file, unfinished)
    except FileNotFoundError:
        return False
    unfinished.replace(folder / file.name)
    return True
