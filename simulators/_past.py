"""A past of the territory to learn from: months of storms drawn by a seed, wet and dry ones.

Frequencies and amounts have the right order for a wet year of the Paris basin (some 850 mm, with
more floods than it has) and are fitted to no record.
"""

import math
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from simulators._field import Field, Place
from simulators._random import chance_of
from simulators._rivers import GAUGED
from simulators._simulation import simulate_rows
from simulators._story import Storm, Story, Weather
from simulators._wide import SYMBOLS
from simulators._world import centre_of

DAYS = 365
QUANTITIES = frozenset(SYMBOLS.values())  # of a recording
BETWEEN = 2.6  # days from a system's beginning to the next one's, on average
SPELL = 0.75  # how much that differs from week to week: the deviation of its logarithm
SUMMER = (120, 270)  # days of the year in which thunderstorms may come
THUNDER = 0.4  # of the systems of summer
DEPTH, TAIL = 7.5, 0.95  # mm of a usual system; the deviation of its logarithm
MOST, MOST_THUNDER = 70.0, 40.0  # mm
FULL, SEASON = 2.0, 0.6  # as usual: so much the ground gives; how that swings over the year
APART = 0.25  # degrees by which a system's middle lies off the territory's


def past_rows(field: Field, seed: int, ends: datetime, *, days: int = DAYS) -> pd.DataFrame:
    """What the gauges of a territory would have measured: rows of a recording.

    Raises:
        SimulatorError: no device of the field measures a river.
    """
    gauges = tuple(
        replace(place, quantities=_kept(place))
        for place in field.of("flood")
        if not GAUGED.isdisjoint(place.quantities) and _kept(place)
    )
    rivers = Field(places=gauges, zone=field.zone)
    # around the gauges alone: a lamp that is added must not move the storms
    return simulate_rows(past_story(seed, ends, centre_of(rivers), days=days), rivers, seed)


def _kept(place: Place) -> dict[str, float]:
    """What a recording holds of a gauge; no discharge where that is computed from the level."""
    left_out = {"discharge"} if "level" in place.quantities else set()
    return {
        name: interval
        for name, interval in place.quantities.items()
        if name in QUANTITIES - left_out
    }


def past_story(
    seed: int, ends: datetime, centre: tuple[float, float], *, days: int = DAYS
) -> Story:
    """A story of `days` that ends at `ends`: nothing but weather."""
    chance = chance_of(seed, "past")
    begins = ends - timedelta(days=days)
    storms = []
    at, spell = 0.0, 0.0
    while True:
        spell = 0.7 * spell + SPELL * math.sqrt(1 - 0.7**2) * float(chance.normal())
        at += float(chance.exponential(24 * BETWEEN)) * math.exp(spell)
        if at >= 24 * days:
            break
        storms.append(_system(chance, begins, at, centre))
    return Story(
        name="past",
        title="A simulated past of the rivers",
        begins=begins,
        hours=24.0 * days,
        weather=Weather(storms=tuple(storms), river=FULL, season=SEASON),
    )


def _system(
    chance: np.random.Generator, begins: datetime, at: float, centre: tuple[float, float]
) -> Storm:
    """Rain for many hours over all of the territory, or a thunderstorm over a part of it."""
    day = (begins + timedelta(hours=at)).timetuple().tm_yday
    thunder = SUMMER[0] < day < SUMMER[1] and chance.random() < THUNDER
    drawn = float(chance.lognormal(math.log(DEPTH), TAIL))
    total = min(1.5 * drawn, MOST_THUNDER) if thunder else min(drawn, MOST)
    hours = chance.uniform(3, 7) if thunder else chance.uniform(6, 16) + 0.35 * total
    east, north = chance.normal(0, APART, 2)
    return Storm(
        at=round(at, 2),
        hours=round(float(hours), 1),
        total=round(total, 1),
        lon=round(centre[0] + float(east), 4),
        lat=round(centre[1] + float(north) * 0.66, 4),
        spread=round(float(chance.uniform(12, 30) if thunder else chance.uniform(35, 80)), 0),
    )
