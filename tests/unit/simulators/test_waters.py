"""Rain to river, basins and the official colour, against values worked out by hand."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from simulators import flood as vigilance
from simulators._catchment import (
    Basin,
    answer,
    bankfull,
    cascade,
    discharge_of,
    discharges,
    downstream_order,
    level_of,
    runoff,
    through,
)
from simulators._field import Asset, Field, Group, Place
from simulators._rivers import Course, catchment_rain, courses
from simulators._story import HOUR, SECOND, Event, Story, Weather
from simulators._weather import Atmosphere
from simulators._world import World
from simulators.flood import fill

BEGINS = datetime(2024, 10, 8, tzinfo=UTC)
START = int(BEGINS.timestamp()) * SECOND


def test_what_runs_off_by_the_curve_number() -> None:
    """Of a curve number 50 the ground holds 254 mm, of which a fifth before anything runs.

    Of 100.8 mm 50 are beyond that: 2500 / 304 run.
    """
    none = np.zeros(4)
    ran = runoff(np.array([50.8, 0.0, 50.0, 0.0]), 50.0, dried=none, step=0.0)
    assert ran == pytest.approx([0, 0, 2500 / 304, 0])
    assert runoff(np.array([10.0, 10.0]), 100.0, dried=none[:2], step=0.0) == pytest.approx(
        [10, 10]
    )


def test_the_same_rain_runs_off_wet_ground_and_not_off_dry() -> None:
    """In ten days the ground forgets all but 1/e of 101.6 mm: 37.4, of which nothing runs.

    60 mm then bring it to 97.4 mm, 46.6 beyond what it takes first; after 30 mm of sun to 67.4.
    """
    rain = np.array([101.6, 60.0])
    ten_days = 10 * 86_400.0
    for dried, beyond in ((0.0, 97.376 - 50.8), (30.0, 67.376 - 50.8)):
        ran = runoff(rain, 50.0, dried=np.array([dried, 0.0]), step=ten_days)
        assert ran[0] == pytest.approx(50.8**2 / 304.8)
        assert ran[1] == pytest.approx(beyond**2 / (beyond + 254), rel=1e-3)
    at_once = runoff(rain, 50.0, dried=np.zeros(2), step=0.0)
    assert at_once[1] > 2 * ran[1]


def test_reservoirs_in_a_row() -> None:
    """Of three with a constant of 1 h the peak comes after 2 h, the middle after 3."""
    response = cascade(3, 3600.0, 300.0)
    at = (np.arange(len(response)) + 0.5) / 12
    assert len(response) == 216
    assert response.sum() == pytest.approx(1)
    assert at[response.argmax()] == pytest.approx(2, abs=0.05)
    assert np.average(at, weights=response) == pytest.approx(3, abs=0.02)
    assert response[24] / response[12] == pytest.approx((25 / 13) ** 2 * np.exp(-1), rel=0.05)
    assert len(cascade(1, 1.0, 300.0)) == 2


def test_the_land_answers_at_once_and_through_the_ground() -> None:
    """Lag 6 h: 0.7 of it with a middle at 9 h, 0.3 at 27 h."""
    response = answer(6 * 3600.0, 300.0)
    at = (np.arange(len(response)) + 0.5) / 12
    assert response.sum() == pytest.approx(1)
    assert np.average(at, weights=response) == pytest.approx(0.7 * 9 + 0.3 * 27, abs=0.1)
    assert response[at < 6].sum() == pytest.approx(0.7 * 0.3233 + 0.3 * 0.0302, abs=0.004)


def test_what_flowed_before_the_first_step_flows_on() -> None:
    response = np.array([0.0, 0.5, 0.5])
    assert through(np.array([4.0, 4.0, 8.0, 8.0, 0.0]), response) == pytest.approx([4, 4, 4, 6, 8])


def test_each_gauge_comes_after_those_above_it() -> None:
    links = {"sea": [("mouth", 1.0)], "mouth": [("a", 1.0), ("b", 1.0)], "b": [("a", 1.0)], "a": []}
    assert downstream_order(links) == ["a", "b", "mouth", "sea"]
    assert downstream_order({"x": [("elsewhere", 1.0)]}) == ["x"]
    with pytest.raises(ValueError, match=r"upstream links run in a circle among b, c$"):
        downstream_order({"c": [("b", 1.0)], "b": [("c", 1.0)], "a": []})


def basin(name: str, area: float, *above: tuple[str, float], **more: float) -> Basin:
    usual: dict[str, Any] = {"lag": 1.0, "brook": 0.5, "curve_number": 98.0, "near": 0.0}
    usual |= {"paved": 0.0, "base": 4.0}
    return Basin(name=name, area=area, upstream=above, **{**usual, **more})


def test_water_adds_up_on_its_way() -> None:
    """1 mm an hour on 36 km² are 10 m³/s, besides 4 l/s a km² from the ground."""
    steady = {name: np.full(2_000, 1.0) for name in ("top", "low", "tiny")}
    flows = discharges(
        [
            basin("low", 90.0, ("top", 7_200.0), ("nowhere", 1.0), curve_number=100.0),
            basin("top", 36.0, curve_number=100.0),
            basin("tiny", 91.0, ("low", 60.0), curve_number=100.0),
        ],
        steady,
        np.zeros(2_000),
        step=3600.0,
    )
    assert flows["top"][[0, -1]] == pytest.approx([10.144, 10.144])
    assert flows["low"][-1] == pytest.approx(10.144 + 15 + 0.216)
    # what is drained below the last gauge is a twentieth at least
    assert flows["tiny"][-1] == pytest.approx(25.36 + 4.55 / 3.6 + 0.0182)


def test_a_wave_takes_its_time_and_the_land_does_not_answer_before_it() -> None:
    rain, dry = np.zeros(600), np.zeros(600)
    rain[50] = 10.0
    rains = {"top": rain, "low": rain * 0}
    top, low = basin("top", 36.0, lag=2.0), basin("low", 72.0, ("top", 4 * 3600.0), lag=1.0)
    flows = discharges([top, low], rains, dry, step=900.0)
    middles = {
        name: np.average(np.arange(600), weights=flow - flow[0]) for name, flow in flows.items()
    }
    assert middles["low"] - middles["top"] == pytest.approx(16, abs=0.7)
    rains = {"top": rain * 0, "low": rain}
    alone = discharges([top, low], rains, dry, step=900.0)["low"]
    late = discharges([basin("low", 36.0, lag=6.0)], rains, dry, step=900.0)["low"]
    assert alone - alone[0] == pytest.approx(late - late[0])


def test_brooks_and_roofs_near_the_gauge_answer_before_the_land() -> None:
    """All of the water comes, in the middle after twice the brooks' two hours."""
    rain = np.zeros(600)
    rain[50] = 10.0
    slow = basin("a", 36.0, lag=20.0, brook=2.0)
    near, roofs = replace(slow, near=1.0), replace(slow, paved=1.0, curve_number=1.0)
    flows = [
        discharges([each], {"a": rain}, np.zeros(600), step=900.0)["a"] - 0.144
        for each in (near, roofs, slow)
    ]
    for flow in flows[:2]:
        assert np.average(np.arange(600) - 50, weights=flow) / 4 == pytest.approx(4, abs=0.2)
    assert flows[1].sum() == pytest.approx(400.0, rel=1e-3)  # 10 mm on 36 km² in 900 s
    assert flows[2][:58].sum() < 0.05 * flows[0][:58].sum()


