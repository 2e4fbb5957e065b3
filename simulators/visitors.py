"""Visitors of parks and protected places: how many come by day, hour and weather, and how long.

A place may give `daily_visitors` (on a mild dry Sunday), `workday_share` and `stay_h`, the mean
time that a visitor stays.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sensors._common import COMMON
from sensors.visitors import DOMAIN
from simulators._bicycles import Riders, shape, weather_factor
from simulators._calendar import LocalTimes, local_times
from simulators._field import Field, Place
from simulators._random import chance_of
from simulators._readings import DeviceReadings, as_read, charge, table, ticks
from simulators._simulator import Kinds, Simulator, check_events, choice, number
from simulators._steps import SECOND, Column, Instants
from simulators._traffic_counting import interval_ends
from simulators._world import World

CATALOGUE = {quantity.name: quantity for quantity in (*DOMAIN.quantities, *COMMON)}
EVENTS: Kinds = {
    "crowd": {"times": number(0, 50)},
    "counter-fault": {"way": choice("in", "out", "both"), "share": number(0, 1)},
}
# Settings: shares and hours are of the order that counts in French parks show.
WALKERS = Riders(
    daily=800,
    workday=((10.5, 1.6, 0.25), (15.8, 2.2, 0.75)),
    rest=((11.0, 1.3, 0.25), (15.6, 1.9, 0.75)),
    weekend=1.0,
    school=(),
    staunch=(0.25, 0.35),
)
WORKDAY = 0.35  # of a Sunday
STAY = 1.5  # h
MISS = 0.03  # of the passages, counted not at all
DAYS = 0.08  # standard deviation between days of a kind
STEP = 300  # s
WARMING = 24 * 3600 * SECOND  # in which a place fills


def arrivals(place: Place, world: World, times: Instants) -> Column:
    """Visitors that arrive per hour, expected at each time."""
    when = local_times(times, world.field.zone)
    daily = float(place.properties.get("daily_visitors", WALKERS.daily))
    days, which = np.unique(when.day, return_inverse=True)
    luck = [chance_of(world.seed, place.site, str(day)).normal(0, DAYS) for day in days]
    rate = daily * _share(place, when) * np.exp(np.array(luck)[which])
    rain = world.rain(place.lon, place.lat, times)
    warm = world.temperature(place.lon, place.lat, times)
    for event in world.events_of("crowd"):
        if world.touches(event, place):
            during = (times >= event.begins) & (times < event.ends)
            rate = np.where(during, rate * float(event.parameters.get("times", 3)), rate)
    return np.asarray(rate * weather_factor(WALKERS, rain, warm))


def truth(field: Field, world: World) -> dict[str, tuple[Instants, Column]]:
    """By device, times and visitors present: hidden from trainees."""
    present: dict[str, tuple[Instants, Column]] = {}
    times = np.arange(world.begins - WARMING, world.ends + 1, STEP * SECOND, dtype=np.int64)
    for place in field.of("visitors"):
        coming = arrivals(place, world, times) * STEP / 3600
        left = np.exp(-STEP / 3600 / _stay(place))
        count = np.empty(len(times))
        inside = 0.0
        for i, number_of in enumerate(coming.tolist()):
            inside = inside * left + number_of
            count[i] = inside
        present[place.device] = times, count
    return present


def emit(field: Field, world: World, seed: int) -> pd.DataFrame:
    """Readings of the devices as rows of a recording, by time."""
    check_events(world, EVENTS)
    return table(_device_readings(field, world, seed))


def _device_readings(field: Field, world: World, seed: int) -> Iterator[DeviceReadings]:
    present = truth(field, world)
    for place in field.of("visitors"):
        times, count = present[place.device]
        yield from _gate_readings(place, world, seed, (times, count))
        for name in ("visitors", "battery"):
            if name in place.quantities:
                at = ticks(world.begins, world.ends, place.quantities[name])
                chance = chance_of(seed, place.device, name)
                value = (
                    charge(at, chance)
                    if name == "battery"
                    else np.interp(at, times, count) * chance.normal(1, MISS, len(at))
                )
                yield _as_rows(place, name, at, value)


def _gate_readings(
    place: Place, world: World, seed: int, present: tuple[Instants, Column]
) -> Iterator[DeviceReadings]:
    """Who passed in the interval that ends, each way."""
    times, count = present
    for name, way in (("visitors_in", "in"), ("visitors_out", "out")):
        if name not in place.quantities:
            continue
        interval = place.quantities[name]
        at = interval_ends(world.begins, world.ends, interval)
        middle = at - int(interval * SECOND / 2)
        hourly = arrivals(place, world, middle)
        if way == "out":
            hourly = np.interp(middle, times, count) / _stay(place)
        chance = chance_of(seed, place.device, name)
        seen = (1 - MISS) * _seen(place, world, middle, way)
        passed = chance.poisson(np.maximum(hourly * interval / 3600 * seen, 0))
        yield _as_rows(place, name, at, passed.astype(np.float64))


def _seen(place: Place, world: World, times: Instants, way: str) -> Column:
    """Share of the passages that a counter sees; less while it has a fault."""
    share = np.ones(len(times))
    for event in world.events_of("counter-fault"):
        if world.touches(event, place) and event.parameters.get("way", "both") in (way, "both"):
            during = (times >= event.begins) & (times < event.ends)
            share = np.where(during, float(event.parameters.get("share", 0)), share)
    return share


def _as_rows(place: Place, name: str, at: Instants, value: Column) -> DeviceReadings:
    quantity = CATALOGUE[name]
    return DeviceReadings(
        device=place.device, quantity=quantity, times=at, value=as_read(quantity, value)
    )


def _share(place: Place, when: LocalTimes) -> Column:
    """Share of a Sunday's visitors, per hour."""
    workday = float(place.properties.get("workday_share", WORKDAY))
    rest = shape(WALKERS.rest, when.hour)
    return np.where(when.workday, workday * shape(WALKERS.workday, when.hour), rest)


def _stay(place: Place) -> float:
    return float(place.properties.get("stay_h", STAY))


SIMULATOR = Simulator(domain="visitors", emit=emit, events=tuple(EVENTS))
