"""LoRaWAN devices: frames in the envelopes of the network server that speaks for them."""

from collections.abc import Mapping

import numpy as np

from simulators import _envelopes as envelopes
from simulators._chance import Column, chance_of
from simulators._field import Place
from simulators._payloads import LAYOUTS, Layout, Number, frames
from simulators._said import DeviceMessages, Times, format_times
from simulators._story import SECOND
from simulators._telling import DeviceTable

NO_SENSOR = "No Sensor"
PHASE = 20.0  # s: no LoRaWAN device keeps step with the clock
JITTER = 1.5  # s: how long a frame is under way


def lorawan_messages(
    table: DeviceTable, place: Place, seed: int, counted: frozenset[str]
) -> DeviceMessages:
    """LoRaWAN frames: the time of a reading is when the network received it."""
    layout = LAYOUTS.get(place.model) or _default_layout(table)
    values = {name: table.filled(name, counted=name in counted) for name in layout.quantities}
    kept = np.ones(len(table.times), dtype=bool)
    for number in layout.numbers:
        if number.missing is None and number.quantity in table.names:
            kept &= ~np.isnan(values[number.quantity])
    chance = chance_of(seed, place.device, "air")
    late = (chance.uniform(0, PHASE) + chance.uniform(0, JITTER, len(kept))) * SECOND
    times = (table.times + late.astype(np.int64))[kept]
    sent, back = frames(layout, {name: value[kept] for name, value in values.items()})
    sent_frames = envelopes.SentFrames(
        place=place,
        port=layout.port,
        frames=sent,
        times=format_times(times),
        readable=_decoded_frames(layout, back),
        seed=seed,
    )
    if place.protocol == "chirpstack":
        payloads = envelopes.chirpstack(sent_frames)
        way = f"application/{envelopes.APPLICATION}/device/{place.address}/event/up"
    else:
        payloads = envelopes.the_things_stack(sent_frames)
        way = f"v3/{envelopes.APPLICATION}@partner/devices/{envelopes.things_stack_id(place)}/up"
    return _frame_messages(table, f"gateways/{place.gateway}/{way}", list(payloads), times, back)


def _frame_messages(
    table: DeviceTable, topic: str, payloads: list[bytes], times: Times, back: Mapping[str, Column]
) -> DeviceMessages:
    """Each frame holds every quantity of its layout that the device has."""
    units = dict(zip(table.names, table.units, strict=True))
    names = [name for name in back if name in units]
    count = len(times)
    value = np.stack([back[name] for name in names], axis=1) if names else np.empty((count, 0))
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


def _decoded_frames(layout: Layout, back: Mapping[str, Column]) -> list[dict[str, float]] | None:
    """What the network server's own codec makes of each frame, where it has one."""
    if layout.readable is None:
        return None
    columns = {label: back[name].tolist() for name, label in layout.readable.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _default_layout(table: DeviceTable) -> Layout:
    """Of a model without a layout of its own: the network server decodes to our own names."""
    numbers = tuple(Number(quantity=name, size=4, scale=1000, signed=True) for name in table.names)
    return Layout(port=1, numbers=numbers, readable={name: name for name in table.names})