def test_a_level_of_a_discharge_and_back() -> None:
    """At a quarter of what fills the bed 0.435 of its height; beyond its brim 0.6 of the rest."""
    flow = np.array([0.0, 5.0, 20.0, 40.0])
    levels = [0.5, 0.5 + 1.5 * 0.4353, 2.0, 2.0 + 1.5 * 0.6 * 0.5157]
    assert level_of(flow, bed=0.5, brim=2.0, brimful=20.0) == pytest.approx(levels, abs=1e-3)
    back = discharge_of(np.array([0.2, *levels]), bed=0.5, brim=2.0, brimful=20.0)
    assert back == pytest.approx([0, *flow], abs=0.02)
    assert bankfull(100.0, yields=0.2) == pytest.approx(7.962, abs=0.001)


# -- a river's sites ----------------------------------------------------------------------------


def gauge(name: str, river: str = "Orge", **more: Any) -> Place:
    return Place(
        device=name,
        site=name,
        domain="flood",
        river=river,
        **{"quantities": {"level": 900.0}, **more},
    )


def rivers(*places: Place, weather: Weather = Weather()) -> dict[str, Course]:  # noqa: B008  frozen
    air = Atmosphere(weather, START, 24, 1, (2.25, 48.6))
    return courses(places, weather, air)


