"""Floods of small rivers: gauges, catchment rain, retention basins, the official colour."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sensors.flood import DOMAIN
from simulators._actuators import ACTUATORS, observe_actuator, state_of
from simulators._catchment import discharge_of
from simulators._field import Field, Place
from simulators._random import Column
from simulators._readings import Times
from simulators._rivers import Course
from simulators._simulator import Observation, Reading, default_simulator
from simulators._story import HOUR, SECOND
from simulators._weather import STEP
from simulators._world import World

NOISE = 0.0015  # m, of a reading: waves on calm water
ROUGHER = 0.002  # m that waves grow until the river leaves its bed, and beyond in proportion
DECIMALS = 2  # gauges give centimetres
BASIN_NOISE = 0.4  # %

# Settings of retention basins.
TAKES_FROM = 0.45  # of the discharge at which the river leaves its bed
TAKES = 0.3  # of what the river carries beyond that
EMPTIES = 40.0  # h that a full basin takes to run empty
PUMPED_DRY = 30.0  # h that its pump takes to empty it
HOLDS = 7.0  # h of a tenth of the brimful discharge, where its volume is not given
SUMP = 3.0  # % that never runs out

# Official colours: forecasters see a day ahead.
GREEN, YELLOW, ORANGE, RED = 1.0, 2.0, 3.0, 4.0
ISSUES = (9, 15)  # h UTC
DAY = 24 * HOUR
COLOURS = (("attention", YELLOW), ("alert", ORANGE), ("danger", RED))


def _of_course(measure: Callable[[Observation, Course], Column | None]) -> Reading:
    """A reading of the river at the place; None where there is no river."""

    def read(seen: Observation) -> Column | None:
        course = seen.world.course(seen.place)
        return None if course is None else measure(seen, course)

    return read


def _level(seen: Observation, course: Course) -> Column:
    level = _now(seen, course.level)
    height = np.maximum(level - course.bed, 0.0) / (course.brim - course.bed)
    return np.round(level + seen.noise(1.0) * (NOISE + ROUGHER * height), DECIMALS)


def _discharge(seen: Observation, course: Course) -> Column:
    level = _level(seen, course)
    return discharge_of(level, bed=course.bed, brim=course.brim, brimful=course.brimful)


def _surface(seen: Observation, course: Course) -> Column | None:
    zero = seen.place.properties.get("zero_ngf_m")
    return None if zero is None else _level(seen, course) + float(zero)


def _rain(seen: Observation, course: Course) -> Column:
    fallen, grid = np.cumsum(course.rain), seen.world.air.grid
    begun = np.interp(seen.times - int(seen.interval * SECOND), grid, fallen)
    return np.asarray(np.interp(seen.times, grid, fallen) - begun)


def _fill(seen: Observation, course: Course) -> Column:
    opened, pumped = (_at_basin(seen, name) for name in ("gate_position", "pump_running"))
    held = fill(seen.place, course, opened=opened / 100, pumped=pumped)
    return np.asarray(_now(seen, held) + seen.noise(BASIN_NOISE))


def _at_basin(seen: Observation, name: str) -> Column:
    """The state of its gate or pump at each step of the model; at rest where it has none."""
    grid = seen.world.air.grid
    for place in seen.world.field.places:
        if place.site == seen.place.site and name in place.quantities:
            return state_of(name, place, seen.world, grid)
    return np.full(len(grid), ACTUATORS[name].resting)


def _now(seen: Observation, column: Column) -> Column:
    return np.interp(seen.times, seen.world.air.grid, column)


def _over_interval(seen: Observation, column: Column, most: Callable[..., Column]) -> Column:
    """Over the interval that ends at each time, of the model's steps."""
    lags = np.arange(0, seen.interval, 900) * SECOND
    looks = [np.interp(seen.times - lag, seen.world.air.grid, column) for lag in lags]
    return np.asarray(most(looks, axis=0))


