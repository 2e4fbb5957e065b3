"""Bicycles and pedestrians: their hours and days, and what keeps them at home."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from simulators import _bicycles
from simulators._field import Field
from simulators._story import Story, Weather
from simulators._world import World
from tests.unit.simulators.roads import (
    DAY,
    FIELD,
    HOUR,
    SECOND,
    TRACK,
    WEEK,
    of,
    rainy,
    told,
)


@pytest.fixture(scope="module")
def week() -> pd.DataFrame:
    return told(WEEK)


def riders(story: Story, name: str = "bicycles") -> "pd.Series[float]":
    """Expected, an hour, every quarter of one."""
    world = World(story, FIELD, 1)
    at = np.arange(world.begins, world.ends, 900 * SECOND, dtype=np.int64)
    return pd.Series(_bicycles.expected(TRACK, name, at, world), index=(at - world.begins) / HOUR)


def test_bicycles_have_their_hours_and_days(week: pd.DataFrame) -> None:
    for device, quantity in (("track", "bicycles"), ("path", "bicycles"), ("path", "pedestrians")):
        counts = of(week, device, quantity)
        assert (counts == counts.round()).all()
        workdays = counts[counts.index <= 120]
        by_hour = workdays.groupby((workdays.index - 0.01) % 24 // 1).mean()
        assert by_hour.loc[[8, 17, 18]].min() > 1.2 * by_hour.loc[10]
        assert by_hour.loc[[2, 3]].max() < 0.05 * by_hour.max()
        sunday = counts[counts.index > 144]
        assert sunday.loc[152.1:153].mean() < 0.5 * by_hour.loc[8]


def test_a_sunday_s_ride_is_in_the_afternoon() -> None:
    sunday = riders(WEEK).loc[144:]
    assert 159 <= float(sunday.to_numpy().argmax()) / 4 + 144 <= 161
    assert sunday.loc[152] < 0.2 * riders(WEEK).loc[8]


def test_rain_and_cold_keep_bicycles_at_home_and_pedestrians_less() -> None:
    mild = replace(DAY, weather=Weather(temperature=18.0))
    frosty = replace(DAY, weather=Weather(temperature=-3.0))
    wet = replace(rainy(40), weather=replace(rainy(40).weather, temperature=18.0))
    for name, most in (("bicycles", 0.6), ("pedestrians", 0.8)):
        usual = riders(mild, name)
        assert riders(frosty, name).sum() < most * usual.sum()
        assert riders(wet, name).loc[16:20].sum() < (most + 0.1) * usual.loc[16:20].sum()
        assert riders(wet, name).loc[:12].sum() == pytest.approx(usual.loc[:12].sum(), rel=0.1)
    cold, rain = (
        riders(story, "bicycles").sum() / riders(story, "pedestrians").sum()
        for story in (frosty, mild)
    )
    assert cold < rain


def test_school_days_have_more_at_the_gates() -> None:
    school = riders(replace(DAY, weather=Weather(temperature=18.0)), "pedestrians")
    holiday = riders(
        replace(
            DAY, begins=datetime(2024, 10, 20, 22, tzinfo=UTC), weather=Weather(temperature=18.0)
        ),
        "pedestrians",
    )
    share = [float(each.loc[8:8.5].sum() / each.loc[10:16].sum()) for each in (school, holiday)]
    assert share[0] > 1.15 * share[1]


def test_a_busier_counter_counts_more() -> None:
    busy = replace(TRACK, properties={"daily_bicycles": 1400})
    field = Field(places=(busy,))
    counts = [of(told(WEEK, field=each), "track", "bicycles").sum() for each in (field, FIELD)]
    assert counts[0] == pytest.approx(4 * counts[1], rel=0.1)
