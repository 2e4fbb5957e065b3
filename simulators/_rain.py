"""Where it rains: storms that stand over a place, fronts that cross the territory."""

import math

import numpy as np
from numpy.typing import NDArray

from simulators._random import Column, Smooth
from simulators._story import HOUR, SECOND, Front, Storm, Weather

KM_A_DEGREE = 111.2
STEP = 300.0
GUSTS = 6  # steps over which rain is of one strength


class Rain:
    """Rain that has fallen since before the first storm, at any place and time."""

    def __init__(
        self,
        weather: Weather,
        begins: int,
        centre: tuple[float, float],
        chance: np.random.Generator,
    ) -> None:
        self._weather = weather
        self._begins = begins
        self._centre = centre
        self._sizes = [float(chance.lognormal(0, 0.06)) for _ in weather.storms]
        self._showers = [_shower(storm, chance) for storm in weather.storms]
        self._bands = [_band(front, chance) for front in weather.fronts]
        self._patches = Smooth(chance, 0.15)

    def fallen(self, lon: float, lat: float, times: NDArray[np.int64]) -> Column:
        """Rain in mm since before the first storm."""
        zeros = np.zeros(len(times))
        since = (times - self._begins) / HOUR
        for storm, size, (hours, total) in zip(
            self._weather.storms, self._sizes, self._showers, strict=True
        ):
            height = storm.total * size * share(lon, lat, storm)
            zeros += height * np.interp(since - storm.at, hours, total)
        for front, (hours, total) in zip(self._weather.fronts, self._bands, strict=True):
            after = (times - self.passes(front, lon, lat)) / HOUR
            zeros += front.rain * np.interp(after, hours, total)
        return zeros * math.exp(0.08 * self._patches.at(lon, lat))

    def mean_rate(self, times: NDArray[np.int64]) -> Column:
        """mm/h in the middle of the territory: what clouds go with."""
        half = int(1800 * SECOND)
        return self.fallen(*self._centre, times + half) - self.fallen(*self._centre, times - half)

    def gust(self, lon: float, lat: float, times: NDArray[np.int64]) -> Column:
        """m/s that storms add at a place."""
        gusts = np.zeros(len(times))
        for storm in self._weather.storms:
            at = (times - self._begins) / HOUR - storm.at
            bell = np.sin(np.pi * np.clip(at / storm.hours, 0, 1)) ** 2
            gusts += storm.gust * bell * share(lon, lat, storm)
        return gusts

    def passes(self, front: Front, lon: float, lat: float) -> int:
        """When (µs) a front passes a place."""
        east = (lon - self._centre[0]) * math.cos(math.radians(lat)) * KM_A_DEGREE
        north = (lat - self._centre[1]) * KM_A_DEGREE
        heading = math.radians(front.heading)
        along = east * math.sin(heading) + north * math.cos(heading)
        return self._begins + int((front.at + along / front.speed) * HOUR)


def _shower(storm: Storm, chance: np.random.Generator) -> tuple[Column, Column]:
    """Hours since a storm began, and the part of it that has fallen by then, from 0 to 1."""
    hours = np.arange(0, storm.hours + STEP / 3600, STEP / 3600)
    bell = np.sin(np.pi * np.clip(hours / storm.hours, 0, 1)) ** 2
    total = np.cumsum(bell * _strengths(chance, len(hours), 0.5))
    return hours, (total - total[0]) / (total[-1] - total[0])


def _strengths(chance: np.random.Generator, steps: int, spread: float) -> Column:
    return np.repeat(chance.lognormal(0, spread, steps // GUSTS + 1), GUSTS)[:steps]


def _band(front: Front, chance: np.random.Generator) -> tuple[Column, Column]:
    """Hours around the passage, and the part of the front's rain that has fallen by then."""
    hours = np.arange(-2 * front.hours, 2 * front.hours + STEP / 3600, STEP / 3600)
    bell = np.exp(-0.5 * ((hours + 0.3 * front.hours) / (front.hours / 2.5)) ** 2)
    total = np.cumsum(bell * _strengths(chance, len(hours), 0.6))
    return hours, (total - total[0]) / (total[-1] - total[0])


def share(lon: float, lat: float, storm: Storm) -> float:
    """What of a storm's rain falls at a place."""
    east = (lon - storm.lon) * math.cos(math.radians(storm.lat))
    distance = KM_A_DEGREE * math.hypot(east, lat - storm.lat)
    return math.exp(-((distance / storm.spread) ** 2) / 2)
