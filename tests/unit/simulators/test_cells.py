"""Cells of rain move with the wind above, change on their way, and keep what a storm brings."""

import math

import numpy as np
import pytest

from simulators._catchment import SWIFTER, Basin, discharges
from simulators._cells import SPEED, Cells
from simulators._rain import Rain
from simulators._random import Column, chance_of
from simulators._story import HOUR, SECOND, Storm, Weather

STEP = 1 / 12
MIDDLE = (2.2, 48.6)
STORM = Storm(at=0, hours=24, total=40, lon=2.2, lat=48.6, spread=500)


class Northward(np.random.Generator):
    """Chance whose wind blows from the south."""

    def __init__(self, seed: int) -> None:
        super().__init__(np.random.PCG64(seed))

    def normal(self, loc: float = 0.0, scale: float = 1.0, size: object = None) -> Column:  # type: ignore[override]
        if size is None:
            return 0.0  # type: ignore[return-value]
        return super().normal(loc, scale, size)  # type: ignore[call-overload, no-any-return]


def logarithms(cells: Cells, east: float, north: float) -> Column:
    return np.log(cells.strengths(east, north))


def test_what_falls_here_falls_further_on_when_the_cells_have_come() -> None:
    cells = Cells(Northward(3), 6000, STEP)
    here = logarithms(cells, 0.0, 0.0)
    north = logarithms(cells, 0.0, 10.0)
    later = [np.corrcoef(here[: 6000 - lag], north[lag:])[0, 1] for lag in range(13)]
    assert int(np.argmax(later)) == pytest.approx(10 / SPEED / STEP, abs=1)
    assert 0.6 < max(later) < 0.98  # they have changed on their way
    assert later[0] < max(later) - 0.15
    upwind = np.corrcoef(north[:5996], here[4:])[0, 1]
    assert upwind < later[4] - 0.3


def test_strengths_are_around_one_and_a_seed_repeats_them() -> None:
    strengths = Cells(chance_of(1, "rain"), 6000, STEP).strengths(3.0, -7.0)
    assert strengths.mean() == pytest.approx(1.0, abs=0.25)
    assert strengths.max() > 2.5
    assert (strengths == Cells(chance_of(1, "rain"), 6000, STEP).strengths(3.0, -7.0)).all()
    assert (strengths != Cells(chance_of(2, "rain"), 6000, STEP).strengths(3.0, -7.0)).any()


def test_cells_change_when_rain_falls_and_not_how_much() -> None:
    rain = Rain(Weather(storms=(STORM,)), 0, MIDDLE, chance_of(1, "rain"))
    times = np.arange(0, 25 * HOUR, 300 * SECOND, dtype=np.int64)
    north = (2.2, 48.6 + 20 / 111.2)
    here, there = rain.fallen(*MIDDLE, times), rain.fallen(*north, times)
    patches = 0.08 * (rain._patches.at(*north) - rain._patches.at(*MIDDLE))  # noqa: SLF001
    far = -((20 / 500) ** 2) / 2
    assert there[-1] / here[-1] == pytest.approx(math.exp(patches + far), rel=1e-3)
    assert np.abs(np.diff(there) - np.diff(here)).max() > 0.2  # mm in five minutes
    assert np.diff(here).min() >= 0


def test_high_water_travels_faster_and_none_is_lost() -> None:
    rain = {"top": np.zeros(600), "low": np.zeros(600)}
    rain["top"][50:60] = 5.0

    def arrives(swift: float) -> tuple[float, float]:
        top = Basin(
            name="top", area=36.0, lag=2.0, brook=1.0, curve_number=98.0, base=0.0, swift=swift
        )
        low = Basin(
            name="low",
            area=36.001,
            lag=0.1,
            brook=0.1,
            curve_number=1.0,
            base=0.0,
            upstream=(("top", 6 * 3600.0),),
        )
        flow = discharges([top, low], rain, np.zeros(600), step=900.0)["low"]
        return float(np.average(np.arange(600), weights=flow)), float(flow.sum())

    calm, all_water = arrives(math.inf)
    flood, same_water = arrives(0.0)
    assert calm - flood == pytest.approx(6 * 4 * (1 - SWIFTER), abs=0.3)
    assert same_water == pytest.approx(all_water, rel=1e-3)
    assert flood < arrives(10.0)[0] < calm
