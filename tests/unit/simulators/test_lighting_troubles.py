"""Troubles of lamps and cabinets: what each darkens, and what is told of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from simulators._cabinet_readings import Cabinet
from simulators._cabinets import depth
from simulators._field import Asset, Field, Place
from simulators._story import ScheduledEvent, Storm, Weather, Where
from simulators._world import World
from simulators.lighting import emit, truth
from tests.unit.simulators.streets import (
    FIELD,
    HOUR,
    NOON,
    SECOND,
    cabinet,
    happening,
    hours_after,
    lamps,
    micros,
    of,
    told,
)


@pytest.fixture(scope="module")
def calm() -> tuple[World, pd.DataFrame]:
    return told()


def test_an_outage_silences_exactly_its_cabinet(calm: tuple[World, pd.DataFrame]) -> None:
    world, rows = told(happening("cabinet-outage", 10, 16, "main"))
    _, before = calm
    begins, ends = hours_after(world, 10), hours_after(world, 16)
    theirs = rows["device"].str.startswith("main-")
    during = (rows["time"] >= begins) & (rows["time"] < ends)
    assert not (theirs & during).any()
    others = ~rows["device"].isin({f"main-{number}" for number in range(6)} | {"cab-main"})
    assert (
        rows[others]
        .reset_index(drop=True)
        .equals(before[before["device"].isin(set(rows["device"][others]))].reset_index(drop=True))
    )
    loss = of(rows, "cab-main", "supply_loss")
    (told_loss,) = loss.index[(loss == 1) & (loss.shift(fill_value=0) == 0)]
    assert begins <= told_loss <= begins + pd.Timedelta("20s")
    assert loss.iloc[-1] == 0
    power = of(rows, "cab-main", "cabinet_power")
    inside = (power.index > begins) & (power.index < ends)
    assert set(power[inside]) == {0.0}
    assert (of(rows, "cab-main", "battery")[inside].diff().dropna() <= 0).all()
    # the lamps are back within minutes
    back = rows.loc[theirs & (rows["time"] >= ends)].groupby("device")["time"].min()
    assert (back < ends + pd.Timedelta("3min")).all()


def test_a_cabinet_speaks_as_long_as_its_battery() -> None:
    world, rows = told(happening("supply-loss", 10, 40, "cab-dark", battery_h=4))
    last = rows.loc[
        (rows["device"] == "cab-dark") & (rows["time"] < hours_after(world, 40)), "time"
    ].max()
    assert hours_after(world, 13.5) < last <= hours_after(world, 14)
    assert of(rows, "cab-dark", "supply_loss").iloc[-1] == 0


def flooded(rise: float) -> tuple[Field, World, Cabinet, pd.DataFrame]:
    """A cabinet whose foot the river's peak overtops by `rise` m."""
    gauge = Place(
        device="gauge",
        site="river",
        domain="flood",
        river="Yvette",
        lon=2.2,
        lat=48.6,
        quantities={"level": 900},
        thresholds={"attention": 1.6},
        properties={"catchment_km2": 220},
    )
    storm = Storm(at=10, hours=12, total=80, lon=2.2, lat=48.6, spread=60)
    story = replace(NOON, weather=Weather(storms=(storm,), wetness=3))
    dry = Field(places=(*FIELD.places, gauge))
    peak = float(World(story, dry, 1).courses["river"].level.max())
    asset = Asset(name="a", kind="cabinet", gauge="river", level=peak - rise, site="main")
    field = replace(dry, assets=(asset,))
    world = World(story, field, 1)
    return field, world, truth(field, world, 1)["main"], emit(field, world, 1)


