"""Three cabinets with their lamps: switched, fed, and over LoRaWAN; and what they then tell."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import numpy as np
import pandas as pd

from sensors._domain import catalogue
from sensors._plan import LightingPlan, Spell
from simulators._field import Field, Place
from simulators._lamp_readings import Lamp
from simulators._story import ScheduledEvent, Story, Where
from simulators._world import World
from simulators.lighting import emit, truth

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


def happening(kind: str, at: float, until: float, *names: str, **more: object) -> ScheduledEvent:
    return ScheduledEvent(kind=kind, at=at, until=until, where=Where(names=names), parameters=more)


def told(
    *events: ScheduledEvent, seed: int = 1, field: Field = FIELD
) -> tuple[World, pd.DataFrame]:
    world = World(replace(NOON, events=events), field, seed)
    return world, emit(field, world, seed)


def of(rows: pd.DataFrame, device: str, quantity: str) -> "pd.Series[float]":
    mine = rows[(rows["device"] == device) & (rows["quantity"] == quantity)]
    return mine.set_index("time")["value"]


def micros(times: "pd.Index[Any] | pd.Series[pd.Timestamp]") -> "np.typing.NDArray[np.int64]":
    return np.asarray(pd.DatetimeIndex(times).as_unit("us").asi8)


def hours_after(world: World, hours: float) -> pd.Timestamp:
    return pd.Timestamp(world.begins + int(hours * HOUR), unit="us", tz="UTC")


def true_lamps(world: World, seed: int = 1) -> list[Lamp]:
    return [lamp for cab in truth(FIELD, world, seed).values() for lamp in cab.lamps]
