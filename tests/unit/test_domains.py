"""One test for every domain: its quantities, rules and simulator are there and fit together."""

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise, product

import pytest

from dashboards._build import list_panels
from dashboards._describe import Panel
from dashboards._scan import dashboards
from hypervisor.base import translation
from rules._pack import packs
from sensors import _units as units
from sensors._command import CommandError, CommandKind, Value, checksum
from sensors._domain import CatalogueError, DeviceModel, Domain, Threshold, assemble, catalogue
from sensors._quantity import Kind, Quantity
from simulators._simulator import find_simulators

CATALOGUE = catalogue()
DOMAINS = list(CATALOGUE.domains.values())
QUANTITIES = list(CATALOGUE.quantities.values())
each_domain = pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
each_command = pytest.mark.parametrize(
    "kind", CATALOGUE.commands.values(), ids=lambda kind: kind.name
)
each_quantity = pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda quantity: quantity.name)


def test_there_is_a_domain() -> None:
    assert "flood" in CATALOGUE.domains


@each_domain
def test_a_module_is_named_as_its_domain(domain: Domain) -> None:
    assert importlib.util.find_spec(f"sensors.{domain.name}") is not None
    assert domain.label_en
    assert domain.label_fr
    assert domain.quantities


@each_quantity
def test_the_words_of_a_state_have_their_french(quantity: Quantity) -> None:
    assert set(quantity.codes.values()) <= set(translation.catalogue("fr"))


@each_quantity
def test_a_quantity_is_described_whole(quantity: Quantity) -> None:
    units.check(quantity.unit)
    assert quantity.low < quantity.high
    assert 0 < quantity.resolution <= quantity.high - quantity.low
    assert quantity.interval.total_seconds() > 0
    assert quantity.standard
    assert quantity.label_en
    assert quantity.label_fr
    assert not (quantity.nonnegative and quantity.low < 0)
    assert not (quantity.nonnegative and quantity.true_zero)
    if quantity.unit == "code":
        assert quantity.codes
        assert all(quantity.low <= code <= quantity.high for code in quantity.codes)
    if quantity.kind in (Kind.INCREMENT, Kind.COUNTER):
        assert quantity.nonnegative


@each_domain
def test_thresholds_are_of_the_domain_s_quantities(domain: Domain) -> None:
    own = {quantity.name for quantity in domain.quantities}
    for threshold in domain.thresholds:
        assert threshold.quantity in own
        assert threshold.above in ("", *(other.name for other in domain.thresholds))
        unit = CATALOGUE.quantities[threshold.quantity].unit
        assert units.dimension(threshold.unit) in (
            units.dimension(unit),
            units.dimension(f"({unit})/h"),
        )


@each_command
def test_a_command_is_described_whole(kind: CommandKind) -> None:
    assert kind.label_en
    assert kind.label_fr
    assert kind.actuator
    assert kind.targets
    assert timedelta(0) < kind.valid_for <= timedelta(hours=1)
    assert timedelta(0) < kind.within <= timedelta(hours=1)
    obeying = [model for model in CATALOGUE.models.values() if kind.name in model.commands]
    assert obeying, "no model obeys it"
    confirming = {confirmation.quantity for confirmation in kind.confirmed_by}
    for model in obeying:
        assert not confirming or confirming & set(model.quantities), model.name
        owner = {CATALOGUE.domain_of.get(name) for name in model.quantities} - {None}
        (domain,) = owner
        assert kind in CATALOGUE.domains[str(domain)].commands


@each_command
def test_a_command_has_parameters_that_can_be_given(kind: CommandKind) -> None:
    assert kind.parameters
    for parameter in kind.parameters:
        assert parameter.label_en
        assert parameter.label_fr
        forms = (bool(parameter.choices), parameter.longest > 0, parameter.low < parameter.high)
        assert forms.count(True) == 1, parameter.name
        if parameter.is_number:
            units.check(parameter.unit)
        for choice in parameter.choices:
            assert choice.label_en
            assert choice.label_fr
    for values in examples(kind):
        assert kind.parse(values) == values
        for language in ("en", "fr"):
            assert kind.describe(values, language)