def test_water_makes_leakage_then_darkness_then_silence() -> None:
    _, world, cab, rows = flooded(0.6)
    leaks = of(rows, "cab-main", "earth_leakage")
    leak = leaks.index[leaks == 1][0]
    dark = rows.loc[rows["device"] == "main-0", "time"].max()
    silent = rows.loc[rows["device"] == "cab-main", "time"].max()
    grid = np.arange(world.begins, world.ends, 60 * SECOND)
    wet = pd.Timestamp(grid[(depth("main", world, grid) > 0).argmax()], unit="us", tz="UTC")
    assert wet < leak < dark < silent < hours_after(world, 96)
    assert {place.device for place in lamps("main")} == {
        lamp.place.device
        for lamp in cab.lamps
        if not lamp.does.supply.of(np.array([world.ends]))[0]
    }
    after = of(rows, "cab-main", "cabinet_power").loc[dark + pd.Timedelta("20min") :]
    assert len(after) >= 2
    assert set(after) == {0.02}  # its own and its contactor's, and no lamp's
    assert not of(rows, "cab-main", "supply_loss").any()  # the operator's grid is there
    assert (rows.loc[rows["device"] == "cab-dark", "time"].max()) > silent


def test_a_flash_flood_takes_its_time_too() -> None:
    field, world, *_ = flooded(0.6)
    wave = np.where(world.air.grid < world.begins + 20 * HOUR, 0.0, 9.0)
    world.courses = {"river": replace(world.courses["river"], level=wave)}
    cab = truth(field, world, 1)["main"].circuit
    leak, trip, drown = (
        int(steps.changes(world.begins, world.ends)[0])
        for steps in (cab.leakage, cab.breaker, cab.alive)
    )
    assert leak < trip - 15 * 60 * SECOND < drown - 30 * 60 * SECOND


@pytest.mark.parametrize(("rise", "trips", "drowns"), [(0.05, False, False), (0.2, True, False)])
def test_shallow_water_does_less(rise: float, trips: bool, drowns: bool) -> None:  # noqa: FBT001
    _, world, cab, rows = flooded(rise)
    end = np.array([world.ends])
    assert of(rows, "cab-main", "earth_leakage").max() == 1
    assert (cab.circuit.breaker.of(end)[0] == 0) == trips
    assert (cab.circuit.alive.of(end)[0] == 0) == drowns


def test_a_dead_driver_is_told_when_it_should_burn() -> None:
    world, rows = told(happening("lamp-failure", 1, 80, "main-2", fault="driver"))
    fault = of(rows, "main-2", "lamp_fault")
    level = of(rows, "main-2", "light_level")
    first = fault.index[fault == 2][0]
    dusk = of(rows, "main-1", "light_level").pipe(lambda burns: burns.index[burns > 0][0])
    assert abs(first - dusk) < pd.Timedelta("15min")
    assert level[level.index < hours_after(world, 80)].max() == 0
    assert level[level.index > hours_after(world, 80)].max() == 100
    assert fault.iloc[-1] == 0
    assert of(rows, "main-2", "light_command").max() == 100


def test_a_cycling_driver_goes_on_and_off_several_times_a_night() -> None:
    _, rows = told(happening("driver-cycling", 0, 96, "main-3"))
    level = of(rows, "main-3", "light_level")
    night = level[
        (level.index >= hours_after(NOON_WORLD, 8)) & (level.index <= hours_after(NOON_WORLD, 18))
    ]
    assert ((night > 0) & (night.shift() == 0)).sum() > 10
    assert 3 in set(of(rows, "main-3", "lamp_fault"))
    assert of(rows, "main-2", "lamp_fault").max() == 0


NOON_WORLD = World(NOON, FIELD, 1)


def test_a_stuck_relay_is_lit_by_day_and_a_dead_gear_undimmed() -> None:
    _, rows = told(
        happening("relay-fault", 2, 90, "main-4"),
        happening("lamp-failure", 2, 90, "main-5", fault="control_gear"),
    )
    noon = hours_after(NOON_WORLD, 24)
    stuck = of(rows, "main-4", "light_level").asof(noon)
    assert stuck == 100
    assert of(rows, "main-4", "light_command").asof(noon) == 0
    assert of(rows, "main-4", "lamp_fault").asof(noon) == 4
    assert set(
        of(rows, "main-5", "light_level").loc[
            hours_after(NOON_WORLD, 2.5) : hours_after(NOON_WORLD, 90)
        ]
    ) == {0.0, 100.0}
    assert of(rows, "main-5", "lamp_fault").max() == 5


