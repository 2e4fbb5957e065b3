"""Lamps and cabinets piece by piece, against values worked out by hand from their settings."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from simulators import _cabinet_readings as cabinets
from simulators import _lamp_readings as telling
from simulators._cabinet_readings import Cabinet
from simulators._cabinets import Circuit, circuit, depth, drift
from simulators._field import Asset, Field, Place
from simulators._lamp_readings import Lamp
from simulators._lamps import TECHNOLOGIES, LampState, Luminaire, Trouble, luminaire, simulate_lamp
from simulators._lamps_faults import troubles
from simulators._steps import SECOND, Steps, constant, indicator, steps_from
from simulators._story import Event, Story
from simulators._world import World
from simulators.lighting import CATALOGUE
from tests.unit.simulators.streets import CABINET

HOUR, MINUTE = 3600 * SECOND, 60 * SECOND
BEGINS = datetime(2024, 10, 8, tzinfo=UTC)
START = int(BEGINS.timestamp()) * SECOND


def at(*hours: float) -> "np.typing.NDArray[np.int64]":
    return START + (np.array(hours) * HOUR).astype(np.int64)


def spans(steps: Steps, hours: float = 96) -> list[tuple[float, float]]:
    """Where it is not zero, in minutes of the story."""
    end = START + int(hours * HOUR)
    return [((a - START) / MINUTE, (b - START) / MINUTE) for a, b in steps.spans(START, end)]


def a_world(*events: Event, field: Field | None = None, hours: float = 96) -> World:
    made = World(
        Story(name="s", title="", begins=BEGINS, hours=hours), field or Field(places=()), 1
    )
    made.events = events
    return made


def an_event(kind: str, begins: float, ends: float, *who: str, **more: object) -> Event:
    return Event(
        kind=kind,
        begins=START + int(begins * HOUR),
        ends=START + int(ends * HOUR),
        where=frozenset(who),
        parameters=more,
    )


# -- luminaires ---------------------------------------------------------------------------------


def a_luminaire(technology: str = "led", full: float = 100.0) -> Luminaire:
    return Luminaire(technology=TECHNOLOGIES[technology], full=full, hours=1_000.4, energy=60.0)


@pytest.mark.parametrize(
    ("technology", "watts", "factors"),
    [
        ("led", [0.5, 53.0, 100.0], [0.9558, 0.9730]),
        ("sodium", [1.5, 65.0, 100.0], [0.8626, 0.9099]),
    ],
)
def test_what_a_luminaire_draws(technology: str, watts: list[float], factors: list[float]) -> None:
    """Its gear takes 6 % or 30 % as soon as it burns; its filter 12 % or 30 %, across."""
    which = a_luminaire(technology)
    power = which.power(np.array([0.0, 50.0, 100.0]))
    assert power == pytest.approx(watts)
    assert which.power_factor(power[1:]) == pytest.approx(factors, abs=1e-4)


def lamp_place(device: str = "lamp", **more: Any) -> Place:
    return Place(device=device, site="cab", domain="lighting", **{"quantities": {}, **more})


def test_a_luminaire_is_as_its_inventory_says() -> None:
    old = luminaire(lamp_place(properties={"burnt_h": 10_000, "rated_w": 70}), 1)
    new = luminaire(lamp_place(properties={"burnt_h": 0, "rated_w": 70}), 1)
    assert (old.hours, old.energy, new.energy) == (10_000, 700, 0)
    assert old.full / new.full == pytest.approx(1.02)
    assert luminaire(lamp_place(properties={"technology": "sodium"}), 1).technology.floor == 0.3
    assert luminaire(lamp_place(properties={"technology": "gas"}), 1).technology.floor == 0.06
    said = lamp_place(thresholds={"lamp_rated_power": 90.0}, properties={"rated_w": 70})
    assert luminaire(said, 1).full == pytest.approx(90, rel=0.15)


def test_luminaires_of_a_type_differ_by_two_percent_and_in_age() -> None:
    many = [luminaire(lamp_place(f"l{n}"), 1) for n in range(1_500)]
    hours = np.array([each.hours for each in many])
    assert (hours.min(), hours.max()) == (
        pytest.approx(1_500, abs=60),
        pytest.approx(30_000, abs=60),
    )
    own = np.log([each.full / 45 / (1 + 0.002 * each.hours / 1000) for each in many])
    assert own.mean() == pytest.approx(0, abs=0.002)
    assert own.std() == pytest.approx(0.02, abs=0.0015)
    assert [each.energy for each in many] == pytest.approx(list(hours * 0.045))


def night(level: float = 100.0, begins: float = 10, ends: float = 20) -> Steps:
    return steps_from(at(begins, ends), np.array([level, 0.0]))


def run(*ill: Trouble, command: Steps | None = None, **more: Any) -> LampState:
    supply = more.pop("supply", constant(1.0))
    told = {"by_itself": False, **more}
    return simulate_lamp(a_luminaire(), command or night(), supply, ill, **told)


def ill(kind: str, begins: float = 12, ends: float = 30, **more: Any) -> Trouble:
    return Trouble(
        kind=kind, begins=START + int(begins * HOUR), ends=START + int(ends * HOUR), **more
    )


@pytest.mark.parametrize(
    ("trouble", "levels", "faults"),
    [
        # at 11, 12.01, 12.06, 15, 25 and 31 h; the fault is called one after three minutes
        ((), [100, 100, 100, 100, 0, 0], [0] * 6),
        ((ill("lamp"),), [100, 0, 0, 0, 0, 0], [0, 0, 1, 1, 1, 0]),
        ((ill("driver"),), [100, 0, 0, 0, 0, 0], [0, 0, 2, 2, 2, 0]),
        ((ill("relay"),), [100, 100, 100, 100, 100, 0], [0, 0, 0, 0, 4, 0]),
        ((ill("control_gear"),), [100, 100, 100, 100, 0, 0], [0, 0, 5, 5, 5, 0]),
        ((ill("lamp"), ill("relay", 14)), [100, 0, 0, 0, 0, 0], [0, 0, 1, 1, 4, 0]),
        ((ill("lamp", 21),), [100, 100, 100, 100, 0, 0], [0] * 6),  # nobody notices by day
        ((ill("driver", 12, 12.05),), [100, 0, 100, 100, 0, 0], [0] * 6),  # over at three minutes
    ],
)
def test_what_a_trouble_darkens_and_what_is_told_of_it(
    trouble: tuple[Trouble, ...], levels: list[float], faults: list[float]
) -> None:
    does, looks = run(*trouble), at(11, 12.01, 12.06, 15, 25, 31)
    assert does.level.of(looks).tolist() == levels
    assert does.fault.of(looks).tolist() == faults
    assert does.lit.of(looks).tolist() == [level > 0 for level in levels]
    assert does.power.of(looks).tolist() == [100 if level else 0.5 for level in levels]


def test_a_gear_that_is_dead_dims_nothing() -> None:
    does = run(ill("control_gear", 8), command=night(50.0))
    assert does.level.of(at(5, 15, 25)).tolist() == [0, 100, 0]
    assert does.command.of(at(15)).tolist() == [50]


def test_a_cycling_driver_is_dark_in_its_outs_and_told_after_forty_minutes() -> None:
    outs = ((START + 13 * HOUR, START + 14 * HOUR),)
    does = run(ill("cycling", 12, 30, outs=outs))
    assert does.level.of(at(12.9, 13.5, 14.1)).tolist() == [100, 0, 100]
    assert does.fault.of(at(12.66, 12.67, 20)).tolist() == [0, 3, 3]


def test_a_lamp_without_another_switch_burns_full_when_it_is_fed() -> None:
    supply = steps_from(at(9, 21), np.array([1.0, 0.0]))
    dimmed = night(40.0)
    does = run(command=dimmed, supply=supply, by_itself=True)
    assert does.level.of(at(5, 9.5, 15, 20.5, 22)).tolist() == [0, 100, 40, 100, 0]
    assert does.power.of(at(5, 22)).tolist() == [0, 0]
    assert does.command.of(at(9.5)).tolist() == [0]
    apart = run(command=dimmed, supply=supply, by_itself=False)
    assert apart.level.of(at(5, 9.5, 15, 22)).tolist() == [0, 0, 40, 0]
    assert apart.power.of(at(9.5)).tolist() == [0.5]


# -- what fails ---------------------------------------------------------------------------------


def test_events_make_the_troubles_they_are_called_after() -> None:
    world = a_world(
        an_event("relay-fault", 5, 6, "lamp"),
        an_event("driver-cycling", 3, 4, "cab"),
        an_event("lamp-failure", 1, 2, "lamp"),
        an_event("lamp-failure", 0, 2, "lamp", fault="control_gear"),
        an_event("lamp-failure", 0, 2, "other"),
    )
    found = troubles(lamp_place(), world, 1)
    assert [(each.kind, (each.begins - START) // HOUR) for each in found] == [
        ("control_gear", 0),
        ("lamp", 1),
        ("cycling", 3),
        ("relay", 5),
    ]
    assert [bool(each.outs) for each in found] == [False, False, True, False]


def test_a_cycling_driver_burns_and_rests_in_turn() -> None:
    (found,) = troubles(lamp_place(), a_world(an_event("driver-cycling", 0, 96, "lamp")), 1)
    starts, ends = np.array(found.outs).T
    burns = np.diff([found.begins, *np.column_stack([starts, ends]).ravel()])[::2] / MINUTE
    rests = (ends - starts) / MINUTE
    assert (burns.min(), burns.max()) == (pytest.approx(6, abs=0.3), pytest.approx(20, abs=0.3))
    assert (rests.min(), rests[:-1].max()) == (pytest.approx(2, abs=0.1), pytest.approx(6, abs=0.1))
    assert found.ends - 26 * MINUTE < ends[-1] <= found.ends, "to the end"
    assert starts[-1] < found.ends


def test_a_share_of_the_lamps_and_a_year_of_wear() -> None:
    """Of 4 days 91.3 failures a year are one a lamp: 63 % fail, each kind in its share."""
    many = [lamp_place(f"l{n}") for n in range(1_200)]
    shared = a_world(an_event("lamp-failure", 1, 9, "cab", share=0.25))
    assert sum(bool(troubles(each, shared, 1)) for each in many) == pytest.approx(300, abs=45)
    worn = a_world(an_event("wear", 0, 96, lamps=91.3))
    found = [each for place in many for each in troubles(place, worn, 1)]
    assert len(found) == pytest.approx(759, abs=50)
    kinds = {
        kind: sum(each.kind == kind for each in found) / len(found)
        for kind in ("driver", "lamp", "cycling", "control_gear", "relay")
    }
    assert kinds == pytest.approx(
        {"driver": 0.4, "lamp": 0.2, "cycling": 0.2, "control_gear": 0.12, "relay": 0.08}, abs=0.05
    )
    assert {each.ends for each in found} == {START + 96 * HOUR}
    assert min(each.begins for each in found) < START + HOUR
    for event in (an_event("wear", 0, 96), an_event("wear", 0, 96, "elsewhere", lamps=1e9)):
        assert troubles(many[0], a_world(event), 1) == ()
    assert troubles(many[0], a_world(an_event("wear", 0, 96, "cab", lamps=1e9)), 1)


# -- cabinets -----------------------------------------------------------------------------------

KEEPER = Place(device="cab-1", site="cab", domain="lighting", quantities=CABINET)
MEMBER = lamp_place("lamp-1", groups=("row",))


def a_circuit(*events: Event, plan: Steps | None = None, world: World | None = None) -> Circuit:
    return circuit("cab", (KEEPER, MEMBER), plan, world or a_world(*events), 1)


def test_whose_events_a_cabinet_suffers() -> None:
    for name, open_ in (("cab", 1), ("row", 1), ("cab-1", 1), ("lamp-1", 0), ("other", 0)):
        door = a_circuit(an_event("door", 1, 2, name)).door
        assert door.of(at(0.5, 1, 2)).tolist() == [0, open_, 0], name


@pytest.mark.parametrize("kind", ["cabinet-outage", "supply-loss"])
def test_without_a_supply_it_speaks_as_long_as_its_battery(kind: str) -> None:
    told = a_circuit(an_event(kind, 10, 40, "cab"))
    assert told.grid.of(at(9, 10, 39, 40)).tolist() == [1, 0, 0, 1]
    assert told.alive.of(at(21.9, 22, 39, 40)).tolist() == [1, 0, 0, 1]
    assert told.live.of(at(9, 10, 40)).tolist() == [1, 0, 1]
    short = a_circuit(an_event(kind, 10, 40, "cab", battery_h=2.5))
    assert short.alive.of(at(12.49, 12.5)).tolist() == [1, 0]
    for hours in (30, 31):
        long = a_circuit(an_event(kind, 10, 40, "cab", battery_h=hours))
        assert long.alive.of(at(39.99, 40)).tolist() == [1, 1]


def test_a_leak_trips_the_breaker_after_ten_minutes_if_it_does() -> None:
    told = a_circuit(
        an_event("leakage", 10, 12, "cab", trips=True), an_event("leakage", 20, 21, "cab")
    )
    assert spans(told.leakage) == [(600, 720), (1200, 1260)]
    assert told.breaker.of(at(10.1, 10.17, 11.9, 12, 20.5)).tolist() == [1, 0, 0, 1, 1]
    assert told.fed.of(at(10.1, 10.17)).tolist() == [1, 0]
    assert told.grid.of(at(11)).tolist() == [1]


def test_a_contactor_follows_its_plan_or_sticks() -> None:
    plan = night(30.0)
    sound = a_circuit(plan=plan)
    assert sound.contactor.of(at(5, 15, 25)).tolist() == [0, 1, 0]
    assert not sound.error.of(at(5, 15, 25)).any()
    shut = a_circuit(an_event("contactor-error", 4, 16, "cab", stuck="closed"), plan=plan)
    assert shut.contactor.of(at(3, 5, 15, 17, 25)).tolist() == [0, 1, 1, 1, 0]
    assert shut.error.of(at(3, 5, 15, 17, 25)).tolist() == [0, 1, 0, 0, 0]
    open_ = a_circuit(an_event("contactor-error", 4, 16, "cab"), plan=plan)
    assert open_.contactor.of(at(3, 5, 15, 17, 25)).tolist() == [0, 0, 0, 1, 0]
    assert open_.error.of(at(3, 5, 15, 17, 25)).tolist() == [0, 0, 1, 0, 0]
    assert a_circuit().contactor.of(at(5)).tolist() == [1], "without a plan all is fed"


GAUGE = Place(device="g", site="river", domain="flood", river="Orge", quantities={"level": 900.0})


def under(level: Callable[[Any], Any], hours: float = 30) -> tuple[World, Circuit]:
    """A cabinet whose foot is at 1 m; `level`: of the river at each hour."""
    asset = Asset(name="box", kind="cabinet", gauge="river", level=1.0, site="cab")
    other = Asset(name="other", kind="cabinet", gauge="river", level=-9.0, site="elsewhere")
    field = Field(places=(GAUGE,), assets=(other, asset))
    world = a_world(field=field, hours=hours)
    known = (world.air.grid - START) / HOUR
    wave = np.array([float(level(hour)) for hour in known])
    world.courses = {"river": replace(world.courses["river"], level=wave)}
    return world, a_circuit(world=world)


def test_water_rises_over_its_foot_and_goes() -> None:
    """A centimetre in ten minutes: leak, breaker at 10 cm, controller at 30; then it falls."""
    world, told = under(lambda hour: 1 + (0.06 * (hour - 10) if hour < 16 else -1))
    assert depth("cab", world, at(12, 15)) == pytest.approx([0.12, 0.3])
    assert depth("box", world, at(12)) == pytest.approx([0.12])
    assert np.isneginf(depth("nobody", world, at(12))).all()
    ((leaks, over),) = spans(told.leakage, 30)
    assert leaks == 10 * 60 + 1 + 3
    assert over == pytest.approx(16 * 60 + 12 * 60, abs=6)
    for steps, minutes in ((told.breaker, 101), (told.alive, 301)):
        ((begins, ends),) = spans(steps, 30)
        assert begins == 0
        assert ends == pytest.approx(10 * 60 + minutes, abs=1)


def test_a_flash_flood_takes_twenty_minutes_for_each() -> None:
    """From 19:55 to 20:00 it rises by 9 m: at 19:56 the foot is wet."""
    _, told = under(lambda hour: 9.0 if hour >= 20 - 1e-9 else 0.0)
    wet = 19 * 60 + 56
    assert [start for start, _ in spans(told.leakage, 30)] == [wet + 3]
    assert [end for _, end in spans(told.breaker, 30)] == [wet + 23]
    assert [end for _, end in spans(told.alive, 30)] == [wet + 43]
    assert told.grid.of(at(29)).tolist() == [1], "the operator's grid is there"


@pytest.mark.parametrize(
    ("depth_", "trips", "drowns"),
    [(0.09, False, False), (0.11, True, False), (0.29, True, False), (0.31, True, True)],
)
def test_how_deep_it_must_be(depth_: float, trips: bool, drowns: bool) -> None:  # noqa: FBT001
    _, told = under(lambda hour: 1 + depth_ if hour >= 10 else 0.0)
    assert (told.breaker.of(at(29))[0] == 0, told.alive.of(at(29))[0] == 0) == (trips, drowns)
    assert told.leakage.of(at(15)).tolist() == [1]


@pytest.mark.parametrize(
    ("rain", "rate"), [(0.0, 91.3), (2.5, 91.3 / 20.5), (5.0, 91.3 / 40), (99.0, 91.3 / 40)]
)
def test_wet_joints_leak_forty_times_as_often(
    rain: float, rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a rate of one in four days two thirds do, for six hours, and trip nothing."""
    world = a_world(an_event("wear", 0, 96, leakage=rate))
    monkeypatch.setattr(world, "rain", lambda _lon, _lat, times: np.full(len(times), rain))
    found = []
    for number in range(150):
        told = circuit(f"s{number}", (KEEPER,), None, world, 1)
        found += spans(told.leakage)
        assert told.breaker.of(at(50)).tolist() == [1]
    assert len(found) == pytest.approx(95, abs=16)
    assert {round(end - start) for start, end in found if end < 96 * 60} == {360}
    assert all(start % 5 == 0 for start, _ in found)


