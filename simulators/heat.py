"""District heating: what the heat meter and the controller of each substation measure.

A substation's physics and its events are in `simulators._substations`.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sensors._common import COMMON
from sensors.heat import DOMAIN
from simulators._field import Field
from simulators._random import Column, chance_of
from simulators._readings import DeviceReadings, as_read, charge, table, ticks
from simulators._simulator import Kinds, Simulator, check_events, number
from simulators._story import SECOND
from simulators._substations import Substation, simulate_substation
from simulators._world import World

CATALOGUE = {quantity.name: quantity for quantity in (*DOMAIN.quantities, *COMMON)}
EVENTS: Kinds = {
    "exchanger-fouled": {"warmer": number(0, 60)},
    "heating-leak": {"litres_per_hour": number(0, 5000)},
    "hot-water-cold": {"colder": number(0, 40)},
    "meter-fault": {"code": number(1, 5)},
    "network-outage": {"supply": number(15, 70)},
    "network-pump": {},
    "pump-stopped": {},
    "valve-stuck": {"factor": number(1, 5)},
}
NOISE = {  # deviation of a reading; EN 60751 sensors are better than 0.3 K
    "primary_supply_temperature": 0.1,
    "primary_return_temperature": 0.1,
    "secondary_supply_temperature": 0.2,
    "secondary_return_temperature": 0.2,
    "hot_water_temperature": 0.2,
    "outside_temperature": 0.15,
    "heating_pressure": 0.01,
    "differential_pressure": 0.02,
}
INDEX = {"heat_energy": (5e4, 4e6), "make_up_water": (5.0, 400.0)}  # of a counter at the beginning
FLICKER = {"heat_flow": 0.01, "heat_power": 0.01}  # the same as a share of the value


def truth(field: Field, world: World) -> dict[str, Substation]:
    """The true state of each substation (by site): hidden from trainees.

    Raises:
        SimulatorError: an event has an invalid parameter.
    """
    check_events(world, EVENTS)
    return {
        site: simulate_substation(site, places, world, field.zone)
        for site, places in field.by_site("heat").items()
    }


def emit(field: Field, world: World, chance_seed: int) -> pd.DataFrame:
    """Readings of the devices as rows of a recording, by time."""
    return table(_device_readings(field, world, chance_seed))


def _device_readings(field: Field, world: World, seed: int) -> Iterator[DeviceReadings]:
    substations = truth(field, world)
    for place in field.of("heat"):
        state = substations[place.site]
        for name, interval in sorted(place.quantities.items()):
            chance = chance_of(seed, place.device, name)
            times = ticks(world.begins, world.ends, interval)
            if name == "battery":
                value = charge(times, chance)
            elif name == "heat_meter_fault":  # a state: at moments of its own
                times = times[:-1] + int(chance.integers(0, 900)) * SECOND
                value = state.code(name, times)
            elif name in state.quantities:
                value = _noisy(name, state.at(name, times), chance)
            else:
                continue
            quantity = CATALOGUE[name]
            yield DeviceReadings(
                device=place.device, quantity=quantity, times=times, value=as_read(quantity, value)
            )


def _noisy(name: str, true: Column, chance: np.random.Generator) -> Column:
    """As a sensor has it; a counter goes on from where it was."""
    index = chance.uniform(*INDEX.get(name, (0.0, 0.0)))
    spread = NOISE.get(name, 0.0) + FLICKER.get(name, 0.0) * true
    return np.asarray(index + true + spread * chance.normal(size=len(true)))


SIMULATOR = Simulator(domain="heat", emit=emit, events=tuple(EVENTS))
