"""Floods of small rivers: gauges, catchment rain, retention basins, the official colour."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sensors._common import COMMON
from sensors.flood import DOMAIN
from simulators._basins import fill
from simulators._battery import charge
from simulators._catchment import discharge_of
from simulators._chance import Column, chance_of
from simulators._field import Field, Place
from simulators._gauging import DeviceReadings, Times, as_read, saturated, table, ticks
from simulators._rivers import Course
from simulators._simulator import Simulator
from simulators._story import SECOND
from simulators._vigilance import bulletins
from simulators._world import World

CATALOGUE = {quantity.name: quantity for quantity in (*DOMAIN.quantities, *COMMON)}
NOISE = 0.0015  # m, of a reading: waves
BASIN_NOISE = 0.4  # %


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A device looking at its river at some times."""

    times: Times
    interval: float
    place: Place
    course: Course
    world: World
    chance: np.random.Generator

    def true(self, column: Column) -> Column:
        return np.interp(self.times, self.world.air.grid, column)

    def before(self, column: Column, most: Callable[..., Column]) -> Column:
        """Over the interval that ends at each time, of the model's steps."""
        lags = np.arange(0, self.interval, 900) * SECOND
        looks = [np.interp(self.times - lag, self.world.air.grid, column) for lag in lags]
        return np.asarray(most(looks, axis=0))


def emit(field: Field, world: World, _chance_seed: int) -> pd.DataFrame:
    """What the devices tell; one at no river known tells only its battery."""
    return table(
        readings for place in field.of("flood") for readings in _device_readings(place, world)
    )


def _device_readings(place: Place, world: World) -> Iterator[DeviceReadings]:
    course = world.course(place)
    for name, interval in sorted(place.quantities.items()):
        chance = chance_of(world.seed, place.device, name)
        at = ticks(world.begins, world.ends, interval)
        if name == "battery":
            yield _make_readings(place, name, at, charge(at, chance))
        elif name == "vigilance" and place.river:
            at, colours = bulletins(place.river, world, chance, interval)
            yield _make_readings(place, name, at, colours)
        elif course is not None and name in READINGS:
            look = Observation(
                times=at, interval=interval, place=place, course=course, world=world, chance=chance
            )
            true = READINGS[name](look)
            if true is not None:
                yield _make_readings(place, name, at, true)


def _make_readings(place: Place, name: str, times: Times, true: Column) -> DeviceReadings:
    quantity, top = CATALOGUE[name], place.saturates.get(name)
    return DeviceReadings(
        device=place.device,
        quantity=quantity,
        times=times,
        value=as_read(quantity, true, top),
        status=saturated(true, top),
    )


def _level(look: Observation) -> Column:
    return look.true(look.course.level) + look.chance.normal(0, NOISE, len(look.times))


def _discharge(look: Observation) -> Column:
    course = look.course
    return discharge_of(_level(look), bed=course.bed, brim=course.brim, brimful=course.brimful)


def _surface(look: Observation) -> Column | None:
    zero = look.place.properties.get("zero_ngf_m")
    return None if zero is None else _level(look) + float(zero)


def _rain(look: Observation) -> Column:
    fallen = np.cumsum(look.course.rain)
    grid = look.world.air.grid
    begun = np.interp(look.times - int(look.interval * SECOND), grid, fallen)
    return np.asarray(np.interp(look.times, grid, fallen) - begun)


def _daily_max_level(look: Observation) -> Column:
    return look.before(look.course.level, np.max)


def _daily_mean_discharge(look: Observation) -> Column:
    return look.before(look.course.discharge, np.mean)


def _fill(look: Observation) -> Column:
    filled = look.true(fill(look.place, look.course))
    return np.asarray(filled + look.chance.normal(0, BASIN_NOISE, len(look.times)))


READINGS: Mapping[str, Callable[[Observation], Column | None]] = {
    "basin_fill": _fill,
    "catchment_rain": _rain,
    "daily_max_level": _daily_max_level,
    "daily_mean_discharge": _daily_mean_discharge,
    "discharge": _discharge,
    "level": _level,
    "surface_elevation": _surface,
}

SIMULATOR = Simulator(domain="flood", emit=emit)