def test_wear_of_others_or_of_none_leaks_nothing() -> None:
    for event in (
        an_event("wear", 0, 96, "elsewhere", leakage=1e6),
        an_event("wear", 0, 96, lamps=1e6),
        an_event("wear", 0, 96, leakage=0),
    ):
        assert spans(a_circuit(event).leakage) == []
    assert spans(a_circuit(an_event("wear", 0, 96, "cab", leakage=1e6)).leakage) == [(0, 360)]


def test_clocks_are_off_by_minutes_and_none_by_more_than_five() -> None:
    off = np.array([drift(f"c{number}", 1) for number in range(4_000)]) / SECOND
    assert (off == off.round()).all()
    assert off.mean() == pytest.approx(0, abs=4)
    assert off.std() == pytest.approx(90, abs=3)
    assert (off.min(), off.max()) == (-300, 300)


# -- what a cabinet tells -----------------------------------------------------------------------

GRID = at(*np.arange(0, 96.1, 0.25))


def a_lamp(number: int = 0, *, level: float = 100.0, full: float = 100.0, **more: Any) -> Lamp:
    which = a_luminaire(full=full)
    does = simulate_lamp(which, night(level), constant(1.0), (), by_itself=False)
    return Lamp(
        place=lamp_place(f"lamp-{number}", **more),
        which=which,
        does=does,
        grid=GRID,
        volts=np.full(len(GRID), 230.0),
    )


