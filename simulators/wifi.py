"""Public Wi-Fi: terminals by hour and day, what they load, hotspots and links that fail.

A place may give `daily_clients`: the sum of its hourly terminals on a working day.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sensors._common import COMMON
from sensors.wifi import DOMAIN
from simulators._bicycles import shape
from simulators._calendar import local_times
from simulators._field import Field, Place
from simulators._random import Column, chance_of
from simulators._readings import DeviceReadings, Times, as_read, charge, table, ticks
from simulators._simulator import Kinds, Simulator, check_events, number
from simulators._world import World

CATALOGUE = {quantity.name: quantity for quantity in (*DOMAIN.quantities, *COMMON)}
EVENTS: Kinds = {
    "wifi-crowd": {"times": number(0, 50)},
    "wifi-interference": {},
    "hotspot-down": {},
    "backhaul-down": {},
}
# Settings.
HOURS = ((12.5, 2.2, 0.5), (18.0, 2.5, 0.5))
DAILY = 240.0
EACH = 0.7  # Mbit/s that a terminal loads
RETRIES, NOISY = 4.0, 42.0  # % of the frames, usually and beside an interferer


def truth(field: Field, world: World) -> dict[str, tuple[Times, Column]]:
    """By hotspot: times and terminals expected; hidden from trainees."""
    times = ticks(world.begins, world.ends, 300)
    return {
        place.device: (times, _expected(place, world, times))
        for place in field.of("wifi")
        if "wifi_clients" in place.quantities
    }


def emit(field: Field, world: World, seed: int) -> pd.DataFrame:
    """Readings of the devices as rows of a recording, by time."""
    check_events(world, EVENTS)
    return table(_device_readings(field, world, seed))


def _device_readings(field: Field, world: World, seed: int) -> Iterator[DeviceReadings]:
    for place in field.of("wifi"):
        for name, interval in sorted(place.quantities.items()):
            at = ticks(world.begins, world.ends, interval)
            chance = chance_of(seed, place.device, name)
            match name:
                case "hotspot_reachable":
                    value = _up(place, world, at)
                case "backhaul_up":
                    value = np.where(world.during("backhaul-down", place, at), 0.0, 1.0)
                case "wifi_clients":
                    value = chance.poisson(_expected(place, world, at)).astype(np.float64)
                case "wifi_throughput":
                    value = EACH * _expected(place, world, at) * chance.gamma(4, 1 / 4, len(at))
                case "wifi_errors":
                    noisy = world.during("wifi-interference", place, at)
                    value = np.where(noisy, NOISY, RETRIES) + chance.normal(0, 1, len(at))
                    value = value * _up(place, world, at)
                case "battery":
                    value = charge(at, chance)
                case _:
                    value = np.zeros(len(at))
            quantity = CATALOGUE[name]
            yield DeviceReadings(
                device=place.device, quantity=quantity, times=at, value=as_read(quantity, value)
            )


def _up(place: Place, world: World, at: Times) -> Column:
    down = world.during("hotspot-down", place, at) | world.during("backhaul-down", place, at)
    return np.where(down, 0.0, 1.0)


def _expected(place: Place, world: World, at: Times) -> Column:
    """Terminals connected; none while the hotspot is down."""
    when = local_times(at, world.field.zone)
    daily = float(place.properties.get("daily_clients", DAILY))
    clients = daily * np.where(when.workday, 1.0, 0.7) * shape(HOURS, when.hour)
    for event in world.events_of("wifi-crowd"):
        if world.touches(event, place):
            during = (at >= event.begins) & (at < event.ends)
            clients = np.where(during, clients * float(event.parameters.get("times", 4)), clients)
    return np.asarray(clients * _up(place, world, at))


SIMULATOR = Simulator(domain="wifi", emit=emit, events=tuple(EVENTS))