def test_where_a_river_leaves_its_bed() -> None:
    """Where its first threshold stands, and by its area; a river of nobody is as most are."""
    found = rivers(
        gauge("known", thresholds={"attention": 1.8}, properties={"catchment_km2": 100.0}),
        gauge("plain", "Nobody's", properties={"catchment_km2": 100.0}),
        gauge("below", upstream=(("known", 3600.0), ("plain", 3600.0), ("gone", 1.0))),
        gauge("low", thresholds={"attention": 0.4}),
        gauge("half", thresholds={"attention": 0.5}),
    )
    assert (found["known"].bed, found["known"].brim) == (0.0, 1.8)
    assert (found["plain"].bed, found["plain"].brim) == (0.0, 1.5)
    assert found["low"].bed == pytest.approx(-1.1)
    assert found["low"].brim == 0.4
    assert (found["half"].bed, found["half"].brim) == (-1.0, 0.5)
    of_one_km2 = {"known": 0.145 * 39.811, "plain": 0.15 * 39.811}
    of_one_km2 |= {"below": 0.145 * 280**0.8, "low": 0.145 * 80**0.8}
    for name, brimful in of_one_km2.items():
        assert found[name].brimful == pytest.approx(brimful, rel=1e-4)


def test_what_the_ground_gives_without_rain() -> None:
    area = {"catchment_km2": 100.0}
    for river, base in (("Orge", 0.5), ("Essonne", 0.4), ("Juine", 0.45), ("Nobody's", 0.3)):
        flow = rivers(gauge("a", river, properties=area))["a"].discharge
        assert flow == pytest.approx(np.full(len(flow), base))
    full = rivers(gauge("a", properties=area), weather=Weather(river=3.0))["a"].discharge
    assert full[0] == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("river", "runs", "late", "brimful", "base"),
    [
        # mm of 100, by its curve number and off roofs (of the Seine's 40, which a storm here
        # wets); h in the middle, 2.4 times its lag over the land and twice that of its brooks;
        # m³/s of one km² at the brim, and from the ground
        ("Bièvre", 16.19, 6.61, 0.24, 0.003),
        ("Essonne", 4.93, 13.21, 0.085, 0.004),
        ("Juine", 4.34, 11.10, 0.085, 0.0045),
        ("Orge", 11.16, 10.20, 0.145, 0.005),
        ("Prédecelle", 13.11, 8.48, 0.3, 0.003),
        ("Réveillon", 19.80, 8.73, 0.38, 0.003),
        ("Rémarde", 11.16, 9.18, 0.2, 0.005),
        ("Seine", 6.03, 24.37, 0.25, 0.005),
        ("Yerres", 19.80, 10.67, 0.2, 0.004),
        ("Yvette", 13.11, 9.32, 0.165, 0.005),
        ("École", 12.12, 10.28, 0.11, 0.003),
        ("Nobody's", 11.16, 9.18, 0.15, 0.003),
    ],
)
def test_each_river_has_its_own_way(
    river: str, runs: float, late: float, brimful: float, base: float
) -> None:
    class Air:
        grid = START + np.arange(12 * 24 * 30, dtype=np.int64) * 300 * SECOND
        dried = np.zeros(len(grid))

        def fallen(self, _lon: object, _lat: object, _times: object) -> np.ndarray:
            return np.where(np.arange(len(self.grid)) >= 12, 100.0, 0.0)

    place = gauge("a", river, properties={"catchment_km2": 1.0})
    found = courses([place], Weather(), cast("Atmosphere", Air()))["a"]
    assert found.brimful == pytest.approx(brimful)
    assert found.discharge[0] == pytest.approx(base)
    more = found.discharge - base
    assert more.sum() * 300 / 1000 == pytest.approx(runs, abs=0.02)
    assert np.average(np.arange(len(more)) - 12, weights=more) / 12 == pytest.approx(late, abs=0.1)


def test_only_what_measures_a_river_makes_it_one() -> None:
    assert rivers(gauge("a", quantities={"battery": 900.0}), gauge("b", "")) == {}
    daily = {"daily_mean_discharge": 86_400.0}
    assert set(rivers(gauge("a", quantities=daily), gauge("b", ""))) == {"a"}


