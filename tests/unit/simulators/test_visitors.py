"""Visitors: who enters leaves, rain keeps people away, counters err; a crowd is unusual or not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hypervisor.backtest.sources import RecordedSource
from hypervisor.exercises.territory import describe_field
from sensors._domain import catalogue
from simulators._field import Field, SimulatorError
from simulators._scenarios import parse_scenario
from simulators._simulation import simulate_rows
from simulators._story import Story
from simulators._world import World
from simulators.visitors import SIMULATOR, truth
from tests.unit.packs.judging import judged, registry_of

GATE = "chamarande-gate"


def story(text: str = "", *, begins: str = "2024-06-08T22:00:00Z", hours: int = 30) -> Story:
    head = f"name: x\ntitle: x\nbegins: {begins}\nhours: {hours}\n"
    return parse_scenario(head + text, "x.yaml")


def places(*sites: str) -> Field:
    field = describe_field(registry_of("essonne"), catalogue(), story().begins)
    return replace(
        field,
        places=tuple(place for place in field.of("visitors") if place.site in sites),
        groups=(),
        assets=(),
    )


def counts(rows: pd.DataFrame, device: str) -> dict[str, np.ndarray]:
    own = rows[rows["device"] == device]
    return {str(name): part["value"].to_numpy() for name, part in own.groupby("quantity")}


def emitted(told: Story, *sites: str) -> pd.DataFrame:
    field = places(*sites)
    return SIMULATOR.emit(field, World(told, field, 1), 1)


MILD = "weather: {temperature: 20, cloud: 0.2}\n"


def test_who_enters_leaves_on_the_same_day() -> None:
    found = counts(emitted(story(MILD), GATE), GATE)
    assert found["visitors_in"].sum() == pytest.approx(found["visitors_out"].sum(), rel=0.1)
    assert 900 < found["visitors_in"].sum() < 2_200
    entered = found["visitors_in"].cumsum() - found["visitors_out"].cumsum()
    assert entered.max() > 150
    assert found["visitors_in"][:16].sum() < 20, "at night nobody comes"


def test_rain_keeps_people_at_home() -> None:
    fine = counts(emitted(story(MILD), GATE), GATE)["visitors_in"].sum()
    storm = "{at: 8 h, hours: 12, total: 40, lon: 2.2, lat: 48.5, spread: 60}"
    wet = story(f"weather: {{temperature: 20, storms: [{storm}]}}\n")
    assert counts(emitted(wet, GATE), GATE)["visitors_in"].sum() < 0.6 * fine


def test_a_counter_that_errs_misses_its_share_of_one_way() -> None:
    fault = (
        f"events: [{{kind: counter-fault, where: {GATE}, from: 0, to: 30, way: out, share: 0.5}}]"
    )
    found = counts(emitted(story(MILD + fault), GATE), GATE)
    assert found["visitors_out"].sum() == pytest.approx(found["visitors_in"].sum() / 2, rel=0.15)
    with pytest.raises(SimulatorError, match="counter-fault: way: 'up'; expected one of in, out"):
        emitted(story(MILD + fault.replace("way: out", "way: up")), GATE)


def test_an_area_shows_who_is_present() -> None:
    field = places("port-aux-cerises-beach")
    told = story(MILD)
    world = World(told, field, 1)
    times, present = truth(field, world)["port-aux-cerises-beach"]
    rows = SIMULATOR.emit(field, world, 1)
    seen = counts(rows, "port-aux-cerises-beach")["visitors"]
    at = rows["time"].astype("int64").to_numpy()
    assert np.abs(seen - np.interp(at, times, present)).max() < 0.15 * present.max()


def test_after_three_weeks_a_crowd_is_unusual_and_the_same_crowd_each_week_is_not() -> None:
    """Wednesdays in March: the fourth brings four times as many people, or each of them does."""
    crowds = [
        f"{{kind: crowd, where: {GATE}, from: {24 * day + 12} h, to: {24 * day + 17} h, times: 4}}"
        for day in (0, 7, 14, 21)
    ]
    began = {}
    for name, events in (("once", crowds[-1:]), ("always", crowds)):
        told = story(
            f"weather: {{temperature: 18, cloud: 0.2}}\nevents: [{', '.join(events)}]\n",
            begins="2024-03-05T23:00:00Z",
            hours=24 * 22,
        )
        rows = simulate_rows(told, places(GATE), 1)
        source = RecordedSource.of(rows, registry_of("essonne"), catalogue())
        found = judged(registry_of("essonne"), source, frozenset({GATE}))
        hours = told.begins.timestamp()
        began[name] = [
            (alarm.episode.began / 1e6 - hours) / 3600
            for alarm in found.alarms
            if alarm.episode.rule == "visitors-unusual-many"
        ]
    (at,) = began["once"]
    assert 24 * 21 + 12 < at < 24 * 21 + 15
    assert began["always"] == []
