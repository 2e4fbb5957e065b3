"""The readings of a device by time, from which its messages are made, and these messages."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulators._random import Column
from simulators._story import SECOND

Times = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class DeviceMessages:
    """The messages of a device and their readings: a row per reading, `of` its message."""

    arrivals: list[int]
    topic: str
    payloads: list[bytes]
    of: NDArray[np.int64]
    times: Times
    quantities: NDArray[np.object_]
    units: NDArray[np.object_]
    value: Column
    status: NDArray[np.object_]


def format_times(times: Times) -> list[str]:
    """RFC 3339 without offset; whole seconds without a fraction."""
    moments = times.astype("datetime64[us]")
    if (times % SECOND == 0).all():
        moments = moments.astype("datetime64[s]")
    return [str(text) for text in np.datetime_as_string(moments)]


@dataclass(frozen=True, kw_only=True)
class DeviceTable:
    """`times` (µs, ascending) a row; `names` a column.

    `value`: nan where the sensor has none; `there`: whether the device sends it then;
    `status`: in the device's words, None where all is ok.
    """

    device: str
    times: Times
    names: tuple[str, ...]
    units: tuple[str, ...]
    value: Column
    there: NDArray[np.bool_]
    status: NDArray[np.object_] | None

    def filled(self, name: str, *, counted: bool) -> Column:
        """A quantity at every time, for a device that always sends everything: its last value.

        What is `counted` since the last message is then 0.
        """
        if name not in self.names:
            return np.full(len(self.times), np.nan)
        place = self.names.index(name)
        value, there = self.value[:, place], self.there[:, place]
        if counted:
            return np.where(there, value, 0.0)
        last = np.maximum.accumulate(np.where(there, np.arange(len(value)), -1))
        first = int(np.argmax(there))
        return value[np.where(last < 0, first, last)]


def device_tables(rows: pd.DataFrame) -> Iterator[DeviceTable]:
    """The table of each device from rows of a recording (no quantity twice at one time)."""
    names, name_codes = _encode_column(rows["quantity"])
    devices, device_codes = _encode_column(rows["device"])
    units = rows["unit"].to_numpy()
    times = rows["time"].astype("int64").to_numpy()
    values = rows["value"].to_numpy(dtype=np.float64)
    status = rows["status"].to_numpy(dtype=object)
    order = np.lexsort((times, device_codes))
    edges = np.searchsorted(device_codes[order], np.arange(len(devices) + 1))
    for number, device in enumerate(devices):
        mine = order[edges[number] : edges[number + 1]]
        moments, at = np.unique(times[mine], return_inverse=True)
        codes, column = np.unique(name_codes[mine], return_inverse=True)
        shape = (len(moments), len(codes))
        value, there = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
        value[at, column] = values[mine]
        there[at, column] = True
        words = status[mine]
        device_status: NDArray[np.object_] | None = None
        if (words != "ok").any():
            device_status = np.full(shape, "ok", dtype=object)
            device_status[at, column] = words
        unit = dict(zip(column.tolist(), units[mine].tolist(), strict=True))
        yield DeviceTable(
            device=device,
            times=moments.astype(np.int64),
            names=tuple(names[code] for code in codes),
            units=tuple(unit[i] for i in range(len(codes))),
            value=value,
            there=there,
            status=device_status,
        )


def _encode_column(column: "pd.Series[str]") -> tuple[list[str], NDArray[np.int64]]:
    codes, names = pd.factorize(column, sort=True)
    return [str(name) for name in names], codes.astype(np.int64)
