"""Parking: what the barriers, the sign and the sensors of each car park tell.

Who parks where, and events, are in `simulators._car_parks`.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sensors._common import COMMON
from sensors.parking import DOMAIN
from simulators._car_parks import CarPark, simulate_car_park
from simulators._field import Field, Place
from simulators._random import Column, chance_of
from simulators._readings import DeviceReadings, Times, as_read, charge, table, ticks
from simulators._simulator import Kinds, Simulator, check_events, number
from simulators._story import SECOND
from simulators._world import World

CATALOGUE = {quantity.name: quantity for quantity in (*DOMAIN.quantities, *COMMON)}
EVENTS: Kinds = {
    "barrier-fault": {"code": number(1, 3)},
    "count-drift": {"per_hour": number(-200, 200)},
    "car-park-fills": {"share": number(0, 2)},
    "sign-frozen": {},
    "space-sensor-stuck": {},
}
LATE = 60  # s at most after which a device tells


def truth(field: Field, world: World) -> dict[str, CarPark]:
    """The true state of each car park (by site): hidden from trainees.

    Raises:
        SimulatorError: an event has an invalid parameter.
    """
    check_events(world, EVENTS)
    return {
        site: simulate_car_park(site, places, world, field.zone)
        for site, places in field.by_site("parking").items()
    }


def emit(field: Field, world: World, chance_seed: int) -> pd.DataFrame:
    """Readings of the devices as rows of a recording, by time."""
    return table(_device_readings(field, world, chance_seed))


def _device_readings(field: Field, world: World, seed: int) -> Iterator[DeviceReadings]:
    parks, numbers = truth(field, world), _number_spaces(field)
    for place in field.of("parking"):
        park = parks[place.site]
        for name, interval in sorted(place.quantities.items()):
            chance = chance_of(seed, place.device, name)
            times = ticks(world.begins, world.ends, interval)
            match name:
                case "battery":
                    value = charge(times, chance)
                case "vehicles_present" | "spaces_shown":
                    times = _own_moments(times, chance)
                    value = park.at(
                        park.counted if name == "vehicles_present" else park.shown, times
                    )
                case "parking_entries" | "parking_exits":
                    times = _own_moments(times, chance)
                    total = park.entries if name == "parking_entries" else park.exits
                    edges = np.concatenate([times[:1] - int(interval * SECOND), times])
                    value = np.diff(park.at(total, edges))
                case "barrier_fault":
                    times, value = _on_change(park, park.fault, times, chance)
                case "space_occupied":
                    taken = _space(park, numbers[place.device], place, world)
                    times, value = _on_change(park, taken, times, chance)
                case _:
                    continue
            quantity = CATALOGUE[name]
            yield DeviceReadings(
                device=place.device, quantity=quantity, times=times, value=as_read(quantity, value)
            )


def _number_spaces(field: Field) -> dict[str, int]:
    """Which space of its car park each sensor watches."""
    numbers: dict[str, int] = {}
    count: dict[str, int] = {}
    for place in field.of("parking"):
        if "space_occupied" in place.quantities:
            numbers[place.device] = count.get(place.site, 0)
            count[place.site] = numbers[place.device] + 1
    return numbers


def _space(park: CarPark, number: int, place: Place, world: World) -> Column:
    """Whether a space is taken at each step, by its sensor; a stuck one says yes."""
    taken = park.taken[:, number % park.taken.shape[1]].astype(np.float64)
    return np.where(world.during("space-sensor-stuck", place, park.grid), 1.0, taken)


def _own_moments(times: Times, chance: np.random.Generator) -> Times:
    """A little after each time, the last left out."""
    return np.asarray(times[:-1] + int(chance.integers(0, LATE)) * SECOND)


def _on_change(
    park: CarPark, state: Column, times: Times, chance: np.random.Generator
) -> tuple[Times, Column]:
    """At its changes, and at the heartbeat's times."""
    late = int(chance.integers(1, LATE)) * SECOND
    changed = park.grid[1:][np.diff(state) != 0]
    changed = changed[(changed > times[0]) & (changed <= times[-1] - late)]
    moments = np.unique(np.concatenate([times[:-1], changed]))
    return moments + late, park.at(state, moments)


SIMULATOR = Simulator(domain="parking", emit=emit, events=tuple(EVENTS))
