"""The sun over a place, and what of its light comes through the air and the clouds.

- declination and the equation of time: Spencer's series (1971);
- a clear sky's global radiation: Haurwitz (1945);
- what clouds leave of it: Kasten and Czeplak (1980).
"""

import numpy as np
from numpy.typing import NDArray

from simulators._random import Column

DAY = 86_400.0
YEAR = 365.2425 * DAY
SECOND = 1_000_000


def day_angle(times: NDArray[np.int64]) -> Column:
    """Where in the year, radians from the first of January."""
    seconds = times / SECOND
    return np.asarray(2 * np.pi * (seconds % YEAR) / YEAR)


def solar_hour(lon: float, times: NDArray[np.int64]) -> Column:
    """True solar time, h: 12 when the sun stands highest."""
    angle = day_angle(times)
    equation = 229.18 * (
        0.000075
        + 0.001868 * np.cos(angle)
        - 0.032077 * np.sin(angle)
        - 0.014615 * np.cos(2 * angle)
        - 0.040849 * np.sin(2 * angle)
    )
    hours = (times / SECOND % DAY) / 3600
    return np.asarray((hours + lon / 15 + equation / 60) % 24)


def elevation(lon: float, lat: float, times: NDArray[np.int64]) -> Column:
    """Sine of the sun's elevation."""
    angle = day_angle(times)
    declination = (
        0.006918
        - 0.399912 * np.cos(angle)
        + 0.070257 * np.sin(angle)
        - 0.006758 * np.cos(2 * angle)
        + 0.000907 * np.sin(2 * angle)
    )
    hour = (solar_hour(lon, times) - 12) * np.pi / 12
    here = np.radians(lat)
    return np.asarray(
        np.sin(here) * np.sin(declination) + np.cos(here) * np.cos(declination) * np.cos(hour)
    )


def irradiance(sine: Column, cloud: Column) -> Column:
    """Global radiation on the ground, W/m2, under a cover of clouds from 0 to 1."""
    height = np.maximum(sine, 1e-3)
    clear = np.where(sine > 0, 1098 * height * np.exp(-0.057 / height), 0.0)
    return np.asarray(clear * (1 - 0.75 * np.clip(cloud, 0, 1) ** 3.4))
