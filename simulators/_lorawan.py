"""LoRaWAN devices: frames as their codec reads them, in the envelopes of their network server."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors._domain import DeviceModel, Frame, FrameNumber
from sensors._units import conversion
from simulators import _envelopes as envelopes
from simulators._device_table import DeviceMessages, DeviceTable, Times, format_times
from simulators._field import Codec, CodecField, Place
from simulators._random import Column, chance_of
from simulators._story import SECOND

NO_SENSOR = "No Sensor"
PHASE = 20.0  # s: LoRaWAN devices do not keep step with the clock
JITTER = 1.5  # s: transmission time of a frame
PROTOCOLS = ("chirpstack", "the-things-stack")
# Cayenne LPP's types with one value, by the name that The Things Stack gives their fields.
CAYENNE: Mapping[str, tuple[int, FrameNumber]] = {
    name: (code, FrameNumber(quantity="", size=size, scale=scale, signed=signed))
    for name, code, size, scale, signed in (
        ("digital_in", 0x00, 1, 1, False),
        ("digital_out", 0x01, 1, 1, False),
        ("analog_in", 0x02, 2, 100, True),
        ("analog_out", 0x03, 2, 100, True),
        ("luminosity", 0x65, 2, 1, False),
        ("presence", 0x66, 1, 1, False),
        ("temperature", 0x67, 2, 10, True),
        ("relative_humidity", 0x68, 1, 2, False),
        ("barometric_pressure", 0x73, 2, 10, False),
        ("voltage", 0x74, 2, 100, False),
        ("current", 0x75, 2, 1000, False),
        ("percentage", 0x78, 1, 1, False),
        ("power", 0x80, 2, 1, False),
        ("distance", 0x82, 4, 1000, False),
        ("energy", 0x83, 4, 1000, False),
        ("direction", 0x84, 2, 1, False),
        ("switch", 0x8E, 1, 1, False),
    )
}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a device sends: a frame, and the object that its network server makes of it, if any.

    `units`: the catalogue's unit of each quantity.
    """

    frame: Frame
    fields: tuple[CodecField, ...] = ()
    units: Mapping[str, str] | None = None


def layout_of(table: DeviceTable, codec: Codec | None, model: DeviceModel | None) -> Layout | None:
    """How ingest will read the device; None: nothing here can write what its codec reads."""
    units = dict(zip(table.names, table.units, strict=True))
    if codec is None:  # the network server decodes to the catalogue's names
        own = tuple(CodecField(path=name, quantity=name) for name in table.names)
        return Layout(frame=_default_frame(own, 1), fields=own, units=units)
    fields = tuple(field for field in codec.fields if field.quantity in units)
    match codec.form:
        case "json" if fields and all(field.is_reversible for field in fields):
            return Layout(frame=_default_frame(fields, codec.port), fields=fields, units=units)
        case "cayenne-lpp" if fields:
            return _cayenne_layout(fields, codec.port, units)
        case "javascript" if model is not None and model.frame and model.name == codec.name:
            return Layout(frame=model.frame)
    return None


def lorawan_messages(
    table: DeviceTable, place: Place, layout: Layout, seed: int, counted: frozenset[str]
) -> DeviceMessages:
    """LoRaWAN frames: the time of a reading is when the network received it."""
    numbers = layout.frame.numbers
    values = {
        number.quantity: table.filled(number.quantity, counted=number.quantity in counted)
        for number in numbers
    }
    kept = np.ones(len(table.times), dtype=bool)
    for number in numbers:
        if number.missing is None and number.quantity in table.names:
            kept &= ~np.isnan(values[number.quantity])
    chance = chance_of(seed, place.device, "air")
    late = (chance.uniform(0, PHASE) + chance.uniform(0, JITTER, len(kept))) * SECOND
    times = (table.times + late.astype(np.int64))[kept]
    frames, decoded = encode_frames(layout, {name: value[kept] for name, value in values.items()})
    sent_frames = envelopes.SentFrames(
        place=place,
        port=layout.frame.port,
        frames=frames,
        times=format_times(times),
        readable=_objects(layout, decoded) if layout.fields else None,
        seed=seed,
    )
    if place.protocol == "chirpstack":
        payloads = envelopes.chirpstack(sent_frames)
        way = f"application/{envelopes.APPLICATION}/device/{place.address}/event/up"
    else:
        payloads = envelopes.the_things_stack(sent_frames)
        way = f"v3/{envelopes.APPLICATION}@partner/devices/{envelopes.things_stack_id(place)}/up"
    return _frame_messages(table, f"gateways/{place.gateway}/{way}", list(payloads), times, decoded)


