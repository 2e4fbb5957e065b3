"""Cayenne Low Power Payload: channel, type, value, and so on to the end.

A field is named by its type and channel, `temperature_1`, as The Things Stack names them; a type
with several values is an object, `gps_2: {latitude, longitude, altitude}`. Types are IPSO's, with
those that later versions of the format added.
"""

from dataclasses import dataclass
from typing import Any

from sensors._errors import MessageError


class CayenneError(MessageError):
    """The bytes are no such payload: says at which of them."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """`size` bytes, big-endian, times `step`."""

    size: int
    step: float = 1.0
    signed: bool = False
    name: str = ""


_XYZ = ("x", "y", "z")
TYPES: dict[int, tuple[str, tuple[Part, ...]]] = {
    0x00: ("digital_in", (Part(size=1),)),
    0x01: ("digital_out", (Part(size=1),)),
    0x02: ("analog_in", (Part(size=2, step=0.01, signed=True),)),
    0x03: ("analog_out", (Part(size=2, step=0.01, signed=True),)),
    0x64: ("generic", (Part(size=4),)),
    0x65: ("luminosity", (Part(size=2),)),  # lux
    0x66: ("presence", (Part(size=1),)),
    0x67: ("temperature", (Part(size=2, step=0.1, signed=True),)),  # Cel
    0x68: ("relative_humidity", (Part(size=1, step=0.5),)),  # %
    0x71: (
        "accelerometer",
        tuple(Part(size=2, step=0.001, signed=True, name=axis) for axis in _XYZ),
    ),
    0x73: ("barometric_pressure", (Part(size=2, step=0.1),)),  # hPa
    0x74: ("voltage", (Part(size=2, step=0.01),)),
    0x75: ("current", (Part(size=2, step=0.001),)),
    0x76: ("frequency", (Part(size=4),)),
    0x78: ("percentage", (Part(size=1),)),
    0x79: ("altitude", (Part(size=2, signed=True),)),
    0x7A: ("load", (Part(size=3, step=0.001, signed=True),)),
    0x7D: ("concentration", (Part(size=2),)),
    0x80: ("power", (Part(size=2),)),
    0x82: ("distance", (Part(size=4, step=0.001),)),
    0x83: ("energy", (Part(size=4, step=0.001),)),
    0x84: ("direction", (Part(size=2),)),
    0x85: ("unix_time", (Part(size=4),)),
    0x86: (
        "gyrometer",
        tuple(Part(size=2, step=0.01, signed=True, name=axis) for axis in _XYZ),
    ),
    0x87: ("colour", tuple(Part(size=1, name=part) for part in ("r", "g", "b"))),
    0x88: (
        "gps",
        (
            Part(size=3, step=0.0001, signed=True, name="latitude"),
            Part(size=3, step=0.0001, signed=True, name="longitude"),
            Part(size=3, step=0.01, signed=True, name="altitude"),
        ),
    ),
    0x8E: ("switch", (Part(size=1),)),
}


def decode_cayenne(payload: bytes) -> dict[str, Any]:
    """The fields of a payload.

    Raises:
        CayenneError: a type is unknown, a value is cut short, or a channel says one thing twice.
    """
    fields: dict[str, Any] = {}
    place = 0
    while place < len(payload):
        if place + 2 > len(payload):
            raise CayenneError("byte {number}: a channel without a type", place)
        channel, kind = payload[place], payload[place + 1]
        layout = TYPES.get(kind)
        if layout is None:
            raise CayenneError("byte {number}: no Cayenne LPP type 0x{kind:02x}", place + 1, kind)
        name, parts = layout
        size = sum(part.size for part in parts)
        if place + 2 + size > len(payload):
            raise CayenneError(
                "byte {number}: {code} takes {count} bytes, {n} are left",
                place + 2,
                name,
                size,
                len(payload) - place - 2,
            )
        field = f"{name}_{channel}"
        if field in fields:
            raise CayenneError("byte {number}: {code} is there a second time", place, field)
        fields[field] = _value(payload[place + 2 : place + 2 + size], parts)
        place += 2 + size
    return fields


def _value(raw: bytes, parts: tuple[Part, ...]) -> Any:
    values, place = {}, 0
    for part in parts:
        number = int.from_bytes(raw[place : place + part.size], "big", signed=part.signed)
        place += part.size
        # dividing rounds once: 272 tenths are 27.2 and nothing beside
        values[part.name] = number / round(1 / part.step) if part.step < 1 else float(number)
    return values if parts[0].name else values[""]
