"""One weather: days and seasons, fronts, rain that gauges and catchments agree on."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from simulators._field import Field, Place
from simulators._rivers import catchment_rain
from simulators._scenarios import load_scenario
from simulators._story import HOUR, SECOND, Front, Storm, Story, Weather
from simulators._sun import elevation, irradiance, solar_hour
from simulators._weather import Atmosphere
from simulators._world import World
from simulators.weather import SIMULATOR
from tests.unit.simulators.small import place

HERE = (2.25, 48.6)
CALM = Weather(cloud=0.2, wind=1.5, temperature=12.0)


def air(weather: Weather, begins: datetime, hours: float = 96, seed: int = 1) -> Atmosphere:
    return Atmosphere(weather, int(begins.timestamp()) * SECOND, hours, seed, HERE)


def times(begins: datetime, hours: float, step: float = 0.25) -> NDArray[np.int64]:
    count = int(hours / step) + 1
    start = int(begins.timestamp()) * SECOND
    return start + (np.arange(count) * step * HOUR).astype(np.int64)


SPRING = datetime(2024, 4, 10, tzinfo=UTC)
WEEK = times(SPRING, 96)


def test_the_sun_stands_where_it_does() -> None:
    """Of Paris' equinox and solstices: 90 degrees less the latitude, more or less 23.4."""
    for day, highest in (("03-20", 41.4), ("06-21", 64.8), ("12-21", 18.0)):
        day_of = times(datetime.fromisoformat(f"2024-{day}T00:00:00+00:00"), 24, 1 / 60)
        sine = elevation(2.25, 48.6, day_of)
        assert np.degrees(np.arcsin(sine.max())) == pytest.approx(highest, abs=0.4)
        assert solar_hour(2.25, day_of[np.argmax(sine)][None])[0] == pytest.approx(12, abs=0.05)
    summer = irradiance(np.array([1.0, 0.5, -0.1]), np.zeros(3))
    assert summer[0] == pytest.approx(1037, abs=2)
    assert summer[2] == 0
    assert irradiance(np.array([1.0]), np.ones(1))[0] == pytest.approx(summer[0] / 4)


def swing(weather: Weather, seed: int) -> float:
    """How much warmer afternoons are than dawns."""
    temperature = air(weather, SPRING, seed=seed).temperature(*HERE, WEEK)
    hour = solar_hour(HERE[0], WEEK)
    afternoon = temperature[(hour > 13.5) & (hour < 16)].mean()
    return float(afternoon - temperature[(hour > 4) & (hour < 6)].mean())


@pytest.mark.parametrize("seed", range(3))
def test_days_are_warm_and_nights_are_cold_and_less_so_under_clouds(seed: int) -> None:
    assert swing(CALM, seed) > 6
    assert 0.5 < swing(replace(CALM, cloud=1.0), seed) < 0.75 * swing(CALM, seed)


def test_summer_is_warmer_than_winter() -> None:
    means = {
        month: air(Weather(), datetime(2024, month, 10, tzinfo=UTC))
        .temperature(*HERE, times(datetime(2024, month, 10, tzinfo=UTC), 96))
        .mean()
        for month in (1, 4, 7, 10)
    }
    assert 1 < means[1] < 7
    assert 17 < means[7] < 23
    assert means[1] < means[4] < means[7] > means[10] > means[1]


@pytest.mark.parametrize("seed", range(3))
def test_air_holds_no_more_water_than_it_can(seed: int) -> None:
    sky = air(load_scenario("october-flood").weather, SPRING, seed=seed)
    assert (sky.dew_point(*HERE, WEEK) < sky.temperature(*HERE, WEEK)).all()
    humidity = sky.humidity(*HERE, WEEK)
    assert ((humidity > 15) & (humidity <= 100)).all()
    wet = sky.rain(*HERE, WEEK) > 1
    assert humidity[wet].mean() > 85
    assert humidity[wet].mean() > humidity[~wet].mean()


def test_a_front_brings_low_pressure_wind_and_cold_from_where_it_comes() -> None:
    front = Front(at=48, heading=90, speed=40, rain=6, hours=3, drop=5, fall=12, wind=8)
    sky = air(replace(CALM, fronts=(front,)), SPRING)
    pressure = sky.pressure(*HERE, WEEK)
    assert (WEEK[np.argmin(pressure)] - WEEK[0]) / HOUR == pytest.approx(48, abs=3)
    wind = sky.wind(*HERE, WEEK)
    assert (WEEK[np.argmax(wind)] - WEEK[0]) / HOUR == pytest.approx(48, abs=4)
    passed = (WEEK - WEEK[0]) / HOUR
    before, after = passed < 44, passed > 54
    air_at = sky.temperature(*HERE, WEEK)
    hour = solar_hour(HERE[0], WEEK)
    noon = (hour > 11) & (hour < 13)
    assert air_at[before & noon].mean() - air_at[after & noon].mean() > 2.5

    def arrives(lon: float) -> int:
        fallen = sky.fallen(lon, HERE[1], WEEK)
        return int(np.searchsorted(fallen, fallen[-1] / 2))

    assert arrives(2.0) < arrives(2.5)  # it goes to the east


