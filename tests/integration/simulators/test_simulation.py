"""The example's own devices, as the simulator sees them and as they then tell."""

import numpy as np
import pytest

from hypervisor.exercise import simulation
from hypervisor.exercise.territory import field_of
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.sources import read_sources
from hypervisor.settings import Settings
from hypervisor.store import registry
from hypervisor.store.connect import connect
from sensors._domain import catalogue
from simulators._scenarios import load
from simulators._world import World

pytestmark = pytest.mark.integration


@pytest.fixture
def essonne(exercise_settings: Settings) -> Settings:
    with connect(exercise_settings.database_url) as connection:
        apply_inventory(connection, read_sources(["essonne"]), author="test", now=None)
    return exercise_settings


def test_the_wave_goes_down_the_example_s_rivers_in_order(essonne: Settings) -> None:
    flood = load("october-flood")
    with connect(essonne.database_url) as connection:
        field = field_of(registry.load(connection), catalogue(), flood.begins)
    places = field.of("flood")
    assert len(places) == 18
    savigny = next(place for place in places if place.site == "orge-savigny")
    assert dict(savigny.upstream) == {"orge-arpajon": 7 * 3600.0, "yvette-villebon": 4 * 3600.0}
    assert savigny.quantities["level"] == 900
    assert savigny.thresholds["alert"] == 2.1
    for seed in range(3):
        courses = World(flood, field, seed).courses
        peak = {name: int(np.argmax(course.discharge)) for name, course in courses.items()}
        for place in places:
            assert all(peak[place.site] > peak[above] for above, _ in place.upstream)
        assert courses["orge-savigny"].level.max() > savigny.thresholds["alert"]
        assert all(
            course.level.min() > -5 and course.level.max() < 6 for course in courses.values()
        )


def test_everything_the_example_s_devices_tell_is_possible(essonne: Settings) -> None:
    rows = simulation.rows_of(essonne, "october-flood", seed=1, hours=48)
    known = catalogue().quantities
    for name, told in rows.groupby("quantity"):
        quantity = known[str(name)]
        assert set(told["unit"]) == {quantity.unit}
        assert told["value"].between(quantity.low, quantity.high).all()
    assert set(rows["quantity"]) >= {"level", "discharge", "battery", "catchment_rain"}
    assert rows["device"].nunique() > 1_000
