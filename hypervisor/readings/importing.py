"""Import of recorded history: without arrival or age limit, checked as in ingest, all counted."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hypervisor.base.instants import micros
from hypervisor.database import feed
from hypervisor.database.connect import Connection
from hypervisor.readings import queries, queries_history
from hypervisor.registry.model import Registry
from sensors._domain import Catalogue
from sensors._errors import Message
from sensors._foreign import make_excerpt
from sensors._nearest import did_you_mean
from sensors._quality import Quality
from sensors._quantity import CLOCK_FAULT
from sensors._row import EARLIEST, NEVER, ROW, Rows
from sensors._units import UnitError, converter

if TYPE_CHECKING:
    import pandas as pd

BATCH = 10_000
_MOST_NAMED = 20  # devices of a file that are not in the inventory
_STATUS = {"ok": Quality.GOOD, "saturated": Quality.SATURATED, "doubtful": Quality.DOUBTFUL}
_CONFLICT = "another value is stored at that time: what arrived takes precedence over history"
_TOO_LARGE = "too large for the catalogue's unit"
_FOREVER = np.iinfo(np.int64).max


@dataclass(kw_only=True)
class ImportCounts:
    """`read` = `stored` + `already_there` + `rejected` (by reason)."""

    read: int = 0
    stored: int = 0
    already_there: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


def check_recording(
    rows: "pd.DataFrame", registry: Registry, catalogue: Catalogue, *, until: int
) -> tuple[Rows, ImportCounts]:
    """The rows of a recording that can be stored, and the count of the others.

    `rows`: columns time, device, quantity, unit, value, status, as `simulators._recordings` reads.
    `until`: now, µs; nothing can be measured later.
    """
    account = ImportCounts(read=len(rows))
    parts: list[Rows] = [np.empty(0, dtype=ROW)]
    there = rows["device"].isin(list(registry.devices))
    _count_strangers(rows.loc[~there, "device"], registry, account)
    by_series = rows.loc[there].groupby(["device", "quantity", "unit"], sort=False)
    for (device, quantity, unit), part in by_series:
        name = f"{device}/{quantity}"
        refusal = _find_refusal(str(device), str(quantity), registry)
        if refusal is None:
            try:
                convert = converter(str(unit), catalogue.quantities[str(quantity)].unit)
            except UnitError as error:
                refusal = f"{name}: {error}"
            else:
                parts.append(_make_rows(part, registry, catalogue, convert))
        if refusal is not None:
            account.rejected[refusal] += len(part)
    return _reject_duplicates(
        _reject_implausible(np.concatenate(parts), registry, until, account), account
    )


def _count_strangers(devices: "pd.Series[str]", registry: Registry, account: ImportCounts) -> None:
    """Reject the rows of devices that are not in the inventory; the most frequent are named."""
    counts = devices.value_counts()
    for device, count in counts[:_MOST_NAMED].items():
        reason = Message(
            "no device {device!r} in the inventory{hint}",
            make_excerpt(str(device), 100),
            did_you_mean(str(device), registry.devices),
        )
        account.rejected[reason] += count
    others = counts[_MOST_NAMED:]
    if len(others):
        reason = Message("{count} more devices that are not in the inventory", len(others))
        account.rejected[reason] += int(others.sum())


def _find_refusal(device: str, quantity: str, registry: Registry) -> str | None:
    if (device, quantity) not in registry.series:
        quantities = ", ".join(
            name for owner, name in registry.series if owner == device and name != CLOCK_FAULT
        )
        return f"{device!r} has no {quantity!r} in the inventory; it has {quantities or 'nothing'}"
    return None


def _make_rows(
    part: "pd.DataFrame",
    registry: Registry,
    catalogue: Catalogue,
    convert: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> Rows:
    device, quantity = str(part["device"].iloc[0]), str(part["quantity"].iloc[0])
    series, definition = registry.series[device, quantity], catalogue.quantities[quantity]
    with np.errstate(over="ignore"):  # infinite values are rejected below
        value = convert(part["value"].to_numpy(dtype=np.float64))
    quality = part["status"].map(lambda text: _STATUS.get(text, Quality.SENSOR_FAULT))
    flags = quality.to_numpy(dtype=np.int16, copy=True)
    low = definition.low if series.low is None else series.low
    high = definition.high if series.high is None else series.high
    flags[(value < low) | (value > high)] |= Quality.OUT_OF_RANGE
    if series.saturates is not None:
        flags[value >= series.saturates] |= Quality.SATURATED
    flags[np.isnan(value) & (flags & Quality.SUSPECT == 0)] |= Quality.SENSOR_FAULT
    rows = np.empty(len(part), dtype=ROW)
    rows["series"] = series.id
    rows["time"] = part["time"].to_numpy(dtype="datetime64[us]").astype(np.int64)
    rows["received"] = NEVER
    rows["value"], rows["quality"] = value, flags
    return rows


def _reject_implausible(rows: Rows, registry: Registry, until: int, account: ImportCounts) -> Rows:
    """The rows within the times of their device, now and the first gauges, with finite values."""
    rows = _reject(rows, rows["time"] < EARLIEST, "measured before the year 1800", account)
    rows = _reject(rows, np.isinf(rows["value"]), _TOO_LARGE, account)
    rows = _reject(rows, rows["time"] > until, "measured later than now", account)
    ends: Mapping[int | None, int] = {
        series.id: micros(retired)
        for series in registry.series.values()
        if (retired := registry.devices[series.device].retired) is not None
    }
    end = np.array([ends.get(key, _FOREVER) for key in rows["series"].tolist()], dtype=np.int64)
    return _reject(rows, rows["time"] >= end, "measured after its device was retired", account)


def _reject(rows: Rows, wrong: NDArray[np.bool_], reason: str, account: ImportCounts) -> Rows:
    """The other rows; the wrong ones are counted."""
    if wrong.any():
        account.rejected[reason] += int(wrong.sum())
    return np.asarray(rows[~wrong])


def _reject_duplicates(rows: Rows, account: ImportCounts) -> tuple[Rows, ImportCounts]:
    """The last of several rows of one series and time, in order of time."""
    rows = rows[np.lexsort((np.arange(len(rows)), rows["series"], rows["time"]))]
    if not len(rows):
        return rows, account
    follows = (rows["series"][1:] == rows["series"][:-1]) & (rows["time"][1:] == rows["time"][:-1])
    same = follows & _equal(rows[1:], rows[:-1])
    account.already_there += int(same.sum())
    kept = rows[np.append(~follows, True)]
    replaced = len(rows) - len(kept) - int(same.sum())
    if replaced:
        account.rejected["another value at the same time follows in the file"] += replaced
    return kept, account


def _equal(rows: Rows, other: Rows) -> NDArray[np.bool_]:
    value = (rows["value"] == other["value"]) | (np.isnan(rows["value"]) & np.isnan(other["value"]))
    return np.asarray(value & (rows["quality"] == other["quality"]))


def store(
    connection: Connection, rows: Rows, account: ImportCounts, *, tick: Callable[[int], None]
) -> None:
    """Store in batches, each one transaction with its feed entry; `tick` gets their sizes.

    An interrupted run can be repeated: rows that are stored already are counted so.
    """
    with connection.transaction():
        queries.create_staging_tables(connection)
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        with connection.transaction():
            new = batch[~_find_equal(batch, _read_stored(connection, batch))]
            changed = queries.store(connection, new) if len(new) else new
            if len(changed):
                feed.append(connection, "readings", rows=changed.tobytes())
        stored = int(_find_equal(new, changed).sum())
        account.stored += stored
        account.already_there += len(batch) - len(new)
        if stored < len(new):
            account.rejected[_CONFLICT] += len(new) - stored
        tick(len(batch))


def _read_stored(connection: Connection, batch: Rows) -> Rows:
    first, last = int(batch["time"].min()), int(batch["time"].max())
    return queries_history.read_spans(
        connection, [(int(key), first, last + 1) for key in np.unique(batch["series"])]
    )


def _find_equal(rows: Rows, others: Rows) -> NDArray[np.bool_]:
    """Which rows are among the others with the same value and quality."""
    there = set(_row_keys(others))
    return np.array([key in there for key in _row_keys(rows)], dtype=np.bool_)


def _row_keys(rows: Rows) -> Iterable[tuple[int, ...]]:
    """Series, time, quality and the value's bits, since NaN does not equal itself."""
    value = np.where(np.isnan(rows["value"]), np.nan, rows["value"] + 0.0)
    bits = np.ascontiguousarray(value).view(np.int64)
    return zip(
        rows["series"].tolist(),
        rows["time"].tolist(),
        rows["quality"].tolist(),
        bits.tolist(),
        strict=True,
    )
