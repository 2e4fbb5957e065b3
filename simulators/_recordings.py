"""Recordings of real events: Hub'Eau's layout and wide CSV, with their gaps and status."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from sensors._foreign import make_excerpt
from simulators import _hubeau, _wide
from simulators._table import RecordingError, between, load

__all__ = ["Recording", "RecordingError", "read", "shipped_recordings", "write"]

_FOLDER = Path(__file__).parent / "recordings"


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Readings of the past.

    `rows`: one reading a row, ascending by `time` (datetime64[us, UTC]): `device`, `quantity`
    (the catalogue's name), `unit`, `value` (nan: a row without a value), `status` ("ok",
    "doubtful", or the sensor's own fault text). `notes`: what of the file was left out, in words.
    """

    path: Path
    rows: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def devices(self) -> tuple[str, ...]:
        return tuple(sorted(self.rows["device"].unique()))


def shipped_recordings() -> dict[str, Path]:
    """Recordings of this package, by file name."""
    return {file.name: file for file in sorted(_FOLDER.glob("*.csv*"))}


def read(
    path: Path | str,
    *,
    stations: Sequence[str] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    columns: Sequence[str] | None = None,
) -> Recording:
    """Read a recording, or the part of it from `start` to `end` (both included) of `stations`.

    A path that is no file may be the name of a shipped one.
    In a wide file whose columns name no station, the device is the one of `stations`, else the
    file's leading name (`poyo-2024-10.csv` → `poyo`). `columns` explains columns whose
    names do not: `'Q_m3s=discharge[m3/s]'`.

    Raises:
        RecordingError: the file cannot be read, names none of `stations`, or holds nothing there.
    """
    path = Path(path)
    table = load(path if path.exists() else shipped_recordings().get(str(path), path))
    station_names = list(stations or ())
    if _hubeau.is_hubeau(table):
        if columns:
            raise RecordingError(
                "{file} has Hub'Eau's layout: its columns need no explanation", path
            )
        rows, notes = _hubeau.rows_of(table)
    else:
        meanings = {meaning.name: meaning for meaning in map(_wide.explicit, columns or ())}
        only = station_names[0] if len(station_names) == 1 else None
        rows, notes = _wide.rows_of(table, device=only, columns=meanings)
    rows = between(_of(rows, station_names, table.path), start, end)
    if rows.empty:
        raise RecordingError("{file} has no reading in this period", path)
    return Recording(path=table.path, rows=rows, notes=notes)


def write(rows: pd.DataFrame, path: Path) -> None:
    """Write rows as wide CSV; gzip if the name ends in .gz, the same bytes each time."""
    content = _wide.text_of(rows).encode()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def _of(rows: pd.DataFrame, stations: list[str], path: Path) -> pd.DataFrame:
    if not stations:
        return rows
    there = set(rows["device"].unique())
    missing = [name for name in stations if name not in there]
    if missing:
        raise RecordingError(
            "{file} has no station {codes}; it has {codes2}",
            path,
            ", ".join(missing),
            make_excerpt(", ".join(sorted(there)), 1_000),
        )
    return rows.loc[rows["device"].isin(stations)].reset_index(drop=True)