def test_rain_falls_where_the_storm_is_and_all_of_it() -> None:
    storm = Storm(at=10, hours=8, total=40, lon=2.25, lat=48.6, spread=10)
    sky = air(replace(CALM, storms=(storm,)), SPRING)
    after = WEEK[-1:]
    middle = float(sky.fallen(*HERE, after)[0])
    assert middle == pytest.approx(40, rel=0.35)
    assert float(sky.fallen(2.25 + 0.4, 48.6, after)[0]) < middle / 20
    cut = air(replace(CALM, storms=(storm,)), SPRING, hours=14)
    at = times(SPRING, 12)
    assert cut.fallen(*HERE, at) == pytest.approx(sky.fallen(*HERE, at))


STATIONS = tuple(place("synoptic-station", number) for number in range(4))


def told(story: Story, *places: Place, seed: int = 1) -> pd.DataFrame:
    field = Field(places=places)
    return SIMULATOR.emit(field, World(story, field, seed), seed)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return told(load_scenario("october-flood"), *STATIONS)


def of(rows: pd.DataFrame, quantity: str, device: str = "synoptic-station-1") -> "pd.Series[float]":
    mine = (rows["device"] == device) & (rows["quantity"] == quantity)
    return rows.loc[mine].set_index("time")["value"]


def test_gusts_are_stronger_than_the_wind_and_dew_is_below_the_air(rows: pd.DataFrame) -> None:
    assert (of(rows, "gust") >= of(rows, "wind_speed")).all()
    assert (of(rows, "dew_point") <= of(rows, "air_temperature") + 0.3).all()


def test_the_sun_shines_by_day(rows: pd.DataFrame) -> None:
    night = of(rows, "solar_radiation").between_time("20:00", "04:00")
    assert (night == 0).all()
    assert (of(rows, "sunshine").between_time("19:00", "05:00") == 0).all()
    day = of(rows, "solar_radiation").resample("1D").sum().iloc[:5]
    assert day.between(0.5e6, 20e6).all()


def test_the_soil_is_late_and_moves_less(rows: pd.DataFrame) -> None:
    soil, air_at = of(rows, "soil_temperature"), of(rows, "air_temperature")
    assert soil.std() < air_at.std()
    lags = [soil.corr(air_at.shift(shift)) for shift in range(0, 100, 10)]
    assert int(np.argmax(lags)) > 0


def test_neighbours_agree_and_are_not_alike(rows: pd.DataFrame) -> None:
    totals = rows[rows["quantity"] == "rain"].groupby("device")["value"].sum()
    assert totals.nunique() == len(STATIONS)
    assert totals.max() / totals.min() < 1.3
    one, other = (of(rows, "air_temperature", f"synoptic-station-{n}") for n in (1, 2))
    assert one.corr(other) > 0.95


@pytest.mark.parametrize("seed", range(3))
def test_gauges_and_catchments_agree_on_the_rain(seed: int) -> None:
    story = load_scenario("october-flood")
    world = World(story, Field(places=STATIONS), seed)
    fallen = catchment_rain(STATIONS[1], 100.0, world.air)
    during = (world.air.grid > world.begins) & (world.air.grid <= world.ends)
    rain = of(told(story, *STATIONS, seed=seed), "rain").sum()
    assert rain == pytest.approx(fallen[during].sum(), rel=0.2)


def test_a_bucket_tells_its_tips_and_else_that_it_is_there() -> None:
    story = load_scenario("october-flood")
    bucket = place(
        "tipping-bucket",
        quantities={"rain": 3600.0, "battery": 3600.0},
        on_change=frozenset({"rain"}),
    )
    rain = of(told(story, bucket), "rain", bucket.device)
    gaps = rain.index.to_series().diff().dropna().dt.total_seconds()
    assert gaps.max() <= 3600
    assert gaps.min() >= 60
    tips = rain / 0.2
    assert np.allclose(tips, tips.round())
    assert (rain[gaps.index[gaps < 3600]] > 0).all()
    field = Field(places=(bucket,))
    world = World(story, field, 1)
    fell = world.air.fallen(bucket.lon, bucket.lat, np.array([world.begins, world.ends]))
    assert rain.sum() == pytest.approx(fell[1] - fell[0], rel=0.11)


def test_the_frost_night_freezes_and_hollows_most() -> None:
    story = load_scenario("frost-night")
    places = [place("air-probe", n, lon=2.0 + 0.1 * n, lat=48.4 + 0.05 * n) for n in range(6)]
    rows = told(story, *places)
    lowest = rows[rows["quantity"] == "air_temperature"].groupby("device")["value"].min()
    assert (lowest < 1).all()
    assert lowest.min() < -1
    assert lowest.max() - lowest.min() > 0.7


def test_snow_lies_while_it_freezes() -> None:
    winter = datetime(2024, 1, 15, tzinfo=UTC)
    snow = Weather(
        temperature=-4.0,
        amplitude=1.0,
        storms=(Storm(at=5, hours=10, total=15, lon=HERE[0], lat=HERE[1], spread=50),),
    )
    depth = air(snow, winter).snow(*HERE, times(winter, 96))
    assert depth[0] == 0
    assert 0.08 < depth.max() < 0.25
    assert air(replace(snow, temperature=8.0), winter).snow(*HERE, times(winter, 96)).max() == 0
