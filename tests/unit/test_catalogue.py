"""The catalogue as it is published: a range or an interval that slips is a reading that is lost.

Rules, inventories and stored readings stand on these; who changes one changes it here as well.
"""

import numpy as np

from sensors._domain import catalogue
from sensors._quality import Quality
from sensors._quantity import Quantity
from sensors._row import EARLIEST, LATEST, NEVER, ROW, believed

# Domain, name, unit, kind; lowest, highest, resolution; seconds between two; when; sign.
TABLE = """
cameras camera_reachable bool state 0 1 1 300 on_change positive
cameras frame_age s gauge 0 1e+07 1 300 periodic positive
cameras camera_tampering bool state 0 1 1 3600 on_change positive
cameras crossings_in 1 increment 0 20000 1 900 periodic positive
cameras crossings_out 1 increment 0 20000 1 900 periodic positive
cameras recorder_disk % gauge 0 100 0.1 900 periodic positive
cameras recording_age d gauge 0 3650 0.01 3600 periodic positive
flood level m gauge -5 15 0.001 900 periodic -
flood surface_elevation m gauge 0 200 0.01 900 periodic -
flood discharge m3/s gauge -500 5000 0.001 900 periodic shares
flood daily_max_level m gauge -5 15 0.001 86400 periodic -
flood daily_mean_discharge m3/s gauge -500 5000 0.001 86400 periodic shares
flood basin_fill % gauge 0 100 1 300 periodic positive
flood gate_position % gauge 0 100 1 300 periodic positive
flood pump_running bool state 0 1 1 3600 on_change positive
flood vigilance code state 1 4 1 43200 on_change positive
flood catchment_rain mm increment 0 200 0.1 3600 periodic positive
heat primary_supply_temperature Cel gauge 0 180 0.1 900 periodic -
heat primary_return_temperature Cel gauge 0 180 0.1 900 periodic -
heat heat_flow m3/h gauge 0 32 0.001 900 periodic positive
heat heat_power kW gauge 0 3200 0.1 900 periodic positive
heat heat_energy kW.h counter 0 2e+09 1 900 periodic positive
heat heat_meter_fault code state 0 5 1 3600 on_change positive
heat secondary_supply_temperature Cel gauge 0 120 0.1 900 periodic -
heat secondary_return_temperature Cel gauge 0 120 0.1 900 periodic -
heat hot_water_temperature Cel gauge 0 100 0.1 900 periodic -
heat outside_temperature Cel gauge -50 60 0.1 900 periodic -
heat heating_pressure bar gauge 0 16 0.01 900 periodic positive
heat differential_pressure bar gauge 0 16 0.01 900 periodic positive
heat make_up_water m3 counter 0 1e+06 0.001 900 periodic positive
lighting light_level % gauge 0 100 1 900 periodic positive
lighting light_command % gauge 0 100 1 900 periodic positive
lighting lamp_power W gauge 0 1000 0.1 900 periodic positive
lighting lamp_energy kW.h counter 0 1e+09 0.001 3600 periodic positive
lighting burning_hours h counter 0 1e+06 1 86400 periodic positive
lighting power_factor 1 gauge 0 1 0.01 900 periodic positive
lighting supply_voltage V gauge 0 300 0.1 900 periodic positive
lighting lamp_fault code state 0 5 1 86400 on_change positive
lighting cabinet_door bool state 0 1 1 86400 on_change positive
lighting cabinet_power kW gauge 0 100 0.01 900 periodic positive
lighting phase1_current A gauge 0 200 0.1 900 periodic positive
lighting phase2_current A gauge 0 200 0.1 900 periodic positive
lighting phase3_current A gauge 0 200 0.1 900 periodic positive
lighting earth_leakage bool state 0 1 1 86400 on_change positive
lighting supply_loss bool state 0 1 1 86400 on_change positive
lighting contactor_error bool state 0 1 1 86400 on_change positive
mobility traffic_flow {veh}/h gauge 0 12000 1 360 periodic positive
mobility traffic_speed km/h gauge 0 200 1 360 periodic positive
mobility occupancy % gauge 0 100 0.1 360 periodic positive
mobility heavy_share % gauge 0 100 0.1 360 periodic positive
mobility bicycles 1 increment 0 2000 1 900 periodic positive
mobility pedestrians 1 increment 0 2000 1 900 periodic positive
mobility sign_message_crc 1 state 0 65535 1 3600 on_change positive
mobility barrier_position code state 0 2 1 3600 on_change positive
telecare telecare_calls 1 increment 0 100 1 3600 on_change positive
telecare box_heartbeat bool state 0 1 1 3600 periodic positive
telecare mains_present bool state 0 1 1 3600 on_change positive
telecare home_temperature Cel gauge -20 60 0.1 3600 periodic -
visitors visitors 1 gauge 0 100000 1 300 periodic positive
visitors visitors_in 1 increment 0 20000 1 900 periodic positive
visitors visitors_out 1 increment 0 20000 1 900 periodic positive
waste container_fill % gauge -5 110 0.1 1800 periodic -
waste container_temperature Cel gauge -40 120 0.1 1800 periodic -
waste container_tilt bool state 0 1 1 1800 on_change positive
weather air_temperature Cel gauge -50 50 0.1 360 periodic -
weather dew_point Cel gauge -60 40 0.1 360 periodic -
weather humidity % gauge 0 100 1 360 periodic positive
weather pressure hPa gauge 630 1060 0.1 360 periodic positive
weather wind_speed m/s gauge 0 50 0.1 360 periodic positive
weather wind_direction deg gauge 0 360 1 360 periodic positive
weather gust m/s gauge 0 75 0.1 360 periodic positive
weather gust_direction deg gauge 0 360 1 360 periodic positive
weather rain mm increment 0 30 0.1 360 periodic positive
weather solar_radiation J/m2 increment 0 540000 1000 360 periodic positive
weather sunshine min increment 0 6 1 360 periodic positive
weather snow_depth m gauge 0 2 0.01 3600 periodic positive
weather visibility m gauge 0 60000 10 360 periodic positive
weather soil_temperature Cel gauge -20 50 0.1 360 periodic -
wifi hotspot_reachable bool state 0 1 1 300 on_change positive
wifi wifi_clients 1 gauge 0 5000 1 300 periodic positive
wifi wifi_throughput Mbit/s gauge 0 10000 0.1 300 periodic positive
wifi wifi_errors % gauge 0 100 0.1 300 periodic positive
wifi backhaul_up bool state 0 1 1 300 on_change positive
- battery % gauge 0 100 1 3600 periodic positive
- clock_fault 1 increment 0 1 1 3600 on_change positive
"""
CODES = {
    "vigilance": "green yellow orange red",  # from 1 on
    "lamp_fault": "none lamp driver cycling relay control_gear",  # from 0 on
}


