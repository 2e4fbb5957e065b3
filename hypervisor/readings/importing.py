"""Real history enters: no arrival and no horizon; checked as ingest does, every row counted."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hypervisor.base.instants import micros
from hypervisor.database import feed
from hypervisor.database.connect import Connection
from hypervisor.readings import queries, queries_history
from hypervisor.registry.model import Registry
from hypervisor.registry.problems import nearest
from sensors._domain import Catalogue
from sensors._quality import Quality
from sensors._quantity import CLOCK_FAULT
from sensors._row import EARLIEST, NEVER, ROW, Rows
from sensors._units import UnitError, converter

BATCH = 10_000
_STATUS = {"ok": Quality.GOOD, "saturated": Quality.SATURATED, "doubtful": Quality.DOUBTFUL}
_ANOTHER_STANDS = "another value stands at that time in the store: what arrived outweighs history"
_TOO_LARGE = "larger than any number in the catalogue's unit"
_FOREVER = np.iinfo(np.int64).max


@dataclass(kw_only=True)
class Account:
    """Where each row went: `read` = `stored` + `already_there` + those `rejected`, by reason."""

    read: int = 0
    stored: int = 0
    already_there: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def balances(self) -> bool:
        return self.read == self.stored + self.already_there + self.rejected.total()


def checked(
    rows: pd.DataFrame, registry: Registry, catalogue: Catalogue, *, until: int
) -> tuple[Rows, Account]:
    """The rows of a recording as they are stored, and the account of those that are not.

    `rows`: columns time, device, quantity, unit, value, status, as `simulators._recordings` reads.
    `until`: the latest time that is believed, µs; nothing was measured after now.
    """
    account = Account(read=len(rows))
    parts: list[Rows] = [np.empty(0, dtype=ROW)]
    for (device, quantity, unit), part in rows.groupby(["device", "quantity", "unit"], sort=False):
        name = f"{device}/{quantity}"
        refusal = _refusal(str(device), str(quantity), registry)
        if refusal is None:
            try:
                convert = converter(str(unit), catalogue.quantities[str(quantity)].unit)
            except UnitError as error:
                refusal = f"{name}: {error}"
            else:
                parts.append(_rows(part, registry, catalogue, convert))
        if refusal is not None:
            account.rejected[refusal] += len(part)
    return _standing(_believable(np.concatenate(parts), registry, until, account), account)


def _refusal(device: str, quantity: str, registry: Registry) -> str | None:
    if device not in registry.devices:
        return f"no device {device!r} in the inventory{nearest(device, registry.devices)}"
    if (device, quantity) not in registry.series:
        known = ", ".join(
            name for owner, name in registry.series if owner == device and name != CLOCK_FAULT
        )
        return f"{device!r} has no {quantity!r} in the inventory; it has {known or 'nothing'}"
    return None


def _rows(
    part: pd.DataFrame,
    registry: Registry,
    catalogue: Catalogue,
    convert: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> Rows:
    device, quantity = str(part["device"].iloc[0]), str(part["quantity"].iloc[0])
    series, known = registry.series[device, quantity], catalogue.quantities[quantity]
    with np.errstate(over="ignore"):  # rejected later on
        value = convert(part["value"].to_numpy(dtype=np.float64))
    quality = part["status"].map(lambda text: _STATUS.get(text, Quality.SENSOR_FAULT))
    flags = quality.to_numpy(dtype=np.int16, copy=True)
    low = known.low if series.low is None else series.low
    high = known.high if series.high is None else series.high
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


def _believable(rows: Rows, registry: Registry, until: int, account: Account) -> Rows:
    """Without what lies ahead of now or before all gauges, and what a device said after its end."""
    rows = _without(rows, rows["time"] < EARLIEST, "measured before the year 1800", account)
    rows = _without(rows, np.isinf(rows["value"]), _TOO_LARGE, account)
    rows = _without(rows, rows["time"] > until, "measured later than now", account)
    ends: Mapping[int | None, int] = {
        series.id: micros(retired)
        for series in registry.series.values()
        if (retired := registry.devices[series.device].retired) is not None
    }
    end = np.array([ends.get(key, _FOREVER) for key in rows["series"].tolist()], dtype=np.int64)
    return _without(rows, rows["time"] >= end, "measured after its device was retired", account)


def _without(rows: Rows, wrong: NDArray[np.bool_], reason: str, account: Account) -> Rows:
    """The other rows; those that are wrong are accounted for."""
    if wrong.any():
        account.rejected[reason] += int(wrong.sum())
    kept: Rows = rows[~wrong]
    return kept


def _standing(rows: Rows, account: Account) -> tuple[Rows, Account]:
    """Of several rows of one series and time the last stands, in order of time."""
    rows = rows[np.lexsort((np.arange(len(rows)), rows["series"], rows["time"]))]
    if not len(rows):
        return rows, account
    follows = (rows["series"][1:] == rows["series"][:-1]) & (rows["time"][1:] == rows["time"][:-1])
    same = follows & _equal(rows[1:], rows[:-1])
    account.already_there += int(same.sum())
    if (follows & ~same).any():
        account.rejected["another value at the same time stands further on in the file"] += int(
            (follows & ~same).sum()
        )
    return rows[np.append(~follows, True)], account


def _equal(one: Rows, other: Rows) -> NDArray[np.bool_]:
    value = (one["value"] == other["value"]) | (np.isnan(one["value"]) & np.isnan(other["value"]))
    return np.asarray(value & (one["quality"] == other["quality"]))


def store(
    connection: Connection, rows: Rows, account: Account, *, tick: Callable[[int], None]
) -> None:
    """Store in batches, each one transaction that the watch hears of; `tick` gets each one's size.

    A run that was cut short is simply repeated: what is there already is counted so.
    """
    with connection.transaction():
        queries.prepare(connection)
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        with connection.transaction():
            new = batch[~_among(batch, _standing_in_store(connection, batch))]
            standing = queries.put(connection, new) if len(new) else new
            if len(standing):
                feed.append(connection, "readings", rows=standing.tobytes())
        stored = int(_among(new, standing).sum())
        account.stored += stored
        account.already_there += len(batch) - len(new)
        if stored < len(new):
            account.rejected[_ANOTHER_STANDS] += len(new) - stored
        tick(len(batch))


def _standing_in_store(connection: Connection, batch: Rows) -> Rows:
    first, last = int(batch["time"].min()), int(batch["time"].max())
    return queries_history.between(
        connection, [(int(key), first, last + 1) for key in np.unique(batch["series"])]
    )


def _among(rows: Rows, others: Rows) -> NDArray[np.bool_]:
    """Which rows stand among the others with the same value and quality."""
    there = set(_keys(others))
    return np.array([key in there for key in _keys(rows)], dtype=np.bool_)


def _keys(rows: Rows) -> Iterable[tuple[int, ...]]:
    """Series, time, quality and the value's bits: by them a row without a value equals itself."""
    value = np.where(np.isnan(rows["value"]), np.nan, rows["value"] + 0.0)
    bits = np.ascontiguousarray(value).view(np.int64)
    return zip(
        rows["series"].tolist(),
        rows["time"].tolist(),
        rows["quality"].tolist(),
        bits.tolist(),
        strict=True,
    )
