"""What one device of each model publishes is, through broker and ingest, what it had to tell."""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import pandas as pd
import pytest

from hypervisor.base.settings import Settings
from hypervisor.database.connect import Connection, connect
from hypervisor.exercises import plan, playing
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.inventory_files import read_sources
from sensors._quality import Quality
from simulators._field import Field, Place
from simulators._publications import MessageSet
from simulators._scenarios import load_scenario
from simulators._simulation import measure_rows, simulate_messages
from simulators._world import World
from tests.integration.ingest.conftest import ingest

pytestmark = pytest.mark.integration

STORY = replace(load_scenario("cabinet-outage"), events=())  # an evening in which lamps are lit
HOURS = 5.5
MODELS = {
    "air-probe",
    "basin-probe",
    "bicycle-counter",
    "cabinet-controller",
    "compact-station",
    "lamp-controller",
    "lamp-node",
    "loop-station",
    "path-counter",
    "pressure-probe",
    "radar-counter",
    "radar-gauge",
    "rated-gauge",
    "synoptic-station",
    "tipping-bucket",
}
Stored = dict[tuple[str, str, datetime], tuple[float | None, int]]


def one_of_each(field: Field) -> Field:
    """A device of each model, and the one gauge that a basin fills from."""
    chosen: dict[str, Place] = {}
    for place in sorted(field.places, key=lambda place: place.device):
        chosen.setdefault(place.model, place)
    beside = [
        p
        for p in field.places
        if p.river == chosen["basin-probe"].river and "level" in p.quantities
    ]
    places = {place.device: place for place in (*chosen.values(), *beside[:1])}
    return replace(field, places=tuple(places.values()))


def stored(connection: Connection) -> Stored:
    rows = connection.execute(
        "SELECT device.name, series.quantity, time, value, quality FROM reading"
        " JOIN series ON series.id = series_id JOIN device ON device.id = series.device"
    ).fetchall()
    return {(device, name, at): (value, quality) for device, name, at, value, quality in rows}


def played(settings: Settings, said: MessageSet) -> Stored:
    """Published as the player does, and stored by a worker."""
    with ingest(settings):
        playing.play(settings, said, playing.PlayOptions(wait=False))
        end = time.monotonic() + 60
        with connect(settings.database_url, autocommit=True) as connection:
            while len(found := stored(connection)) < len(said.rows):
                letters = connection.execute("SELECT reason, detail FROM dead_letter").fetchall()
                assert not letters
                assert time.monotonic() < end, f"{len(found)} of {len(said.rows)} are stored"
                time.sleep(0.1)
    return found


def as_keys(rows: pd.DataFrame) -> dict[tuple[str, str, datetime], float]:
    times = [at.to_pydatetime() for at in rows["time"]]
    keys = zip(rows["device"], rows["quantity"], times, strict=True)
    return dict(zip(keys, rows["value"].tolist(), strict=True))


def test_what_is_published_is_what_is_stored(exercise_settings: Settings) -> None:
    with connect(exercise_settings.database_url) as connection:
        apply_inventory(connection, read_sources(["essonne"]), author="test", now=None)
        field = one_of_each(plan.load_field(connection, STORY))
    assert {place.model for place in field.places} >= MODELS
    spoken = simulate_messages(STORY, field, 1, hours=HOURS)
    told = as_keys(spoken.rows)
    found = played(exercise_settings, spoken)
    assert set(found) == set(told)
    wrong = {
        key: (told[key], value) for key, (value, _) in found.items() if told[key] != approx(value)
    }
    assert not wrong
    assert {quality for _, quality in found.values()} <= {Quality.GOOD, Quality.SATURATED}
    assert_near(measure_rows(World(STORY, field, 1, hours=HOURS)), spoken, found)


def approx(value: float | None) -> object:
    return pytest.approx(value, rel=1e-9, abs=1e-9)


def assert_near(
    rows: pd.DataFrame, said: MessageSet, found: Mapping[tuple[str, str, datetime], object]
) -> None:
    """Everything measured has been told, and told as it was, but for the payload's own steps."""
    last, heard = newest(rows), newest(said.rows)
    assert set(last) == set(heard) == {(device, name) for device, name, _ in found}
    for (device, name), value in last.items():
        step = {"solar_radiation": 1000.0, "humidity": 1.0}.get(name, 0.11)
        assert heard[device, name] == pytest.approx(value, abs=step), (device, name)


def newest(rows: pd.DataFrame) -> dict[tuple[str, str], float]:
    keys = zip(rows["device"], rows["quantity"], strict=True)
    return dict(zip(keys, rows["value"].tolist(), strict=True))
