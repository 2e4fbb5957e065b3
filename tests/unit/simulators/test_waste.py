"""Containers: they fill and are emptied on their days, tell of it, burn and are thrown over."""

from dataclasses import replace

import numpy as np
import pandas as pd

from hypervisor.exercises.territory import describe_field
from sensors._domain import catalogue
from simulators._calendar import local_times
from simulators._field import Field
from simulators._scenarios import parse_scenario
from simulators._story import Story
from simulators._world import World
from simulators.waste import SIMULATOR, truth
from tests.unit.packs.judging import registry_of

ONE = "household-evry-aguado"
HOUR = 3_600_000_000


def story(text: str = "", *, hours: int = 24 * 8) -> Story:
    head = f"name: x\ntitle: x\nbegins: 2024-09-15T22:00:00Z\nhours: {hours}\n"
    return parse_scenario(head + text, "x.yaml")


def containers() -> Field:
    field = describe_field(registry_of("essonne"), catalogue(), story().begins)
    own = tuple(place for place in field.of("waste") if place.site == ONE)
    return replace(field, places=own, groups=(), assets=())


def emitted(told: Story) -> dict[str, pd.DataFrame]:
    field = containers()
    rows = SIMULATOR.emit(field, World(told, field, 1), 1)
    return {str(name): part for name, part in rows.groupby("quantity")}


def event(kind: str, since: int, until: int, more: str = "") -> str:
    return f"events: [{{kind: {kind}, where: {ONE}, from: {since} h, to: {until} h{more}}}]"


def test_it_fills_and_its_round_empties_it() -> None:
    field = containers()
    world = World(story(), field, 1)
    times, fill, emptied = truth(field, world)[ONE]
    assert set(local_times(emptied, "Europe/Paris").weekday.tolist()) == {0, 3}
    after = np.searchsorted(times, emptied)
    assert fill[after].max() < 8
    assert fill[after[1:] - 1].min() > 40
    assert (np.diff(fill) >= 0).sum() == len(fill) - 1 - len(emptied)
    assert fill[times >= world.begins].max() < 85, "its rounds suffice"


def test_a_lorry_tips_it_and_it_says_so() -> None:
    tilt = emitted(story())["container_tilt"]
    lifted = tilt[tilt["value"] == 1]["time"]
    assert lifted.dt.tz_convert("Europe/Paris").dt.hour.tolist() == [7, 7, 7]
    missed = emitted(story(event("round-missed", 0, 24 * 8)))
    assert missed["container_tilt"]["value"].max() == 0
    assert missed["container_fill"]["value"].max() > 100
    over = emitted(story(event("container-tipped", 30, 38)))["container_tilt"]
    assert (over["value"] == 1).sum() >= 16


def test_a_fire_heats_it_within_half_an_hour() -> None:
    calm = emitted(story())["container_temperature"]
    fire = emitted(story(event("container-fire", 20, 21)))["container_temperature"]
    assert calm["value"].max() < 45
    hours = (fire["time"].astype("int64") // HOUR * 1.0).to_numpy()
    rise = fire["value"].to_numpy() - calm["value"].to_numpy()
    begins = hours[0] + 20
    assert rise[hours < begins].max() == 0
    assert rise[(hours >= begins) & (hours <= begins + 1)].max() > 60
    assert rise[hours > begins + 8].max() < 2
