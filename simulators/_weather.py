"""Storms over a territory: where they are, how much they rain, and how it falls."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from simulators._catchment import Column

KM_A_DEGREE = 111.2


@dataclass(frozen=True, kw_only=True)
class Storm:
    """Rain around a place. `at`, `hours`: when it begins and how long it lasts, in the scenario."""

    at: float
    hours: float
    total: float  # mm at its heart
    lon: float
    lat: float
    spread: float  # km to where three fifths of it fall


@dataclass(frozen=True, kw_only=True)
class Weather:
    """`wetness`: what past rain adds to every curve number."""

    storms: tuple[Storm, ...]
    wetness: float = 0.0


def as_it_falls(
    storm: Storm, chance: np.random.Generator, steps: int, step: float
) -> tuple[Storm, Column]:
    """The storm of this seed: a little larger or smaller, and its shape (sum 1) over the steps."""
    grown = replace(storm, total=storm.total * float(chance.lognormal(0, 0.08)))
    at = (np.arange(steps) + 0.5) * step / 3600 - storm.at
    inside = np.clip(at / storm.hours, 0, 1)
    bell = np.sin(np.pi * inside) ** 2
    gusts = np.repeat(chance.lognormal(0, 0.5, steps // 6 + 1), 6)[:steps]
    shape = bell * gusts
    return grown, shape / max(float(shape.sum()), 1e-9)


def rain_over(
    lon: float | None, lat: float | None, storms: Sequence[tuple[Storm, Column]], steps: int
) -> Column:
    """Rain (mm a step) at a place; an unknown place is at the heart of every storm."""
    return sum(
        (shape * storm.total * _share(lon, lat, storm) for storm, shape in storms),
        start=np.zeros(steps),
    )


def _share(lon: float | None, lat: float | None, storm: Storm) -> float:
    if lon is None or lat is None:
        return 1.0
    east = (lon - storm.lon) * math.cos(math.radians(storm.lat))
    distance = KM_A_DEGREE * math.hypot(east, lat - storm.lat)
    return math.exp(-((distance / storm.spread) ** 2) / 2)
