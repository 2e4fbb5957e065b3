"""Actuators that nobody commands: they stay as they are, and tell so."""

from collections.abc import Iterator, Mapping

import numpy as np

from sensors._command import checksum
from sensors._quantity import Quantity
from simulators._field import Place
from simulators._random import Column, chance_of
from simulators._readings import DeviceReadings, as_read, charge, ticks
from simulators._simulator import Observation
from simulators._world import World

# By quantity: a gate is open, a pump off, a barrier open, a sign dark.
RESTING: Mapping[str, float] = {
    "gate_position": 100.0,
    "pump_running": 0.0,
    "barrier_position": 0.0,
    "sign_message_crc": float(checksum("")),
}


def rest(name: str, seen: Observation) -> Column:
    """What an actuator at rest tells of a quantity."""
    return np.full(len(seen.times), RESTING[name])


def is_actuator(place: Place) -> bool:
    return not RESTING.keys().isdisjoint(place.quantities)


def actuator_readings(
    place: Place, world: World, seed: int, catalogue: Mapping[str, Quantity]
) -> Iterator[DeviceReadings]:
    """Readings of an actuator at rest, and of its battery."""
    for name, interval in sorted(place.quantities.items()):
        at = ticks(world.begins, world.ends, interval)
        if name in RESTING:
            value = np.full(len(at), RESTING[name])
        elif name == "battery":
            value = charge(at, chance_of(seed, place.device, name))
        else:
            continue
        yield DeviceReadings(
            device=place.device,
            quantity=catalogue[name],
            times=at,
            value=as_read(catalogue[name], value),
        )