def test_a_welded_contactor_lights_the_day_and_an_open_one_keeps_the_night_dark() -> None:
    world, rows = told(
        happening("contactor-error", 20, 60, "dark", stuck="closed"),
        happening("contactor-error", 20, 60, "node", stuck="open"),
    )
    during = rows[
        (rows["time"] > hours_after(world, 20.1)) & (rows["time"] < hours_after(world, 60))
    ]
    by_day = during[(during["time"] - hours_after(world, 24)).abs() < pd.Timedelta("1h")]
    assert (by_day["device"] == "dark-0").any()
    assert of(by_day, "dark-0", "light_level").min() == 100
    assert not during["device"].str.startswith("node-").any()
    for site in ("dark", "node"):
        assert of(during, f"cab-{site}", "contactor_error").max() == 1
    assert not of(rows, "cab-main", "contactor_error").any()


def test_doors_and_leaks_are_told_at_once_and_over() -> None:
    world, rows = told(
        happening("door", 5, 6, "dark"), happening("leakage", 30, 34, "dark", trips=True)
    )
    for quantity, begins, ends in (("cabinet_door", 5, 6), ("earth_leakage", 30, 34)):
        state = of(rows, "cab-dark", quantity)
        changed = state[state.diff().fillna(0) != 0]
        assert changed.tolist() == [1, 0]
        for when, hours in zip(micros(changed.index), (begins, ends), strict=True):
            assert 0 < when - (world.begins + hours * HOUR) <= 16 * SECOND
    lamp = truth(FIELD, world, 1)["dark"].lamps[0]
    assert lamp.does.supply.of(np.array([world.begins + int(32.5 * HOUR)]))[0] == 0


def test_nothing_fails_by_itself_unless_the_story_says_so() -> None:
    wear = ScheduledEvent(kind="wear", at=0, until=96, where=Where(), parameters={"lamps": 40.0})
    quiet, worn = told()[1], told(wear)[1]
    assert quiet.loc[quiet["quantity"] == "lamp_fault", "value"].max() == 0
    ill = worn[(worn["quantity"] == "lamp_fault") & (worn["value"] > 0)]["device"].nunique()
    # 18 lamps, 40 failures a year, 4 days: a third of them; some of what fails is not seen
    assert 1 <= ill <= 14


def test_rain_makes_leakage_likelier() -> None:
    def leaks(weather: Weather) -> int:
        wear = ScheduledEvent(
            kind="wear", at=0, until=96, where=Where(), parameters={"leakage": 4.0}
        )
        many = Field(
            places=tuple(
                replace(cabinet("dark"), device=f"cab-{number}", site=f"s{number}")
                for number in range(40)
            )
        )
        world = World(replace(NOON, events=(wear,), weather=weather), many, 3)
        cabs = truth(many, world, 3).values()
        return sum(bool(cab.circuit.leakage.spans(world.begins, world.ends)) for cab in cabs)

    storm = Storm(at=0, hours=48, total=300, lon=2.19, lat=48.7, spread=100)
    assert leaks(Weather()) < 10
    assert leaks(Weather(storms=(storm,))) > 14


def test_a_share_of_a_cabinet_s_lamps_can_fail() -> None:
    many = Field(places=tuple(lamps("main", 200)))
    world = World(
        replace(NOON, events=(happening("lamp-failure", 1, 96, "main", share=0.3),)), many, 1
    )
    end = np.array([world.begins + 12 * HOUR])
    out = [lamp.does.level.of(end)[0] == 0 for lamp in truth(many, world, 1)["main"].lamps]
    assert 40 < sum(out) < 80
