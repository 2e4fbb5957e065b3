"""Parquet files of readings that never change: a name is the first day and a hash of the content.

The footer holds a hash of each row group, and the name the hash of the footer. So a reader verifies
what it reads, without reading the rest.
"""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from hypervisor.base.instants import moment
from sensors._errors import TerritoryError
from sensors._row import NEVER, ROW, Rows

_GROUP = 1 << 15  # rows read together at least
_HASHES = b"group_hashes"  # in the footer: [where the group ends, its SHA-256] of each
_NAME = re.compile(r"\d{8,}-([0-9a-f]{64})\.parquet")
_MAGIC = b"PAR1"

Span = tuple[int, int]  # from µs on, before µs
Bounds = Sequence[tuple[int, int]]  # the lowest and the highest series of each row group


class PartError(TerritoryError):
    """A part that is missing, truncated or changed; says which."""


def is_immutable(name: str) -> bool:
    """Whether a file's name has the hash of its content; those of earlier versions have none."""
    return _NAME.fullmatch(name) is not None


def write_part(folder: Path, first: int, rows: Rows) -> str:
    """Write rows ordered by series and time, of which the first day is that of `first`: the name.

    The same rows have the same name.
    """
    lag = np.where(rows["received"] == NEVER, NEVER, rows["received"] - rows["time"])
    columns = {name: np.ascontiguousarray(rows[name]) for name in ("series", "time", "value")}
    table = pa.table({**columns, "lag": lag, "quality": np.ascontiguousarray(rows["quality"])})
    unfinished = folder / f"{secrets.token_hex(8)}.tmp"
    hashes: list[tuple[int, str]] = []
    with (
        pa.OSFile(str(unfinished), "wb") as sink,
        unfinished.open("rb") as written,
        pq.ParquetWriter(
            sink,
            table.schema,
            compression="zstd",
            use_dictionary=["quality", "series"],
            column_encoding={
                "time": "DELTA_BINARY_PACKED",
                "lag": "DELTA_BINARY_PACKED",
                "value": "BYTE_STREAM_SPLIT",
            },
        ) as writer,
    ):
        written.seek(len(_MAGIC))
        for start in range(0, len(rows), _GROUP):
            writer.write_table(table.slice(start, _GROUP), row_group_size=_GROUP)
            group = written.read(sink.tell() - written.tell())
            hashes.append((sink.tell(), hashlib.sha256(group).hexdigest()))
        writer.add_key_value_metadata({_HASHES: json.dumps(hashes)})
    with unfinished.open("rb") as written:
        footer = hashlib.sha256(_read_footer(written.fileno()) or b"").hexdigest()
    name = f"{moment(first):%Y%m%d}-{footer}.parquet"
    unfinished.replace(folder / name)
    return name


def read_part(file: Path, series: np.ndarray, span: Span | None) -> Mapping[int, Rows]:
    """Rows of these series (ascending) within a span, or all; unverified."""
    with pq.ParquetFile(file, memory_map=True) as parquet:
        groups = _find_row_groups(_list_bounds(parquet.metadata), series)
        table = parquet.read_row_groups(groups) if groups else None
    return _split(table, series, span)


