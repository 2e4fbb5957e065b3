"""How many want to drive: peaks by direction, kinds of days, holidays, rain; and how many trucks.

The shapes are ours, of the kind that counts of the Paris region show: towards Paris in the
morning, away from it in the evening; no morning peak at weekends; a fuller Sunday evening.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simulators._calendar import LocalTimes
from simulators._random import chance_of, smooth_noise
from simulators._steps import Column
from simulators._traffic import HEAVY_RAIN, Kind

Peak = tuple[float, float, float]  # local hour, standard deviation in h, height

# Settings.
NO_SCHOOL = 0.92  # of a workday's traffic in school holidays
NO_SCHOOL_PEAK = 0.6  # of the morning's peak
AUGUST = 0.82
RAIN = 0.03  # of the trips, not made in heavy rain
DAYS = 0.03  # standard deviation between days of a kind
MINUTES = 0.05  # and of slow wandering within a day
TRUCKS_NIGHT = 1.6  # times their share by day
TRUCKS_BANNED = (
    0.2  # of their share: over 7.5 t not from Saturday to Sunday, 22:00 (decree of 2 March 2015)
)


@dataclass(frozen=True, kw_only=True)
class Habit:
    """A day's shape in shares of the highest peak: a plateau from `rises` to `falls`, and peaks."""

    day: float
    rises: float
    falls: float
    peaks: tuple[Peak, ...]

    def of(self, hour: Column, night: float, morning: Column) -> Column:
        """`morning`: what is left of the peak before noon."""
        rise = 1 / (1 + np.exp(-(hour - self.rises) / 0.45))
        fall = 1 / (1 + np.exp((hour - self.falls) / 0.8))
        total = night + (self.day - night) * rise * fall
        for at, width, height in self.peaks:
            left = morning if at < 10 else 1.0
            total = total + left * height * np.exp(-0.5 * ((hour - at) / width) ** 2)
        return np.asarray(total)


WORKDAYS: Mapping[str, Habit] = {
    "in": Habit(day=0.5, rises=6.0, falls=20.3, peaks=((8.0, 1.0, 0.5), (17.8, 1.4, 0.2))),
    "out": Habit(day=0.5, rises=6.0, falls=20.3, peaks=((8.0, 1.0, 0.18), (17.8, 1.3, 0.5))),
    "both": Habit(
        day=0.5, rises=6.2, falls=20.3, peaks=((8.1, 0.8, 0.42), (12.3, 0.7, 0.1), (17.8, 1.3, 0.5))
    ),
}
SATURDAY = Habit(day=0.5, rises=8.3, falls=20.8, peaks=((11.5, 1.3, 0.14), (17.0, 1.8, 0.14)))
SUNDAYS: Mapping[str, Habit] = {
    "in": Habit(day=0.35, rises=9.5, falls=21.0, peaks=((18.5, 1.8, 0.3),)),
    "out": Habit(day=0.35, rises=9.5, falls=20.5, peaks=((11.0, 1.3, 0.14), (17.0, 2.0, 0.08))),
    "both": Habit(day=0.35, rises=9.5, falls=20.5, peaks=((11.3, 1.2, 0.12), (18.0, 1.8, 0.15))),
}


def demand_share(lived: LocalTimes, kind: Kind, direction: str) -> Column:
    """Share of a road's highest usual flow that wants to pass at each time, without chance."""
    which = direction if direction in WORKDAYS else "both"
    holidays = lived.workday & ~lived.school
    morning = np.where(holidays, NO_SCHOOL_PEAK, 1.0)
    plain = np.ones(len(lived.hour))
    workday = WORKDAYS[which].of(lived.hour, kind.night, morning)
    workday = workday * np.where(holidays, NO_SCHOOL, 1.0)
    saturday = SATURDAY.of(lived.hour, kind.night, plain)
    sunday = SUNDAYS[which].of(lived.hour, kind.night, plain)
    total = np.where(lived.sunday, sunday, np.where(lived.saturday, saturday, workday))
    return np.asarray(total * np.where(lived.august, AUGUST, 1.0))


def random_factor(lived: LocalTimes, name: str, seed: int, step: float) -> Column:
    """By how much this seed's days and minutes differ from usual ones; `step` in s."""
    days, which = np.unique(lived.day, return_inverse=True)
    each = [chance_of(seed, name, str(day)).normal(0, DAYS) for day in days]
    slow = smooth_noise(chance_of(seed, name, "minutes"), len(which), memory=1800 / step)
    return np.asarray(np.exp(np.array(each)[which] + MINUTES * slow))


def rain_factor(rain: Column) -> Column:
    """Share of the trips that are made."""
    return np.asarray(1 - RAIN * np.minimum(rain / HEAVY_RAIN, 1.0))


def trucks(lived: LocalTimes, kind: Kind) -> Column:
    """Share of heavy vehicles at each time: more by night, few while they are banned."""
    night = np.exp(-0.5 * (((lived.hour - 3 + 12) % 24 - 12) / 2.0) ** 2)
    banned = (lived.sunday & (lived.hour < 22)) | (lived.eve & (lived.hour >= 22))
    share = kind.heavy * (1 + (TRUCKS_NIGHT - 1) * night)
    share = np.where(lived.saturday, 0.5 * share, share)
    return np.asarray(np.where(banned, TRUCKS_BANNED * kind.heavy, share))
