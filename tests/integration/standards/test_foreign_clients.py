"""Programs of others read what we give: FROST's client, OWSLib; QGIS and GDAL where installed."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import frost_sta_client
import pytest
from owslib.ogcapi.features import Features

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore:furl.pathstr is deprecated:DeprecationWarning"),
]
SYSTEM_PYTHON = "/usr/bin/python3"  # Debian's QGIS is made for it


def test_the_client_of_frost_reads_entities_and_follows_pages(base: str) -> None:
    service = frost_sta_client.SensorThingsService(f"{base}/sensorthings/v1.1")
    (thing,) = service.things().query().expand("Datastreams,Locations").list()
    assert (thing.id, thing.name) == ("orge", "Orge")
    assert sorted(stream.id for stream in thing.datastreams) == [
        "orge:battery", "orge:catchment_rain", "orge:level",
    ]  # fmt: skip
    (location,) = thing.locations
    assert location.location == {"type": "Point", "coordinates": [2.3, 48.6]}
    stream = service.datastreams().find("orge:level")
    assert stream.unit_of_measurement.symbol == "m"
    assert stream.phenomenon_time == "2024-01-01T00:00:00Z/2024-01-01T00:15:00Z"
    observations = stream.get_observations().query().orderby("phenomenonTime", "desc").top(3)
    assert [row.result for row in observations.list()] == [4.2, 3.2, 3.1, 2.0]


def test_owslib_reads_collections_and_features(base: str) -> None:
    library = Features(f"{base}/features")
    assert set(library.feature_collections()) >= {"sites", "works", "zones", "communes"}
    assert library.collection("sites")["extent"]["spatial"]["bbox"] == [[2.3, 48.6, 2.3, 48.6]]
    answer = library.collection_items("sites", bbox=[2.2, 48.4, 2.4, 48.7], river="Orge")
    (site,) = answer["features"]
    assert (site["id"], site["properties"]["title"]) == ("orge", "Orge")
    assert library.collection_item("sites", "orge")["geometry"]["coordinates"] == [2.3, 48.6]
    assert library.conformance()["conformsTo"]
    assert library.api()["openapi"] == "3.0.3"


def qgis(provider: str, **uris: str) -> dict[str, Any]:
    """What QGIS reads of layers."""
    if subprocess.run([SYSTEM_PYTHON, "-c", "import qgis.core"], check=False,
                      capture_output=True).returncode:  # fmt: skip
        pytest.skip("not installed: QGIS (Debian python3-qgis qgis-providers)")
    script = Path(__file__).with_name("qgis_layers.py")
    layers = [f"{name}={uri}" for name, uri in uris.items()]
    done = subprocess.run(
        [SYSTEM_PYTHON, str(script), provider, *layers],
        check=True, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


@pytest.mark.long
def test_qgis_reads_places_and_the_latest_values(base: str) -> None:
    url = f"url='{base}/sensorthings/v1.1'"
    expand = "Thing:limit=10;Datastream:limit=10;Observation:orderby=phenomenonTime,desc:limit=1"
    answers = qgis(
        "sensorthings",
        places=f"{url} type=PointZ entity='Location'",
        readings=f"{url} entity='Observation' pageSize='2'",
        latest=f"{url} type=PointZ entity='Location' expandTo='{expand}'",
    )
    (place,) = answers["places"]["features"]
    assert (place["id"], place["geometry"]) == ("orge", "Point (2.3 48.6)")
    assert answers["places"]["west"] == 1
    assert [row["result"] for row in answers["readings"]["features"]] == ["2", "3.1", "3.2", "4.2"]
    values = {
        row["Thing_Datastream_id"]: row["Thing_Datastream_Observation_result"]
        for row in answers["latest"]["features"]
    }
    assert values["orge:level"] == "4.2"


@pytest.mark.long
def test_qgis_reads_features(base: str) -> None:
    url = f"url='{base}/features' pageSize='1'"
    answers = qgis("OAPIF", sites=f"{url} typename='sites'", communes=f"{url} typename='communes'")
    (site,) = answers["sites"]["features"]
    assert (site["geometry"], site["title"]) == ("Point (2.3 48.6)", "Orge")
    assert answers["sites"]["west"] == 1
    assert [row["title"] for row in answers["communes"]["features"]] == ["Orge-le-Bourg"]


@pytest.mark.long
def test_gdal_reads_features_and_sends_its_filter(base: str) -> None:
    program = shutil.which("ogr2ogr")
    if program is None:
        pytest.skip("not installed: GDAL (Debian gdal-bin)")
    command = [program, "-f", "GeoJSON", "/vsistdout/", f"OAPIF:{base}/features", "sites"]
    done = subprocess.run(
        [*command, "-where", "river = 'Orge'", "-spat", "2.2", "48.4", "2.4", "48.7"],
        check=True, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    (site,) = json.loads(done.stdout)["features"]
    assert (site["properties"]["title"], site["geometry"]["coordinates"]) == ("Orge", [2.3, 48.6])
