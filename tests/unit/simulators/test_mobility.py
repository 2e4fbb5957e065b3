"""The mobility simulator: peaks, rain, queues, closures, faulty loops; bicycles in the weather."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sensors._domain import catalogue
from simulators import _bicycles
from simulators._simulator import Asset, Field, Group, Place, simulators
from simulators._story import Happening, Storm, Story, Weather, Where
from simulators._world import World
from simulators.mobility import SIMULATOR, emit, truth

SECOND = 1_000_000
HOUR = 3600 * SECOND
KNOWN = catalogue().quantities
LOOP = dict.fromkeys(("traffic_flow", "traffic_speed", "occupancy", "heavy_share"), 360.0)
RADAR = {**dict.fromkeys(("traffic_flow", "traffic_speed", "occupancy"), 360.0), "battery": 3600.0}


def loop(name: str, lat: float, **more: Any) -> Place:
    return Place(
        device=name,
        site=name,
        domain="mobility",
        model="loop-station",
        lon=2.2,
        lat=lat,
        quantities=LOOP,
        thresholds={"capacity": 4000, "free_speed": 100},
        properties={"road_class": "motorway", "lanes": 2, "direction": "in", **more},
    )


NORTHWARD = tuple(loop(f"n{number}", 48.60 + 0.01 * number) for number in range(4))
SOUTHWARD = tuple(loop(f"s{number}", 48.63 - 0.01 * number, direction="out") for number in range(3))
STREET = Place(
    device="street",
    site="street",
    domain="mobility",
    model="radar-counter",
    protocol="the-things-stack",
    lon=2.21,
    lat=48.61,
    quantities=RADAR,
    properties={"road_class": "urban"},
)
TRACK = Place(
    device="track",
    site="track",
    domain="mobility",
    model="bicycle-counter",
    lon=2.2,
    lat=48.6,
    quantities={"bicycles": 900.0, "battery": 3600.0},
)
PATH = replace(
    TRACK,
    device="path",
    site="path",
    model="path-counter",
    protocol="chirpstack",
    quantities={"bicycles": 900.0, "pedestrians": 900.0, "battery": 3600.0},
)
FIELD = Field(
    places=(*NORTHWARD, *SOUTHWARD, STREET, TRACK, PATH),
    groups=(
        Group(name="north", kind="section", members=tuple(p.device for p in NORTHWARD)),
        Group(name="south", kind="section", members=tuple(p.device for p in SOUTHWARD)),
    ),
)
# a Monday at 0 h in Paris; a week in which there is school
WEEK = Story(name="week", title="", begins=datetime(2024, 10, 6, 22, tzinfo=UTC), hours=168)
DAY = replace(WEEK, hours=24)


def happening(kind: str, at: float, until: float, *names: str, **more: object) -> Happening:
    return Happening(kind=kind, at=at, until=until, where=Where(names=names), parameters=more)


def told(
    story: Story = DAY, *events: Happening, seed: int = 1, field: Field = FIELD
) -> pd.DataFrame:
    rows = emit(field, World(replace(story, events=events), field, seed), seed)
    rows["hour"] = (rows["time"] - pd.Timestamp(story.begins)).dt.total_seconds() / 3600
    return rows


def of(rows: pd.DataFrame, device: str, quantity: str) -> "pd.Series[float]":
    """By the hour of the story."""
    mine = rows[(rows["device"] == device) & (rows["quantity"] == quantity)]
    return mine.set_index("hour")["value"]


@pytest.fixture(scope="module")
def week() -> pd.DataFrame:
    return told(WEEK)


def test_the_domain_is_found_by_scanning() -> None:
    assert simulators()["mobility"] is SIMULATOR


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


def rainy(total: float) -> Story:
    storm = Storm(at=14, hours=8, total=total, lon=2.2, lat=48.6, spread=200)
    return replace(DAY, weather=Weather(storms=(storm,) if total else ()))


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


def riders(story: Story, name: str = "bicycles") -> "pd.Series[float]":
    """Expected, an hour, every quarter of one."""
    world = World(story, FIELD, 1)
    at = np.arange(world.begins, world.ends, 900 * SECOND, dtype=np.int64)
    return pd.Series(_bicycles.expected(TRACK, name, at, world), index=(at - world.begins) / HOUR)


def test_bicycles_have_their_hours_and_days(week: pd.DataFrame) -> None:
    for device, quantity in (("track", "bicycles"), ("path", "bicycles"), ("path", "pedestrians")):
        counts = of(week, device, quantity)
        assert (counts == counts.round()).all()
        workdays = counts[counts.index <= 120]
        by_hour = workdays.groupby((workdays.index - 0.01) % 24 // 1).mean()
        assert by_hour.loc[[8, 17, 18]].min() > 1.2 * by_hour.loc[10]
        assert by_hour.loc[[2, 3]].max() < 0.05 * by_hour.max()
        sunday = counts[counts.index > 144]
        assert sunday.loc[152.1:153].mean() < 0.5 * by_hour.loc[8]


def test_a_sunday_s_ride_is_in_the_afternoon() -> None:
    sunday = riders(WEEK).loc[144:]
    assert 159 <= float(sunday.to_numpy().argmax()) / 4 + 144 <= 161
    assert sunday.loc[152] < 0.2 * riders(WEEK).loc[8]


def test_rain_and_cold_keep_bicycles_at_home_and_pedestrians_less() -> None:
    mild = replace(DAY, weather=Weather(temperature=18.0))
    frosty = replace(DAY, weather=Weather(temperature=-3.0))
    wet = replace(rainy(40), weather=replace(rainy(40).weather, temperature=18.0))
    for name, most in (("bicycles", 0.6), ("pedestrians", 0.8)):
        usual = riders(mild, name)
        assert riders(frosty, name).sum() < most * usual.sum()
        assert riders(wet, name).loc[16:20].sum() < (most + 0.1) * usual.loc[16:20].sum()
        assert riders(wet, name).loc[:12].sum() == pytest.approx(usual.loc[:12].sum(), rel=0.1)
    cold, rain = (
        riders(story, "bicycles").sum() / riders(story, "pedestrians").sum()
        for story in (frosty, mild)
    )
    assert cold < rain


def test_school_days_have_more_at_the_gates() -> None:
    school = riders(replace(DAY, weather=Weather(temperature=18.0)), "pedestrians")
    holiday = riders(
        replace(
            DAY, begins=datetime(2024, 10, 20, 22, tzinfo=UTC), weather=Weather(temperature=18.0)
        ),
        "pedestrians",
    )
    share = [float(each.loc[8:8.5].sum() / each.loc[10:16].sum()) for each in (school, holiday)]
    assert share[0] > 1.15 * share[1]


def test_a_busier_counter_counts_more() -> None:
    busy = replace(TRACK, properties={"daily_bicycles": 1400})
    field = Field(places=(busy,))
    counts = [of(told(WEEK, field=each), "track", "bicycles").sum() for each in (field, FIELD)]
    assert counts[0] == pytest.approx(4 * counts[1], rel=0.1)


def test_a_seed_is_a_story_and_neighbours_do_not_matter(week: pd.DataFrame) -> None:
    assert week.equals(told(WEEK))
    assert not week["value"].equals(told(WEEK, seed=2)["value"])
    alone = told(WEEK, field=Field(places=NORTHWARD, groups=FIELD.groups[:1]))
    mine = week[week["device"].str.startswith("n")].reset_index(drop=True)
    assert alone.equals(mine)


@pytest.mark.parametrize(
    "events", [(), (INCIDENT, happening("loop-fault", 1, 23, "s1", mode="chatter"))]
)
def test_everything_told_is_possible(events: tuple[Happening, ...]) -> None:
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