class VerifiedPart:
    """A part that is verified as far as it is read.

    PartError: it is missing, truncated, or other than its name says.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        footer = self._pread(None)
        named = _NAME.fullmatch(file.name)
        if not footer or named is None or hashlib.sha256(footer).hexdigest() != named[1]:
            raise self._changed()
        self._metadata = pq.read_metadata(pa.BufferReader(_MAGIC + footer))
        self._bounds = _list_bounds(self._metadata)
        self._hashes: list[tuple[int, str]] = json.loads(self._metadata.metadata[_HASHES])
        self._verified: set[int] = set()

    @property
    def rows(self) -> int:
        return int(self._metadata.num_rows)

    @property
    def series(self) -> tuple[int, int]:
        """The lowest and the highest; of a part without rows none lies between them."""
        return (
            min((low for low, _ in self._bounds), default=0),
            max((high for _, high in self._bounds), default=-1),
        )

    def read(self, series: np.ndarray, span: Span | None) -> Mapping[int, Rows]:
        """Rows of these series (ascending) within a span, or all."""
        groups = _find_row_groups(self._bounds, series)
        for number in groups:
            self._verify(number)
        if not groups:
            return {}
        try:
            with pq.ParquetFile(self._file, metadata=self._metadata) as parquet:
                table = parquet.read_row_groups(groups)
        except (OSError, pa.ArrowException) as error:  # since it was verified
            raise self._changed() from error
        return _split(table, series, span)

    def _verify(self, number: int) -> None:
        if number in self._verified:
            return
        start = self._hashes[number - 1][0] if number else len(_MAGIC)
        end, expected = self._hashes[number]
        if hashlib.sha256(self._pread((start, end))).hexdigest() != expected:
            raise self._changed()
        self._verified.add(number)

    def _pread(self, where: tuple[int, int] | None) -> bytes:
        """The bytes from start to end, or the footer; fewer or none where the file is short."""
        try:
            with self._file.open("rb") as opened:
                if where is None:
                    return _read_footer(opened.fileno()) or b""
                return os.pread(opened.fileno(), where[1] - where[0], where[0])
        except FileNotFoundError as error:
            raise PartError("{file} is missing", str(self._file)) from error
        except OSError as error:
            raise PartError("{file} cannot be read: {error}", str(self._file), error) from error

    def _changed(self) -> PartError:
        return PartError("{file} is truncated or was changed", str(self._file))


def open_verified(file: Path) -> VerifiedPart:
    """A part, of which this process verifies each row group once while the file is as it was."""
    try:
        status = file.stat()
    except OSError:
        return VerifiedPart(file)
    return _open_cached(file, (status.st_ino, status.st_size, status.st_mtime_ns))


@lru_cache(maxsize=4096)
def _open_cached(file: Path, _status: tuple[int, int, int]) -> VerifiedPart:
    return VerifiedPart(file)


def _read_footer(descriptor: int) -> bytes | None:
    """The footer with its length and the magic number at the end; None: the file ends otherwise."""
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, 8, max(size - 8, 0))
    length = int.from_bytes(tail[:4], "little") + 8
    if tail[4:] != _MAGIC or length > size:
        return None
    return os.pread(descriptor, length, size - length)


def _list_bounds(metadata: pq.FileMetaData) -> Bounds:
    statistics = (
        metadata.row_group(number).column(0).statistics for number in range(metadata.num_row_groups)
    )
    return [(each.min, each.max) for each in statistics]


def _find_row_groups(bounds: Bounds, series: np.ndarray) -> list[int]:
    """The row groups that may hold one of the series."""
    groups = []
    for number, (low, high) in enumerate(bounds):
        place = np.searchsorted(series, low)
        if place < len(series) and series[place] <= high:
            groups.append(number)
    return groups


def _split(table: pa.Table | None, series: np.ndarray, span: Span | None) -> dict[int, Rows]:
    """Each series' rows within the span."""
    if table is None:
        return {}
    numbers = table.column("series").to_numpy()
    starts = np.searchsorted(numbers, series, side="left")
    ends = np.searchsorted(numbers, series, side="right")
    first, last = int(starts[0]), int(ends[-1])
    rows = _make_rows(table.slice(first, last - first))
    rows_by_series: dict[int, Rows] = {}
    for number, start, end in zip(series.tolist(), starts - first, ends - first, strict=True):
        own = rows[start:end]
        if span is not None:
            own = own[slice(*np.searchsorted(own["time"], span))]
        if len(own):
            rows_by_series[number] = own
    return rows_by_series


def _make_rows(table: pa.Table) -> Rows:
    rows = np.empty(table.num_rows, dtype=ROW)
    for name in ("series", "time", "value", "quality"):
        rows[name] = table.column(name).to_numpy()
    lag = table.column("lag").to_numpy()
    rows["received"] = np.where(lag == NEVER, NEVER, rows["time"] + lag)
    return rows
