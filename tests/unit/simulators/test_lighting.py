"""The lighting simulator: lamps keep their plan, counters count what burnt, troubles show."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sensors._plan import levels
from simulators._field import Field
from simulators._lamp_readings import Lamp
from simulators._simulator import find_simulators
from simulators._story import ScheduledEvent
from simulators._world import World
from simulators.lighting import SIMULATOR, emit, truth
from tests.unit.simulators.streets import (
    CURFEW,
    FIELD,
    KNOWN,
    NODE,
    NOON,
    ORSAY,
    SECOND,
    cabinet,
    happening,
    hours_after,
    lamps,
    micros,
    of,
    told,
    true_lamps,
)


@pytest.fixture(scope="module")
def calm() -> tuple[World, pd.DataFrame]:
    return told()


def planned_hours(lamp: Lamp, world: World, until: int) -> float:
    """From the plan alone, sampled every ten seconds."""
    assert lamp.place.plan is not None
    grid = np.arange(world.begins, until, 10 * SECOND, dtype=np.int64)
    plan = levels(lamp.place.plan, *ORSAY, (world.begins, world.ends))
    return float((plan.of(grid) > 0).sum()) * 10 / 3600


def test_the_domain_is_found_by_scanning() -> None:
    assert find_simulators()["lighting"] is SIMULATOR


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
def test_everything_told_is_possible(events: Sequence[ScheduledEvent]) -> None:
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
