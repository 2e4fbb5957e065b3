"""What sensors count on a road and who drives around it, against values worked out by hand."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from simulators import _traffic_counting as counting
from simulators._field import Asset, Field, Group, Place
from simulators._story import Event, Story
from simulators._traffic_counting import (
    TrafficState,
    VehicleCounts,
    apply_loop_faults,
    count_vehicles,
    interval_ends,
)
from simulators._traffic_queues import Stretch, pass_bottleneck, simulate_passing
from simulators._traffic_sections import (
    Section,
    distance,
    divert_traffic,
    is_closed,
    list_sections,
    open_share,
)
from simulators._world import World
from simulators.mobility import CATALOGUE

SECOND = 1_000_000
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
BEGINS = datetime(2024, 10, 8, tzinfo=UTC)
START = int(BEGINS.timestamp()) * SECOND
KM = 1 / 111.2


def at(*minutes: float) -> "np.typing.NDArray[np.int64]":
    return START + (np.array(minutes) * MINUTE).astype(np.int64)


def a_world(*events: Event, field: Field | None = None) -> World:
    made = World(Story(name="s", title="", begins=BEGINS, hours=6), field or Field(places=()), 1)
    made.events = events
    return made


def an_event(kind: str, begins: float, ends: float, *who: str, **more: object) -> Event:
    """In minutes."""
    return Event(
        kind=kind,
        begins=START + int(begins * MINUTE),
        ends=START + int(ends * MINUTE),
        where=frozenset(who),
        parameters=more,
    )


# -- counting -----------------------------------------------------------------------------------


def steady(per_minute: float = 10.4, minutes: int = 400) -> TrafficState:
    """So many vehicles a minute at 60 km/h, a tenth of them trucks, 8 % of the time over a loop."""
    ones = np.ones(minutes)
    return TrafficState(
        times=at(*range(minutes)),
        count=np.cumsum(per_minute * ones),
        density=np.cumsum(per_minute * ones),  # as many a km as pass in a minute
        occupied=np.cumsum(8.0 * ones),
        trucks=np.cumsum(0.1 * ones),
        free_speed=90.0,
    )


def seen(state: TrafficState, *minutes: float, every: float = 360.0) -> VehicleCounts:
    return count_vehicles(state, at(*minutes), every, np.random.default_rng(1))


def test_vehicles_are_whole_and_none_is_lost_between_intervals() -> None:
    told = seen(steady(), *range(6, 397, 6))
    assert told.vehicles.dtype == np.int64
    assert set(told.vehicles.tolist()) == {62, 63}
    assert told.vehicles[:5].tolist() == [62, 63, 62, 63, 62]  # of 72.8, 135.2, 197.6, 260, 322.4
    assert told.hours == 0.1
    assert counting.READINGS["traffic_flow"](told)[0] == 620


def test_means_over_an_interval() -> None:
    told = seen(steady(), *range(6, 397, 6))
    assert told.speed.mean() == pytest.approx(60, abs=0.3)
    assert told.speed.std() == pytest.approx(60 * 0.1 / np.sqrt(62.4), rel=0.3)
    assert told.occupancy.mean() == pytest.approx(8, abs=0.05)
    assert told.occupancy.std() == pytest.approx(8 * 0.015, rel=0.3)
    assert told.heavy.mean() == pytest.approx(10, abs=1.2)
    assert told.heavy * told.vehicles / 100 == pytest.approx(
        (told.heavy * told.vehicles / 100).round()
    )


def test_without_a_vehicle_there_is_no_speed() -> None:
    told = seen(steady(0.0), 6, 12)
    assert told.vehicles.tolist() == [0, 0]
    assert np.isnan(told.speed).all()
    assert np.isnan(told.heavy).all()
    assert told.occupancy == pytest.approx([8, 8], rel=0.1)


def test_intervals_are_those_of_the_clock() -> None:
    ends = interval_ends(START + 1, START + HOUR, 900.0)
    assert ((ends - START) // MINUTE).tolist() == [15, 30, 45, 60]
    assert interval_ends(START, START + HOUR - 1, 900.0)[0] == START
    assert len(interval_ends(START, START + HOUR - 1, 900.0)) == 4


LOOP = Place(device="loop", site="s", quantities={})


@pytest.mark.parametrize(
    ("mode", "occupancy"), [({}, 100.0), ({"mode": "stuck"}, 100.0), ({"mode": "dead"}, 0.0)]
)
def test_a_loop_that_is_stuck_or_dead_counts_nobody(mode: dict[str, str], occupancy: float) -> None:
    sound = seen(steady(), 6, 12, 18, 24)
    world = a_world(
        an_event("loop-fault", 6, 18, "loop", **mode), an_event("loop-fault", 0, 99, "x")
    )
    told = apply_loop_faults(sound, LOOP, world, np.random.default_rng(1))
    assert told.vehicles.tolist() == [62, 0, 0, 63]
    assert np.isnan(told.speed).tolist() == [False, True, True, False]
    assert np.isnan(told.heavy).tolist() == [False, True, True, False]
    assert told.occupancy[1:3].tolist() == [occupancy] * 2
    assert told.occupancy[[0, 3]].tolist() == sound.occupancy[[0, 3]].tolist()
    assert told.hours == 0.1
    assert told.at.tolist() == sound.at.tolist()


def test_a_loop_that_chatters_counts_ghosts_of_any_speed() -> None:
    """Four of one, and three hundred an hour of an empty road."""
    minutes = range(6, 397, 6)
    world = a_world(an_event("loop-fault", 0, 360, "loop", mode="chatter"))
    for per_minute, ghosts in ((10.4, 4 * 62.4 + 30), (0.0, 30)):
        told = apply_loop_faults(
            seen(steady(per_minute), *minutes), LOOP, world, np.random.default_rng(2)
        )
        assert told.vehicles[:60].mean() == pytest.approx(ghosts, rel=0.06)
        assert 5 <= told.speed[:60].min() < 20
        assert 170 < told.speed[:60].max() <= 190
        assert (told.occupancy[:60].min() < 5, told.occupancy[:60].max() > 54) == (True, True)
        assert told.occupancy[:60].max() <= 60
        assert (told.heavy[:60].min() < 2, 18 < told.heavy[:60].max() <= 20) == (True, True)


def rows(place: Place, state: TrafficState, world: World) -> dict[str, list[tuple[float, float]]]:
    return {
        each.quantity.name: list(
            zip(((each.times - START) / MINUTE).tolist(), each.value.tolist(), strict=True)
        )
        for each in counting.sensor_readings(place, state, world, 1, CATALOGUE)
    }


def test_a_sensor_tells_what_it_measures_at_its_intervals() -> None:
    minutes = {"traffic_flow": 360.0, "traffic_speed": 900.0, "battery": 3600.0, "noise": 60.0}
    state = replace(steady(), times=at(*range(-20, 380)))
    told = rows(replace(LOOP, quantities=minutes), state, a_world())
    assert set(told) == {"traffic_flow", "traffic_speed", "battery"}
    assert [when for when, _ in told["traffic_flow"]] == [6.0 * n for n in range(61)]
    assert [when for when, _ in told["traffic_speed"]] == [15.0 * n for n in range(25)]
    assert [when for when, _ in told["battery"]] == [60.0 * n for n in range(7)]
    assert {flow for _, flow in told["traffic_flow"]} == {620, 630}


def test_a_radar_s_message_holds_all_and_repeats_its_last_speed() -> None:
    minutes = {"traffic_flow": 360.0, "traffic_speed": 900.0, "battery": 3600.0}
    place = replace(LOOP, quantities=minutes, protocol="chirpstack")
    state = replace(steady(), times=at(*range(-20, 380)))
    empty = a_world(an_event("loop-fault", -9, 30, "loop", mode="dead"))
    told = rows(place, state, empty)
    times = [6.0 * n for n in range(61)]
    assert [[when for when, _ in each] for each in told.values()] == [times] * 3
    assert [speed for _, speed in told["traffic_speed"]][:6] == [90.0] * 6
    assert 50 < told["traffic_speed"][6][1] < 70
    ended = a_world(an_event("loop-fault", 30, 999, "loop", mode="dead"))
    speeds = [speed for _, speed in rows(place, state, ended)["traffic_speed"]]
    assert speeds[6:] == [speeds[5]] * 55
    assert rows(replace(LOOP, quantities={}), state, a_world()) == {}


# -- queues -------------------------------------------------------------------------------------


def test_a_bottleneck_holds_what_is_too_much() -> None:
    come = np.cumsum([10.0, 30, 30, 0, 0, 10])
    assert np.diff(pass_bottleneck(come, np.full(6, 20.0)), prepend=0).tolist() == [
        10,
        20,
        20,
        20,
        0,
        10,
    ]


def stretch(km: float, capacity: Any) -> Stretch:
    return Stretch(at=km, ahead=0.5, capacity=capacity, speed=60.0, wave=15.0, standstill=100.0)


def test_a_queue_s_news_come_upstream_at_their_speed() -> None:
    """Ten a minute come, and after ten minutes one passes: what is behind it waits.

    85 have come by then. A kilometre and a half behind the head the news is six minutes old, and
    150 stand between; half a kilometre behind it two minutes, and 50.
    """
    entering = np.full(90, 10.0)
    free = np.full(90, 99.0)
    narrow = np.where(np.arange(90) < 10, 99.0, 1.0)
    first, second = simulate_passing(entering, [stretch(0.0, free), stretch(1.0, narrow)], 60.0)
    assert first.count[:3].tolist() == [10, 20, 30], "free: nobody waits"
    assert second.count[1:4].tolist() == [10, 20, 30], "a kilometre is a minute"
    assert first.count[80] == pytest.approx(85 + (80 - 9 - 6) + 150, abs=1e-9)
    assert second.count[80] == pytest.approx(85 + (80 - 9 - 2) + 50, abs=1e-9)
    assert second.queued.argmax() < first.queued.argmax()
    assert not first.queued[:10].any()


# -- sections -----------------------------------------------------------------------------------


def sensor(name: str, lon: float = 2.2, lat: float = 48.6, **more: Any) -> Place:
    known = {"quantities": {"traffic_flow": 360.0}, "site": name, **more}
    properties = {"road_class": "trunk", **known.pop("properties", {})}
    return Place(device=name, domain="mobility", lon=lon, lat=lat, properties=properties, **known)


def test_sections_are_groups_and_every_other_sensor() -> None:
    places = (
        sensor("a"),
        sensor("b", quantities={"occupancy": 60.0}),
        sensor("c", properties={"direction": "out"}),
        sensor("d", quantities={"bicycles": 60.0}),
        sensor("e"),
    )
    groups = (
        Group(name="z", kind="section", members=("c", "b", "gone")),
        Group(name="y", kind="cabinet", members=("a",)),
        Group(name="x", kind="section", members=("d",)),
    )
    found = list_sections(Field(places=places, groups=groups))
    assert [(each.name, [p.device for p in each.places]) for each in found] == [
        ("z", ["b", "c"]),
        ("a", ["a"]),
        ("e", ["e"]),
    ]
    assert [each.direction for each in found] == ["out", "both", "both"]


@pytest.mark.parametrize(
    ("direction", "order"),
    [("out", ["near", "far"]), ("in", ["far", "near"]), ("both", ["far", "near"])],
)
def test_sensors_stand_in_the_direction_of_travel(direction: str, order: list[str]) -> None:
    way = {"direction": direction}
    places = (sensor("far", lat=48.5, properties=way), sensor("near", lat=48.6, properties=way))
    group = Group(name="g", kind="section", members=("far", "near"))
    (found,) = list_sections(Field(places=places, groups=(group,)))
    assert [each.device for each in found.places] == order
    assert found.along[0] == 0
    assert found.along[1] == pytest.approx(11.1, abs=0.8)
    assert found.capacity == 3600


def test_kilometres_are_as_said_or_else_in_the_order_of_names() -> None:
    group = Group(name="g", kind="section", members=("a", "b"))
    said = (sensor("a", properties={"pk_km": 7.5}), sensor("b", properties={"pk_km": 3}))
    (found,) = list_sections(Field(places=said, groups=(group,)))
    assert [each.device for each in found.places] == ["b", "a"]
    assert list(found.along) == [0, 4.5]
    nowhere = tuple(replace(sensor(name), lon=None) for name in "ab")
    (found,) = list_sections(Field(places=nowhere, groups=(group,)))
    assert [each.device for each in found.places] == ["a", "b"]
    assert found.along[1] == 1


def test_how_far_two_places_are() -> None:
    assert distance((2.0, 48.0), (2.0, 49.0)) == pytest.approx(111.2)
    assert distance((2.0, 60.0), (3.0, 60.0)) == pytest.approx(55.6)
    assert distance((0.0, 50.0), (1.0, 51.0)) == pytest.approx(
        111.2 * np.hypot(0.63608, 1), abs=0.01
    )


def a_section(*names: str, **more: Any) -> Section:
    places = tuple(sensor(name, lat=48.5 + n * KM, **more) for n, name in enumerate(names))
    group = Group(name="g", kind="section", members=names)
    (found,) = list_sections(Field(places=places, groups=(group,)))
    return found


def test_an_incident_takes_lanes_after_its_sensor_while_it_lasts() -> None:
    section = a_section("a", "b")  # towards Paris; two lanes
    looks = at(9, 10, 10.5, 20, 20.5)

    def left(number: int, *events: Event) -> list[float]:
        return list(open_share(section, number, a_world(*events), looks))

    assert left(0, an_event("incident", 10, 20, "a")) == [1, 1, 0.35, 0.35, 1]
    assert left(1, an_event("incident", 10, 20, "a")) == [1] * 5
    assert left(0, an_event("incident", 10, 20, "a", lanes_blocked=0)) == [1, 1, 0.81, 0.81, 1]
    assert left(0, an_event("incident", 10, 20, "a", lanes_blocked=2)) == [1, 1, 0, 0, 1]
    assert left(0, an_event("incident", 10, 20, "a", capacity=0.6)) == [1, 1, 0.6, 0.6, 1]
    both = (
        an_event("incident", 10, 20, "a", capacity=0.6),
        an_event("incident", 0, 99, "a", capacity=0.7),
    )
    assert left(0, *both) == [0.7, 0.7, 0.6, 0.6, 0.7]
    whole = an_event("incident", 10, 20, "a", "b")
    assert [left(number, whole)[2] for number in (0, 1)] == [1, 0.35], (
        "at the last, so that all queue"
    )


def test_a_road_is_shut_by_a_closure_and_by_water_until_it_is_clean() -> None:
    place = sensor("a", lon=2.2, lat=48.6)
    gauge = Place(
        device="g", site="river", domain="flood", river="Orge", quantities={"level": 900.0}
    )

    def shut(*minutes: float, asset: Asset | None = None, closure: bool = False) -> list[bool]:
        field = Field(places=(place, gauge), assets=(asset,) if asset else ())
        world = a_world(*([an_event("closure", 10, 20, "a")] if closure else []), field=field)
        wave = np.where(
            (world.air.grid >= START + HOUR) & (world.air.grid < START + 2 * HOUR), 9.0, 0.0
        )
        world.courses = {"river": replace(world.courses["river"], level=wave)}
        return [bool(each) for each in is_closed(place, world, at(*minutes))]

    assert shut(9, 10, 11, 20, 21, closure=True) == [False, False, True, True, False]
    road = Asset(name="rd", kind="road", gauge="river", level=5.0, site="a")
    looks = (30, *range(61, 245, 10), 230, 236.9, 240, 245)
    told = dict(zip(looks, shut(*sorted(looks), asset=road), strict=False))
    assert not told[30]
    minutes = np.arange(0, 300.0)
    when = np.flatnonzero(shut(*minutes, asset=road))
    # wet from a little before the hour to a little before the next, and two hours of cleaning
    assert (when.min(), when.max()) == (58, 237)
    assert len(when) == 180
    near = replace(road, site="", lon=2.2, lat=48.6 + 0.29 * KM)
    assert any(shut(90, asset=near))
    for other in (
        replace(near, lat=48.6 + 0.31 * KM),
        replace(near, lon=None),
        replace(road, site="elsewhere"),
        replace(road, kind="school"),
    ):
        assert not any(shut(90, asset=other))
    early = replace(road, level=-5.0)
    assert shut(-1, 0, asset=early) == [False, True], "roads fill undisturbed before the story"


def test_who_turns_off_before_a_closed_road_drives_around_or_stays_at_home() -> None:
    """Of 1000 300 are local; of the other 700 four in ten stay, 420 go where there is room."""
    shut_one = a_section("shut")
    near, full = (replace(a_section(name), name=name) for name in ("near", "full"))
    closed_too = replace(a_section("c"), name="closed")
    shut_one = replace(shut_one, name="shut")
    far = replace(a_section("far"), name="far")
    far = replace(far, places=(replace(far.places[0], lat=48.5 + 8.1 * KM),))
    back = replace(a_section("back", properties={"direction": "out"}), name="back")
    lost = replace(a_section("lost"), name="lost")
    lost = replace(lost, places=(replace(lost.places[0], lon=None),))
    every = [replace(shut_one, direction="in"), near, full, closed_too, far, back, lost]
    wanted = {each.name: np.array([1000.0, 1000.0]) for each in every}
    wanted["full"] = np.array([3400.0, 3400.0])
    shut = {each.name: np.array([False, False]) for each in every}
    shut["shut"] = np.array([True, False])
    shut["closed"] = np.array([True, True])
    wanted["closed"] = np.array([0.0, 0.0])
    told = {name: each.tolist() for name, each in divert_traffic(every, wanted, shut).items()}
    assert told == {
        "shut": [300, 1000],
        "near": [1140, 1000],
        "full": [3492, 3400],
        "closed": [0, 0],
        "far": [1000, 1000],
        "back": [1000, 1000],
        "lost": [1000, 1000],
    }


@pytest.mark.parametrize(("km", "goes"), [(7.9, True), (8.1, False)])
def test_nobody_drives_around_by_a_road_that_is_far(km: float, goes: bool) -> None:  # noqa: FBT001
    one = replace(a_section("one"), name="one")
    other = replace(a_section("other"), name="other")
    other = replace(other, places=(replace(other.places[0], lat=48.5 + km * KM),))
    wanted = {name: np.array([1000.0]) for name in ("one", "other")}
    shut = {"one": np.array([True]), "other": np.array([False])}
    assert (divert_traffic([one, other], wanted, shut)["other"][0] == 1420) == goes