def line(domain: str, quantity: Quantity) -> list[str]:
    return [
        domain,
        quantity.name,
        quantity.unit,
        quantity.kind.value,
        f"{quantity.low:g}",
        f"{quantity.high:g}",
        f"{quantity.resolution:g}",
        f"{quantity.interval.total_seconds():g}",
        quantity.reporting.value,
        "positive" if quantity.nonnegative else "shares" if quantity.true_zero else "-",
    ]


def test_every_quantity_is_as_published() -> None:
    """Of the domains that are published: another one may be added beside them."""
    words = catalogue()
    published = [each.split() for each in TABLE.strip().splitlines()]
    domains = {domain for domain, *_ in published}
    found = [line(words.domain_of.get(name, "-"), q) for name, q in words.quantities.items()]
    assert [each for each in found if each[0] in domains] == published


def test_codes_are_as_published() -> None:
    quantities = catalogue().quantities
    assert {name: quantities[name].codes for name in CODES} == {
        name: dict(enumerate(words.split(), start=name == "vigilance"))
        for name, words in CODES.items()
    }


def test_quality_flags_are_as_stored() -> None:
    """They stand in every row: a number that changes makes old readings say something else."""
    assert {flag.name: flag.value for flag in Quality} == {
        "OUT_OF_RANGE": 1,
        "SENSOR_FAULT": 2,
        "INVALIDATED": 4,
        "SATURATED": 8,
        "DOUBTFUL": 16,
        "MANUAL": 32,
    }
    assert (Quality.GOOD, Quality.SUSPECT) == (0, 7)
    value = np.array([1.0] * 64 + [np.nan])
    quality = np.array([*range(64), 0], dtype=np.int16)
    assert np.flatnonzero(believed(value, quality)).tolist() == [0, 8, 16, 24, 32, 40, 48, 56]


def test_a_row_is_as_packed_and_told() -> None:
    assert ROW.descr == [
        ("series", "<i4"),
        ("time", "<i8"),
        ("received", "<i8"),
        ("value", "<f8"),
        ("quality", "<i2"),
    ]
    assert NEVER == -(2**63)
    edges = np.array([EARLIEST, LATEST]).astype("datetime64[us]")
    assert edges.astype(str).tolist() == [f"{year}-01-01T00:00:00.000000" for year in (1800, 2200)]
