"""Chance that a seed repeats: a generator for each name, and noise smooth in time or space."""

import math
import zlib

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]

WAVES = 6  # of which a smooth field over the territory is made


def chance_of(seed: int, *names: str) -> np.random.Generator:
    """The generator of a subject: what others draw, or whether they are there, is nothing to it."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def smooth_noise(chance: np.random.Generator, steps: int, *, memory: float) -> Column:
    """A series of mean 0 and deviation 1 that forgets itself over `memory` steps."""
    length = max(1, round(memory))
    kernel = np.exp(-0.5 * (np.arange(-2 * length, 2 * length + 1) / (length / 1.5)) ** 2)
    noise = chance.normal(size=steps + len(kernel) - 1)
    return np.asarray(np.convolve(noise, kernel / math.sqrt(float((kernel**2).sum())), "valid"))


class Smooth:
    """A field over the territory of mean 0 and deviation about 1, smooth over `scale` degrees."""

    def __init__(self, chance: np.random.Generator, scale: float) -> None:
        self._turns = chance.normal(0, 1 / scale, (2, WAVES))
        self._phases = chance.uniform(0, 2 * math.pi, WAVES)

    def at(self, lon: float, lat: float) -> float:
        angles = lon * self._turns[0] + lat * self._turns[1] + self._phases
        return float(np.cos(angles).sum() * math.sqrt(2 / WAVES))
