"""A recording's file as text cells; errors name line and column."""

import codecs
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensors._errors import Message, TerritoryError
from sensors._foreign import ForeignError, TooLargeError, make_excerpt, read_file

ROW_COLUMNS = ("time", "device", "quantity", "unit", "value", "status")
EMPTY = frozenset({"", "nan", "NaN", "NA", "null"})
LARGEST = 96 * 2**20  # bytes of a file, unpacked
MOST_CELLS, MOST_COLUMNS = 6_000_000, 5_000
_LONGEST_HEAD = 2**20  # bytes of the first line
# What Python can hold in any time zone.
_FIRST, _LAST = pd.Timestamp("0002-01-01T00:00Z"), pd.Timestamp("9998-12-31T00:00Z")
_SHOWN = 100  # characters of a cell, in an error

# What one of the catalogue's unit holds of the unit that files are written in. A division by a
# power of ten gives the nearest double to the decimal that the gauge sent; a product does not.
DIVISORS = {
    "level": {"m": 1.0, "cm": 100.0, "mm": 1000.0},
    "discharge": {"m3/s": 1.0, "l/s": 1000.0},
    "catchment_rain": {"mm": 1.0},
}
OWN_UNIT = {"level": "m", "discharge": "m3/s", "catchment_rain": "mm"}


class RecordingError(TerritoryError):
    """A file of past readings cannot be read: names file, line, column and remedy."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """All cells of a delimited file, as text; row i is line i + 2 of the file."""

    path: Path
    cells: pd.DataFrame

    def fault(self, row: int, column: str, expected: Message) -> RecordingError:
        cell = self.cells[column].iloc[row]
        return RecordingError(
            "{file}, line {number}, column {column!r}: {cell!r}; expected {expected}",
            self.path,
            row + 2,
            make_excerpt(column, _SHOWN),
            make_excerpt(str(cell), _SHOWN),
            expected,
        )

    def numbers(self, column: str) -> NDArray[np.float64]:
        """The column as numbers, nan where the cell is empty.

        Raises:
            RecordingError: a cell is neither empty nor a finite number.
        """
        text = self.cells[column].str.strip()
        empty = text.isin(EMPTY).to_numpy()
        values = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, copy=True)
        values[empty] = np.nan
        bad = ~empty & ~np.isfinite(values)
        if bad.any():
            raise self.fault(
                int(bad.argmax()), column, Message("a number such as 4.306, or nothing")
            )
        return values

    def instants(self, column: str, *, naive_is_utc: bool) -> "pd.Series[pd.Timestamp]":
        """The column as UTC instants (datetime64[us, UTC]).

        Raises:
            RecordingError: a cell is not an ISO 8601 instant, or has no offset and the column's
                name does not end in `_utc`.
        """
        text = self.cells[column].str.strip()
        expected = Message("an instant such as 2022-01-11T06:15:00Z")
        if not naive_is_utc:
            has_offset = text.str.contains(r"(?:[zZ]|[+-]\d{2}:?\d{2})$", regex=True).to_numpy()
            if not has_offset.all():
                expected = Message("{expected}, with its offset from UTC", expected)
                raise self.fault(int((~has_offset).argmax()), column, expected)
        series = pd.to_datetime(text, utc=True, format="ISO8601", errors="coerce")
        # pandas takes `now` and `today` for instants too, and a bare year for its first of January
        there = series.between(_FIRST, _LAST).to_numpy()  # NaT is not
        bad = ~there | ~text.str.match(r"\d{4}-?\d\d-?\d\d").to_numpy()
        if bad.any():
            raise self.fault(int(bad.argmax()), column, expected)
        return series.astype("datetime64[us, UTC]")


# What pandas says of a row with more cells than the first line.
_WIDER = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


def load(path: Path) -> Table:
    """Read a delimited file, plain or gzip; `;` or `,` by its first line.

    Raises:
        RecordingError: there is no such file, it is not text, it is too large, it holds no row, or
            a line has more cells than the first.
    """
    try:
        with path.open("rb") as file:
            content = read_file(file, LARGEST).removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise RecordingError("{file} cannot be read: {problem}", path, error.strerror) from error
    except TooLargeError as error:
        raise RecordingError(
            "{file} holds more than {largest} MiB of text: cut it into spans of time",
            path,
            LARGEST // 2**20,
        ) from error
    except ForeignError as error:
        raise _no_text(path) from error
    separator = _find_separator(content)
    _require_few_cells(path, content, separator)
    try:
        # without names a row of more cells is refused at once; else pandas makes an index of them
        for header, rows in ((None, 2), (0, None)):
            cells = pd.read_csv(
                io.BytesIO(content.rstrip()),
                sep=separator,
                header=header,
                nrows=rows,
                dtype=str,
                keep_default_na=False,
                skip_blank_lines=False,
            )
    except UnicodeDecodeError as error:
        raise _no_text(path) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        wider = _WIDER.search(str(error))
        if wider is None:
            raise RecordingError("{file} is no delimited table: {problem}", path, error) from error
        names, line, count = wider.groups()
        raise RecordingError(
            "{file}, line {line}: {count} cells; the first line has {names} names",
            *(path, line, count, names),
        ) from error
    if cells.empty:
        raise RecordingError("{file} has no row below its first line", path)
    return Table(path=path, cells=cells.fillna(""))


def _no_text(path: Path) -> RecordingError:
    return RecordingError("{file} is neither UTF-8 text nor a complete gzip of it", path)


def _find_separator(content: bytes) -> str:
    return ";" if b";" in content.partition(b"\n")[0] else ","


def _require_few_cells(path: Path, content: bytes, separator: str) -> None:
    """Short lines stand for many cells: pandas fills each up to the width of the first."""
    head = content.partition(b"\n")[0]
    if len(head) > _LONGEST_HEAD:
        raise RecordingError(
            "{file} is no delimited table: {problem}",
            path,
            Message("{count} characters; at most {largest} fit", len(head), _LONGEST_HEAD),
        )
    width = head.count(separator.encode()) + 1
    lines = content.count(b"\n") + content.count(b"\r") + 1
    cells = max(width * lines, content.count(separator.encode()) + lines)
    if width > MOST_COLUMNS or cells > MOST_CELLS:
        raise RecordingError(
            "{file} has up to {count} cells in {count2} columns; at most {largest} cells and"
            " {largest2} columns are read: cut it into spans of time",
            path,
            cells,
            width,
            MOST_CELLS,
            MOST_COLUMNS,
        )


def in_own_unit(
    quantity: str, unit: str, values: NDArray[np.float64]
) -> tuple[str, NDArray[np.float64]]:
    """Unit and values as a gauge would send them; an unknown unit is left to ingest."""
    divisor = DIVISORS.get(quantity, {}).get(unit)
    if divisor is None:
        return unit, values
    return OWN_UNIT[quantity], values / divisor


def join(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rows of several columns as one table in the order of time, ties as the file has them."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return parts[0].loc[:, list(ROW_COLUMNS)]
    rows = pd.concat(filled, ignore_index=True).loc[:, list(ROW_COLUMNS)]
    return rows.sort_values("time", kind="stable", ignore_index=True)


def between(rows: pd.DataFrame, start: datetime | None, end: datetime | None) -> pd.DataFrame:
    """Rows with start <= time <= end."""
    keep = np.ones(len(rows), dtype=bool)
    if start is not None:
        keep &= (rows["time"] >= pd.Timestamp(start)).to_numpy()
    if end is not None:
        keep &= (rows["time"] <= pd.Timestamp(end)).to_numpy()
    return rows.loc[keep].reset_index(drop=True)
