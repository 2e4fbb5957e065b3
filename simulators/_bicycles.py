"""Bicycles and pedestrians at counters: by hour, weekday, school day and weather."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from sensors._quantity import Quantity
from simulators._calendar import LocalTimes, local_times
from simulators._field import Place
from simulators._lamp_readings import COMPLETE_MESSAGES
from simulators._random import chance_of
from simulators._readings import DeviceReadings, as_read, charge
from simulators._steps import SECOND, Column, Instants
from simulators._traffic_counting import interval_ends
from simulators._traffic_demand import Peak
from simulators._world import World

# Settings: the shares that rain and cold take are of the order that counts of cities show.
DAYS = 0.10  # standard deviation between days of a kind
RAIN = 2.0  # mm/h at which two thirds of those who avoid rain stay at home
MILD = 20.0  # Cel at which everybody comes
COLDEST = -4.0  # Cel at which only the staunch come
ALL_DAY = 24.0


@dataclass(frozen=True, kw_only=True)
class Riders:
    """Users of a path. `daily`: on a mild dry workday. Peaks: local hour, width, weight of the day.

    `weekend`: share of a workday. `school`: only on school days. `staunch`: share that comes
    in any rain, and in any cold.
    """

    daily: float
    workday: tuple[Peak, ...]
    rest: tuple[Peak, ...]
    weekend: float
    school: tuple[Peak, ...]
    staunch: tuple[float, float]


BICYCLES = Riders(
    daily=350,
    workday=((8.3, 0.8, 0.32), (12.5, 1.5, 0.1), (18.0, 1.2, 0.34), (15.0, 3.0, 0.16)),
    rest=((11.0, 1.5, 0.35), (15.8, 2.2, 0.65)),
    weekend=0.75,
    school=((8.2, 0.3, 0.04), (16.7, 0.4, 0.04)),
    staunch=(0.35, 0.25),
)
PEDESTRIANS = Riders(
    daily=700,
    workday=((8.3, 0.9, 0.18), (12.6, 0.9, 0.22), (18.0, 1.6, 0.3), (15.0, 3.5, 0.22)),
    rest=((11.2, 1.4, 0.4), (16.0, 2.3, 0.6)),
    weekend=0.9,
    school=((8.3, 0.25, 0.06), (16.6, 0.3, 0.06)),
    staunch=(0.5, 0.55),
)
KINDS: Mapping[str, Riders] = {"bicycles": BICYCLES, "pedestrians": PEDESTRIANS}


def counter_readings(
    place: Place, world: World, seed: int, catalogue: Mapping[str, Quantity]
) -> Iterator[DeviceReadings]:
    """Readings of a counter: how many passed in the interval that ends."""
    names = [name for name in sorted(place.quantities) if name in KINDS or name == "battery"]
    shortest = min((place.quantities[name] for name in names), default=0.0)
    for name in names:
        interval = shortest if place.protocol in COMPLETE_MESSAGES else place.quantities[name]
        at = interval_ends(world.begins, world.ends, interval)
        chance = chance_of(seed, place.device, name)
        if name == "battery":
            value = charge(at, chance)
        else:
            middle = at - int(interval * SECOND / 2)
            mean = expected(place, name, middle, world) * interval / 3600
            value = chance.poisson(mean).astype(np.float64)
        yield DeviceReadings(
            device=place.device,
            quantity=catalogue[name],
            times=at,
            value=as_read(catalogue[name], value),
        )


def expected(place: Place, name: str, times: Instants, world: World) -> Column:
    """Expected number per hour at each time. The place may have `daily_<name>`."""
    who = KINDS[name]
    when = local_times(times, world.field.zone)
    daily = float(place.properties.get(f"daily_{name}", who.daily))
    rain = world.rain(place.lon, place.lat, times)
    cold = world.temperature(place.lon, place.lat, times)
    days, which = np.unique(when.day, return_inverse=True)
    luck = [chance_of(world.seed, place.device, str(day)).normal(0, DAYS) for day in days]
    usual = daily * _share(who, when) * np.exp(np.array(luck)[which])
    return np.asarray(usual * weather_factor(who, rain, cold))


def weather_factor(who: Riders, rain: Column, temperature: Column) -> Column:
    """Share that comes in rain (mm/h) and at a temperature (Cel)."""
    wet, frozen = who.staunch
    dry = wet + (1 - wet) * np.exp(-rain / RAIN)
    warm = np.clip((temperature - COLDEST) / (MILD - COLDEST), 0, 1)
    return np.asarray(dry * (frozen + (1 - frozen) * warm))


def _share(who: Riders, when: LocalTimes) -> Column:
    """Share of a workday's number, per hour."""
    workday = shape(who.workday, when.hour) + when.school * shape(who.school, when.hour)
    rest = who.weekend * shape(who.rest, when.hour)
    return np.where(when.workday, workday, rest)


def shape(peaks: tuple[Peak, ...], hour: Column) -> Column:
    """Sum of bell curves over the hours of the day."""
    total = np.zeros(len(hour))
    for at, width, weight in peaks:
        away = (hour - at + ALL_DAY / 2) % ALL_DAY - ALL_DAY / 2
        total = total + weight * np.exp(-0.5 * (away / width) ** 2) / (width * np.sqrt(2 * np.pi))
    return total
