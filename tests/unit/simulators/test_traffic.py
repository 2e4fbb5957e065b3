"""The models of traffic: one diagram, queues that lose no vehicle, demand by hour and day."""

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators._calendar import LocalTimes, local_times
from simulators._field import Place
from simulators._traffic import (
    KINDS,
    free_density,
    occupancy,
    queue_density,
    remaining,
    road,
    wet,
)
from simulators._traffic_demand import demand_share, rain_factor, trucks
from simulators._traffic_queues import Stretch, pass_bottleneck, simulate_passing

ROAD = road(
    Place(
        device="loop",
        site="loop",
        quantities={},
        thresholds={"capacity": 4000, "free_speed": 100},
        properties={"road_class": "motorway", "lanes": 2},
    )
)


def column(*values: float) -> "np.typing.NDArray[np.float64]":
    return np.array(values, dtype=np.float64)


def test_a_road_is_as_its_inventory_says_or_as_its_class() -> None:
    assert (ROAD.lanes, ROAD.capacity, ROAD.free_speed) == (2, 4000, 100)
    plain = road(Place(device="a", site="a", quantities={}, properties={"road_class": "urban"}))
    assert (plain.lanes, plain.capacity, plain.free_speed) == (1, 900, 45)
    wide = road(Place(device="a", site="a", quantities={}, thresholds={"capacity": 5400}))
    assert wide.lanes == 3
    assert 14 < ROAD.wave < 20  # km/h: queues of the literature


def test_both_branches_meet_at_the_capacity() -> None:
    flow = np.linspace(1, 4000, 200)
    capacity, speed = np.full(200, 4000.0), np.full(200, 100.0)
    free = free_density(flow, capacity, speed)
    queue = queue_density(flow, capacity, speed, ROAD.standstill)
    assert (np.diff(free) > 0).all()
    assert (np.diff(queue) < 0).all()
    assert free[-1] == pytest.approx(queue[-1])
    assert (flow / free)[0] == pytest.approx(100, rel=1e-3)
    assert (flow / free)[-1] == pytest.approx(85)
    assert ((flow / queue) < (flow / free) + 1e-9).all()
    standing = queue_density(column(0), column(4000), column(100), ROAD.standstill)
    assert 70 < occupancy(standing, 2, column(0.05))[0] < 100


def test_trucks_stand_longer_on_a_loop() -> None:
    few, many = (occupancy(column(40), 2, column(share))[0] for share in (0.0, 0.3))
    assert few == pytest.approx(12.6)
    assert many > few * 1.3


def test_rain_takes_more_the_more_it_rains() -> None:
    left = wet(column(0, 1, 5, 10, 50), 0.15)
    assert left[0] == 1
    assert (np.diff(left) <= 0).all()
    assert left[3:].tolist() == pytest.approx([0.85, 0.85])


def test_blocked_lanes_leave_what_the_manual_says() -> None:
    assert remaining(2, 1) == 0.35
    assert remaining(3, 1) == 0.49
    assert remaining(8, 1) == 0.58
    assert remaining(2, 2) == remaining(2, 5) == 0
    assert remaining(2, 0) == 0.81


@given(
    st.lists(st.floats(0, 50), min_size=3, max_size=60),
    st.floats(1, 40),
)
def test_a_bottleneck_lets_its_capacity_through_and_keeps_the_rest(
    entering: list[float], capacity: float
) -> None:
    come = np.cumsum(entering)
    let = pass_bottleneck(come, np.full(len(come), capacity))
    assert (let <= come + 1e-9).all()
    assert (np.diff(let, prepend=0) <= capacity + 1e-9).all()
    waiting = 0.0
    for number, more in enumerate(entering):  # the same, step by step
        waiting = max(waiting + more - capacity, 0.0)
        assert come[number] - let[number] == pytest.approx(waiting, abs=1e-6)


def stretches(blocked: "np.typing.NDArray[np.float64]") -> list[Stretch]:
    """Four places a kilometre apart; the third has a bottleneck."""
    full = np.full(len(blocked), 4000 / 60)
    return [
        Stretch(
            at=float(km),
            ahead=0.3,
            capacity=full * (blocked if km == 2 else 1),
            speed=100,
            wave=ROAD.wave,
            standstill=ROAD.standstill,
        )
        for km in range(4)
    ]


def test_without_a_bottleneck_everybody_passes_a_little_later() -> None:
    entering = np.full(120, 30.0)
    passed = simulate_passing(entering, stretches(np.ones(120)), 60)
    assert not any(each.queued.any() for each in passed)
    for km, each in enumerate(passed):
        assert each.count[-1] == pytest.approx(120 * 30 - km * 30 * 0.6)  # 36 s a km