def a_cabinet(*events: Event, lamps: int = 0, estimate: Steps | None = None) -> Cabinet:
    runs = circuit("cab", (KEEPER,), night(), a_world(*events), 1)
    return Cabinet(
        place=KEEPER,
        circuit=runs,
        lamps=[a_lamp(number, full=100.0 * (number + 1)) for number in range(lamps)],
        grid=GRID,
        volts=np.full(len(GRID), 230.0),
        estimate=estimate,
    )


def look(cabinet: Cabinet, *hours: float) -> Any:
    return cabinets._observe(cabinet, at(*hours), np.random.default_rng(1))  # noqa: SLF001


def test_a_cabinet_draws_for_itself_and_its_contactor() -> None:
    """12 W, and 8 while it is pulled in, on the first phase."""
    told = look(a_cabinet(), 5, 15)
    assert [each.tolist() for each in told.watts] == [[12, 20], [0, 0], [0, 0]]
    assert told.amperes[0] == pytest.approx([12 / 230, 20 / 230])
    assert told.volts.tolist() == [230, 230]
    dark = look(a_cabinet(an_event("supply-loss", 1, 30, "cab")), 15)
    assert dark.volts.tolist() == [0]
    assert dark.watts[0].tolist() == [0]
    assert dark.amperes[0].tolist() == [0]