def test_rain_over_a_catchment_is_that_of_five_points() -> None:
    """Half of the root of its area away: the square of 100 km² has points 5 km off its middle."""
    looked: list[tuple[float, float]] = []

    class Air:
        grid = np.arange(3)

        def fallen(self, lon: float | None, lat: float | None, _t: object) -> np.ndarray:
            if lon is None or lat is None:
                return np.array([1.0, 3.0, 3.0])
            looked.append((round((lon - 2) * 111.2, 3), round((lat - 48) * 111.2, 3)))
            return np.array([0.0, len(looked), len(looked)], dtype=np.float64)

    air = cast("Atmosphere", Air())
    told = catchment_rain(gauge("a", lon=2.0, lat=48.0), 100.0, air)
    assert looked == [(0, 0), (5, 0), (-5, 0), (0, 5), (0, -5)]
    assert told.tolist() == [0, 3, 0]
    assert catchment_rain(gauge("a"), 100.0, air).tolist() == [1, 2, 0]


# -- basins and colours -------------------------------------------------------------------------


def a_course(discharge: "np.typing.NDArray[np.float64]", brimful: float = 10.0) -> Course:
    zeros = np.zeros(len(discharge))
    return Course(rain=zeros, discharge=discharge, level=zeros, bed=0.0, brim=1.0, brimful=brimful)


def test_a_basin_takes_a_part_of_what_is_too_much_and_gives_it_back() -> None:
    """Beyond 4.5 of 10 m³/s it takes 0.3: 0.45 m³/s of 6, 135 m³ in five minutes."""
    flow = np.array([4.5] + [6.0] * 12 + [0.0] * 12 + [99.0] * 200)
    told = fill(gauge("a", properties={"volume_m3": 16_200}), a_course(flow))
    assert told[0] == pytest.approx(3.0)
    assert told[1] == pytest.approx(3.0 + 97 * 135 / 16_200)
    assert told[12] == pytest.approx(3.0 + 97 * 0.1)
    assert told[24] == pytest.approx(3.0 + 97 * (0.1 - 1 / 40), abs=1e-6)  # an hour of forty
    assert told[-1] == 100
    usual = fill(gauge("a"), a_course(np.array([6.0])))  # seven hours of a cubic metre a second
    assert usual[0] == pytest.approx(3.0 + 97 * 135 / 25_200)


def hours(*hours_: float) -> "np.typing.NDArray[np.int64]":
    return START + (np.array(hours_) * HOUR).astype(np.int64)


def colours(
    levels: Any, heartbeat: float, story_hours: float = 48
) -> tuple[list[float], list[float]]:
    """At which hours of the story a colour is given, and which."""
    place = gauge("a", thresholds={"attention": 1.0, "alert": 2.0, "danger": 3.0})
    other = gauge("b", "Yvette", thresholds={"attention": 0.0})
    world = SimpleNamespace(
        begins=START,
        ends=START + int(story_hours * HOUR),
        field=Field(places=(place, other)),
        courses={"a": None, "b": None},
        level=lambda _site, times: np.array([levels((t - START) / HOUR) for t in times]),
    )
    chance = SimpleNamespace(normal=lambda _mean, spread, size: np.full(size, 1 + 0 * spread))
    at, told = vigilance.bulletins("Orge", cast("World", world), cast("Any", chance), heartbeat)
    return ((at - START) / HOUR).tolist(), told.tolist()


def test_a_colour_is_given_twice_a_day_as_seen_a_day_ahead() -> None:
    """At 9 and 15 h, and what was in force at the beginning."""
    at, told = colours(lambda hour: 2.5 if 40 <= hour < 41 else 0.5, 90_000)
    assert list(zip(at, told, strict=True)) == [(0, 1), (25, 1), (33, 3)]
    at, told = colours(lambda hour: 2.5 if 34 <= hour <= 34.5 else 0.5, 1e9)
    assert list(zip(at, told, strict=True)) == [(0, 1), (15, 3), (39, 1)]


def test_each_colour_begins_above_its_threshold() -> None:
    given = [colours(lambda _hour, level=level: level, 1e9)[1] for level in (1.0, 1.01, 2.01, 3.01)]
    assert given == [[1.0], [2.0], [3.0], [4.0]]


def test_between_changes_the_last_colour_is_given_again() -> None:
    at, told = colours(lambda hour: 9.0 if hour == 39 else 0.0, 10 * 3600)
    assert list(zip(at, told, strict=True)) == [(0, 1), (10, 1), (15, 4), (25, 4), (35, 4)]
    at, _ = colours(lambda _hour: 0.0, 9 * 3600)
    assert at == [0, 9, 18, 27, 36]


