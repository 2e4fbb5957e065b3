"""The flood simulator: what it tells is possible, the wave travels down, a seed is a story."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sensors._domain import catalogue
from simulators import _catchment as catchment
from simulators._field import Field, Place, SimulatorError
from simulators._rivers import Course
from simulators._scenarios import load_scenario
from simulators._simulation import simulate_rows
from simulators._simulator import find_simulators
from simulators._story import Story
from simulators._world import World
from simulators.flood import SIMULATOR
from tests.unit.simulators.small import place

HOUR = 3600.0
RIVERS = {
    "Orge": [("dourdan", 90, 0), ("arpajon", 480, 4), ("morsang", 920, 6)],
    "Yvette": [("dampierre", 60, 0), ("villebon", 220, 4)],
    "Yerres": [("courtry", 430, 0), ("crosne", 1000, 9)],
    "Essonne": [("boigneville", 700, 0), ("ballancourt", 1850, 14)],
}


def inventory() -> list[Place]:
    places = []
    for river, gauges in RIVERS.items():
        above: tuple[tuple[str, float], ...] = ()
        for name, area, travel in gauges:
            above = tuple((site, travel * HOUR) for site, _ in above)
            if name == "morsang":
                above = (*above, ("villebon", 5 * HOUR))
            places.append(
                Place(
                    device=f"gauge-{name}",
                    site=name,
                    domain="flood",
                    river=river,
                    lon=2.2,
                    lat=48.6,
                    quantities={
                        "level": 900,
                        "discharge": 900,
                        "battery": 3600,
                        "catchment_rain": 3600,
                    },
                    thresholds={"attention": 1.6},
                    properties={"catchment_km2": area},
                    upstream=above,
                )
            )
            above = ((name, 0.0),)
    return places


FLOOD = load_scenario("october-flood")
QUIET = load_scenario("quiet")


def field(*places: Place) -> Field:
    return Field(places=places or tuple(inventory()))


def truth(story: Story, seed: int) -> dict[str, Course]:
    return dict(World(story, field(), seed).courses)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return simulate_rows(FLOOD, field(), 1)


def test_the_domain_is_found_by_scanning() -> None:
    assert find_simulators()["flood"] is SIMULATOR


def test_a_seed_is_a_story(rows: pd.DataFrame) -> None:
    assert rows.equals(simulate_rows(FLOOD, field(), 1))
    assert not rows["value"].equals(simulate_rows(FLOOD, field(), 2)["value"])


def test_everything_told_is_in_the_catalogue_and_in_range(rows: pd.DataFrame) -> None:
    known = catalogue().quantities
    for name, told in rows.groupby("quantity"):
        quantity = known[str(name)]
        assert set(told["unit"]) == {quantity.unit}
        assert told["value"].between(quantity.low, quantity.high).all()
    assert rows["time"].is_monotonic_increasing
    assert not rows.duplicated(["time", "device", "quantity"]).any()


def test_intervals_are_kept(rows: pd.DataFrame) -> None:
    series = rows.loc[(rows["device"] == "gauge-morsang") & (rows["quantity"] == "level"), "time"]
    assert set(series.diff().dropna().dt.total_seconds()) == {900.0}


@pytest.mark.parametrize("seed", range(5))
def test_the_wave_peaks_in_river_order(seed: int) -> None:
    courses = truth(FLOOD, seed)
    for gauging in inventory():
        for above, _ in gauging.upstream:
            lag = float(
                np.argmax(courses[gauging.site].discharge) - np.argmax(courses[above].discharge)
            )
            assert lag > 0
            assert courses[gauging.site].discharge.max() > courses[above].discharge.max()


@pytest.mark.parametrize("seed", range(5))
def test_the_flood_leaves_its_bed_and_the_quiet_days_do_not(seed: int) -> None:
    courses = truth(FLOOD, seed)
    over = {name for name, course in courses.items() if course.level.max() > course.brim}
    assert {"morsang", "crosne"} <= over
    assert all(course.level.max() < 0.8 * course.brim for course in truth(QUIET, seed).values())


@pytest.mark.parametrize("seed", range(5))
def test_rises_are_of_the_right_order(seed: int) -> None:
    """The Orge, the Yvette and the Yerres rise by 4 to 30 cm in an hour, none by more than 40."""
    courses = truth(FLOOD, seed)
    fastest = {name: float(np.diff(each.level[::12]).max()) for name, each in courses.items()}
    for name in ("arpajon", "morsang", "villebon", "courtry", "crosne"):
        assert 0.04 < fastest[name] < 0.3, name
    assert max(fastest.values()) < 0.4
    assert all(course.level.max() < 4 for course in courses.values())


def test_the_seine_is_slow() -> None:
    seine = gauge("corbeil")
    seine = replace(seine, river="Seine", properties={"catchment_km2": 38_000.0})
    level = World(FLOOD, field(seine), 1).courses["corbeil"].level
    assert 0 < np.diff(level[::12]).max() < 0.01


@pytest.fixture(scope="module")
def valley() -> pd.DataFrame:
    """A gauge of each kind on one river, a basin and the official colour of it."""
    at: dict[str, Any] = {"site": "villebon", "river": "Yvette"}
    limits = {"attention": 0.9, "alert": 1.05, "danger": 9.0}
    gauges = {"level": 900.0, "surface_elevation": 900.0}
    daily = {"daily_max_level": 86_400.0, "daily_mean_discharge": 86_400.0}
    km2 = {"catchment_km2": 225.0, "zero_ngf_m": 48.0}
    return simulate_rows(
        FLOOD,
        field(
            place("radar-gauge", quantities=gauges, thresholds=limits, properties=km2, **at),
            place("rated-gauge", quantities=daily, properties=km2, **at),
            place("pressure-probe", 1, quantities={"level": 900.0}, saturates={"level": 1.0}, **at),
            place("basin-probe", properties={"volume_m3": 100_000}, river="Yvette"),
            place("vigilance-bulletin", river="Yvette"),
        ),
        1,
    )


def of(rows: pd.DataFrame, quantity: str, device: str = "") -> "pd.Series[float]":
    mine = (rows["quantity"] == quantity) & rows["device"].str.startswith(device)
    return rows.loc[mine].set_index("time")["value"]


def test_the_water_s_elevation_is_its_level_above_the_zero(valley: pd.DataFrame) -> None:
    above = of(valley, "surface_elevation") - of(valley, "level", "radar")
    assert above.between(47.97, 48.03).all()


def test_a_day_s_greatest_level_is_of_that_day(valley: pd.DataFrame) -> None:
    level = of(valley, "level", "radar")
    told = of(valley, "daily_max_level").iloc[1:]
    for at, most in zip(pd.DatetimeIndex(told.index), told, strict=True):
        day = level[(level.index > at - pd.Timedelta(days=1)) & (level.index <= at)]
        assert most == pytest.approx(day.max(), abs=0.02)


def test_a_saturated_probe_tells_the_top_of_its_scale(valley: pd.DataFrame) -> None:
    mine = valley[(valley["device"] == "pressure-probe-1") & (valley["quantity"] == "level")]
    assert mine["value"].max() == 1.0
    assert set(mine["status"]) == {"ok", "saturated"}
    assert (mine.loc[mine["status"] == "saturated", "value"] == 1.0).all()


def test_a_basin_fills_in_the_flood_and_empties_slowly(valley: pd.DataFrame) -> None:
    fill = of(valley, "basin_fill")
    assert fill.iloc[:200].max() < 8
    assert fill.max() >= 99
    assert fill.diff(12).min() > -8  # within an hour


def test_the_official_colour_comes_before_the_water_and_goes_after_it(valley: pd.DataFrame) -> None:
    colour = of(valley, "vigilance")
    level = of(valley, "level", "radar")
    orange = colour[colour >= 3].index
    above = level[level > 1.05].index
    assert pd.Timedelta(0) < above[0] - orange[0] < pd.Timedelta(hours=30)
    assert colour.iloc[0] == 1
    assert colour.max() == 3
    gaps = colour.index.to_series().diff().dropna()
    assert gaps.max() <= pd.Timedelta(hours=12)


def test_no_water_is_made_or_lost_on_the_way() -> None:
    inflow = np.zeros(500)
    inflow[10:20] = 7.0
    response = catchment.cascade(8, 600.0, 300.0)
    assert response.sum() == pytest.approx(1)
    outflow = catchment.through(inflow, response)
    assert outflow.sum() == pytest.approx(70, rel=1e-4)
    assert outflow.max() < 7
    delay = np.average(np.arange(500), weights=outflow) - 14.5
    assert delay * 300 == pytest.approx(8 * 600, rel=0.05)


def test_level_and_discharge_are_one_curve() -> None:
    flow = np.linspace(0.1, 80, 50)
    level = catchment.level_of(flow, bed=0.2, brim=1.7, brimful=18)
    assert catchment.discharge_of(level, bed=0.2, brim=1.7, brimful=18) == pytest.approx(flow)


def gauge(name: str, *above: str) -> Place:
    return Place(
        device=name,
        site=name,
        domain="flood",
        river="Orge",
        quantities={"level": 900},
        upstream=tuple((site, 1.0) for site in above),
    )


def test_links_in_a_circle_are_told() -> None:
    with pytest.raises(SimulatorError, match="circle among a, b"):
        World(FLOOD, field(gauge("a", "b"), gauge("b", "a")), 1)


def test_an_inventory_that_can_tell_nothing_is_told() -> None:
    stranger = Place(device="a", site="a", domain="noise", quantities={"sound": 900})
    with pytest.raises(SimulatorError, match="apply an inventory first"):
        simulate_rows(FLOOD, field(stranger), 1)


def test_gauges_give_centimetres_and_tremble(rows: pd.DataFrame) -> None:
    level = of(rows, "level", "gauge-morsang")
    assert level.to_numpy() == pytest.approx(level.round(2).to_numpy(), abs=1e-9)
    assert (level.diff().dropna() < 0).any()  # also while the river rises
    assert len(level.unique()) > 50
