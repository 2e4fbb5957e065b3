"""Payloads of Sparkplug B, written by hand as sparkplug_b.proto has them."""

import struct

INT32, FLOAT, DOUBLE, BOOLEAN, STRING = 3, 9, 10, 11, 12
Scalar = int | float | bool | str


def varint(value: int) -> bytes:
    digits = b""
    while value >= 0x80:
        digits, value = digits + bytes([value & 0x7F | 0x80]), value >> 7
    return digits + bytes([value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def chunk(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def metric(  # noqa: PLR0913  the fields of one
    name: str = "",
    value: Scalar | None = None,
    *,
    alias: int | None = None,
    datatype: int | None = None,
    time: int | None = None,
    more: bytes = b"",
) -> bytes:
    """A metric, whole numbers as int_value, others as double_value. `time` in ms."""
    made = chunk(1, name.encode()) if name else b""
    made += b"" if alias is None else number(2, alias)
    made += b"" if time is None else number(3, time)
    made += b"" if datatype is None else number(4, datatype)
    if isinstance(value, bool):
        made += number(14, value)
    elif isinstance(value, int):
        made += number(10, value & 0xFFFFFFFF)
    elif isinstance(value, float):
        made += varint(13 << 3 | 1) + struct.pack("<d", value)
    elif value is not None:
        made += chunk(15, value.encode())
    return made + more


def payload(*metrics: bytes, seq: int | None = None, time: int | None = None) -> bytes:
    made = b"" if time is None else number(1, time)
    made += b"".join(chunk(2, each) for each in metrics)
    return made + (b"" if seq is None else number(3, seq))
