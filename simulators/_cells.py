"""Cells of rain that are born, move with the wind above and die: where a storm falls hardest."""

import math

import numpy as np

from simulators._random import Column, smooth_noise

WAVES = 24
SIZE = 8.0  # km over which rain is of one strength
LIFE = 9  # steps that a cell lives
SPREAD = 0.7  # of the logarithm of the strength
HEADING, TURN = 55.0, 20.0  # degrees from north to which cells move; how much storms differ
SPEED = 30.0  # km/h


class Cells:
    """Strength around 1 of the rain at each step: a lognormal field that moves as a whole.

    It is a sum of waves over the plane, shifted by the wind; each has an amplitude that smooth
    noise changes, so that cells grow and decay on their way. `step` in h.
    """

    def __init__(self, chance: np.random.Generator, steps: int, step: float) -> None:
        heading = math.radians(chance.normal(HEADING, TURN))
        wind = SPEED * np.array([math.sin(heading), math.cos(heading)])
        self._turns = chance.normal(0, 1 / SIZE, (WAVES, 2))
        even, odd = (
            np.array([smooth_noise(chance, steps, memory=LIFE) for _ in range(WAVES)])
            for _ in range(2)
        )
        moved = np.outer(self._turns @ wind, np.arange(steps) * step)
        self._cosines = even * np.cos(moved) - odd * np.sin(moved)
        self._sines = even * np.sin(moved) + odd * np.cos(moved)

    def strengths(self, east: float, north: float) -> Column:
        """At each step, km east and north of the middle."""
        angles = self._turns @ np.array([east, north])
        field = np.cos(angles) @ self._cosines + np.sin(angles) @ self._sines
        return np.asarray(np.exp(SPREAD * field / math.sqrt(WAVES) - SPREAD**2 / 2))
