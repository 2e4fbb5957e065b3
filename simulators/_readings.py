"""Readings of a device from true values: times, resolution, scale, battery."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensors._quantity import Quantity
from simulators._random import Column
from simulators._story import SECOND
from simulators._table import ROW_COLUMNS

Times = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class DeviceReadings:
    """A quantity of a device: `times` in µs, `value`, `status` unless all is ok."""

    device: str
    quantity: Quantity
    times: Times
    value: Column
    status: NDArray[np.str_] | None = None


def charge(times: Times, chance: np.random.Generator) -> Column:
    """% of a battery at ascending times (µs): a little lower every day, higher by day."""
    days = (times - times[0]) / (86_400 * SECOND)
    start = chance.uniform(72, 98)
    clock = times / (86_400 * SECOND) % 1
    return np.asarray(start - 0.3 * days + 1.2 * np.sin(2 * np.pi * (clock - 0.4)))


def ticks(begins: int, ends: int, interval: float) -> Times:
    """Times (µs) of a periodic device, both ends of the scenario included."""
    return np.arange(begins, ends + 1, int(interval * SECOND), dtype=np.int64)


def as_read(quantity: Quantity, true: Column, saturates: float | None = None) -> Column:
    """Rounded to the quantity's resolution, within its range and the sensor's scale."""
    high = quantity.high if saturates is None else min(quantity.high, saturates)
    value = np.clip(true, quantity.low, high)
    step = quantity.resolution
    decimals = max(0, math.ceil(-math.log10(step) - 1e-9))
    return np.round(np.round(value / step) * step, decimals)


def saturated(true: Column, top: float | None) -> NDArray[np.str_] | None:
    """The sensor's status where the true value is beyond the top of its scale."""
    if top is None:
        return None
    return np.where(true >= top, "saturated", "ok")


def table(readings: Iterable[DeviceReadings]) -> pd.DataFrame:
    """The rows of a recording by time, then device, in the order given."""
    parts = [part for part in readings if len(part.times)]
    if not parts:
        return pd.DataFrame({name: [] for name in ROW_COLUMNS})
    lengths = [len(part.times) for part in parts]
    devices, device_codes = _encode_names([part.device for part in parts], lengths)
    names, name_codes = _encode_names([part.quantity.name for part in parts], lengths)
    units = {part.quantity.name: part.quantity.unit for part in parts}
    times = np.concatenate([part.times for part in parts])
    order = np.lexsort((np.arange(len(times)), device_codes, times))
    status = np.concatenate(
        [
            np.full(length, "ok", dtype=object)
            if part.status is None
            else part.status.astype(object)
            for part, length in zip(parts, lengths, strict=True)
        ]
    )
    quantity = names[name_codes[order]]
    return pd.DataFrame(
        {
            "time": pd.to_datetime(times[order], unit="us", utc=True).as_unit("us"),
            "device": devices[device_codes[order]],
            "quantity": quantity,
            "unit": np.array([units[name] for name in names], dtype=object)[name_codes[order]],
            "value": np.concatenate([part.value for part in parts])[order],
            "status": status[order],
        }
    )


def _encode_names(
    names: list[str], lengths: list[int]
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """The distinct names in order, and for each row the index of its name."""
    ordered = sorted(set(names))
    place: Mapping[str, int] = {name: number for number, name in enumerate(ordered)}
    codes = np.repeat(np.array([place[name] for name in names], dtype=np.int64), lengths)
    return np.array(ordered, dtype=object), codes