def test_lamps_hang_on_the_phases_in_turn() -> None:
    told = look(a_cabinet(lamps=4), 15)
    assert [float(each[0]) for each in told.watts] == pytest.approx([20 + 100 + 400, 200, 300])
    # led at full: 0.973 of the apparent power
    assert [float(each[0]) for each in told.amperes] == pytest.approx(
        [(20 + 500 / 0.97302) / 230, 200 / 0.97302 / 230, 300 / 0.97302 / 230], rel=1e-4
    )


def test_lamps_that_do_not_speak_are_estimated_on_all_phases() -> None:
    told = look(a_cabinet(estimate=night(900.0)), 5, 15)
    assert [each.tolist() for each in told.watts] == [[12, 320], [0, 300], [0, 300]]
    assert told.amperes[1] == pytest.approx([0, 300 / 230 / 0.95])


def test_what_a_cabinet_tells_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cabinets, "METERING", 0.0)
    told = look(a_cabinet(lamps=2), 15)
    reads = {name: float(read(told)[0]) for name, read in cabinets.READINGS.items()}
    assert reads["cabinet_power"] == pytest.approx(0.32)
    assert [reads[f"phase{n}_current"] for n in (1, 2, 3)] == pytest.approx(
        [(20 + 100 / 0.97302) / 230, 200 / 0.97302 / 230, 0], rel=1e-4
    )
    assert reads["supply_voltage"] == pytest.approx(230, abs=1)
    assert reads["battery"] == 98
    monkeypatch.undo()
    many = look(a_cabinet(lamps=2), *np.linspace(11, 19, 3_000))
    power = cabinets.READINGS["cabinet_power"](many) / 0.32
    assert (power.mean(), power.std()) == (
        pytest.approx(1, abs=3e-4),
        pytest.approx(0.003, abs=2e-4),
    )
    assert cabinets.READINGS["supply_voltage"](many).std() == pytest.approx(0.2, abs=0.015)


