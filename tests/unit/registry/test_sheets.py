"""A field in sheets: lamps with their own places, cabinets, gateways, assets."""

import pytest

from hypervisor.registry.model import Registry
from hypervisor.registry.parse_csv import parse_csv
from hypervisor.registry.tree import InventoryError
from tests.unit.registry.field import CATALOGUE, built, change, read, values

CABINETS = """site;domain;lon;lat;device;model;commissioned
cab;lighting;2,18;48,70;cab-box;cabinet-controller;2020-01-01
gif;flood;2,13;48,70;gauge;radar-gauge;2015-01-01
"""
LAMPS = """site;device;model;group;lon;lat;gateway;address;commissioned;device.lamp_rated_power
cab;lamp-1;lamp-node;cab;2.181;48.701;lora;70B3D57ED0000001;2021-01-01;60 W
cab;lamp-2;lamp-node;cab;2.182;48.702;lora;70B3D57ED0000002;2021-01-01;75 W
"""
GROUPS = """group;title;kind;site;plan;switched;members
cab;Cabinet 1;cabinet;cab;dark;true;
road;Main road;section;gif;;;cab-box gauge
"""
GATEWAYS = "gateway;title;protocol;lon;lat\nlora;Network server;chirpstack;2.4;48.6\n"
ASSETS = """asset;title;kind;lon;lat;gauge;level
school;The school;school;2.1;48.7;gif;2,1 m
"""
PLAN = "plans: [{name: dark, on: sunset, off: sunrise}]"


def field() -> Registry:
    sheets = (CABINETS, LAMPS, GROUPS, GATEWAYS, ASSETS)
    return built(PLAN, *(read(text, f"{at}.csv") for at, text in enumerate(sheets)))


def test_lamps_stand_where_their_row_says_and_the_cabinet_where_its_own_does() -> None:
    registry = field()
    assert (registry.sites["cab"].lon, registry.sites["cab"].lat) == (2.18, 48.70)
    lamp = registry.devices["lamp-2"]
    assert (lamp.site, lamp.lon, lamp.lat, lamp.address) == (
        "cab",
        2.182,
        48.702,
        "70b3d57ed0000002",
    )
    rated = values(registry, "threshold")["device/lamp-2/lamp_rated_power"]
    assert rated is not None
    assert rated["value"] == 75


def test_groups_gateways_and_assets_of_sheets() -> None:
    found = field()
    assert found.gateways["lora"].protocol == "chirpstack"
    assert set(values(found, "member")) == {
        "cab/lamp-1",
        "cab/lamp-2",
        "road/cab-box",
        "road/gauge",
    }
    assert values(found, "supply") == {"cab": {"plan": "dark", "switched": True}}
    assert values(found, "reach") == {"school": {"gauge": "gif", "level": 2.1, "unit": "m"}}
    again = [read(text, "x.csv") for text in (LAMPS,)]
    assert not change(*again, registry=found)


def test_a_null_in_a_sheet_withdraws() -> None:
    sheet = "asset;gauge;level\nschool;null;null\n"
    (gone,) = change(read(sheet, "a.csv"), registry=field()).revisions
    assert (gone.kind, gone.key, gone.value) == ("reach", "school", None)


def test_slips_in_these_sheets() -> None:
    assert _told("gateway;titel\nlora;x\n") == [
        "s.csv:1: there is no column 'titel'; did you mean 'title'?"
    ]
    assert _told("group;kind\ncab;armoire\n") == [
        "s.csv:2: kind: unknown kind 'armoire'; expected one of "
        + ", ".join(sorted(CATALOGUE.groups))
    ]
    assert _told("asset;level\na;3\n")[0].startswith("s.csv:2: level: '3' has no unit")
    assert _told("gateway;title\n;x\n") == ["s.csv:2: gateway: is empty"]
    assert _told("site;device;lon;lat\na;b;48.6;2.1\n")[0].startswith("s.csv:2: device.lat: lon")
    assert "begins with gateway, group, asset" in _told("")[0]


def _told(text: str) -> list[str]:
    try:
        read(text, "s.csv")
    except InventoryError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize("cell", ["a" * 200_000, '"' + "a" * 200_000])
def test_a_cell_without_end_is_refused_with_its_line(cell: str) -> None:
    for text in (f"site;domain\na;flood\n{cell};flood\n", f"site;{cell}\n"):
        with pytest.raises(InventoryError, match="not readable as CSV"):
            parse_csv(text, file="x.csv", catalogue=CATALOGUE, problems=[])