def fill(
    place: Place, course: Course, *, opened: Column | float = 1.0, pumped: Column | float = 0.0
) -> Column:
    """% of the basin's volume (`volume_m3` of its site) at each step; a full basin overflows.

    `opened`: share of its gate that lets water out. `pumped`: 1 while its pump runs.
    """
    held = float(place.properties.get("volume_m3", HOLDS * 3600 * 0.1 * course.brimful))
    taken = TAKES * np.maximum(course.discharge - TAKES_FROM * course.brimful, 0) * STEP
    let_out = np.where(taken > 0, 0.0, held * STEP / 3600 / EMPTIES) * opened
    given = let_out + held * STEP / 3600 / PUMPED_DRY * pumped
    volume, levels = 0.0, []
    for change in (taken - given).tolist():
        volume = min(max(volume + change, 0.0), held)
        levels.append(volume)
    return np.asarray(SUMP + (100 - SUMP) * np.array(levels) / held)


def _vigilance(seen: Observation) -> tuple[Times, Column] | None:
    river = seen.place.river
    return bulletins(river, seen.world, seen.chance, seen.interval) if river else None


def bulletins(
    river: str, world: World, chance: np.random.Generator, heartbeat: float
) -> tuple[NDArray[np.int64], Column]:
    """Times (µs) and colours of bulletins: at changes, and every `heartbeat` s between."""
    at = _issue_times(world)
    sure = chance.normal(1.0, 0.04, len(at))
    colour = np.full(len(at), GREEN)
    for site, limits in _thresholds(river, world).items():
        ahead = np.array([world.level(site, _hours(issue)).max() for issue in at])
        for name, value in COLOURS:
            if name in limits:
                reached = ahead * sure > limits[name]
                colour = np.where(reached, np.maximum(colour, value), colour)
    return _on_change(at, colour, heartbeat)


def _issue_times(world: World) -> NDArray[np.int64]:
    """The last bulletin before the scenario counts at its beginning."""
    first = world.begins // DAY * DAY
    issues = np.array(
        [
            day + hour * HOUR
            for day in range(first, world.ends + DAY, DAY)
            for hour in ISSUES
            if world.begins < day + hour * HOUR <= world.ends
        ],
        dtype=np.int64,
    )
    return np.concatenate([np.array([world.begins], dtype=np.int64), issues])


def _hours(issue: int) -> NDArray[np.int64]:
    return issue + np.arange(0, 25, dtype=np.int64) * HOUR


def _thresholds(river: str, world: World) -> dict[str, dict[str, float]]:
    thresholds: dict[str, dict[str, float]] = {}
    for place in world.field.places:
        if place.river == river and place.site in world.courses:
            thresholds.setdefault(place.site, {}).update(place.thresholds)
    return thresholds


def _on_change(
    at: NDArray[np.int64], colour: Column, heartbeat: float
) -> tuple[NDArray[np.int64], Column]:
    """The changes, and between them the last colour every `heartbeat` s."""
    times: list[int] = []
    colours: list[float] = []
    wait = int(heartbeat * SECOND)
    for moment, value in zip(at.tolist(), colour.tolist(), strict=True):
        while times and times[-1] + wait < moment:
            times.append(times[-1] + wait)
            colours.append(colours[-1])
        if not times or value != colours[-1]:
            times.append(moment)
            colours.append(value)
    return np.array(times, dtype=np.int64), np.array(colours)


READINGS: Mapping[str, Reading] = {
    "basin_fill": _of_course(_fill),
    "catchment_rain": _of_course(_rain),
    "daily_max_level": _of_course(lambda seen, course: _over_interval(seen, course.level, np.max)),
    "daily_mean_discharge": _of_course(
        lambda seen, course: _over_interval(seen, course.discharge, np.mean)
    ),
    "discharge": _of_course(_discharge),
    "level": _of_course(_level),
    "surface_elevation": _of_course(_surface),
    "vigilance": _vigilance,
    **{
        quantity.name: partial(observe_actuator, quantity.name)
        for quantity in DOMAIN.quantities
        if quantity.name in ACTUATORS
    },
}


def _moved_by(field: Field, place: Place) -> tuple[Place, ...]:
    """What a gate or a pump changes: itself, and how full its basin is."""
    basin = (other for other in field.of(DOMAIN.name) if "basin_fill" in other.quantities)
    return (place, *(other for other in basin if other.site == place.site))


SIMULATOR = replace(default_simulator(DOMAIN, READINGS), moved_by=_moved_by)
