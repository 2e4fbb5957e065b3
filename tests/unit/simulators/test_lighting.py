"""The lighting simulator: lamps keep their plan, counters count what burnt, troubles show."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sensors._domain import catalogue
from sensors._plan import LightingPlan, Spell, levels
from simulators._cabinets import depth
from simulators._cabinets_telling import Cabinet
from simulators._lamps_telling import Lamp
from simulators._simulator import Asset, Field, Place, simulators
from simulators._story import Happening, Storm, Story, Weather, Where
from simulators._world import World
from simulators.lighting import SIMULATOR, emit, truth

SECOND = 1_000_000
HOUR = 3600 * SECOND
KNOWN = catalogue().quantities
ORSAY = (2.19, 48.70)

CURFEW = LightingPlan(
    on_after=timedelta(minutes=10),
    off_after=timedelta(minutes=-10),
    spells=(Spell(begins=time(1), ends=time(5), level=0.0),),
)
DIMMED = LightingPlan(spells=(Spell(begins=time(23), ends=time(5), level=50.0),))
PLANS = {"dark": (CURFEW, True), "main": (DIMMED, False), "node": (CURFEW, True)}
CABINET = {
    **dict.fromkeys(("cabinet_power", "supply_voltage", "battery"), 900.0),
    **dict.fromkeys(("phase1_current", "phase2_current", "phase3_current"), 900.0),
    **dict.fromkeys(("cabinet_door", "earth_leakage", "supply_loss", "contactor_error"), 86_400.0),
}
CONTROLLER = {
    **dict.fromkeys(("light_level", "light_command", "lamp_power", "power_factor"), 900.0),
    "supply_voltage": 900.0,
    "lamp_energy": 3600.0,
    "burning_hours": 86_400.0,
    "lamp_fault": 86_400.0,
}
NODE = ("light_level", "lamp_power", "lamp_energy", "burning_hours", "lamp_fault")


def lamps(site: str, count: int = 6) -> list[Place]:
    plan, switched = PLANS[site]
    radio = site == "node"
    return [
        Place(
            device=f"{site}-{number}",
            site=site,
            domain="lighting",
            model="lamp-node" if radio else "lamp-controller",
            protocol="chirpstack" if radio else "",
            groups=(f"group-{site}",),
            plan=plan,
            switched=switched,
            lon=ORSAY[0],
            lat=ORSAY[1],
            quantities=dict.fromkeys(NODE, 3600.0) if radio else CONTROLLER,
            thresholds={"lamp_rated_power": 60.0},
        )
        for number in range(count)
    ]


def cabinet(site: str) -> Place:
    return Place(
        device=f"cab-{site}",
        site=site,
        domain="lighting",
        model="cabinet-controller",
        lon=ORSAY[0],
        lat=ORSAY[1],
        quantities=CABINET,
    )


FIELD = Field(places=tuple(place for site in PLANS for place in (cabinet(site), *lamps(site))))
NOON = Story(name="noon", title="", begins=datetime(2024, 10, 22, 10, tzinfo=UTC), hours=96)


def happening(kind: str, at: float, until: float, *names: str, **more: object) -> Happening:
    return Happening(kind=kind, at=at, until=until, where=Where(names=names), parameters=more)


def told(*events: Happening, seed: int = 1, field: Field = FIELD) -> tuple[World, pd.DataFrame]:
    world = World(replace(NOON, events=events), field, seed)
    return world, emit(field, world, seed)


def of(rows: pd.DataFrame, device: str, quantity: str) -> "pd.Series[float]":
    mine = rows[(rows["device"] == device) & (rows["quantity"] == quantity)]
    return mine.set_index("time")["value"]


def micros(times: "pd.Index[Any] | pd.Series[pd.Timestamp]") -> "np.typing.NDArray[np.int64]":
    return np.asarray(pd.DatetimeIndex(times).as_unit("us").asi8)


def hours_after(world: World, hours: float) -> pd.Timestamp:
    return pd.Timestamp(world.begins + int(hours * HOUR), unit="us", tz="UTC")


@pytest.fixture(scope="module")
def calm() -> tuple[World, pd.DataFrame]:
    return told()


def true_lamps(world: World, seed: int = 1) -> list[Lamp]:
    return [lamp for cab in truth(FIELD, world, seed).values() for lamp in cab.lamps]


def planned_hours(lamp: Lamp, world: World, until: int) -> float:
    """From the plan alone, sampled every ten seconds."""
    assert lamp.place.plan is not None
    grid = np.arange(world.begins, until, 10 * SECOND, dtype=np.int64)
    plan = levels(lamp.place.plan, *ORSAY, (world.begins, world.ends))
    return float((plan.of(grid) > 0).sum()) * 10 / 3600


def test_the_domain_is_found_by_scanning() -> None:
    assert simulators()["lighting"] is SIMULATOR


def test_lamp_hours_are_the_plan_s(calm: tuple[World, pd.DataFrame]) -> None:
    world, rows = calm
    for lamp in true_lamps(world):
        # from noon to noon a late clock burns as long as a right one
        burnt = lamp.does.lit.integral(world.begins, np.array([world.ends]))[0] / 3600
        assert burnt == pytest.approx(planned_hours(lamp, world, world.ends), abs=0.01)
        counter = of(rows, lamp.place.device, "burning_hours")
        for when, value in zip(micros(counter.index), counter, strict=True):
            expected = lamp.which.hours + planned_hours(lamp, world, int(when))
            assert abs(value - expected) <= 1 + 300 / 3600  # its resolution, and a clock's drift
    assert {len(of(rows, "main-0", "burning_hours")), len(of(rows, "dark-0", "burning_hours"))} == {
        4,
        8,  # twice a night, when the supply comes
    }


def test_energy_is_power_times_time(calm: tuple[World, pd.DataFrame]) -> None:
    world, rows = calm
    for lamp in true_lamps(world):
        energy = of(rows, lamp.place.device, "lamp_energy")
        power = of(rows, lamp.place.device, "lamp_power").reindex(energy.index)
        steady = (power.diff().abs() < 0.02 * power) & (energy.index.diff() == pd.Timedelta("1h"))
        gained = energy.diff()[steady] * 1000
        assert len(gained) > 15
        assert (gained - power[steady]).abs().max() < 1.0 + 0.01 * 60
        # and over everything, that of the rated power at the plan's levels
        lasted = lamp.does.power.integral(world.begins, micros(energy.index)[-1:])[0] / 3.6e6
        assert energy.iloc[-1] - lamp.which.energy == pytest.approx(lasted, abs=0.0011)


def test_a_dimmed_lamp_draws_less_and_spoils_its_power_factor(
    calm: tuple[World, pd.DataFrame],
) -> None:
    _, rows = calm
    level = of(rows, "main-0", "light_level")
    power = of(rows, "main-0", "lamp_power")
    factor = of(rows, "main-0", "power_factor")
    assert set(level) == {0.0, 50.0, 100.0}
    means = {at: (power[level == at].mean(), factor[level == at].mean()) for at in set(level)}
    assert means[0.0][0] == pytest.approx(0.5, abs=0.05)
    assert 0.45 < means[50.0][0] / means[100.0][0] < 0.6
    assert means[100.0][0] == pytest.approx(60, rel=0.15)
    assert means[0.0][1] < 0.2 < means[50.0][1] < means[100.0][1]


def test_luminaires_differ_and_old_ones_draw_more() -> None:
    world = World(NOON, FIELD, 1)
    full = {lamp.which.full for lamp in true_lamps(world)}
    assert len(full) == 18
    places = tuple(
        replace(place, properties={"burnt_h": hours}) if place.device == "main-0" else place
        for hours in (0, 60_000)
        for place in FIELD.places
        if place.site == "main"
    )
    new, old = (
        truth(Field(places=part), world, 1)["main"].lamps[0].which.full
        for part in (places[:7], places[7:])
    )
    assert old / new == pytest.approx(1.12)


def test_a_lamp_without_a_supply_draws_nothing(calm: tuple[World, pd.DataFrame]) -> None:
    world, _ = calm
    grid = np.arange(world.begins, world.ends, 600 * SECOND)
    for lamp in true_lamps(world):
        fed = lamp.does.supply.of(grid) > 0
        assert (lamp.does.power.of(grid)[~fed] == 0).all()
        assert (lamp.does.power.of(grid)[fed] > 0).all()
        assert fed.all() == (lamp.place.site == "main")


@pytest.mark.parametrize("site", ["dark", "node"])
def test_a_switched_lamp_is_silent_by_day_and_back_within_minutes(
    calm: tuple[World, pd.DataFrame], site: str
) -> None:
    world, rows = calm
    plan = levels(CURFEW, *ORSAY, (world.begins, world.ends))
    ons = [
        at
        for at, level in zip(plan.at.tolist(), plan.level.tolist(), strict=True)
        if level > 0 and world.begins < at < world.ends
    ]
    assert len(ons) == 8
    for place in lamps(site):
        heard = np.unique(micros(rows.loc[rows["device"] == place.device, "time"]))
        drift = 310 * SECOND
        fed = (plan.of(heard - drift) > 0) | (plan.of(heard + drift) > 0)
        assert fed.all()
        for on in ons:
            assert any(on - drift <= at <= on + 8 * 60 * SECOND for at in heard)


def test_a_fed_lamp_speaks_by_day_and_tells_each_change(
    calm: tuple[World, pd.DataFrame],
) -> None:
    world, rows = calm
    for place in lamps("main"):
        level = of(rows, place.device, "light_level")
        assert pd.Series(level.index).diff().max() <= pd.Timedelta("15min")
        changes = level[level.diff().fillna(0) != 0]
        assert len(changes) == 16  # on, dimmed, full, off: four nights
        does = next(lamp for lamp in true_lamps(world) if lamp.place == place).does.level
        late = micros(changes.index) - does.changes(world.begins, world.ends)
        assert (late > 0).all()
        assert (late <= 16 * SECOND).all()


def test_an_hour_s_frame_of_a_node_is_whole(calm: tuple[World, pd.DataFrame]) -> None:
    _, rows = calm
    mine = rows[rows["device"] == "node-1"]
    assert set(mine.groupby("time")["quantity"].nunique()) == {len(NODE)}


def test_a_cabinet_is_the_sum_of_its_lamps_on_three_phases(
    calm: tuple[World, pd.DataFrame],
) -> None:
    world, rows = calm
    for site, cab in truth(FIELD, world, 1).items():
        power = of(rows, f"cab-{site}", "cabinet_power")
        at = micros(power.index)
        sums = sum((lamp.does.power.of(at) for lamp in cab.lamps), start=np.zeros(len(at)))
        assert (power * 1000 - sums).between(5, 30).all()  # its controller, its contactor
        volts = of(rows, f"cab-{site}", "supply_voltage")
        currents = [of(rows, f"cab-{site}", f"phase{phase}_current") for phase in (1, 2, 3)]
        apparent = sum((current * volts for current in currents), start=0 * volts) / 1000
        burning = power > 0.1
        for current in currents:  # two lamps on each
            assert current[power > 0.3].median() >= 0.5
        assert (apparent[burning] >= power[burning] - 0.05).all()
        assert (apparent[burning] <= power[burning] / 0.85 + 0.05).all()
    assert of(rows, "cab-dark", "supply_loss").tolist() == [0, 0, 0, 0]  # its daily sign of life


def test_voltage_stays_within_the_standard_and_sags_in_the_evening(
    calm: tuple[World, pd.DataFrame],
) -> None:
    _, rows = calm
    volts = rows[(rows["quantity"] == "supply_voltage") & rows["device"].str.startswith("cab")]
    assert volts["value"].between(207, 253).all()
    hour = volts["time"].dt.tz_convert("Europe/Paris").dt.hour
    assert volts["value"][hour == 19].mean() < volts["value"][hour == 3].mean() - 2


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
    assert len(after) > 2
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
    wear = Happening(kind="wear", at=0, until=96, where=Where(), parameters={"lamps": 40.0})
    quiet, worn = told()[1], told(wear)[1]
    assert quiet.loc[quiet["quantity"] == "lamp_fault", "value"].max() == 0
    ill = worn[(worn["quantity"] == "lamp_fault") & (worn["value"] > 0)]["device"].nunique()
    # 18 lamps, 40 failures a year, 4 days: a third of them; some of what fails is not seen
    assert 1 <= ill <= 14


def test_rain_makes_leakage_likelier() -> None:
    def leaks(weather: Weather) -> int:
        wear = Happening(kind="wear", at=0, until=96, where=Where(), parameters={"leakage": 4.0})
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
    assert leaks(Weather(storms=(storm,))) > 20


def test_a_share_of_a_cabinet_s_lamps_can_fail() -> None:
    many = Field(places=tuple(lamps("main", 200)))
    world = World(
        replace(NOON, events=(happening("lamp-failure", 1, 96, "main", share=0.3),)), many, 1
    )
    end = np.array([world.begins + 12 * HOUR])
    out = [lamp.does.level.of(end)[0] == 0 for lamp in truth(many, world, 1)["main"].lamps]
    assert 40 < sum(out) < 80


def test_a_cabinet_without_telling_lamps_draws_its_installed_power() -> None:
    alone = replace(
        cabinet("dark"), plan=CURFEW, switched=True, thresholds={"cabinet_rated_power": 2.0}
    )
    field = Field(places=(alone,))
    power = of(emit(field, World(NOON, field, 1), 1), "cab-dark", "cabinet_power")
    assert power.max() == pytest.approx(1.92, abs=0.05)
    assert power.min() == pytest.approx(0.01, abs=0.005)


def test_a_seed_is_a_story_and_neighbours_do_not_matter(
    calm: tuple[World, pd.DataFrame],
) -> None:
    _, rows = calm
    assert rows.equals(told()[1])
    assert not rows["value"].equals(told(seed=2)[1]["value"])
    alone = Field(places=tuple(place for place in FIELD.places if place.site == "main"))
    part = told(field=alone)[1]
    mine = rows[rows["device"].isin(set(part["device"]))].reset_index(drop=True)
    assert part.equals(mine)


@pytest.mark.parametrize("events", [(), (happening("driver-cycling", 0, 96, "dark", "node"),)])
def test_everything_told_is_possible(events: Sequence[Happening]) -> None:
    world, rows = told(*events)
    for name, part in rows.groupby("quantity"):
        quantity = KNOWN[str(name)]
        assert set(part["unit"]) == {quantity.unit}
        assert part["value"].between(quantity.low, quantity.high).all()
        steps = part["value"] / quantity.resolution
        assert (steps - steps.round()).abs().max() < 1e-5
        if quantity.kind == "counter":
            assert (part.groupby("device")["value"].diff().dropna() >= 0).all()
    assert rows["time"].is_monotonic_increasing
    assert rows["time"].between(hours_after(world, 0), hours_after(world, 96)).all()
    assert (micros(rows["time"]) % SECOND == 0).all()
    assert not rows.duplicated(["time", "device", "quantity"]).any()
