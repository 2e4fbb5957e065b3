"""Sparkplug B's payload (protobuf, sparkplug_b.proto of Eclipse Tahu), as far as it has readings.

Fields that we do not know are passed over, as protobuf has it.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from ingest.message import MOST_OBJECTS, Reason
from ingest.reply import unusable

Scalar = int | float | bool | str
REBIRTH = "Node Control/Rebirth"
_BOOLEAN = 11
_SIGNED_BITS = {1: 8, 2: 16, 3: 32, 4: 64}  # Int8 to Int64, sent as unsigned numbers
_LONGEST_VARINT = 10  # bytes
_GOOD = 192  # quality as OPC has it


class _Wire(IntEnum):
    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    FIXED32 = 5


@dataclass(frozen=True, kw_only=True)
class Metric:
    """`value` as it was sent, None: no value; `unread`: one of a type that is no single value.

    `timestamp` in ms since the epoch. `good` False: its own quality says that it is not.
    """

    name: str | None = None
    alias: int | None = None
    timestamp: int | None = None
    datatype: int | None = None
    value: Scalar | None = None
    unread: bool = False
    good: bool = True


@dataclass(frozen=True, kw_only=True)
class Payload:
    """`timestamp` in ms since the epoch."""

    timestamp: int | None
    seq: int | None
    metrics: list[Metric]


def read_payload(data: bytes) -> Payload:
    """Read a payload.

    Raises:
        UnusableError: it is none, or has too many metrics.
    """
    timestamp = seq = None
    metrics: list[Metric] = []
    try:
        for number, wire, content in _read_fields(data):
            if number == 1:
                timestamp = _as_number(wire, content)
            elif number == 3:
                seq = _as_number(wire, content)
            elif number == 2:
                if len(metrics) == MOST_OBJECTS:
                    raise unusable(
                        Reason.TOO_LARGE, "over {number} metrics in a message", MOST_OBJECTS
                    )
                metrics.append(_read_metric(_as_bytes(wire, content)))
    except (ValueError, struct.error) as error:
        raise unusable(Reason.BAD_PAYLOAD, "no Sparkplug B payload: {error}", error) from None
    return Payload(timestamp=timestamp, seq=seq, metrics=metrics)


def convert_value(value: Scalar, datatype: int | None) -> Scalar:
    """A value by its datatype: negative numbers are sent as unsigned ones."""
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    if datatype == _BOOLEAN:
        return value != 0
    bits = _SIGNED_BITS.get(datatype or 0)
    if bits is None:
        return value
    value &= 2**bits - 1
    return value - 2**bits if value >= 2 ** (bits - 1) else value


def encode_rebirth(timestamp: int) -> bytes:
    """The command to send birth certificates again, at `timestamp` (ms)."""
    name = REBIRTH.encode()
    metric = b"\x0a" + bytes([len(name)]) + name + bytes([0x20, _BOOLEAN, 0x70, 1])
    return b"\x08" + _varint(timestamp) + b"\x12" + bytes([len(metric)]) + metric


def _read_metric(data: bytes) -> Metric:
    name = alias = timestamp = datatype = None
    value: Scalar | None = None
    null = unread = False
    good = True
    for number, wire, content in _read_fields(data):
        match number:
            case 1:
                name = _as_text(wire, content)
            case 2:
                alias = _as_number(wire, content)
            case 3:
                timestamp = _as_number(wire, content)
            case 4:
                datatype = _as_number(wire, content)
            case 7:
                null = _as_number(wire, content) != 0
            case 9:
                good = _is_good(_as_bytes(wire, content))
            case 10 | 11 | 12 | 13 | 14 | 15:
                value = _as_value(number, wire, content)
            case 16 | 17 | 18 | 19:
                unread = True
    return Metric(
        name=name,
        alias=alias,
        timestamp=timestamp,
        datatype=datatype,
        value=None if null else value,
        unread=unread and not null,
        good=good,
    )


def _as_value(number: int, wire: int, content: int | bytes) -> Scalar:
    """A value by the number of its field: int, long, float, double, boolean, string."""
    match number:
        case 12:
            return float(struct.unpack("<f", _as_bytes(wire, content, _Wire.FIXED32))[0])
        case 13:
            return float(struct.unpack("<d", _as_bytes(wire, content, _Wire.FIXED64))[0])
        case 14:
            return _as_number(wire, content) != 0
        case 15:
            return _as_text(wire, content)
    return _as_number(wire, content)


def _is_good(properties: bytes) -> bool:
    """Whether a property `Quality`, if there is one, is good (OPC: 192)."""
    names: list[str] = []
    values: list[bytes] = []
    for number, wire, content in _read_fields(properties):
        if number == 1:
            names.append(_as_text(wire, content))
        elif number == 2:
            values.append(_as_bytes(wire, content))
    for name, value in zip(names, values, strict=False):
        if name == "Quality":
            numbers = [each for number, _, each in _read_fields(value) if number in (3, 4)]
            return not numbers or numbers[-1] == _GOOD
    return True


def _read_fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Number, wire type and content of each field. Raises ValueError: it is no protobuf."""
    place = 0
    while place < len(data):
        key, place = _read_varint(data, place)
        number, wire = key >> 3, key & 7
        if wire == _Wire.VARINT:
            content, place = _read_varint(data, place)
            yield number, wire, content
            continue
        if wire == _Wire.BYTES:
            length, place = _read_varint(data, place)
        elif wire in (_Wire.FIXED32, _Wire.FIXED64):
            length = 4 if wire == _Wire.FIXED32 else 8
        else:
            raise ValueError(f"field {number} has the wire type {wire}")
        if place + length > len(data):
            raise ValueError(f"field {number} ends after the payload")
        yield number, wire, data[place : place + length]
        place += length


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for length, byte in enumerate(data[place : place + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * length)
        if byte < 0x80:
            return value & (2**64 - 1), place + length + 1
    raise ValueError("a number without end")


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value >= 0x80:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def _as_number(wire: int, content: int | bytes) -> int:
    if wire != _Wire.VARINT or not isinstance(content, int):
        raise ValueError(f"wire type {wire} where a whole number must be")
    return content


def _as_bytes(wire: int, content: int | bytes, expected: int = _Wire.BYTES) -> bytes:
    if wire != expected or not isinstance(content, bytes):
        raise ValueError(f"wire type {wire} where {expected} must be")
    return content


def _as_text(wire: int, content: int | bytes) -> str:
    return _as_bytes(wire, content).decode()  # UnicodeDecodeError is a ValueError
