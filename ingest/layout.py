"""Names resolved once: which columns of the channel table a device's message fills.

A device sends the same quantities every time, so what its name, quantities and units mean is
looked up by one key. Everything here is forgotten when the registry changes.
"""

from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.message import Reason
from ingest.ports import Channel, Devices
from sensors._quantity import CLOCK_FAULT
from sensors._units import UnitError, converter

_MOST = 50_000  # layouts remembered; a device that makes up names must not fill our memory
_FOREVER = np.iinfo(np.int64).max

Values = NDArray[np.float64]
Key = tuple[str, tuple[str, ...], tuple[tuple[str, str], ...]]  # device, quantities, units


@dataclass(frozen=True, kw_only=True)
class Layout:
    """`channels`: a column number for each quantity in order; `bad`: what is wrong with some."""

    channels: "array[int]"
    bad: Mapping[str, tuple[Reason, str]]


@dataclass(frozen=True, kw_only=True)
class Table:
    """The channels as columns. `conversion` numbers the functions in `conversions`."""

    series: NDArray[np.int32]
    low: Values
    high: Values
    saturates: Values
    retired: NDArray[np.int64]
    conversion: NDArray[np.intp]
    conversions: tuple[Callable[[Values], Values], ...]


class Layouts:
    """All layouts met so far and the channel table they point into."""

    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self._channels: list[tuple[Channel, int]] = []
        self._numbers: dict[tuple[int, str], int] = {}
        self._conversions: list[Callable[[Values], Values]] = [lambda value: value]
        self._known: dict[Key, Layout] = {}
        self._table: Table | None = None
        self.get = self._known.get

    def add(self, key: Key) -> Layout:
        """The layout of a message not met before."""
        if len(self._known) >= _MOST:
            self._known.clear()
        layout = self._known[key] = self._resolve(*key)
        return layout

    def clock(self, name: str) -> int | None:
        """The series that counts a device's unbelievable times, where it has one."""
        device = self._devices.get(name, {})
        return device[CLOCK_FAULT].series if CLOCK_FAULT in device else None

    def table(self) -> Table:
        if self._table is None:
            channels = [channel for channel, _ in self._channels]
            self._table = Table(
                series=np.array([channel.series for channel in channels], dtype=np.int32),
                low=_bounds([channel.low for channel in channels], -np.inf),
                high=_bounds([channel.high for channel in channels], np.inf),
                saturates=_bounds([channel.saturates for channel in channels], np.inf),
                retired=np.array(
                    [_FOREVER if c.retired is None else c.retired for c in channels], dtype=np.int64
                ),
                conversion=np.array([number for _, number in self._channels], dtype=np.intp),
                conversions=tuple(self._conversions),
            )
        return self._table

    def _resolve(
        self, name: str, names: tuple[str, ...], units: tuple[tuple[str, str], ...]
    ) -> Layout:
        channels: array[int] = array("i")
        bad: dict[str, tuple[Reason, str]] = {}
        device = self._devices.get(name)
        written = dict(units)
        if not names:
            bad[""] = Reason.NO_VALUES, "'values' is empty"
        for quantity in names:
            if device is None:
                bad[quantity] = Reason.UNKNOWN_DEVICE, f"no device {name!r} in the inventory"
            elif quantity not in device:
                known = ", ".join(n for n in device if n != CLOCK_FAULT) or "nothing"
                bad[quantity] = (
                    Reason.UNKNOWN_QUANTITY,
                    f"{name!r} has no {quantity!r} in the inventory; it has {known}",
                )
            else:
                try:
                    channels.append(self._number(device[quantity], written.get(quantity)))
                except UnitError as error:
                    bad[quantity] = Reason.UNKNOWN_UNIT, f"{quantity!r}: {error}"
        return Layout(channels=channels, bad=bad)

    def _number(self, channel: Channel, unit: str | None) -> int:
        unit = channel.unit if unit is None else unit
        key = (channel.series, unit)
        number = self._numbers.get(key)
        if number is None:
            conversion = 0
            if unit != channel.unit:
                self._conversions.append(converter(unit, channel.unit))
                conversion = len(self._conversions) - 1
            number = self._numbers[key] = len(self._channels)
            self._channels.append((channel, conversion))
            self._table = None
        return number


def _bounds(bounds: list[float | None], none: float) -> Values:
    return np.array([none if bound is None else bound for bound in bounds], dtype=np.float64)