@each_command
def test_what_confirms_a_command_is_a_possible_reading(kind: CommandKind) -> None:
    for confirmation in kind.confirmed_by:
        quantity = CATALOGUE.quantities[confirmation.quantity]
        (parameter,) = (each for each in kind.parameters if each.name == confirmation.parameter)
        assert confirmation.ranges.keys() <= {choice.name for choice in parameter.choices}
        if parameter.is_number:
            assert units.dimension(parameter.unit) == units.dimension(quantity.unit)
            assert quantity.resolution <= confirmation.tolerance
        spans = [confirmation.expect(values[parameter.name]) for values in examples(kind)]
        assert any(spans)
        for span in spans:
            if span is not None:
                low, high = span
                assert max(low, quantity.low) <= min(high, quantity.high)
        if parameter.choices:  # none of two choices is taken for the other
            ends = sorted(confirmation.ranges.values())
            assert all(first[1] <= after[0] for first, after in pairwise(ends))


def examples(kind: CommandKind) -> list[dict[str, Value]]:
    """Orders with each choice, both ends of each number, and texts."""
    values: list[list[Value]] = [
        [choice.name for choice in parameter.choices]
        or (["", "ROUTE INONDÉE"] if parameter.longest else [parameter.low, parameter.high])
        for parameter in kind.parameters
    ]
    names = [parameter.name for parameter in kind.parameters]
    return [dict(zip(names, chosen, strict=True)) for chosen in product(*values)]


def test_a_text_has_the_check_sum_of_the_standard() -> None:
    assert checksum("123456789") == 0x906E  # the check value of CRC-16/ISO-IEC 3309


@pytest.mark.parametrize("given", [True, None, "x", float("nan"), 101, -1, [1]])
def test_what_is_no_number_within_bounds_is_refused(given: object) -> None:
    with pytest.raises(CommandError, match="expected a number from 0 to 100 %"):
        CATALOGUE.commands["dim"].parse({"level": given})


@each_domain
def test_calm_values_are_possible(domain: Domain) -> None:
    own = {quantity.name for quantity in domain.quantities} | CATALOGUE.common
    for name, value in domain.calm.items():
        assert name in own
        assert CATALOGUE.quantities[name].low <= value <= CATALOGUE.quantities[name].high


@each_domain
def test_rules_name_what_exists(domain: Domain) -> None:
    (pack,) = (pack for pack in packs() if pack.domain == domain.name)
    assert pack.rules
    for rule in pack.rules:
        assert rule.id.startswith(domain.name)
        assert set(rule.names) <= set(CATALOGUE.quantities), rule.id
        assert set(rule.thresholds) <= set(CATALOGUE.thresholds), rule.id


def test_each_pack_and_simulator_has_its_domain() -> None:
    assert {pack.domain for pack in packs()} == set(CATALOGUE.domains)
    assert set(find_simulators()) == set(CATALOGUE.domains)


def quantity(name: str) -> Quantity:
    (found,) = (one for one in QUANTITIES if one.name == name)
    return found


def test_what_every_device_tells_belongs_to_no_domain() -> None:
    assert CATALOGUE.common == {"battery", "clock_fault"}
    assert not CATALOGUE.common & set(CATALOGUE.domain_of)


def test_what_is_common_is_not_described_again() -> None:
    again = Domain(name="a", label_en="a", label_fr="a", quantities=(quantity("battery"),))
    with pytest.raises(CatalogueError, match="'battery' is common to all domains already"):
        assemble([again])


