"""Floods of small rivers: gauges, catchment rain, retention basins, the official colour."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sensors._common import COMMON
from sensors.flood import DOMAIN
from simulators._battery import charge
from simulators._catchment import discharge_of
from simulators._chance import Column, chance_of
from simulators._gauging import Times, Told, as_read, saturated, table, ticks
from simulators._rivers import Course
from simulators._simulator import Field, Place, Simulator
from simulators._world import World

CATALOGUE = {quantity.name: quantity for quantity in (*DOMAIN.quantities, *COMMON)}
NOISE = 0.0015  # m, of a reading: waves


@dataclass(frozen=True, kw_only=True)
class Look:
    """A device looking at its river at some times."""

    at: Times
    interval: float
    place: Place
    course: Course
    world: World
    chance: np.random.Generator

    def true(self, column: Column) -> Column:
        return np.interp(self.at, self.world.air.grid, column)


def emit(field: Field, world: World, chance_seed: int) -> pd.DataFrame:
    """What the devices tell; one at a site without a river tells only its battery."""
    return table(_told(field, world, chance_seed))


def _told(field: Field, world: World, seed: int) -> Iterator[Told]:
    for place in field.of("flood"):
        course = world.courses.get(place.site)
        for name, interval in sorted(place.quantities.items()):
            reads = READINGS.get(name)
            chance = chance_of(seed, place.device, name)
            if name == "battery":
                at = ticks(world.begins, world.ends, interval)
                value = as_read(CATALOGUE[name], charge(at, chance))
                yield Told(device=place.device, quantity=CATALOGUE[name], times=at, value=value)
            if reads is None or course is None:
                continue
            at = ticks(world.begins, world.ends, interval)
            look = Look(
                at=at, interval=interval, place=place, course=course, world=world, chance=chance
            )
            true = reads(look)
            if true is None:
                continue
            top = place.saturates.get(name)
            yield Told(
                device=place.device,
                quantity=CATALOGUE[name],
                times=at,
                value=as_read(CATALOGUE[name], true, top),
                status=saturated(true, top),
            )


def _level(look: Look) -> Column:
    return look.true(look.course.level) + look.chance.normal(0, NOISE, len(look.at))


def _discharge(look: Look) -> Column:
    course = look.course
    return discharge_of(_level(look), bed=course.bed, brim=course.brim, brimful=course.brimful)


def _surface(look: Look) -> Column | None:
    zero = look.place.properties.get("zero_ngf_m")
    return None if zero is None else _level(look) + float(zero)


def _rain(look: Look) -> Column:
    fallen = np.cumsum(look.course.rain)
    grid = look.world.air.grid
    begun = np.interp(look.at - int(look.interval * 1_000_000), grid, fallen)
    return np.asarray(np.interp(look.at, grid, fallen) - begun)


READINGS: Mapping[str, Callable[[Look], Column | None]] = {
    "catchment_rain": _rain,
    "discharge": _discharge,
    "level": _level,
    "surface_elevation": _surface,
}

SIMULATOR = Simulator(domain="flood", emit=emit)
