"""Two sections of road, a street, a bicycle track and a path; and what their counters tell."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from sensors._domain import catalogue
from simulators._field import Field, Group, Place
from simulators._story import ScheduledEvent, Storm, Story, Weather, Where
from simulators._world import World
from simulators.mobility import emit

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


def happening(kind: str, at: float, until: float, *names: str, **more: object) -> ScheduledEvent:
    return ScheduledEvent(kind=kind, at=at, until=until, where=Where(names=names), parameters=more)


def told(
    story: Story = DAY, *events: ScheduledEvent, seed: int = 1, field: Field = FIELD
) -> pd.DataFrame:
    rows = emit(field, World(replace(story, events=events), field, seed), seed)
    rows["hour"] = (rows["time"] - pd.Timestamp(story.begins)).dt.total_seconds() / 3600
    return rows


def of(rows: pd.DataFrame, device: str, quantity: str) -> "pd.Series[float]":
    """By the hour of the story."""
    mine = rows[(rows["device"] == device) & (rows["quantity"] == quantity)]
    return mine.set_index("hour")["value"]


def rainy(total: float) -> Story:
    storm = Storm(at=14, hours=8, total=total, lon=2.2, lat=48.6, spread=200)
    return replace(DAY, weather=Weather(storms=(storm,) if total else ()))
