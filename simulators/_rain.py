"""Where it rains: storms whose cells move over a place, fronts that cross the territory."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulators._cells import Cells
from simulators._random import Column, Smooth, smooth_noise
from simulators._story import HOUR, SECOND, Front, Storm, Weather

KM_A_DEGREE = 111.2
STEP = 300.0
GUSTS = 6  # steps over which rain is of one strength
BANDS, BAND = 0.7, 18  # of the logarithm of a storm's strength from band to band; steps of a band


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
        drawn = [float(chance.lognormal(0, 0.06)) for _ in weather.storms]
        self._showers = [_shower(storm, chance) for storm in weather.storms]
        self._bands = [_band(front, chance) for front in weather.fronts]
        self._patches = Smooth(chance, 0.15)
        self._sizes = [
            max(size, storm.least / (storm.total * self._patch(storm.lon, storm.lat)))
            for storm, size in zip(weather.storms, drawn, strict=True)
        ]
        self._cells = [Cells(chance, len(hours), STEP / 3600) for hours, _ in self._showers]
        self._showers_at = lru_cache(maxsize=None)(self._showers_here)

    def fallen(self, lon: float, lat: float, times: NDArray[np.int64]) -> Column:
        """Rain in mm since before the first storm, at ascending times."""
        zeros = np.zeros(len(times))
        since = (times - self._begins) / HOUR
        for storm, size, (hours, total) in zip(
            self._weather.storms, self._sizes, self._showers_at(lon, lat), strict=True
        ):
            height = storm.total * size * share(lon, lat, storm)
            begun, over = np.searchsorted(since, (storm.at, storm.at + hours[-1]))
            zeros[begun:over] += height * np.interp(since[begun:over] - storm.at, hours, total)
            zeros[over:] += height
        for front, (hours, total) in zip(self._weather.fronts, self._bands, strict=True):
            after = (times - self.passes(front, lon, lat)) / HOUR
            zeros += front.rain * np.interp(after, hours, total)
        return zeros * self._patch(lon, lat)

    def _patch(self, lon: float, lat: float) -> float:
        """What a place gets of all rain, for its slopes: 1 on average."""
        return math.exp(0.08 * self._patches.at(lon, lat))

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

    def _showers_here(self, lon: float, lat: float) -> list[tuple[Column, Column]]:
        """Showers at a place: the cells say when what the storm brings there falls."""
        offset = self._offset(lon, lat)
        return [
            (hours, _parts(np.diff(total, prepend=0.0) * cells.strengths(*offset)))
            for (hours, total), cells in zip(self._showers, self._cells, strict=True)
        ]

    def _offset(self, lon: float, lat: float) -> tuple[float, float]:
        """Km east and north of the middle."""
        east = (lon - self._centre[0]) * math.cos(math.radians(lat)) * KM_A_DEGREE
        return east, (lat - self._centre[1]) * KM_A_DEGREE

    def passes(self, front: Front, lon: float, lat: float) -> int:
        """When (µs) a front passes a place."""
        east, north = self._offset(lon, lat)
        heading = math.radians(front.heading)
        along = east * math.sin(heading) + north * math.cos(heading)
        return self._begins + int((front.at + along / front.speed) * HOUR)


def _shower(storm: Storm, chance: np.random.Generator) -> tuple[Column, Column]:
    """Hours since a storm began, and the part of it that has fallen by then, from 0 to 1."""
    hours = np.arange(0, storm.hours + STEP / 3600, STEP / 3600)
    bell = np.sin(np.pi * np.clip(hours / storm.hours, 0, 1)) ** 2
    bands = np.exp(BANDS * smooth_noise(chance, len(hours), memory=BAND))
    return hours, _parts(bell * bands * _strengths(chance, len(hours), 0.3))


def _strengths(chance: np.random.Generator, steps: int, spread: float) -> Column:
    return np.repeat(chance.lognormal(0, spread, steps // GUSTS + 1), GUSTS)[:steps]


def _band(front: Front, chance: np.random.Generator) -> tuple[Column, Column]:
    """Hours around the passage, and the part of the front's rain that has fallen by then."""
    hours = np.arange(-2 * front.hours, 2 * front.hours + STEP / 3600, STEP / 3600)
    bell = np.exp(-0.5 * ((hours + 0.3 * front.hours) / (front.hours / 2.5)) ** 2)
    return hours, _parts(bell * _strengths(chance, len(hours), 0.6))


def _parts(rain: Column) -> Column:
    """The part that has fallen by each step, from 0 to 1."""
    total = np.cumsum(rain)
    return np.asarray((total - total[0]) / (total[-1] - total[0]))


def share(lon: float, lat: float, storm: Storm) -> float:
    """What of a storm's rain falls at a place."""
    east = (lon - storm.lon) * math.cos(math.radians(storm.lat))
    distance = KM_A_DEGREE * math.hypot(east, lat - storm.lat)
    return math.exp(-((distance / storm.spread) ** 2) / 2)
