"""Waste containers: they fill by day and weekday, a lorry tips them on the days of their round.

A place may give `fills_in` (days), `round` (weekdays, Monday 0) and `round_hour` (local).
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sensors._common import COMMON
from sensors.waste import DOMAIN
from simulators._calendar import local_times
from simulators._field import Field, Place
from simulators._random import Column, chance_of
from simulators._readings import DeviceReadings, as_read, charge, table, ticks
from simulators._simulator import Kinds, Simulator, check_events, number
from simulators._steps import SECOND, Instants
from simulators._world import World

CATALOGUE = {quantity.name: quantity for quantity in (*DOMAIN.quantities, *COMMON)}
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
    times = np.arange(world.begins - WARMING, world.ends + 1, STEP * SECOND, dtype=np.int64)
    return {place.device: (times, *_filled(place, world, times)) for place in field.of("waste")}


def _filled(place: Place, world: World, times: Instants) -> tuple[Column, Instants]:
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
    return np.minimum(REST + total - base, 102.0), times[emptied]


def emit(field: Field, world: World, seed: int) -> pd.DataFrame:
    """Readings of the devices as rows of a recording, by time."""
    check_events(world, EVENTS)
    return table(_device_readings(field, world, seed))


def _device_readings(field: Field, world: World, seed: int) -> Iterator[DeviceReadings]:
    containers = truth(field, world)
    for place in field.of("waste"):
        times, fill, emptied = containers[place.device]
        for name, interval in sorted(place.quantities.items()):
            at = ticks(world.begins, world.ends, interval)
            chance = chance_of(seed, place.device, name)
            if name == "battery":
                value = charge(at, chance)
            elif name == "container_fill":
                before = np.searchsorted(times, at, side="right") - 1
                value = fill[before] + chance.normal(0, 0.6, len(at))
            elif name == "container_temperature":
                value = _temperature(place, world, at) + chance.normal(0, 0.2, len(at))
            elif name == "container_tilt":
                at, value = _tilted(place, world, at, emptied)
            else:
                continue
            quantity = CATALOGUE[name]
            yield DeviceReadings(
                device=place.device, quantity=quantity, times=at, value=as_read(quantity, value)
            )


def _temperature(place: Place, world: World, at: Instants) -> Column:
    """Cel under the lid: the air, the sun on it, and a fire."""
    sun = np.clip(world.air.irradiance(place.lon, place.lat, at) / 800, 0, 1.2)
    warm = world.temperature(place.lon, place.lat, at) + SUN * sun
    for event in world.events_of("container-fire"):
        if world.touches(event, place):
            heat = float(event.parameters.get("heat", HEAT))
            since = (at - event.begins) / SECOND
            after = np.maximum(at - event.ends, 0) / SECOND
            burning = np.where(since >= 0, 1 - np.exp(-since / BURNING), 0.0)
            warm = warm + heat * burning * np.exp(-after / (2 * BURNING))
    return np.asarray(warm)


def _tilted(place: Place, world: World, at: Instants, emptied: Instants) -> tuple[Instants, Column]:
    """Whether it is tipped: said at its interval, and when a lorry lifts it and sets it down."""
    lifted = emptied[(emptied >= world.begins) & (emptied + LIFTED <= world.ends)]
    times = np.unique(np.concatenate([at, lifted, lifted + LIFTED]))
    state = np.isin(times, lifted) | world.during("container-tipped", place, times)
    return times, state.astype(np.float64)


SIMULATOR = Simulator(domain="waste", emit=emit, events=tuple(EVENTS))
