"""One weather over the territory, the same for every domain.

It is computed on a time grid that begins two days before the scenario, for the middle of the
territory; a place differs by when fronts pass, by its share of each storm, and by smooth fields
(hollows that fill with cold air, slopes that catch rain). Parameters have the right order for the
Paris basin and are fitted to no record.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulators._catchment import through
from simulators._rain import Rain
from simulators._random import Column, Smooth, chance_of, smooth_noise
from simulators._story import SECOND, Front, Weather
from simulators._sun import day_angle, elevation, irradiance, solar_hour

Times = NDArray[np.int64]

STEP = 300.0
BEFORE = 48 * 3600.0  # s of weather before the scenario, which soil and rivers remember
CENTRE = (2.25, 48.6)  # where no position is given
GUSTINESS = 1.6


class Atmosphere:
    """Values at a place (degrees) and times (µs); an unknown place is the middle."""

    def __init__(
        self, weather: Weather, begins: int, hours: float, seed: int, centre: tuple[float, float]
    ) -> None:
        self.weather = weather
        self.centre = centre
        self.start = begins - int(BEFORE * SECOND)
        self.steps = math.ceil((BEFORE + hours * 3600) / STEP) + 13
        self.grid = self.start + np.arange(self.steps, dtype=np.int64) * int(STEP * SECOND)
        self._begins = begins
        self.showers = Rain(weather, begins, centre, chance_of(seed, "rain"))
        self._noises = {
            name: smooth_noise(chance_of(seed, name), self.steps, memory=hours_ * 12)
            for name, hours_ in (("air", 10), ("cloud", 4), ("wind", 2), ("turn", 6), ("mass", 30))
        }
        self._hollow = Smooth(chance_of(seed, "hollow"), 0.12)
        self._slope = Smooth(chance_of(seed, "slope"), 0.25)
        self._soil = lru_cache(maxsize=None)(self._soil_here)
        self.dried = _dried(self.grid)  # mm a step that sun and plants take from the ground

    def rain(self, lon: float | None, lat: float | None, times: Times) -> Column:
        """mm/h, over the five minutes around each time."""
        half = int(STEP / 2 * SECOND)
        fallen = self.fallen(lon, lat, times + half) - self.fallen(lon, lat, times - half)
        return np.asarray(fallen * 3600 / STEP)

    def fallen(self, lon: float | None, lat: float | None, times: Times) -> Column:
        """Rain in mm since two days before the scenario."""
        return self.showers.fallen(*self._place(lon, lat), times)

    def cloud(self, lon: float | None, lat: float | None, times: Times) -> Column:
        """The share of the sky that is covered."""
        lon, lat = self._place(lon, lat)
        cover = self.weather.cloud + 0.28 * self._noise("cloud", times)
        for front, since in self._fronts(lon, lat, times):
            cover = cover + 0.9 * _bell(since + 1, front.hours * 1.5) - 0.35 * _bell(since - 9, 6)
        rate = self.showers.mean_rate(times)
        return np.clip(cover + np.minimum(rate * 2, 0.8), 0, 1)

    def irradiance(self, lon: float | None, lat: float | None, times: Times) -> Column:
        """Global radiation, W/m2."""
        lon, lat = self._place(lon, lat)
        return irradiance(elevation(lon, lat, times), self.cloud(lon, lat, times))

    def temperature(self, lon: float | None, lat: float | None, times: Times) -> Column:
        """Of the air at 2 m, Cel."""
        lon, lat = self._place(lon, lat)
        cloud = self._usual_cloud(times)
        swing = self._amplitude(times) * (1 - 0.65 * cloud)
        hour = solar_hour(lon, times)
        day = np.cos((hour - 14.7) * np.pi / 12) + 0.22 * np.cos((hour - 13.5) * np.pi / 6)
        pool = 0.8 + 0.7 * np.clip(self._hollow.at(lon, lat), 0, 2)
        night = np.clip(-elevation(lon, lat, times) / 0.35, 0, 1)
        cooled = 1.6 * pool * night * (1 - cloud) * self._calm(times)
        here = 0.35 * self._slope.at(lon, lat)
        rate = np.minimum(self.rain(lon, lat, times), 10)
        return np.asarray(
            self._air_mass(lon, lat, times) + swing * day - cooled + here - 0.12 * rate
        )

    def dew_point(self, lon: float | None, lat: float | None, times: Times) -> Column:
        """Cel, never above the air's temperature."""
        lon, lat = self._place(lon, lat)
        air = self.temperature(lon, lat, times)
        dry = self._air_mass(lon, lat, times) - self.weather.dryness
        dry = dry + 0.8 * self._noise("mass", times)
        wet = np.clip(self.rain(lon, lat, times) / 1.5, 0, 1)
        dew = dry + wet * np.maximum(air - 0.6 - dry, 0)
        return np.minimum(dew, air - 0.1)

    def humidity(self, lon: float | None, lat: float | None, times: Times) -> Column:
        """%, of temperature and dew point by Magnus' formula."""
        air, dew = self.temperature(lon, lat, times), self.dew_point(lon, lat, times)
        return np.asarray(np.minimum(100 * np.exp(_magnus(dew) - _magnus(air)), 100))

    def pressure(self, lon: float | None, lat: float | None, times: Times) -> Column:
        """At sea level, hPa: it falls for half a day ahead of a front, and soon rises behind it."""
        lon, lat = self._place(lon, lat)
        pressure = self.weather.pressure + 2.5 * self._noise("mass", times)
        for front, since in self._fronts(lon, lat, times):
            ahead = np.exp(-np.abs(since) / np.where(since < 0, 10.0, 5.0))
            pressure = pressure - front.fall * ahead
        tide = 0.6 * np.cos((solar_hour(lon, times) - 10) * np.pi / 6)
        return np.asarray(pressure + tide)

    def wind(self, lon: float | None, lat: float | None, times: Times) -> Column:
        """m/s, ten-minute mean at 10 m."""
        lon, lat = self._place(lon, lat)
        by_day = 0.8 + 0.35 * np.cos((solar_hour(lon, times) - 14) * np.pi / 12)
        usual = self.weather.wind * by_day * np.exp(0.3 * self._noise("wind", times))
        for front, since in self._fronts(lon, lat, times):
            usual = usual + front.wind * _bell(since, 3.0)
        gale = self.showers.gust(lon, lat, times)
        return np.asarray((usual + 0.35 * gale) * (1 + 0.08 * self._slope.at(lon, lat)))

    def gust(self, lon: float | None, lat: float | None, times: Times) -> Column:
        """m/s, the strongest that is usual at such a mean wind, and what storms add."""
        lon, lat = self._place(lon, lat)
        gust = GUSTINESS * self.wind(lon, lat, times)
        return np.asarray(gust + 0.45 * self.showers.gust(lon, lat, times))

    def wind_direction(self, lon: float | None, lat: float | None, times: Times) -> Column:
        """Degrees from which it blows: south-west, veering by seventy degrees behind a front."""
        lon, lat = self._place(lon, lat)
        direction = 205.0 + 35 * self._noise("turn", times)
        for _, since in self._fronts(lon, lat, times):
            direction = direction + 70 * _step(since / 0.5) * np.exp(-np.maximum(since, 0) / 24)
        return np.asarray(direction % 360)

    def visibility(self, lon: float | None, lat: float | None, times: Times) -> Column:
        """m: less in humid air, in rain, and in the fog of a cold morning."""
        moist = self.humidity(lon, lat, times)
        rate = self.rain(lon, lat, times)
        haze = 45_000 * np.exp(-np.maximum(moist - 60, 0) / 22)
        fog = np.where(moist > 97.5, np.exp(-(moist - 97.5) * 1.2), 1.0)
        return np.clip(haze * fog / (1 + 0.6 * np.maximum(rate, 0)), 80, 60_000)

    def soil(self, lon: float | None, lat: float | None, times: Times) -> Column:
        """Cel at 10 cm: the air's and the sun's, smoothed over seven hours and an hour late."""
        lon, lat = self._place(lon, lat)
        return np.interp(times, self.grid, self._soil(round(lon, 3), round(lat, 3)))

    def snow(self, lon: float | None, lat: float | None, times: Times) -> Column:
        """Depth on the ground, m: what fell while it froze, less what has melted since."""
        lon, lat = self._place(lon, lat)
        air = self.temperature(lon, lat, self.grid)
        fell = np.diff(self.fallen(lon, lat, self.grid), prepend=0.0)
        change = np.where(air < 0.7, fell * 0.01, 0.0) - np.maximum(air, 0) * 1e-4
        total = np.cumsum(change)
        depth = total - np.minimum(np.minimum.accumulate(total), 0)
        return np.interp(times, self.grid, depth)

    def _place(self, lon: float | None, lat: float | None) -> tuple[float, float]:
        return self.centre if lon is None or lat is None else (lon, lat)

    def _noise(self, name: str, times: Times) -> Column:
        return np.interp(times, self.grid, self._noises[name])

    def _fronts(self, lon: float, lat: float, times: Times) -> list[tuple[Front, Column]]:
        """Each front, and how many hours ago it passed the place."""
        passed = [self.showers.passes(front, lon, lat) for front in self.weather.fronts]
        return [
            (front, (times - at) / (3600 * SECOND))
            for front, at in zip(self.weather.fronts, passed, strict=True)
        ]

    def _air_mass(self, lon: float, lat: float, times: Times) -> Column:
        mean = self.weather.temperature
        temperature = np.full(len(times), mean) if mean is not None else _season(times)
        temperature = temperature + 0.7 * self._noise("air", times)
        for front, since in self._fronts(lon, lat, times):
            temperature = temperature - front.drop * _step(since / 0.6)
        return temperature

    def _amplitude(self, times: Times) -> Column:
        given = self.weather.amplitude
        if given is not None:
            return np.full(len(times), given)
        return np.asarray(5.0 - 1.8 * np.cos(day_angle(times)))

    def _usual_cloud(self, times: Times) -> Column:
        """Over the last hours, for heat follows clouds slowly."""
        lags = (-5400, -2700, 0)
        covers = [self.cloud(None, None, times + lag * SECOND) for lag in lags]
        return np.asarray(np.mean(covers, axis=0))

    def _calm(self, times: Times) -> Column:
        return np.asarray(np.exp(-np.maximum(self.wind(None, None, times) - 1, 0) / 4))

    def _soil_here(self, lon: float, lat: float) -> Column:
        warm = self.temperature(lon, lat, self.grid) + self.irradiance(lon, lat, self.grid) / 180
        memory = np.exp(-np.arange(0, 60 * 3600, STEP) / (7 * 3600))
        late = np.concatenate([np.zeros(12), memory])
        first = warm[:288].mean()
        return np.asarray(first + through(warm - first, late / late.sum()))


def _season(times: Times) -> Column:
    """A mean day's temperature: 4 Cel in the middle of January, 20 in the middle of July."""
    return np.asarray(12.0 - 8.0 * np.cos(day_angle(times) - 2 * np.pi * 17 / 365))


def _dried(times: Times) -> Column:
    """Evaporation, mm a step: 0.3 mm a day in January, 3.5 in July."""
    by_day = 1.9 - 1.6 * np.cos(day_angle(times) - 2 * np.pi * 10 / 365)
    return np.asarray(by_day * STEP / 86_400)


def ground_season(times: Times) -> Column:
    """What the ground gives through the year: 1 at the beginning of March, -1 of September."""
    return np.asarray(np.cos(day_angle(times) - 2 * np.pi * 60 / 365))


def _bell(hours: Column, width: float) -> Column:
    return np.asarray(np.exp(-0.5 * (hours / width) ** 2))


def _step(at: Column) -> Column:
    return np.asarray(1 / (1 + np.exp(-np.clip(at, -40, 40))))


def _magnus(celsius: Column) -> Column:
    return np.asarray(17.62 * celsius / (243.12 + celsius))