def test_a_battery_lasts_fourteen_hours() -> None:
    told = look(a_cabinet(an_event("supply-loss", 10, 30, "cab")), 9, 10, 17, 24, 29, 30)
    assert cabinets.READINGS["battery"](told) == pytest.approx([98, 98, 49, 0, 0, 98])
    assert cabinets.READINGS["supply_voltage"](told)[1:5].tolist() == [0] * 4


def rows(told: Any) -> dict[str, list[tuple[float, float]]]:
    """What is told of each quantity: seconds of the story, and the value."""
    return {
        each.quantity.name: list(
            zip(((each.times - START) / SECOND).tolist(), each.value.tolist(), strict=True)
        )
        for each in told
    }


def test_a_cabinet_tells_at_intervals_and_on_changes() -> None:
    world = a_world(an_event("door", 5.2, 5.4, "cab"), an_event("door", 95.9999, 96, "cab"))
    runs = circuit("cab", (KEEPER,), night(), world, 1)
    cab = replace(a_cabinet(), circuit=runs)
    told = rows(cabinets.cabinet_readings(cab, world, 1, CATALOGUE))
    power = [when for when, _ in told["cabinet_power"]]
    phase = power[0]
    assert phase in range(300)
    extra = [when for when in power if (when - phase) % 900]
    delay = extra[0] - 10 * 3600
    assert delay in range(2, 15)
    assert extra == [10 * 3600 + delay, 20 * 3600 + delay]
    assert len(power) == 4 * 96 + 2
    doors = told["cabinet_door"]
    assert doors == [
        *((phase, 0), (5.2 * 3600 + delay, 1), (5.4 * 3600 + delay, 0)),
        *((day * 86_400 + phase, 0) for day in (1, 2, 3)),
    ], "what would be told after the end is not"
    assert set(told) == {
        *("battery", "cabinet_power", "supply_voltage", "phase1_current", "phase2_current"),
        *("phase3_current", "cabinet_door", "earth_leakage", "supply_loss", "contactor_error"),
    }