def test_a_story_of_less_than_a_day_has_its_bulletins() -> None:
    at, _ = colours(lambda hour: hour, 1e9, 9)
    assert at == [0]
    at, told = colours(lambda hour: 9.0 if hour > 32 else 0.0, 1e9, 9)
    assert list(zip(at, told, strict=True)) == [(0, 1), (9, 4)]


# -- the world ----------------------------------------------------------------------------------


def a_world(*places: Place, **more: Any) -> World:
    story = Story(name="s", title="", begins=BEGINS, hours=24)
    return World(story, Field(places=places, **more), 1)


def test_a_story_is_as_long_as_it_says_or_shorter() -> None:
    for asked_for, ends in ((None, 24), (0, 24), (5, 5), (99, 24)):
        story = Story(name="s", title="", begins=BEGINS, hours=24)
        world = World(story, Field(places=()), 1, hours=asked_for)
        assert (world.begins, world.ends) == (START, START + ends * HOUR)


def test_the_middle_of_the_places_is_where_fronts_are_timed() -> None:
    places = [
        Place(device=f"d{n}", site="s", quantities={}, lon=lon, lat=lat)
        for n, (lon, lat) in enumerate(((2.0, 48.0), (2.1, 48.4), (3.0, 49.0), (0.0, 0.0)))
    ]
    assert a_world(*places).air.centre == (2.1, 48.4)
    assert a_world().air.centre == (2.25, 48.6)


def test_a_place_has_its_site_s_river_or_its_river_s_nearest() -> None:
    own, near = gauge("own", lon=2.0, lat=48.0), gauge("near", lon=2.5, lat=48.5)
    far, lost = gauge("zfar", lon=1.0, lat=47.0), gauge("alost")
    world = a_world(own, near, far, lost)
    courses_ = world.courses
    probe = gauge("probe", quantities={"battery": 1.0}, lon=2.4, lat=48.5)
    assert world.course(probe) is courses_["near"]
    assert world.course(gauge("own")) is courses_["own"]
    assert world.course(gauge("other", "Yvette")) is None
    assert world.course(gauge("dry", "")) is None
    # a degree of longitude is 0.66 of one of latitude
    assert world.course(gauge("p", lon=2.27, lat=48.2)) is courses_["own"]
    assert world.course(gauge("p")) is courses_["alost"], "nobody knows where: the first by name"


def test_levels_and_discharges_are_those_of_the_course() -> None:
    world = a_world(gauge("a", properties={"catchment_km2": 100.0}))
    at = hours(1)
    assert world.discharge("a", at) == pytest.approx([0.5])
    assert world.level("a", at) == pytest.approx(world.courses["a"].level[:1])
    assert np.isnan(world.level("b", at)).all()
    assert np.isnan(world.discharge("b", at)).all()
    assert world.wind(2.0, 48.0, at) == pytest.approx(world.air.wind(2.0, 48.0, at))
    assert world.temperature(2.0, 48.0, at) == pytest.approx(world.air.temperature(2.0, 48.0, at))


def test_water_stands_where_the_gauge_is_above_the_asset() -> None:
    world = a_world(
        gauge("a", properties={"catchment_km2": 100.0}),
        assets=(
            Asset(name="low", kind="road", gauge="a", level=-1.0, site="s"),
            Asset(name="high", kind="road", gauge="a", level=9.0, site="s"),
            Asset(name="none", kind="road", gauge="b", level=-9.0),
        ),
    )
    at = hours(1, 2)
    found = {name: world.flooded(name, at).tolist() for name in ("low", "high", "none", "s", "x")}
    yes, no = [True, True], [False, False]
    assert found == {"low": yes, "high": no, "none": no, "s": yes, "x": no}


def test_whom_an_event_touches_and_when() -> None:
    world = a_world(groups=(Group(name="g", kind="section", members=("member",)),))
    place = Place(device="d", site="s", quantities={}, groups=("h",))
    member = Place(device="member", site="t", quantities={})

    def event(*names: str) -> Event:
        return Event(kind="door", begins=START, ends=START + HOUR, where=frozenset(names))

    assert [world.touches(event(name), place) for name in ("d", "s", "h", "g", "x")] == [
        *(True, True, True, False, False)
    ]
    assert world.touches(event("g"), member)
    world.events = (event("d"), Event(kind="x", begins=0, ends=2**60, where=frozenset({"d"})))
    at = np.array([START - 1, START, START + HOUR - 1, START + HOUR])
    assert world.during("door", place, at).tolist() == [False, True, True, False]
    assert not world.during("door", member, at).any()