def encode_frames(
    layout: Layout, values: Mapping[str, Column]
) -> tuple[list[bytes], dict[str, Column]]:
    """The bytes of each frame, and the values as a decoder reads them.

    `values`: of every quantity of the layout, a value per frame; nan: none.
    """
    count = len(next(iter(values.values())))
    parts: list[NDArray[np.uint8]] = []
    decoded = {}
    order = "<i8" if layout.frame.little_endian else ">i8"
    for number in layout.frame.numbers:
        raw = _raw(number, values[number.quantity])
        scaled = (raw.astype(np.float64) - number.offset) / number.scale
        decoded[number.quantity] = (
            scaled if number.missing is None else np.where(raw == number.missing, np.nan, scaled)
        )
        low = 0 if layout.frame.little_endian else 8 - number.size
        parts.append(np.tile(np.frombuffer(number.prefix, dtype=np.uint8), (count, 1)))
        parts.append(raw.astype(order).view(np.uint8).reshape(count, 8)[:, low : low + number.size])
    joined = np.hstack(parts)
    size, flat = joined.shape[1], joined.tobytes()
    return [flat[i : i + size] for i in range(0, len(flat), size)], decoded


def _raw(number: FrameNumber, values: Column) -> NDArray[np.int64]:
    """The values as whole numbers, within what the bytes can hold."""
    bits = 8 * number.size - number.signed
    low = -(1 << bits) if number.signed else 0
    high = (1 << bits) - 1
    if number.missing is not None and number.missing == high:
        high -= 1
    scaled = np.nan_to_num(values) * number.scale + number.offset
    raw = np.clip(np.round(scaled), low, high).astype(np.int64)
    return raw if number.missing is None else np.where(np.isnan(values), number.missing, raw)


def _default_frame(fields: Sequence[CodecField], port: int) -> Frame:
    """A frame that is not decoded: ingest reads the network server's object."""
    names = dict.fromkeys(field.quantity for field in fields)
    numbers = (FrameNumber(quantity=name, size=4, scale=1000, signed=True) for name in names)
    return Frame(port=port, numbers=tuple(numbers))


def _cayenne_layout(
    fields: Sequence[CodecField], port: int, units: Mapping[str, str]
) -> Layout | None:
    numbers = []
    for field in fields:
        name, _, channel = field.path.rpartition("_")
        scale, offset = _to_field(field, units)
        if name not in CAYENNE or not channel.isdecimal() or not field.is_plain or offset:
            return None
        code, number = CAYENNE[name]
        numbers.append(
            replace(
                number,
                quantity=field.quantity,
                scale=number.scale * scale,
                prefix=bytes((int(channel), code)),
            )
        )
    return Layout(frame=Frame(port=port, numbers=tuple(numbers)))


def _objects(layout: Layout, decoded: Mapping[str, Column]) -> list[dict[str, Any]]:
    """What the network server's own decoder makes of each frame."""
    columns: dict[str, list[Any]] = {}
    for field in layout.fields:
        columns[field.path] = _field_values(field, decoded[field.quantity], layout.units or {})
        columns |= {path: [0.0] * len(columns[field.path]) for path in field.plus}
    return [
        _nested(dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)
    ]


def _field_values(field: CodecField, values: Column, units: Mapping[str, str]) -> list[Any]:
    """The values of a quantity as the field has them: what its mapping does, backwards."""
    texts: dict[float | None, Any] = {
        number: {"true": True, "false": False}.get(text, text)
        for text, number in field.values.items()
    }
    scale, offset = _to_field(field, units)
    values = values * scale + offset
    if field.curve:
        given, meant = zip(*sorted(field.curve, key=lambda point: point[1]), strict=True)
        values = np.interp(values, meant, given)
    numbers: list[float] = ((values - field.offset) / field.scale).tolist()
    return [texts.get(number, number) for number in numbers]


def _to_field(field: CodecField, units: Mapping[str, str]) -> tuple[float, float]:
    """`(scale, offset)` from the catalogue's unit to the field's."""
    own = units[field.quantity]
    return conversion(own, field.unit or own)


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """`a.b` and `list[0].x` as objects and lists."""
    root: dict[str, Any] = {}
    for path, value in flat.items():
        *outer, last = re.findall(r"[^.\[\]]+|\[\d+\]", path)
        node = root
        for step in outer:
            node = node.setdefault(step, {})
        node[last] = value
    return {name: _with_lists(node) for name, node in root.items()}


def _with_lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    inner = {step: _with_lists(value) for step, value in node.items()}
    if not all(step.startswith("[") for step in inner):
        return inner
    return [inner.get(f"[{i}]") for i in range(1 + max(int(step[1:-1]) for step in inner))]


def _frame_messages(
    table: DeviceTable,
    topic: str,
    payloads: list[bytes],
    times: Times,
    decoded: Mapping[str, Column],
) -> DeviceMessages:
    """Each frame holds every quantity of its layout that the device has."""
    units = dict(zip(table.names, table.units, strict=True))
    names = [name for name in decoded if name in units]
    count = len(times)
    value = np.stack([decoded[name] for name in names], axis=1) if names else np.empty((count, 0))
    flat = value.ravel()
    return DeviceMessages(
        arrivals=times.tolist(),
        topic=topic,
        payloads=payloads,
        of=np.repeat(np.arange(count), len(names)),
        times=np.repeat(times, len(names)),
        quantities=np.tile(np.array(names, dtype=object), count),
        units=np.tile(np.array([units[name] for name in names], dtype=object), count),
        value=flat,
        status=np.where(np.isnan(flat), NO_SENSOR, "ok").astype(object),
    )
