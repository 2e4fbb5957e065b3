"""What LoRaWAN devices put into a frame: their few bytes, many frames of a device at once.

All numbers are big-endian. A number that a layout has no way to leave out is never left out: a
frame that would need it is not sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators._chance import Column

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Number:
    """One number of a layout: `value * scale`, rounded, in `size` bytes.

    `prefix`: bytes before it. `missing`: what stands where the sensor is missing.
    """

    quantity: str
    size: int
    scale: float = 1.0
    signed: bool = False
    missing: int | None = None
    prefix: bytes = b""

    def raw(self, values: Column) -> NDArray[np.int64]:
        """As whole numbers, within what the bytes can hold."""
        bits = 8 * self.size - self.signed
        low = -(1 << bits) if self.signed else 0
        high = (1 << bits) - 1
        if self.missing is not None and self.missing == high:
            high -= 1
        rounded = np.clip(np.round(np.nan_to_num(values) * self.scale), low, high).astype(np.int64)
        return (
            rounded if self.missing is None else np.where(np.isnan(values), self.missing, rounded)
        )

    def back(self, raw: NDArray[np.int64]) -> Column:
        """The values that a reader finds; nan where the sensor is missing."""
        values = raw / self.scale
        return values if self.missing is None else np.where(raw == self.missing, np.nan, values)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The frame of a model. `readable`: names of the network server's own codec, if it has one."""

    port: int
    numbers: tuple[Number, ...]
    readable: Mapping[str, str] | None = None

    @property
    def quantities(self) -> tuple[str, ...]:
        return tuple(number.quantity for number in self.numbers)


def _u8(quantity: str, scale: float = 1.0) -> Number:
    return Number(quantity=quantity, size=1, scale=scale)


def _u16(quantity: str, scale: float = 1.0, missing: int | None = None) -> Number:
    return Number(quantity=quantity, size=2, scale=scale, missing=missing)


def _lpp(quantity: str, channel: int, kind: int, number: Number) -> Number:
    """A value of the Cayenne low-power payload: channel, type, number."""
    return Number(
        quantity=quantity,
        size=number.size,
        scale=number.scale,
        signed=number.signed,
        prefix=bytes((channel, kind)),
    )


NONE = 0xFFFF  # of the compact station's two-byte numbers
LAYOUTS: Mapping[str, Layout] = {
    "compact-station": Layout(
        port=2,
        numbers=(
            Number(quantity="air_temperature", size=2, scale=10, signed=True, missing=0x7FFF),
            _u8("humidity", 2),
            _u16("pressure", 10, NONE),
            _u16("wind_speed", 10, NONE),
            _u16("wind_direction", 1, NONE),
            _u16("gust", 10, NONE),
            _u16("rain", 10, NONE),
            _u16("solar_radiation", 0.001, NONE),
            _u8("battery"),
        ),
    ),
    "air-probe": Layout(
        port=1,
        numbers=(
            _lpp("air_temperature", 1, 0x67, Number(quantity="", size=2, scale=10, signed=True)),
            _lpp("humidity", 2, 0x68, Number(quantity="", size=1, scale=2)),
            _lpp("battery", 3, 0x02, Number(quantity="", size=2, scale=100, signed=True)),
        ),
    ),
    "tipping-bucket": Layout(
        port=5,
        numbers=(_u16("rain", 10), _u8("battery")),
        readable={"rain": "rain_mm", "battery": "battery_pct"},
    ),
    "lamp-node": Layout(
        port=10,
        numbers=(
            _u8("light_level"),
            _u16("lamp_power", 10),
            Number(quantity="lamp_energy", size=4, scale=1000),
            Number(quantity="burning_hours", size=3),
            _u8("lamp_fault"),
        ),
    ),
    "radar-counter": Layout(
        port=3,
        numbers=(
            _u16("traffic_flow"),
            _u8("traffic_speed"),
            _u16("occupancy", 10),
            _u8("battery"),
        ),
    ),
    "path-counter": Layout(port=4, numbers=(_u16("bicycles"), _u16("pedestrians"), _u8("battery"))),
}


def frames(layout: Layout, values: Mapping[str, Column]) -> tuple[list[bytes], dict[str, Column]]:
    """The bytes of each frame, and the values as a reader of them finds them.

    `values`: of every quantity of the layout, one a frame; nan: none.
    """
    count = len(next(iter(values.values())))
    parts: list[Bytes] = []
    decoded = {}
    for number in layout.numbers:
        raw = number.raw(values[number.quantity])
        decoded[number.quantity] = number.back(raw)
        wide = raw.astype(">i8").view(np.uint8).reshape(count, 8)
        if number.prefix:
            parts.append(np.tile(np.frombuffer(number.prefix, dtype=np.uint8), (count, 1)))
        parts.append(wide[:, 8 - number.size :])
    whole = np.hstack(parts)
    size = whole.shape[1]
    flat = whole.tobytes()
    return [flat[i : i + size] for i in range(0, len(flat), size)], decoded
