"""How a device is, and what goes dark without it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.readings.device_health import (
    Health,
    assess_device,
    expected_interval,
    stale_by_device,
)
from hypervisor.readings.impact import Dependencies, Impact
from hypervisor.registry.queries_devices import DeviceReport, DeviceRow, SeriesRow
from sensors._domain import catalogue

NOW = datetime(2024, 10, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
GAUGE = DeviceRow(
    name="gauge", site="mill", site_title="Mill", domain="flood", commune=None, model=None,
    commissioned=NOW - 100 * HOUR, retired=None, gateway=None, address=None, codec=None,
    lon=None, lat=None, in_service=True, groups=(), switched=False,
)  # fmt: skip
WELL = DeviceReport(heard_at=NOW, measured_at=NOW, readings=100, suspect=1, ahead_s=5, battery=80)


def look(heard: DeviceReport = WELL, device: DeviceRow = GAUGE, *, accused: bool = False) -> Health:
    return assess_device(device, heard, stale_after=HOUR, now=NOW, accused=accused)


def series(quantity: str, **said: object) -> SeriesRow:
    row = SeriesRow(
        id=1, device="gauge", quantity=quantity, site="mill", domain="flood", low=None, high=None,
        saturates=None, interval_s=None, stale_s=None, reporting=None, in_use=True,
    )  # fmt: skip
    return replace(row, **said)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "issues"),
    [
        ({}, ()),
        ({"heard_at": NOW - HOUR}, ()),
        ({"heard_at": NOW - 2 * HOUR}, ("silent",)),
        ({"heard_at": None}, ("silent",)),
        ({"suspect": 10}, ()),
        ({"suspect": 11}, ("suspect",)),
        ({"clock_faults": 1}, ("skewed",)),
        ({"ahead_s": 61.0}, ("skewed",)),
        ({"battery": 19.0, "heard_at": None}, ("silent", "battery")),
    ],
)
def test_issues(change: dict[str, object], issues: tuple[str, ...]) -> None:
    assert look(replace(WELL, **change)).issues == issues  # type: ignore[arg-type]


def test_a_lamp_by_day_is_silent_only_if_a_rule_says_so() -> None:
    lamp = replace(GAUGE, switched=True)
    quiet = replace(WELL, heard_at=NOW - 9 * HOUR)
    assert look(quiet, lamp).issues == ()
    assert look(quiet, lamp, accused=True).issues == ("silent",)


def test_what_excuses() -> None:
    assert look(device=replace(GAUGE, retired=NOW)).excused == "retired"
    assert look(device=replace(GAUGE, retired=NOW + HOUR)).excused is None
    assert look(device=replace(GAUGE, in_service=False)).excused == "out of service"


def test_the_quickest_regular_series_says_how_long_is_too_long() -> None:
    rows = [
        series("level", interval_s=900.0),
        series("battery", stale_s=86_400.0),
        series("discharge", interval_s=60.0, in_use=False),
        series("lamp_fault", interval_s=60.0, reporting="on_change"),
        series("clock_fault", interval_s=60.0),
    ]
    assert stale_by_device(rows, catalogue()) == {"gauge": timedelta(seconds=2_700)}


def test_a_series_reports_as_often_as_its_quantity_unless_it_says_otherwise() -> None:
    rain = catalogue().quantities["rain"].interval
    assert rain is not None
    assert expected_interval(series("rain"), catalogue()) == rain
    assert expected_interval(series("rain", interval_s=60.0), catalogue()) == timedelta(minutes=1)
    assert expected_interval(series("of another version"), catalogue()) is None


def ground(**speaking: str) -> Dependencies:
    return Dependencies(
        quantities={"gauge": frozenset({"level", "battery"})},
        measured_by={
            ("mill", quantity): frozenset(who.split()) for quantity, who in speaking.items()
        },
        assets={"mill": ("School", "Road")},
        below={"mill": ("Bridge",)},
        members={"mill": 12},
        rules={
            "flood-level": frozenset({"level"}),
            "flood-rain": frozenset({"rain"}),
            "weather-level": frozenset({"level"}),
        },
    )


def test_what_goes_dark() -> None:
    blinds = ground(level="gauge").assess(GAUGE, well=frozenset({"other"}))
    assert blinds == Impact(
        assets=("School", "Road"), below=("Bridge",), members=12, rules=("flood-level",)
    )


def test_another_that_is_well_stands_in() -> None:
    found = ground(level="gauge other").assess(GAUGE, well=frozenset({"other"}))
    assert (found.assets, found.below, found.rules) == ((), (), ())
    unwell = ground(level="gauge other").assess(GAUGE, well=frozenset())
    assert unwell.assets


def test_a_member_does_not_blind_its_own_group() -> None:
    lamp = replace(GAUGE, groups=("cabinet",))
    assert ground(level="gauge").assess(lamp, well=frozenset()).members == 0