# -- what a lamp tells --------------------------------------------------------------------------


def a_look(lamp: Lamp, *hours: float, far: float = 0.0) -> telling.Observation:
    return telling.Observation(
        lamp=lamp, at=at(*hours), begins=START, far=far, chance=np.random.default_rng(1)
    )


def test_counters_count_what_has_burnt() -> None:
    """From 1000.4 h and 60 kWh: five hours at full, and what it takes when it is dark."""
    told = a_look(a_lamp(), 0, 10, 10.7, 15)
    reads = {name: read(told).tolist() for name, read in telling.READINGS.items()}
    assert reads["burning_hours"] == [1000, 1000, 1001, 1005]
    assert reads["lamp_energy"] == pytest.approx([60.0, 60.005, 60.075, 60.505])
    assert reads["light_level"] == reads["light_command"] == [0, 100, 100, 100]
    assert reads["lamp_fault"] == [0] * 4
    assert reads["power_factor"][1:] == pytest.approx([0.97302] * 3, abs=1e-4)


def test_a_cable_drops_two_percent_at_its_far_end() -> None:
    hours = np.linspace(11, 19, 2_000)
    near, far, dimmed = (
        telling.READINGS["supply_voltage"](a_look(a_lamp(level=level), *hours, far=end))
        for level, end in ((100, 0.0), (100, 1.0), (50, 1.0))
    )
    assert near.mean() == pytest.approx(230, abs=0.02)
    assert far.mean() == pytest.approx(225.4, abs=0.02)
    assert dimmed.mean() == pytest.approx(227.7, abs=0.02)
    assert near.std() == pytest.approx(0.2, abs=0.01)
    power = telling.READINGS["lamp_power"](a_look(a_lamp(), *hours))
    assert (power.mean(), power.std()) == (
        pytest.approx(100, abs=0.02),
        pytest.approx(0.2, abs=0.01),
    )


