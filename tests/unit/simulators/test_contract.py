"""One contract for every domain's simulator: what it emits exists, is possible, and in time."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sensors._quantity import Kind, Reporting
from simulators._actuators import ACTUATORS
from simulators._field import Field
from simulators._scenarios import load_scenario
from simulators._simulation import simulate_rows
from simulators._simulator import find_simulators
from simulators._table import ROW_COLUMNS
from simulators._world import World
from tests.unit.simulators.small import KNOWN, field

HOURS = 60.0
LORAWAN = ("chirpstack", "the-things-stack")
FIELD = field()
# What is of the place or its authorities, and no matter of a device.
OF_THE_PLACE = {
    "camera_reachable",  # as long as nothing happens to it
    "camera_tampering",
    "hotspot_reachable",
    "backhaul_up",
    "container_tilt",
    "catchment_rain",
    "vigilance",
    "snow_depth",
    "solar_radiation",
    "sunshine",
}
WORLD = World(load_scenario("october-flood"), FIELD, 3, hours=HOURS)
each_domain = pytest.mark.parametrize("domain", sorted(find_simulators()))


@pytest.fixture(scope="module")
def told() -> dict[str, pd.DataFrame]:
    return {domain: each.emit(FIELD, WORLD, 3) for domain, each in find_simulators().items()}


def test_a_kind_of_event_belongs_to_one_domain() -> None:
    kinds = [kind for each in find_simulators().values() for kind in each.events]
    assert sorted(kinds) == sorted(set(kinds))


@each_domain
def test_the_field_has_every_model_of_the_domain(domain: str) -> None:
    models = {model.name for model in KNOWN.domains[domain].models}
    assert {place.model for place in FIELD.of(domain)} >= models


@each_domain
def test_no_device_sends_what_its_simulator_does_not_model(domain: str) -> None:
    places = [
        replace(place, quantities={**place.quantities, "clock_fault": 600.0})
        for place in FIELD.places
    ]
    faulty = replace(FIELD, places=tuple(places))
    world = World(load_scenario("october-flood"), faulty, 3, hours=1)
    rows = find_simulators()[domain].emit(faulty, world, 3)
    assert "clock_fault" not in set(rows["quantity"])


@each_domain
def test_every_device_tells_every_quantity_that_it_has(
    domain: str, told: dict[str, pd.DataFrame]
) -> None:
    rows = told[domain]
    assert tuple(rows.columns) == ROW_COLUMNS
    pairs = set(zip(rows["device"], rows["quantity"], strict=True))
    wanted = {(place.device, name) for place in FIELD.of(domain) for name in place.quantities}
    assert pairs == wanted
    assert str(rows["time"].dtype) == "datetime64[us, UTC]"


@each_domain
def test_quantities_exist_and_values_are_possible(
    domain: str, told: dict[str, pd.DataFrame]
) -> None:
    for name, rows in told[domain].groupby("quantity"):
        quantity = KNOWN.quantities[str(name)]
        assert KNOWN.domain_of.get(quantity.name, domain) == domain
        assert set(rows["unit"]) == {quantity.unit}
        value = rows.loc[rows["status"] == "ok", "value"]
        assert value.between(quantity.low, quantity.high).all(), name
        steps = value / quantity.resolution
        assert np.allclose(steps, np.round(steps), atol=1e-6), f"{name}: below its resolution"
        if quantity.codes:
            assert set(value) <= set(quantity.codes)
        if quantity.kind is Kind.COUNTER:
            grown = rows.groupby("device")["value"].apply(lambda one: one.diff().min())
            assert (grown.fillna(0) >= 0).all()


@each_domain
def test_rows_are_in_order_in_the_span_and_never_double(
    domain: str, told: dict[str, pd.DataFrame]
) -> None:
    rows = told[domain]
    assert rows["time"].is_monotonic_increasing
    assert not rows.duplicated(["time", "device", "quantity"]).any()
    times = rows["time"].astype("int64")
    assert times.min() >= WORLD.begins
    assert times.max() <= WORLD.ends


@each_domain
def test_the_interval_is_kept(domain: str, told: dict[str, pd.DataFrame]) -> None:
    """Within a minute, as devices' own clocks go; lamps only while they are fed.

    A LoRaWAN device may tell everything with what it tells most often.
    """
    places = {place.device: place for place in FIELD.of(domain)}
    for key, rows in told[domain].groupby(["device", "quantity"]):
        device, name = map(str, key)
        place = places[device]
        gaps = rows["time"].diff().dropna().dt.total_seconds()
        interval = place.quantities[name]
        periodic = KNOWN.quantities[name].reporting is Reporting.PERIODIC
        if name in place.on_change or not periodic:
            assert (gaps <= interval + 60).all() or place.switched, (device, name)
        elif not place.switched and len(gaps):
            usual = min(place.quantities.values()) if place.protocol in LORAWAN else interval
            apart = min(abs(gaps.median() - interval), abs(gaps.median() - usual))
            assert apart < 60, (device, name)
            assert gaps.max() < 2 * interval, (device, name)


@each_domain
def test_the_same_seed_tells_the_same_and_another_another(
    domain: str, told: dict[str, pd.DataFrame]
) -> None:
    simulator = find_simulators()[domain]
    again = World(load_scenario("october-flood"), FIELD, 3, hours=HOURS)
    assert told[domain].equals(simulator.emit(FIELD, again, 3))
    other = World(load_scenario("october-flood"), FIELD, 4, hours=HOURS)
    assert not told[domain].equals(simulator.emit(FIELD, other, 4))


@each_domain
def test_a_domain_plays_alone(domain: str) -> None:
    alone = Field(places=FIELD.of(domain))
    rows = simulate_rows(load_scenario("quiet"), alone, 1, hours=6)
    assert set(rows["device"]) <= {place.device for place in alone.places}
    assert len(rows)


@each_domain
def test_no_two_devices_tell_alike(domain: str) -> None:
    """Two of a model at one place: each has its noise, its moments, its bucket half full."""
    models = {place.model: place for place in FIELD.of(domain)}
    twins = [replace(place, device=f"{place.device}-twin") for place in models.values()]
    both = replace(FIELD, places=(*FIELD.places, *twins))
    rows = find_simulators()[domain].emit(
        both, World(load_scenario("october-flood"), both, 3, hours=HOURS), 3
    )
    alike = set()
    for place in models.values():
        for name in place.quantities:
            one, other = (
                rows.loc[(rows["device"] == device) & (rows["quantity"] == name), ["time", "value"]]
                for device in (place.device, f"{place.device}-twin")
            )
            if one.reset_index(drop=True).equals(other.reset_index(drop=True)):
                alike.add(name)
    assert alike <= OF_THE_PLACE | ACTUATORS.keys()  # actuators that nobody commands
