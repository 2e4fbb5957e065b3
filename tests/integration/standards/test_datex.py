"""DATEX II: what is said of roads, valid by its schema, read by a program of others."""

import io
import os
import warnings
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
import xmlschema

from tests.integration.evaluation.world import World
from tests.integration.standards.conftest import settings_of
from tests.integration.web.served import server

pytestmark = pytest.mark.integration

ROOT = "/datex2"
FILES = ("situations", "measurement-sites", "measured-data")
BASE = "{http://datex2.eu/schema/3/"
SCHEMA = os.environ.get("DATEX_SCHEMA", "")


def fetch(client: httpx.Client, name: str) -> bytes:
    answer = client.get(f"{ROOT}/{name}.xml")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/xml"
    return answer.content


def situations_of(content: bytes) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for help with other countries
        from streetworks.datex2.parser import iter_situations_full  # noqa: PLC0415

    return {each.id: each for each in iter_situations_full(io.BytesIO(content))}


def test_another_program_reads_what_happens_on_roads(live: httpx.Client) -> None:
    situations = situations_of(fetch(live, "situations"))
    kinds = {
        key.rstrip("0123456789"): each.records[0].record_type for key, each in situations.items()
    }
    assert kinds == {
        "flooded-rd-": "EnvironmentalObstruction",
        "alarm-": "RoadOrCarriagewayOrLaneManagement",
        "works-bench": "MaintenanceWorks",
    }
    (flooded,) = situations["flooded-rd-25"].records
    assert flooded.location.points == ((48.61, 2.31), (48.62, 2.32), (48.6, 2.33))
    assert flooded.validity.status == "active"
    assert (
        str(flooded.validity.overall_start) == "2024-01-01 22:48:00+00:00"
    )  # since the water came back
    assert flooded.location.road_number == "D25"
    assert flooded.probability_of_occurrence == "probable"
    assert "RD 25 : route inondée d'après Orge (1.75 m)" in flooded.comments[0]
    works = situations["works-bench"].records
    assert [record.location.road_number for record in works] == [None, "N118"]
    assert works[0].location.point == (48.7, 2.25)
    assert len({record.id for record in works}) == 2
    for record in works:
        assert record.is_roadworks
        assert record.validity.status == "planned"
    jammed, *closed = (each.records[0] for key, each in situations.items() if key[:5] == "alarm")
    assert (jammed.record_type, jammed.location.road_number) == ("AbnormalTraffic", "N118")
    assert "mobility-slow" in jammed.comments[0]
    assert [record.road_or_carriageway_or_lane_management_type for record in closed] == [
        "roadClosed", "roadClosed",
    ]  # fmt: skip
    assert ["mobility-shut" in closed[0].comments[0], "external" in closed[1].comments[0]] == [
        True, True,
    ]  # fmt: skip
    assert b"secret" not in fetch(live, "situations")


def test_counts_are_told_by_station(live: httpx.Client) -> None:
    (site,) = ET.fromstring(fetch(live, "measurement-sites")).iter(  # noqa: S314  our own
        f"{BASE}roadTrafficData}}measurementSite"
    )
    assert site.get("id") == "road"
    assert site.findtext(f".//{BASE}locationReferencing}}roadNumber") == "N118"
    data = ET.fromstring(fetch(live, "measured-data"))  # noqa: S314  our own
    (flow,) = data.iter(f"{BASE}common}}vehicleFlowRate")
    assert flow.text == "1230"
    (time,) = data.iter(f"{BASE}roadTrafficData}}timeValue")
    assert time.text == "2024-01-01T00:06:30Z"


@pytest.fixture(scope="module")
def schema() -> xmlschema.XMLSchema:
    if not SCHEMA:
        pytest.skip("no schema: DATEX_SCHEMA names a folder with DATEX II 3.5's (docs.datex2.eu)")
    return xmlschema.XMLSchema(str(Path(SCHEMA) / "DATEXII_3_D2Payload.xsd"))


@pytest.mark.long
@pytest.mark.parametrize("name", FILES)
def test_it_is_valid_by_its_schema(
    schema: xmlschema.XMLSchema, live: httpx.Client, anne: httpx.Client, name: str
) -> None:
    schema.validate(fetch(live, name))
    if name == "situations":
        schema.validate(fetch(anne, name))  # an exercise's


def test_an_exercise_is_marked_and_what_is_not_public_is_not_told(
    base: str, world: World, anne: httpx.Client
) -> None:
    content = fetch(anne, "situations").decode()
    assert "EXERCICE - test" in content
    with httpx.Client(base_url=base, timeout=30) as anybody:
        assert situations_of(fetch(anybody, "situations")) == {}
        assert anybody.get(f"{ROOT}/measured-data.xml").status_code == 404
    with server(world.url, settings=settings_of(world, "off")) as off:
        assert httpx.get(f"{off}{ROOT}/situations.xml").status_code == 404
