"""Who wants to move, hour by hour, against values worked out by hand from the settings."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from simulators import _bicycles
from simulators._bicycles import BICYCLES, PEDESTRIANS, weather_factor
from simulators._cabinets import mains
from simulators._calendar import LocalTimes, local_times
from simulators._field import Field, Place
from simulators._story import Story, Weather
from simulators._traffic import (
    KINDS,
    Road,
    free_density,
    occupancy,
    queue_density,
    remaining,
    road,
    wet,
)
from simulators._traffic_demand import demand_share, rain_factor, random_factor, trucks
from simulators._world import World
from tests.unit.simulators.roads import PATH, TRACK

HOUR = 3_600_000_000
MOTORWAY = KINDS["motorway"]


def day(date: str, *hours: float) -> LocalTimes:
    """Hours of a day in winter, when Paris is an hour ahead."""
    begins = int(datetime.fromisoformat(f"{date}T00:00:00+01:00").timestamp()) * 1_000_000
    return local_times(begins + (np.array(hours) * HOUR).astype(np.int64), "Europe/Paris")


TUESDAY, SATURDAY, SUNDAY = "2024-11-19", "2024-11-23", "2024-11-24"


@pytest.mark.parametrize(
    ("direction", "date", "shares"),
    [
        # at night, as it rises, at the peaks, as it falls
        ("in", TUESDAY, {3: 0.0606, 6: 0.3477, 8: 0.9949, 13: 0.5004, 17.8: 0.6815, 20.3: 0.3206}),
        ("out", TUESDAY, {3: 0.0606, 6: 0.3044, 8: 0.6749, 13: 0.5005, 17.8: 0.9815, 20.3: 0.3587}),
        ("both", TUESDAY, {6.2: 0.3048, 8.1: 0.9137, 12.3: 0.6001, 17.8: 0.9815}),
        ("elsewhere", TUESDAY, {8.1: 0.9137}),
        ("in", SATURDAY, {3: 0.06, 8.3: 0.2868, 11.5: 0.641, 17: 0.6362, 20.8: 0.2951}),
        ("in", SUNDAY, {3: 0.06, 9.5: 0.205, 18.5: 0.6378, 21: 0.3194}),
        ("out", SUNDAY, {9.5: 0.277, 11: 0.4809, 17: 0.4264, 20.5: 0.2224}),
        ("both", SUNDAY, {9.5: 0.2439, 11.3: 0.4649, 18: 0.4878}),
    ],
)
def test_the_shape_of_a_day(direction: str, date: str, shares: dict[float, float]) -> None:
    told = demand_share(day(date, *shares), MOTORWAY, direction)
    assert told == pytest.approx(list(shares.values()), abs=0.0005)


def test_holidays_take_from_the_morning_and_august_from_all() -> None:
    term = demand_share(day(TUESDAY, 8, 13), MOTORWAY, "in")
    autumn = demand_share(day("2024-10-29", 8, 13), MOTORWAY, "in")
    assert autumn == pytest.approx([(term[0] - 0.2) * 0.92, term[1] * 0.92], abs=0.001)
    summer = datetime(2024, 8, 20, 11, tzinfo=UTC)  # 13 h there
    august = demand_share(
        local_times(np.array([int(summer.timestamp()) * 1_000_000]), "Europe/Paris"), MOTORWAY, "in"
    )
    assert august == pytest.approx([term[1] * 0.92 * 0.82], abs=0.001)


def test_trucks_by_the_hour() -> None:
    """0.09 of all by day, 1.6 times that at 3 h, half on Saturdays, a fifth while banned."""
    assert trucks(day(TUESDAY, 3, 5, 15, 23), MOTORWAY) == pytest.approx(
        [0.144, 0.1228, 0.09, 0.09 * (1 + 0.6 * 0.1353)], abs=2e-4
    )
    assert trucks(day(SATURDAY, 15, 21.9, 22), MOTORWAY)[[0, 2]] == pytest.approx([0.045, 0.018])
    assert trucks(day(SATURDAY, 21.9), MOTORWAY)[0] > 0.045
    assert trucks(day(SUNDAY, 15, 21.9), MOTORWAY) == pytest.approx([0.018, 0.018])
    assert trucks(day(SUNDAY, 22), MOTORWAY)[0] > 0.09


def test_rain_keeps_few_at_home() -> None:
    assert rain_factor(np.array([0.0, 5.0, 10.0, 50.0])) == pytest.approx([1, 0.985, 0.97, 0.97])


def test_days_and_minutes_differ_by_a_few_percent() -> None:
    """Their deviations are 0.03 and 0.05; what is of one day is of all its minutes."""
    hours = np.arange(0, 24 * 80, 0.5)
    when = day("2024-11-01", *hours)
    logs = [np.log(random_factor(when, f"n{name}", 1, 1800)) for name in range(6)]
    of_days = [each[: 48 * 79].reshape(79, 48).mean(axis=1).std() for each in logs]
    assert np.mean(of_days) == pytest.approx(0.031, abs=0.004)
    within = [each[: 48 * 79].reshape(79, 48).std(axis=1).mean() for each in logs]
    assert np.mean(within) == pytest.approx(0.048, abs=0.006)
    assert np.mean(logs) == pytest.approx(0, abs=0.006)
    slow = np.log(random_factor(day(TUESDAY, *np.arange(0, 24, 1 / 60)), "n", 1, 60))
    assert np.abs(np.diff(slow)).max() < 0.02, "it wanders"


# -- roads --------------------------------------------------------------------------------------


def a_road(**words: object) -> Road:
    thresholds = {name: words.pop(name) for name in ("capacity", "free_speed") if name in words}
    return road(
        Place(device="a", site="a", quantities={}, thresholds=thresholds, properties=words)  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("words", "lanes", "capacity", "speed"),
    [
        ({"road_class": "motorway"}, 3, 6000, 108),
        ({"road_class": "trunk"}, 2, 3600, 88),
        ({"road_class": "urban"}, 1, 900, 45),
        ({"road_class": "local"}, 1, 700, 38),
        ({"road_class": "path"}, 2, 3600, 88),
        ({}, 2, 3600, 88),
        ({"lanes": 4}, 4, 7200, 88),
        ({"capacity": 400.0}, 1, 400, 88),
        ({"capacity": 4000.0}, 2, 4000, 88),
        ({"capacity": 4000.0, "lanes": 3, "free_speed": 70.0}, 3, 4000, 70),
    ],
)
def test_a_road_is_what_is_said_of_it(
    words: dict[str, object], lanes: int, capacity: float, speed: float
) -> None:
    made = a_road(**words)
    assert (made.lanes, made.capacity, made.free_speed) == (lanes, capacity, speed)


def test_a_road_s_jam_and_the_news_of_it() -> None:
    """133 a km and lane; 4000 at 85 km/h are 47.1 a km, and 4000 / (266 - 47.1) are 18.3 km/h."""
    made = a_road(capacity=4000.0, free_speed=100.0, lanes=2)
    assert made.standstill == 266
    assert made.wave == pytest.approx(18.27, abs=0.01)


def test_density_of_free_and_of_queueing_traffic() -> None:
    flow, capacity, speed = np.array([2000.0, 4000, 5000]), np.full(3, 4000.0), np.full(3, 100.0)
    assert free_density(flow, capacity, speed) == pytest.approx([20.189, 47.059, 58.824], abs=0.001)
    assert queue_density(flow, capacity, speed, 266.0) == pytest.approx(
        [156.529, 47.059, 47.059], abs=0.001
    )
    assert occupancy(np.array([40.0]), 2, np.array([0.2])) == pytest.approx([15.6])  # 7.8 m each


def test_what_heavy_rain_takes() -> None:
    """At half of 10 mm/h 0.5 to the 0.7 of it: 61.6 %."""
    left = wet(np.array([0.0, 5.0, 10.0, 90.0]), 0.15)
    assert left == pytest.approx([1, 0.9077, 0.85, 0.85], abs=1e-4)


@pytest.mark.parametrize(
    ("lanes", "left"),
    [
        (0, [0.81, 0.0, 0.0]),
        (1, [0.81, 0.0, 0.0]),
        (2, [0.81, 0.35, 0.0, 0.0]),
        (3, [0.83, 0.49, 0.17, 0.0, 0.0]),
        (4, [0.85, 0.58, 0.25, 0.13, 0.0]),
        (5, [0.85, 0.58, 0.25, 0.13, 0.0]),
    ],
)
def test_what_blocked_lanes_leave(lanes: int, left: list[float]) -> None:
    assert [remaining(lanes, blocked) for blocked in range(len(left))] == left
    assert remaining(lanes, -1) == left[0]
    assert remaining(lanes, 99) == 0


# -- bicycles and people ------------------------------------------------------------------------


def test_rain_and_cold_keep_riders_at_home() -> None:
    """At 2 mm/h e to the -1 of those come who need not; at 8 Cel half of them."""
    rain, mild = np.array([0.0, 2.0, 999.0, 0, 0, 0]), np.array([20.0, 30, 20, 8, -4, -30])
    shares = [1, 0.35 + 0.65 * 0.3679, 0.35, 0.625, 0.25, 0.25]
    assert weather_factor(BICYCLES, rain, mild) == pytest.approx(shares, abs=1e-4)
    shares = [1, 0.5 + 0.5 * 0.3679, 0.5, 0.775, 0.55, 0.55]
    assert weather_factor(PEDESTRIANS, rain, mild) == pytest.approx(shares, abs=1e-4)


WARM = World(
    Story(
        name="warm",
        title="",
        begins=datetime(2024, 10, 28, tzinfo=UTC),
        hours=24 * 30,
        weather=Weather(temperature=40.0),
    ),
    Field(places=()),
    1,
)


@pytest.mark.parametrize(
    ("name", "date", "riders"),
    [
        # of 350 and 700 a day: weight / (width * 2.5066) at a peak, and what others add to it
        ("bicycles", TUESDAY, {3: 0.0, 8.3: 0.2122, 12.5: 0.0416, 16.7: 0.1214, 18: 0.1262}),
        ("bicycles", "2024-10-29", {8.3: 0.1619, 16.7: 0.0815}),
        ("bicycles", SUNDAY, {11: 0.0777, 15.8: 0.0888, 3: 0.0}),
        ("pedestrians", TUESDAY, {8.3: 0.1796, 12.6: 0.1176, 16.6: 0.1534, 18: 0.0922}),
        ("pedestrians", SUNDAY, {11.2: 0.1131, 16: 0.0943}),
    ],
)
def test_when_people_pass(
    name: str, date: str, riders: dict[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_bicycles, "DAYS", 0.0)
    begins = int(datetime.fromisoformat(f"{date}T00:00:00+01:00").timestamp()) * 1_000_000
    at = begins + (np.array(list(riders)) * HOUR).astype(np.int64)
    told = _bicycles.expected(PATH, name, at, WARM)
    daily = {"bicycles": 350, "pedestrians": 700}[name]
    assert told / daily == pytest.approx(list(riders.values()), abs=0.0005)
    busy = replace(TRACK, properties={f"daily_{name}": 1})
    told = _bicycles.expected(busy, name, at, WARM)
    assert told == pytest.approx(list(riders.values()), abs=0.0005)


# -- the mains ----------------------------------------------------------------------------------


def test_the_voltage_sags_in_the_evening_and_rises_at_night() -> None:
    """3.5 V less at 19 h, 1.5 more at 3 h; their bells are 2 and 2.5 h wide."""
    begins = int(datetime.fromisoformat("2024-11-19T00:00:00+01:00").timestamp()) * 1_000_000
    net = mains(begins, begins + 24 * HOUR, "Europe/Paris")
    assert (net.grid[0], net.grid[1] - net.grid[0], net.grid[-1]) == (
        begins,
        300_000_000,
        begins + 24 * HOUR,
    )
    at = {hour: net.daily[round(hour * 12)] for hour in (3, 5.5, 12, 17, 19, 22.5)}
    assert at == pytest.approx(
        {3: 234.5, 5.5: 233.91, 12: 232.99, 17: 230.88, 19: 229.5, 22.5: 232.55}, abs=0.02
    )
    own = np.array([net.at(f"s{n}", 1) - net.daily for n in range(80)])
    assert own.mean(axis=1).std() == pytest.approx(1.5, abs=0.35)
    assert own.std(axis=1).mean() == pytest.approx(0.8, abs=0.12)