def test_a_queue_grows_upstream_and_goes_from_its_head() -> None:
    blocked = np.ones(240)
    blocked[60:120] = 0.35
    passed = simulate_passing(np.full(240, 50.0), stretches(blocked), 60)
    begins = [int(each.queued.argmax()) if each.queued.any() else None for each in passed]
    assert begins[3] is None
    assert begins[2] is not None
    assert begins[1] is not None
    assert begins[0] is not None
    assert 60 <= begins[2] < begins[1] < begins[0] < 120
    ends = [int(np.flatnonzero(each.queued)[-1]) for each in passed[:3]]
    assert all(120 < end < 240 for end in ends)
    # while it is blocked a third of the capacity comes through, afterwards all of it
    flow = np.diff(passed[3].count)
    assert flow[70:118].mean() == pytest.approx(0.35 * 4000 / 60)
    assert flow[125:140].mean() == pytest.approx(4000 / 60, rel=0.02)
    # and nobody is lost
    assert passed[3].count[-1] == pytest.approx(240 * 50 - 3 * 30, abs=1)
    for up, down in pairwise(passed):
        between = up.count - down.count
        assert (between >= -1e-6).all()
        assert (between <= ROAD.standstill + 1e-6).all()


def a_day(year: int, month: int, day: int) -> LocalTimes:
    begins = int(datetime(year, month, day, tzinfo=UTC).timestamp()) - 2 * 3600  # summer time
    return local_times((begins + np.arange(0, 86_400, 360)) * 1_000_000, "Europe/Paris")


TUESDAY, SATURDAY, SUNDAY = a_day(2024, 10, 8), a_day(2024, 10, 12), a_day(2024, 10, 13)
MOTORWAY = KINDS["motorway"]


def peak(when: LocalTimes, direction: str, begins: float, ends: float) -> tuple[float, float]:
    """The highest demand between two hours, and when."""
    demand = demand_share(when, MOTORWAY, direction)
    inside = np.flatnonzero((when.hour >= begins) & (when.hour < ends))
    best = inside[demand[inside].argmax()]
    return float(demand[best]), float(when.hour[best])


def test_peaks_are_towards_paris_in_the_morning_and_away_in_the_evening() -> None:
    morning, evening = peak(TUESDAY, "in", 5, 12), peak(TUESDAY, "in", 14, 22)
    assert 7.5 < morning[1] < 8.5
    assert 0.9 < morning[0] <= 1.05
    assert evening[0] < 0.8
    back = peak(TUESDAY, "out", 14, 22)
    assert 17 < back[1] < 18.5
    assert 0.9 < back[0] <= 1.05
    assert peak(TUESDAY, "out", 5, 12)[0] < 0.8
    assert demand_share(TUESDAY, MOTORWAY, "in").min() < 0.1


def test_days_of_rest_have_no_morning() -> None:
    for when in (SATURDAY, SUNDAY, a_day(2024, 7, 14), a_day(2025, 5, 29)):
        assert peak(when, "in", 6, 9.5)[0] < 0.52
    total = {
        name: demand_share(when, MOTORWAY, "both").mean()
        for name, when in {"tue": TUESDAY, "sat": SATURDAY, "sun": SUNDAY}.items()
    }
    assert total["sun"] < total["sat"] < total["tue"]


def test_school_holidays_and_august_are_calmer() -> None:
    term = demand_share(TUESDAY, MOTORWAY, "in")
    holidays = demand_share(a_day(2024, 10, 22), MOTORWAY, "in")
    august = demand_share(a_day(2024, 8, 20), MOTORWAY, "in")
    assert august.mean() < holidays.mean() < term.mean()
    eight = int(np.abs(TUESDAY.hour - 8).argmin())
    assert holidays[eight] < 0.8 * term[eight]


def test_trucks_drive_by_night_and_not_on_sundays() -> None:
    tuesday = trucks(TUESDAY, MOTORWAY)
    assert tuesday.max() > 1.3 * tuesday.min()
    assert TUESDAY.hour[tuesday.argmax()] == pytest.approx(3)
    assert trucks(SUNDAY, MOTORWAY)[SUNDAY.hour < 22].max() < 0.3 * MOTORWAY.heavy
    evening = trucks(SATURDAY, MOTORWAY)[SATURDAY.hour >= 22]
    assert evening.max() < 0.3 * MOTORWAY.heavy
    assert rain_factor(column(0, 20)).tolist() == pytest.approx([1, 0.97])
