"""What loops and radars tell: whole vehicles, their mean speed, how long they stood there."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors._quantity import Quantity
from simulators._field import Place
from simulators._lamp_readings import COMPLETE_MESSAGES
from simulators._random import chance_of
from simulators._readings import DeviceReadings, as_read, charge
from simulators._steps import SECOND, Column, Instants
from simulators._world import World

# Settings.
SPEEDS = 0.1  # of the mean: by how much single vehicles differ
SEEN = 0.015  # of the occupancy, noise
CHATTER = 4.0  # times the vehicles that a loop counts that chatters


@dataclass(frozen=True, kw_only=True)
class TrafficState:
    """Traffic at a sensor, at `times`: vehicles passed so far, and what an occupancy adds up to.

    `density`, `occupied`, `trucks` are running sums from `times[0]` on, a step at a time.
    """

    times: Instants
    count: Column
    density: Column  # vehicles a km
    occupied: Column  # %
    trucks: Column  # share
    free_speed: float  # km/h


@dataclass(frozen=True, kw_only=True)
class VehicleCounts:
    """What truly happened in the intervals that end at `at`. `speed` nan: no vehicle, no speed."""

    at: Instants
    vehicles: NDArray[np.int64]
    hours: float
    speed: Column
    occupancy: Column
    heavy: Column


def sensor_readings(
    place: Place, state: TrafficState, world: World, seed: int, catalogue: Mapping[str, Quantity]
) -> Iterator[DeviceReadings]:
    """Its rows, quantity by quantity; a speed only where there was a vehicle."""
    chance = chance_of(seed, place.device, "counting")
    names = [name for name in sorted(place.quantities) if name in READINGS or name == "battery"]
    complete = place.protocol in COMPLETE_MESSAGES
    shortest = min((place.quantities[name] for name in names), default=0.0)
    counts: dict[float, VehicleCounts] = {}
    for name in names:
        interval = shortest if complete else place.quantities[name]
        if interval not in counts:
            seen = count_vehicles(
                state, interval_ends(world.begins, world.ends, interval), interval, chance
            )
            counts[interval] = apply_loop_faults(seen, place, world, chance)
        seen = counts[interval]
        value = charge(seen.at, chance) if name == "battery" else READINGS[name](seen)
        if complete:  # every field of a message has a value: a radar repeats its last speed
            value = _repeat_last(value, state.free_speed)
        there = np.isfinite(value)
        yield DeviceReadings(
            device=place.device,
            quantity=catalogue[name],
            times=seen.at[there],
            value=as_read(catalogue[name], value[there]),
        )


def interval_ends(begins: int, ends: int, interval: float) -> Instants:
    """The ends of intervals (s) that the clock gives: stations of a network count the same ones."""
    step = int(interval * SECOND)
    return np.arange(-(-begins // step) * step, ends + 1, step, dtype=np.int64)


def count_vehicles(
    state: TrafficState, at: Instants, interval: float, chance: np.random.Generator
) -> VehicleCounts:
    """Whole vehicles between two ends of an interval, and the means over it."""
    before = at - int(interval * SECOND)
    steps = interval * SECOND / float(state.times[1] - state.times[0])

    def grown(column: Column) -> Column:
        return np.interp(at, state.times, column) - np.interp(before, state.times, column)

    passed = np.floor(np.interp(at, state.times, state.count) + 1e-6)
    vehicles = passed - np.floor(np.interp(before, state.times, state.count) + 1e-6)
    density = grown(state.density) / steps
    flow = grown(state.count) / (interval / 3600)
    mean = np.where(density > 0, flow / np.maximum(density, 1e-9), state.free_speed)
    noise = 1 + SPEEDS * chance.standard_normal(len(at)) / np.sqrt(np.maximum(vehicles, 1))
    truck = np.clip(grown(state.trucks) / steps, 0, 1)
    heavy = chance.binomial(vehicles.astype(np.int64), truck) / np.maximum(vehicles, 1)
    occupied = grown(state.occupied) / steps * (1 + SEEN * chance.standard_normal(len(at)))
    return VehicleCounts(
        at=at,
        vehicles=vehicles.astype(np.int64),
        hours=interval / 3600,
        speed=np.where(vehicles > 0, mean * noise, np.nan),
        occupancy=occupied,
        heavy=np.where(vehicles > 0, heavy * 100, np.nan),
    )


def apply_loop_faults(
    seen: VehicleCounts, place: Place, world: World, chance: np.random.Generator
) -> VehicleCounts:
    """The same as a faulty loop sees it (event `loop-fault`, `mode`: stuck, dead or chatter)."""
    for event in world.events_of("loop-fault"):
        if world.touches(event, place):
            during = (seen.at > event.begins) & (seen.at <= event.ends)
            seen = FAULTS[str(event.parameters.get("mode", "stuck"))](seen, during, chance)
    return seen


def _no_vehicles(seen: VehicleCounts, during: NDArray[np.bool_], occupied: float) -> VehicleCounts:
    return VehicleCounts(
        at=seen.at,
        vehicles=np.where(during, 0, seen.vehicles),
        hours=seen.hours,
        speed=np.where(during, np.nan, seen.speed),
        occupancy=np.where(during, occupied, seen.occupancy),
        heavy=np.where(during, np.nan, seen.heavy),
    )


def _chatter(
    seen: VehicleCounts, during: NDArray[np.bool_], chance: np.random.Generator
) -> VehicleCounts:
    """One vehicle makes several, of any speed; the ghosts of an empty road come by themselves."""
    size = len(seen.at)
    ghosts = chance.poisson(CHATTER * seen.vehicles + 300 * seen.hours)
    return VehicleCounts(
        at=seen.at,
        vehicles=np.where(during, ghosts, seen.vehicles),
        hours=seen.hours,
        speed=np.where(during, chance.uniform(5, 190, size), seen.speed),
        occupancy=np.where(during, chance.uniform(0, 60, size), seen.occupancy),
        heavy=np.where(during, chance.uniform(0, 20, size), seen.heavy),
    )


FAULTS: Mapping[
    str, Callable[[VehicleCounts, NDArray[np.bool_], np.random.Generator], VehicleCounts]
] = {
    "stuck": lambda seen, during, _: _no_vehicles(seen, during, 100.0),
    "dead": lambda seen, during, _: _no_vehicles(seen, during, 0.0),
    "chatter": _chatter,
}


def _repeat_last(value: Column, at_first: float) -> Column:
    """The last value in place of each that is missing."""
    last = np.maximum.accumulate(np.where(np.isfinite(value), np.arange(len(value)), -1))
    return np.where(last >= 0, value[last], at_first)


READINGS: Mapping[str, Callable[[VehicleCounts], Column]] = {
    "heavy_share": lambda seen: seen.heavy,
    "occupancy": lambda seen: seen.occupancy,
    "traffic_flow": lambda seen: seen.vehicles / seen.hours,
    "traffic_speed": lambda seen: seen.speed,
}
