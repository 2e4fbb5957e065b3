"""What a device at a river tells of what truly happens: its interval, resolution and noise."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from sensors._quantity import Quantity
from simulators._catchment import Column, discharge_of
from simulators._rivers import STEP, Course
from simulators._simulator import Place, Scenario

NOISE = 0.0015  # m, of a reading: waves


@dataclass(frozen=True, kw_only=True)
class Look:
    """A device looking at its river at the times `at` (s after the beginning)."""

    at: Column
    interval: float
    place: Place
    course: Course
    chance: np.random.Generator


def told(
    place: Place,
    course: Course,
    *,
    scenario: Scenario,
    chance: np.random.Generator,
    catalogue: Mapping[str, Quantity],
) -> Iterator[pd.DataFrame]:
    """The rows of each quantity that the device has and this simulator can tell."""
    for name, interval in sorted(place.quantities.items()):
        reads = READINGS.get(name)
        if reads is None:
            continue
        at = np.arange(0.0, scenario.hours * 3600 + 1, interval)
        values = reads(Look(at=at, interval=interval, place=place, course=course, chance=chance))
        if values is None:
            continue
        quantity = catalogue[name]
        decimals = max(0, round(-math.log10(quantity.resolution)))
        yield pd.DataFrame(
            {
                "time": _instants(scenario.begins, at),
                "device": place.device,
                "quantity": name,
                "unit": quantity.unit,
                "value": np.round(np.clip(values, quantity.low, quantity.high), decimals),
                "status": "ok",
            }
        )


def _level(look: Look) -> Column:
    grid = np.arange(len(look.course.level)) * STEP
    still = np.interp(look.at, grid, look.course.level)
    return np.asarray(still + look.chance.normal(0, NOISE, len(look.at)))


def _discharge(look: Look) -> Column:
    course = look.course
    return discharge_of(_level(look), bed=course.bed, brim=course.brim, brimful=course.brimful)


def _surface(look: Look) -> Column | None:
    zero = look.place.properties.get("zero_ngf_m")
    return None if zero is None else _level(look) + float(zero)


def _rain(look: Look) -> Column:
    fallen = np.concatenate([[0.0], np.cumsum(look.course.rain)])
    grid = np.arange(len(fallen)) * STEP
    begun = np.interp(look.at - look.interval, grid, fallen)
    return np.asarray(np.interp(look.at, grid, fallen) - begun)


def _battery(look: Look) -> Column:
    days = look.at / 86_400
    charge = look.chance.uniform(88, 98) - days * 0.4 + 1.5 * np.sin(2 * np.pi * (days - 0.4))
    return np.asarray(charge)


READINGS: Mapping[str, Callable[[Look], Column | None]] = {
    "battery": _battery,
    "catchment_rain": _rain,
    "discharge": _discharge,
    "level": _level,
    "surface_elevation": _surface,
}


def _instants(begins: datetime, at: Column) -> "pd.Series[pd.Timestamp]":
    start = pd.Timestamp(begins).as_unit("us")
    return pd.Series(start + pd.to_timedelta(at.astype(np.int64), unit="s").as_unit("us"))
