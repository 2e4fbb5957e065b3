"""Waste containers: they fill by day and weekday, a lorry tips them on the days of their round.

A place may give `fills_in` (days), `round` (weekdays, Monday 0) and `round_hour` (local).
"""

import numpy as np

from sensors.waste import DOMAIN
from simulators._calendar import local_times
from simulators._field import Field, Place
from simulators._random import Column, chance_of
from simulators._simulator import Kinds, Observation, default_simulator, number
from simulators._steps import SECOND, Instants
from simulators._world import World

EVENTS: Kinds = {
    "container-fire": {"heat": number(20, 400)},
    "waste-surge": {"times": number(1, 50)},
    "round-missed": {},
    "container-tipped": {},
}
# Settings.
FILLS_IN = 6.0  # days
ROUND, ROUND_HOUR = (0, 3), 7.0
HOURS = np.array([1, 1, 1, 1, 1, 2, 4, 7, 8, 8, 8, 9, 9, 8, 7, 7, 8, 10, 11, 9, 7, 5, 3, 2.0])
REST = 4.0  # % left at the bottom
LIFTED = 60 * SECOND  # µs that a lorry holds it tipped
SUN = 14.0  # K by which the sun heats a lid
HEAT = 120.0  # K of a fire
BURNING = 1800.0  # s in which it gets so hot
STEP = 600  # s
WARMING = 14 * 24 * 3600 * SECOND  # in which a container finds its rhythm


def truth(field: Field, world: World) -> dict[str, tuple[Instants, Column, Instants]]:
    """By device: times, fill (%) at each, and when it was emptied. Hidden from trainees."""
    return {place.device: _course(place, world) for place in field.of("waste")}


def _course(place: Place, world: World) -> tuple[Instants, Column, Instants]:
    times = np.arange(world.begins - WARMING, world.ends + 1, STEP * SECOND, dtype=np.int64)
    when = local_times(times, world.field.zone)
    chance = chance_of(world.seed, place.device, "waste")
    hourly = HOURS[when.hour.astype(np.int64)] / HOURS.sum()
    daily = 100.0 / float(place.properties.get("fills_in", FILLS_IN))
    weekend = np.where(when.workday, 1.0, 1.25)
    thrown = daily * hourly * weekend * STEP / 3600 * chance.gamma(4, 1 / 4, len(times))
    for event in world.events_of("waste-surge"):
        if world.touches(event, place):
            during = (times >= event.begins) & (times < event.ends)
            thrown = np.where(during, thrown * float(event.parameters.get("times", 4)), thrown)
    days = [int(day) for day in place.properties.get("round", ROUND)]
    hour = float(place.properties.get("round_hour", ROUND_HOUR))
    rounds = np.isin(when.weekday, days) & (when.hour >= hour) & (when.hour < hour + STEP / 3600)
    rounds &= ~world.during("round-missed", place, times)
    total = np.cumsum(thrown)
    emptied = np.flatnonzero(rounds)
    last = np.searchsorted(emptied, np.arange(len(times)), side="right") - 1
    base = np.where(last >= 0, total[emptied[np.maximum(last, 0)]] if len(emptied) else 0.0, 0.0)
    return times, np.minimum(REST + total - base, 102.0), times[emptied]


def _fill(container: Observation) -> Column:
    times, fill, _ = _course(container.place, container.world)
    return fill[np.searchsorted(times, container.times, side="right") - 1] + container.noise(0.6)


def _temperature(container: Observation) -> Column:
    """Cel under the lid: the air, the sun on it, and a fire."""
    world, at = container.world, container.times
    sun = np.clip(container.at_place(world.air.irradiance) / 800, 0, 1.2)
    warm = container.at_place(world.temperature) + SUN * sun
    for event in world.events_of("container-fire"):
        if world.touches(event, container.place):
            heat = float(event.parameters.get("heat", HEAT))
            since = (at - event.begins) / SECOND
            after = np.maximum(at - event.ends, 0) / SECOND
            burning = np.where(since >= 0, 1 - np.exp(-since / BURNING), 0.0)
            warm = warm + heat * burning * np.exp(-after / (2 * BURNING))
    return np.asarray(warm + container.noise(0.2))


def _tilted(container: Observation) -> tuple[Instants, Column]:
    """Whether it is tipped: sent at its interval, and when a lorry lifts it and sets it down."""
    world, place = container.world, container.place
    _, _, emptied = _course(place, world)
    lifted = emptied[(emptied >= world.begins) & (emptied + LIFTED <= world.ends)]
    times = np.unique(np.concatenate([container.times, lifted, lifted + LIFTED]))
    state = np.isin(times, lifted) | world.during("container-tipped", place, times)
    return times, state.astype(np.float64)


SIMULATOR = default_simulator(
    DOMAIN,
    {
        "container_fill": _fill,
        "container_temperature": _temperature,
        "container_tilt": _tilted,
    },
    EVENTS,
)
