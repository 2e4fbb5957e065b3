"""Tables as files: CSV and Parquet, written while they are read."""

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from pyarrow import csv

TIME = pa.timestamp("us", tz="UTC")
TEXT = pa.string()
WORD = pa.dictionary(pa.int32(), pa.string())  # a text of which few are there


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows to come, in pieces that memory holds. `facts`: what the file says of itself."""

    name: str
    schema: pa.Schema
    pieces: Iterable[pa.RecordBatch]
    facts: Mapping[str, str]


def write_csv(table: Table) -> Iterator[bytes]:
    """CSV (RFC 4180, UTF-8): times as RFC 3339 in UTC, nothing where there is no value."""
    head = csv.WriteOptions(include_header=True)
    yield _encode(pa.RecordBatch.from_pylist([], schema=table.schema), head)
    for piece in table.pieces:
        yield _encode(piece, csv.WriteOptions(include_header=False))


def write_parquet(table: Table) -> Iterator[bytes]:
    """Parquet: a row group a piece; what the file says of itself in its metadata."""
    outlet = _Outlet()
    schema = table.schema.with_metadata(dict(table.facts))
    with pq.ParquetWriter(pa.PythonFile(outlet, mode="w"), schema, compression="zstd") as writer:
        for piece in table.pieces:
            writer.write_batch(piece)
            yield outlet.take()
    yield outlet.take()


class _Outlet(io.RawIOBase):
    """Keeps what was written until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._parts.append(part)
        self._written += len(part)
        return len(part)

    def tell(self) -> int:
        return self._written

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _encode(piece: pa.RecordBatch, options: csv.WriteOptions) -> bytes:
    texts = pa.table([_to_text(column) for column in piece.columns], names=piece.schema.names)
    out = pa.BufferOutputStream()
    csv.write_csv(texts, out, options)
    encoded: bytes = out.getvalue().to_pybytes()
    return encoded


def _to_text(column: pa.Array) -> pa.Array:
    """As CSV has it: times written out, and no text that a spreadsheet takes for a formula."""
    if pa.types.is_timestamp(column.type):
        return _write_times(column)
    if pa.types.is_dictionary(column.type):
        words = _escape_formulas(column.dictionary)
        return pa.DictionaryArray.from_arrays(column.indices, words).dictionary_decode()
    if pa.types.is_string(column.type):
        return _escape_formulas(column)
    return column


def _write_times(column: pa.Array) -> pa.Array:
    """RFC 3339; a tenth of the time that `strftime` takes."""
    with suppress(pa.ArrowInvalid):  # parts of a second would be lost
        column = column.cast(pa.timestamp("s", tz="UTC"))
    written = column.cast(pa.timestamp(column.type.unit)).cast(TEXT)  # with a blank, without a zone
    return pc.binary_join_element_wise(pc.binary_replace_slice(written, 10, 11, "T"), "Z", "")


def _escape_formulas(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(texts, r"^([=+@\t\r])", r"'\1")


def describe_csv(path: str, schema: pa.Schema, about: str) -> dict[str, object]:
    """A table as a resource of a Frictionless data package."""
    fields = [{"name": field.name, "type": _name_type(field.type)} for field in schema]
    return {
        "profile": "tabular-data-resource",
        "name": path.removesuffix(".csv").replace("/", "-"),
        "path": path,
        "description": about,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": {"fields": fields},
    }


def _name_type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "datetime"
    if pa.types.is_integer(kind):
        return "integer"
    return "number" if pa.types.is_floating(kind) else "string"
