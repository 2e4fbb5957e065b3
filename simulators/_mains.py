"""The voltage of a low-voltage network: the evening's load, a cabinet's place, slow wandering."""

from dataclasses import dataclass

import numpy as np

from simulators._calendar import local_times
from simulators._chance import chance_of, smooth_noise
from simulators._steps import SECOND, Column, Instants

STEP = 300 * SECOND

# V, settings; EN 50160 allows 230 V ± 10 %.
USUAL = 233.0
EVENING = -3.5  # when everybody cooks
NIGHT = 1.5
PLACE = 1.5  # standard deviation between cabinets
WANDERING = 0.8


@dataclass(frozen=True, kw_only=True)
class Mains:
    """V at the busbar of each cabinet."""

    grid: Instants
    daily: Column

    def at(self, site: str, seed: int) -> Column:
        """On the grid's times."""
        chance = chance_of(seed, site, "mains")
        own = chance.normal(0, PLACE) + WANDERING * smooth_noise(chance, len(self.grid), memory=12)
        return np.asarray(self.daily + own)


def mains(begins: int, ends: int, zone: str) -> Mains:
    """The network between two times (µs)."""
    grid = np.arange(begins, ends + STEP, STEP, dtype=np.int64)
    hour = local_times(grid, zone).hour
    evening = np.exp(-0.5 * ((hour - 19) / 2) ** 2)
    night = np.exp(-0.5 * (((hour - 3 + 12) % 24 - 12) / 2.5) ** 2)
    return Mains(grid=grid, daily=USUAL + EVENING * evening + NIGHT * night)
