"""Names resolved once: which columns of the channel table a device's message fills.

A device sends the same quantities every time, so what its name, quantities and units mean is
looked up by one key. Everything here is forgotten when the registry changes.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.message import MOST_VALUES, Reason
from ingest.ports import Channel, Devices
from sensors._errors import Message
from sensors._quantity import CLOCK_FAULT
from sensors._units import UnitError, converter

_MOST = 300_000  # layouts, their values and units: what devices make up must not fill our memory
_MOST_UNITS = 20  # other than the catalogue's, of one series: each new one is computed at length
_LONGEST = 100  # characters of a name in a sentence, and of a unit
_FOREVER = np.iinfo(np.int64).max
YES_OR_NO = "bool"  # the unit of quantities that true and false are values of

Values = NDArray[np.float64]
Key = tuple[str, tuple[str, ...], tuple[tuple[str, str], ...]]  # device, quantities, units


@dataclass(frozen=True, kw_only=True)
class Layout:
    """`channels`: a column number for each quantity in order; `bad`: what is wrong with some.

    `useless`: why nothing of the object may be used.
    """

    channels: "array[int]"
    bad: Mapping[str, tuple[Reason, Message]]
    useless: tuple[Reason, Message] | None = None


@dataclass(frozen=True, kw_only=True)
class Table:
    """The channels as columns. `conversion` numbers the functions in `conversions`."""

    series: NDArray[np.int32]
    low: Values
    high: Values
    saturates: Values
    yes_or_no: NDArray[np.bool_]
    retired: NDArray[np.int64]
    conversion: NDArray[np.intp]
    conversions: tuple[Callable[[Values], Values], ...]


class Layouts:
    """All layouts met so far and the channel table they point into."""

    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self.forget()

    def forget(self) -> None:
        """Begin again with an empty table: layouts got before point into the old one."""
        self._channels: list[tuple[Channel, int]] = []
        self._numbers: dict[tuple[int, str], int | Message] = {}
        self._units: Counter[int] = Counter()  # by series, how many others were met
        self._conversions: list[Callable[[Values], Values]] = [lambda value: value]
        self._known: dict[Key, Layout] = {}
        self._values = 0  # of all layouts
        self._table: Table | None = None
        self.get = self._known.get

    @property
    def remembered(self) -> int:
        """How many layouts, values of theirs, and columns."""
        return len(self._known) + self._values + len(self._channels)

    def make_room(self) -> None:
        """Forget all where devices have made up more than they need; before a batch, not within."""
        if self.remembered > _MOST:
            self.forget()

    def add(self, key: Key) -> Layout:
        """The layout of a message not met before; one with a fault is not remembered."""
        layout = self._resolve(*key)
        if not layout.bad and layout.useless is None:
            self._known[key] = layout
            self._values += len(layout.channels)
        return layout

    def stray(
        self, name: str, fields: Mapping[str, Iterable[str]], values: Iterable[str]
    ) -> Message | None:
        """What is wrong where a field such as `status` names neither a value nor a quantity.

        The slip may be another quantity's, whose value would pass for a good one.
        """
        device = self._devices.get(name)
        if device is None:
            return None
        allowed = {*values, *device}
        for field, names in fields.items():
            for quantity in names:
                if quantity not in allowed:
                    return Message(
                        "{field!r} names {quantity!r}, which {name!r} has not; nothing of the"
                        " object is taken, since it may concern another quantity",
                        field,
                        quantity[:60],
                        name,
                    )
        return None

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
                yes_or_no=np.array([c.unit == YES_OR_NO for c in channels], dtype=np.bool_),
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
        bad: dict[str, tuple[Reason, Message]] = {}
        device = self._devices.get(name)
        written = dict(units)
        if len(names) > MOST_VALUES:
            detail = Message(
                "{count} values; at most {number} of an object are read", len(names), MOST_VALUES
            )
            return Layout(channels=channels, bad=bad, useless=(Reason.TOO_LARGE, detail))
        stray = self.stray(name, {"units": written}, names)
        if stray:
            return Layout(channels=channels, bad=bad, useless=(Reason.UNKNOWN_QUANTITY, stray))
        if not names:
            bad[""] = Reason.NO_VALUES, Message("'values' is empty")
        for quantity in names:
            if device is None:
                detail = Message("no device {name!r} in the inventory", name[:_LONGEST])
                bad[quantity] = Reason.UNKNOWN_DEVICE, detail
            elif quantity not in device:
                bad[quantity] = Reason.UNKNOWN_QUANTITY, _explain_unknown(name, quantity, device)
            else:
                try:
                    channels.append(self._number(device[quantity], written.get(quantity)))
                except UnitError as error:
                    detail = Message("{quantity!r}: {error}", quantity, error)
                    bad[quantity] = Reason.UNKNOWN_UNIT, detail
        return Layout(channels=channels, bad=bad)

    def _number(self, channel: Channel, unit: str | None) -> int:
        unit = channel.unit if unit is None else unit[:_LONGEST]  # no unit is as long as that
        key = (channel.series, unit)
        number = self._numbers.get(key)
        if number is None:
            try:
                conversion = 0 if unit == channel.unit else self._convert(channel, unit)
            except UnitError as error:
                number = Message(str(error))  # an exception would keep its frames in memory
            else:
                number = len(self._channels)
                self._channels.append((channel, conversion))
                self._table = None
            if self._units[channel.series] <= _MOST_UNITS:
                self._numbers[key] = number
        if isinstance(number, Message):
            raise UnitError(number)
        return number

    def _convert(self, channel: Channel, unit: str) -> int:
        """The number of the conversion.

        Raises:
            UnitError: there is none, or the device makes up units.
        """
        self._units[channel.series] += 1
        if self._units[channel.series] > _MOST_UNITS:
            raise UnitError("{unit!r} is one more than {most} units", unit[:40], _MOST_UNITS)
        self._conversions.append(converter(unit, channel.unit))
        return len(self._conversions) - 1


def _explain_unknown(name: str, quantity: str, device: Iterable[str]) -> Message:
    others = ", ".join(other for other in device if other != CLOCK_FAULT)
    if not others:
        return Message(
            "{name!r} has no {quantity!r} in the inventory; it has nothing",
            name,
            quantity[:_LONGEST],
        )
    return Message(
        "{name!r} has no {quantity!r} in the inventory; it has {codes}",
        name,
        quantity[:_LONGEST],
        others,
    )


def _bounds(bounds: list[float | None], none: float) -> Values:
    return np.array([none if bound is None else bound for bound in bounds], dtype=np.float64)
