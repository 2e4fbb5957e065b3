"""The mobility simulator: peaks, rain, queues, closures, faulty loops; bicycles in the weather."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from simulators._field import Asset, Field, Place
from simulators._simulator import find_simulators
from simulators._story import ScheduledEvent, Storm, Weather
from simulators._world import World
from simulators.mobility import SIMULATOR, truth
from tests.unit.simulators.roads import (
    DAY,
    FIELD,
    HOUR,
    KNOWN,
    NORTHWARD,
    SECOND,
    WEEK,
    happening,
    of,
    rainy,
    told,
)


@pytest.fixture(scope="module")
def week() -> pd.DataFrame:
    return told(WEEK)


def test_the_domain_is_found_by_scanning() -> None:
    assert find_simulators()["mobility"] is SIMULATOR


def test_peaks_are_at_their_hours(week: pd.DataFrame) -> None:
    for device, begins, ends in (("n1", 7, 9), ("s1", 16.5, 19)):
        flow = of(week, device, "traffic_flow").loc[:119.9]
        by_hour = flow.groupby(flow.index % 24 // 0.5 * 0.5).mean()
        assert begins <= by_hour.loc[begins:ends].max() == by_hour.max()
        assert by_hour.min() < 0.12 * by_hour.max()
        assert by_hour.loc[:5].min() == by_hour.min()


def test_weekends_are_lower(week: pd.DataFrame) -> None:
    for device in ("n1", "s1", "street"):
        flow = of(week, device, "traffic_flow")
        days = flow.groupby((flow.index - 0.01) // 24).mean()
        workdays, saturday, sunday = days.loc[0:4].mean(), days.loc[5], days.loc[6]
        assert sunday < saturday < workdays


@pytest.mark.parametrize(
    ("day", "less"),
    [
        (datetime(2024, 11, 10, 23, tzinfo=UTC), 0.75),  # Armistice Day, a Monday
        (datetime(2024, 10, 20, 22, tzinfo=UTC), 0.97),  # a Monday of the autumn holidays
    ],
)
def test_holidays_are_lower(day: datetime, less: float, week: pd.DataFrame) -> None:
    monday = of(week, "n1", "traffic_flow")
    holiday = of(told(replace(DAY, begins=day)), "n1", "traffic_flow")
    morning = slice(6, 10)
    assert holiday.mean() < less * monday[monday.index <= 24].mean()
    assert holiday.loc[morning].mean() < 0.85 * monday.loc[morning].mean()


def test_vehicles_are_whole_and_come_by_chance(week: pd.DataFrame) -> None:
    flow = of(week, "n0", "traffic_flow")
    vehicles = flow / 10  # in six minutes
    assert (vehicles == vehicles.round()).all()
    # in the middle of each workday, the variance about the hour's mean is that of a Poisson count
    spread = []
    for day in range(5):
        noon = vehicles[(vehicles.index > 24 * day + 10) & (vehicles.index <= 24 * day + 15)]
        slow = noon.rolling(7, center=True).mean()
        spread.append(((noon - slow) ** 2).mean() / (slow.mean() * 6 / 7))
    assert 0.6 < np.mean(spread) < 1.6


def test_flow_speed_and_occupancy_are_one_diagram(week: pd.DataFrame) -> None:
    flow, speed = of(week, "n1", "traffic_flow"), of(week, "n1", "traffic_speed")
    full, heavy = of(week, "n1", "occupancy"), of(week, "n1", "heavy_share")
    busy = flow[flow > 1000].index
    length = full[busy] / 100 * speed[busy] * 1000 * 2 / flow[busy]  # m, of two lanes
    assert length.between(5.5, 8.5).all()
    assert length.mean() == pytest.approx(6.3 + 7.5 * heavy[busy].mean() / 100, rel=0.03)
    # a fuller road is a slower one
    assert speed[flow > 2800].mean() < speed[(flow > 1000) & (flow < 2000)].mean() - 1


def test_vehicles_are_conserved_along_a_section(week: pd.DataFrame) -> None:
    totals = [of(week, place.device, "traffic_flow").sum() / 10 for place in NORTHWARD]
    assert totals[0] > 100_000
    for one, other in pairwise(totals):
        assert abs(one - other) < 60  # what is between them at the beginning and the end


def test_rain_slows_traffic() -> None:
    dry, wet = told(rainy(0)), told(rainy(60))
    for device in ("n1", "s1"):
        speeds = [of(rows, device, "traffic_speed").loc[16:20].mean() for rows in (dry, wet)]
        assert 0.85 * speeds[0] < speeds[1] < 0.97 * speeds[0]
    before = [of(rows, "n1", "traffic_speed").loc[8:12] for rows in (dry, wet)]
    assert before[0].equals(before[1])


INCIDENT = happening("incident", 7, 8.5, "n2")


def test_an_incident_jams_upstream_and_recovers() -> None:
    rows, calm = told(DAY, INCIDENT), told(DAY)
    jam = {}
    for place in NORTHWARD:
        speed = of(rows, place.device, "traffic_speed")
        slow = speed[(speed < 40) & (of(rows, place.device, "occupancy").reindex(speed.index) > 30)]
        jam[place.device] = (slow.index.min(), slow.index.max())
    assert np.isnan(jam["n3"][0])  # behind it all is free
    assert 7 < jam["n2"][0] < jam["n1"][0] < jam["n0"][0] < 8.5
    assert all(8.5 <= jam[name][1] < 9.5 for name in ("n2", "n1", "n0"))
    through = of(rows, "n3", "traffic_flow").loc[7.3:8.4]
    assert through.mean() == pytest.approx(0.35 * 4000, rel=0.03)
    assert of(rows, "n3", "traffic_flow").loc[8.7:9].mean() > 3700  # the queue goes
    for place in NORTHWARD:
        flow = of(rows, place.device, "traffic_flow")
        usual = of(calm, place.device, "traffic_flow")
        assert flow.sum() == pytest.approx(usual.sum(), abs=100)  # late, and not lost
        assert flow.loc[:6.9].equals(usual.loc[:6.9])
    assert of(rows, "s1", "traffic_flow").equals(of(calm, "s1", "traffic_flow"))


def test_an_incident_of_a_whole_section_is_at_its_end() -> None:
    rows = told(DAY, happening("incident", 7, 9, "north"))
    slowest = [of(rows, place.device, "traffic_speed").min() for place in NORTHWARD]
    assert max(slowest) < 40
    assert of(rows, "s1", "traffic_speed").min() > 70


def test_a_shoulder_or_a_quiet_hour_makes_no_jam() -> None:
    for event in (
        happening("incident", 11, 13, "n2", lanes_blocked=0),
        happening("incident", 2, 3.5, "n2"),
    ):
        assert of(told(DAY, event), "n2", "traffic_speed").min() > 70


def test_a_closed_road_is_empty_and_others_are_fuller() -> None:
    rows, calm = told(DAY, happening("closure", 10, 16, "n1")), told(DAY)
    shut = of(rows, "n1", "traffic_flow").loc[10.2:16]
    assert shut.max() == 0
    assert of(rows, "n1", "occupancy").loc[10.2:16].max() == 0
    assert of(rows, "n1", "traffic_speed").loc[10.2:16].empty
    for neighbour, share in (("n3", 0.3), ("n0", 0.3)):
        part = [of(each, neighbour, "traffic_flow").loc[10.5:16].mean() for each in (rows, calm)]
        assert part[0] == pytest.approx(share * part[1], rel=0.1)
    detour = [of(each, "street", "traffic_flow").loc[10.5:16].mean() for each in (rows, calm)]
    assert detour[0] > 1.2 * detour[1]
    assert of(rows, "s1", "traffic_flow").equals(of(calm, "s1", "traffic_flow"))
    assert of(rows, "n1", "traffic_flow").loc[17:].mean() > 1000


def test_water_on_a_road_closes_it() -> None:
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
    storm = Storm(at=2, hours=10, total=80, lon=2.2, lat=48.6, spread=60)
    story = replace(WEEK, hours=72, weather=Weather(storms=(storm,), wetness=3))
    dry = Field(places=(*FIELD.places, gauge), groups=FIELD.groups)
    peak = float(World(story, dry, 1).courses["river"].level.max())
    asset = Asset(name="rd", kind="road", gauge="river", level=peak - 0.2, site="street")
    field = replace(dry, assets=(asset,))
    world = World(story, field, 1)
    rows = told(story, field=field)
    flow = of(rows, "street", "traffic_flow")
    at = world.begins + (flow.index.to_numpy() * HOUR).astype(np.int64)
    under = world.flooded("rd", at) & world.flooded("rd", at - 360 * SECOND)
    assert under.sum() > 20
    assert flow[under].max() == 0
    assert flow[~under].loc[:12].max() > 300
    elsewhere = of(rows, "n1", "traffic_flow")
    assert elsewhere[under].mean() > of(told(story), "n1", "traffic_flow")[under].mean()


def test_a_loop_is_stuck_dead_or_chatters() -> None:
    rows = told(
        DAY,
        happening("loop-fault", 6, 20, "n0"),
        happening("loop-fault", 6, 20, "n1", mode="dead"),
        happening("loop-fault", 6, 20, "n2", mode="chatter"),
    )
    during = slice(6.1, 20)
    assert set(of(rows, "n0", "occupancy").loc[during]) == {100.0}
    assert of(rows, "n0", "traffic_flow").loc[during].max() == 0
    assert set(of(rows, "n1", "occupancy").loc[during]) == {0.0}
    assert of(rows, "n1", "traffic_speed").loc[during].empty
    ghosts, usual = (of(rows, name, "traffic_flow").loc[during] for name in ("n2", "n3"))
    assert ghosts.mean() > 3 * usual.mean()
    assert of(rows, "n2", "traffic_speed").loc[during].std() > 30
    assert (
        of(rows, "n0", "traffic_flow")
        .loc[20.2:]
        .equals(of(told(DAY), "n0", "traffic_flow").loc[20.2:])
    )


def test_a_radar_s_frame_is_whole_even_without_a_vehicle() -> None:
    rows = told(DAY, happening("closure", 0, 24, "street"))
    mine = rows[rows["device"] == "street"]
    assert set(mine.groupby("time")["quantity"].nunique()) == {4}
    assert of(rows, "street", "traffic_flow").loc[0.2:].max() == 0
    assert of(rows, "street", "traffic_speed").loc[0.2:].std() == 0


def test_sections_are_in_the_direction_of_travel() -> None:
    world = World(replace(DAY, hours=9), FIELD, 1)
    states = truth(FIELD, world, 1)
    for names in (("n0", "n1", "n2", "n3"), ("s0", "s1", "s2")):
        counts = [states[name].count[-1] for name in names]
        assert counts == sorted(counts, reverse=True)
        assert counts[0] > counts[-1]
    backwards = tuple(
        replace(place, properties={**place.properties, "pk_km": -number})
        for number, place in enumerate(NORTHWARD)
    )
    field = Field(places=backwards, groups=FIELD.groups[:1])
    counts = [truth(field, world, 1)[f"n{number}"].count[-1] for number in range(4)]
    assert counts == sorted(counts)


def test_a_seed_is_a_story_and_neighbours_do_not_matter(week: pd.DataFrame) -> None:
    assert week.equals(told(WEEK))
    assert not week["value"].equals(told(WEEK, seed=2)["value"])
    alone = told(WEEK, field=Field(places=NORTHWARD, groups=FIELD.groups[:1]))
    mine = week[week["device"].str.startswith("n")].reset_index(drop=True)
    assert alone.equals(mine)


@pytest.mark.parametrize(
    "events", [(), (INCIDENT, happening("loop-fault", 1, 23, "s1", mode="chatter"))]
)
def test_everything_told_is_possible(events: tuple[ScheduledEvent, ...]) -> None:
    rows = told(DAY, *events)
    for name, part in rows.groupby("quantity"):
        quantity = KNOWN[str(name)]
        assert set(part["unit"]) == {quantity.unit}
        assert part["value"].between(quantity.low, quantity.high).all()
        steps = part["value"] / quantity.resolution
        assert (steps - steps.round()).abs().max() < 1e-5
    assert rows["time"].is_monotonic_increasing
    assert rows["hour"].between(0, 24).all()
    assert not rows.duplicated(["time", "device", "quantity"]).any()
    told_every = rows[(rows["device"] == "n0") & (rows["quantity"] == "traffic_flow")]["time"]
    assert set(told_every.diff().dropna()) == {pd.Timedelta("6min")}
    assert (told_every.dt.minute % 6 == 0).all()