EVERY = {
    "light_level": 900.0,
    "lamp_power": 900.0,
    "lamp_fault": 86_400.0,
    "lamp_energy": 3600.0,
    "unknown": 60.0,
}


def test_a_fed_lamp_tells_at_intervals_and_its_changes() -> None:
    lamp = a_lamp(quantities=EVERY)
    told = rows(telling.lamp_readings(lamp, a_world(), 1, CATALOGUE))
    assert set(told) == {"light_level", "lamp_power", "lamp_fault", "lamp_energy"}
    level = [when for when, _ in told["light_level"]]
    phase = level[0]
    assert phase in range(900)
    extra = [when for when in level if (when - phase) % 900]
    delay = extra[0] - 10 * 3600
    assert delay in range(2, 15)
    assert extra == [36_000 + delay, 72_000 + delay]
    assert [when for when, _ in told["lamp_power"]] == level
    assert [when for when, _ in told["lamp_fault"]] == [phase + 86_400 * day for day in range(4)]
    assert [when for when, _ in told["lamp_energy"]] == [phase + 3600 * hour for hour in range(96)]
    assert rows(telling.lamp_readings(a_lamp(), a_world(), 1, CATALOGUE)) == {}


def test_a_fault_is_told_at_once() -> None:
    lamp = a_lamp(quantities=EVERY)
    does = run(ill("lamp", 12, 30))
    told = rows(telling.lamp_readings(replace(lamp, does=does), a_world(), 1, CATALOGUE))
    delay = next(
        when - 43_200 for when, value in told["light_level"] if when > 43_200 and not value
    )
    assert delay in range(2, 15)
    faults = dict(told["lamp_fault"])
    assert faults[43_200 + 180 + delay] == 1
    assert faults[30 * 3600 + delay] == 0


def test_a_switched_lamp_speaks_when_it_is_fed_and_has_booted() -> None:
    supply = indicator([(int(at(10)[0]), int(at(20)[0]))])
    boots = set()
    for seed in range(40):
        lamp = a_lamp(quantities=EVERY)
        does = simulate_lamp(lamp.which, night(), supply, (), by_itself=True)
        told = rows(telling.lamp_readings(replace(lamp, does=does), a_world(), seed, CATALOGUE))
        level = [when for when, _ in told["light_level"]]
        boots.add(level[0] - 36_000)
        assert level[-1] < 72_000
        assert [when for when, _ in told["lamp_fault"]] == level[:1]
    assert min(boots) < 30
    assert max(boots) in range(140, 150)
    assert min(boots) >= 20


@pytest.mark.parametrize("protocol", ["chirpstack", "the-things-stack"])
def test_over_the_air_every_message_holds_all(protocol: str) -> None:
    lamp = a_lamp(quantities=EVERY, protocol=protocol)
    does = run(ill("lamp", 12, 30))
    told = rows(telling.lamp_readings(replace(lamp, does=does), a_world(), 1, CATALOGUE))
    times = {name: [when for when, _ in each] for name, each in told.items()}
    assert len({tuple(each) for each in times.values()}) == 1
    (whole,) = {tuple(each) for each in times.values()}
    assert len([when for when in whole if (when - whole[0]) % 900]) == 4  # on, dark, told, over