# The table of the field's vocabulary (DOMAIN): quantity -> unit, as the domains' standards have it.
EXPECTED = {
    "flood": (
        "level m surface_elevation m discharge m3/s daily_max_level m daily_mean_discharge m3/s"
        " basin_fill % vigilance code"
    ),
    "weather": (
        "air_temperature Cel dew_point Cel humidity % pressure hPa wind_speed m/s"
        " wind_direction deg gust m/s gust_direction deg rain mm solar_radiation J/m2 sunshine min"
        " snow_depth m visibility m soil_temperature Cel"
    ),
    "lighting": (
        "light_level % light_command % lamp_power W lamp_energy kW.h burning_hours h power_factor 1"
        " supply_voltage V lamp_fault code cabinet_door bool cabinet_power kW phase1_current A"
        " earth_leakage bool supply_loss bool contactor_error bool"
    ),
    "cameras": (
        "camera_reachable bool frame_age s camera_tampering bool crossings_in 1 crossings_out 1"
        " recorder_disk % recording_age d"
    ),
    "wifi": (
        "hotspot_reachable bool wifi_clients 1 wifi_throughput Mbit/s wifi_errors %"
        " backhaul_up bool"
    ),
    "telecare": "telecare_calls 1 box_heartbeat bool mains_present bool home_temperature Cel",
    "visitors": "visitors 1 visitors_in 1 visitors_out 1",
    "waste": "container_fill % container_temperature Cel container_tilt bool",
    "mobility": (
        "traffic_flow {veh}/h traffic_speed km/h occupancy % heavy_share % bicycles 1 pedestrians 1"
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_vocabulary_of_the_field_is_whole(name: str) -> None:
    words = EXPECTED[name].split()
    found = {one.name: one.unit for one in CATALOGUE.domains[name].quantities}
    for wanted, unit in zip(words[::2], words[1::2], strict=True):
        assert found.get(wanted) == unit


def test_what_is_described_twice_is_refused() -> None:
    one = Domain(name="a", label_en="a", label_fr="a", quantities=(quantity("level"),))
    other = Domain(name="b", label_en="b", label_fr="b", quantities=(quantity("level"),))
    with pytest.raises(CatalogueError, match="quantity 'level' is in 'a' and again in 'b'"):
        assemble([one, other])


def test_what_measures_nothing_or_twice_is_refused() -> None:
    blind = DeviceModel(name="m", vendor="v", quantities=("level", "nothing"))
    with pytest.raises(CatalogueError, match="model 'm' measures unknown quantity 'nothing'"):
        assemble([replace(_EMPTY, quantities=(quantity("level"),), models=(blind,))])
    seeing = replace(blind, quantities=("level",))
    made = assemble([replace(_EMPTY, quantities=(quantity("level"),), models=(seeing,))])
    assert made.models == {"m": seeing}
    assert made.domain_of == {"level": "a"}
    with pytest.raises(CatalogueError, match="device model 'm' is in 'a' and again in 'a'"):
        assemble([replace(_EMPTY, quantities=(quantity("level"),), models=(seeing, seeing))])
    with pytest.raises(CatalogueError, match="domain 'a' is in 'a' and again in 'a'"):
        assemble([_EMPTY, _EMPTY])


_EMPTY = Domain(name="a", label_en="a", label_fr="a", quantities=())


def test_a_threshold_of_nothing_is_refused() -> None:
    threshold = Threshold(name="t", quantity="nothing", unit="m", label_en="t", label_fr="t")
    domain = Domain(name="a", label_en="a", label_fr="a", quantities=(), thresholds=(threshold,))
    with pytest.raises(CatalogueError, match="unknown quantity 'nothing'"):
        assemble([domain])


@each_domain
def test_each_domain_has_a_dashboard_of_its_name(domain: Domain) -> None:
    boards = {board.key: board for board in dashboards()}
    board = boards[domain.name]
    assert domain.name in board.domains
    named = {name for panel in list_panels(board) for name in (panel.quantity, *_named(panel))}
    assert named & {quantity.name for quantity in domain.quantities}
    assert named - {""} <= set(CATALOGUE.quantities)


def _named(panel: Panel) -> Iterator[str]:
    yield from (column.quantity for column in panel.columns)
