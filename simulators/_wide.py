"""Wide CSV: a time column in UTC, then `<symbol>_<unit>[_<station>]` columns, perhaps `status`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sensors._foreign import make_excerpt
from simulators._table import RecordingError, Table, in_own_unit, join

SYMBOLS = {"H": "level", "Q": "discharge", "P": "catchment_rain"}
UNITS = {"m": "m", "cm": "cm", "mm": "mm", "m3s": "m3/s", "ls": "l/s"}
_SHOWN = 1_000  # characters of all names, in an error
EXPLICIT = re.compile(
    r"(?P<column>[^=]+)=(?P<quantity>[a-z_0-9]+)\[(?P<unit>[^\]]+)\](?:@(?P<device>\S+))?"
)


@dataclass(frozen=True, kw_only=True)
class Column:
    """What one column of the file means; `device` None: the file's only one."""

    name: str
    quantity: str
    unit: str
    device: str | None


def explicit(text: str) -> Column:
    """Parse `COLUMN=QUANTITY[UNIT]` or `COLUMN=QUANTITY[UNIT]@DEVICE`.

    Raises:
        RecordingError: it is written otherwise.
    """
    match = EXPLICIT.fullmatch(text.strip())
    if match is None:
        raise RecordingError(
            "columns: {text!r} cannot be read; expected COLUMN=QUANTITY[UNIT], such as"
            " 'Q_m3s=discharge[m3/s]', or COLUMN=QUANTITY[UNIT]@DEVICE",
            text,
        )
    return Column(
        name=match["column"].strip(),
        quantity=match["quantity"],
        unit=match["unit"],
        device=match["device"],
    )


def rows_of(
    table: Table, *, device: str | None, columns: Mapping[str, Column]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The readings, and what was left out in words.

    An empty cell is a gap and gives no row, unless the sensor's status shows a fault: then it is a
    row without a value.

    Raises:
        RecordingError: there is no time column or nothing to read, or a cell cannot be read.
    """
    clock = _time_column(table)
    times = table.instants(clock, naive_is_utc=clock.endswith("_utc"))
    meanings, left_out = _meanings(table, clock, columns)
    status = _status(table)
    has_status = (status != "ok").to_numpy()
    parts = []
    for meaning in meanings:
        values = table.numbers(meaning.name)
        there = ~np.isnan(values) | has_status
        unit, scaled = in_own_unit(meaning.quantity, meaning.unit, values[there])
        parts.append(
            pd.DataFrame(
                {
                    "time": times[there],
                    "device": meaning.device or device or leading_name(table.path.name),
                    "quantity": meaning.quantity,
                    "unit": unit,
                    "value": scaled,
                    "status": status[there],
                }
            )
        )
    empty = tuple(
        f"column {make_excerpt(meaning.name, 100)} left out: it has no value"
        for meaning, part in zip(meanings, parts, strict=True)
        if part.empty
    )
    return join(parts), (*left_out, *empty)


def leading_name(file_name: str) -> str:
    """`poyo-2024-10.csv` → `poyo`: the part of a file's name before the date."""
    return re.split(r"[-_.](?=\d{4})|\.", file_name, maxsplit=1)[0]


def _time_column(table: Table) -> str:
    names = [str(name) for name in table.cells.columns]
    candidates = [name for name in names if name == "time" or name.startswith("time_")]
    candidates += [name for name in names if name.endswith("_utc") and name not in candidates]
    if not candidates:
        raise RecordingError(
            "{file}, line 1: no time column among {codes}; expected Hub'Eau's"
            " code_station;grandeur_hydro;date_obs;resultat_obs, or a wide table whose time column"
            " is `time` (with offsets) or ends in `_utc`",
            table.path,
            make_excerpt(", ".join(names), _SHOWN),
        )
    return candidates[0]


def _meanings(
    table: Table, clock: str, columns: Mapping[str, Column]
) -> tuple[list[Column], tuple[str, ...]]:
    names = [str(name) for name in table.cells.columns if name not in {clock, "status"}]
    missing = sorted(set(columns) - set(names))
    if missing:
        raise RecordingError(
            "{file}, line 1: no column {codes}; it has {codes2}",
            table.path,
            ", ".join(missing),
            make_excerpt(", ".join(names), _SHOWN),
        )
    meaning_by_column = {name: columns.get(name) or _by_name(name) for name in names}
    meanings = [meaning for meaning in meaning_by_column.values() if meaning is not None]
    if not meanings:
        raise RecordingError(
            "{file}, line 1: no column says what it measures among {codes}; expected names such as"
            " Q_m3s, H_mm or P_mm_V3524010, or say it with --columns 'NAME=discharge[m3/s]'",
            table.path,
            make_excerpt(", ".join(names), _SHOWN),
        )
    left_out = tuple(
        f"column {make_excerpt(name, 100)} left out: no quantity of the catalogue"
        for name, meaning in meaning_by_column.items()
        if meaning is None
    )
    return meanings, left_out


def _by_name(name: str) -> Column | None:
    symbol, _, rest = name.partition("_")
    unit, _, device = rest.partition("_")
    if symbol not in SYMBOLS or unit not in UNITS:
        return None
    return Column(name=name, quantity=SYMBOLS[symbol], unit=UNITS[unit], device=device or None)


def _status(table: Table) -> pd.Series:
    """The sensor's status; OK or empty is fine."""
    if "status" not in table.cells.columns:
        return pd.Series("ok", index=table.cells.index)
    text = table.cells["status"].str.strip()
    return text.mask(text.str.lower().isin(["", "ok"]), "ok")


def text_of(rows: pd.DataFrame) -> str:
    """Rows of a recording as such a file: levels, discharges and rain over catchments."""
    symbols = {quantity: symbol for symbol, quantity in SYMBOLS.items()}
    units = {unit: name for name, unit in UNITS.items()}
    columns = rows["quantity"].map(symbols) + "_" + rows["unit"].map(units) + "_" + rows["device"]
    wide = rows.assign(column=columns).pivot_table(index="time", columns="column", values="value")
    return str(
        wide.to_csv(index_label="time_utc", lineterminator="\n", date_format="%Y-%m-%dT%H:%M:%S")
    )
