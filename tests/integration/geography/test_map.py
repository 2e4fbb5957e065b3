"""What maps draw: files put in by the commands, and what each person's map then holds."""

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from hypervisor.base.instance import Instance, Mode
from hypervisor.base.settings import Settings
from hypervisor.database import databases
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import connect
from hypervisor.feeds import queries as feed_queries
from hypervisor.feeds.model import Colour
from hypervisor.geography.map_features import MapFileError
from hypervisor.geography.queries import list_borders, list_courses, store_official_reaches
from hypervisor.geography.service import import_outlines, import_rivers
from hypervisor.geography.service_zones import import_zones
from hypervisor.registry import queries_tables
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.inventory_files import read_text
from hypervisor.registry.model import Zone
from sensors._domain import catalogue
from tests.conftest import TEMPLATE, Stack
from tests.geopackage import multi_line, write_geopackage
from tests.integration.web.served import EVERYTHING, NOW, server, signed_in
from tests.pmtiles import paint_tile, write_pmtiles

pytestmark = pytest.mark.integration

WEST, EAST = (2.0, 48.5), (2.1, 48.5)  # corners of two communes, each of an EPCI of its own
INVENTORY = """
areas:
  - {code: "91", kind: departement, name: Essonne}
  - {code: "200000001", kind: epci, name: CC de l'Ouest, parent: "91"}
  - {code: "200000002", kind: epci, name: CC de l'Est, parent: "91"}
  - {code: "91001", kind: commune, name: Étampes, parent: "200000001", lon: 2.05, lat: 48.55}
  - {code: "91002", kind: commune, name: Arpajon, parent: "200000002", lon: 2.15, lat: 48.55}
sites:
  - {name: high, title: Amont, domain: flood, commune: "91001", lon: 2.02, lat: 48.541, river: Orge,
     river_order: 1, devices: [{name: sonde-amont, model: radar-gauge, commissioned: 2020-01-01}]}
  - {name: middle, title: Milieu, domain: flood, commune: "91001", lon: 2.08, lat: 48.541,
     river: Orge, river_order: 2}
  - {name: low, title: Aval, domain: flood, commune: "91002", lon: 2.18, lat: 48.541, river: Orge,
     river_order: 3, devices: [{name: bulletin, model: vigilance-bulletin,
     commissioned: 2020-01-01}]}
  - {name: yvette, title: Yvette, domain: flood, commune: "91002", lon: 2.19, lat: 48.59,
     river: Yvette, river_order: 1}
  - {name: yvette-2, title: Yvette 2, domain: flood, commune: "91002", lon: 2.11, lat: 48.58,
     river: Yvette, river_order: 2}
assets:
  - {name: ecole, title: École Jules-Ferry, kind: school, commune: "91002", lon: 2.16, lat: 48.53}
"""
COURSE = [(1.99, 48.54), (2.05, 48.54), (2.12, 48.54), (2.21, 48.54)]


def _square(west: float, south: float, size: float = 0.1) -> dict[str, Any]:
    ring = [(west, south), (west + size, south), (west + size, south + size), (west, south + size)]
    rounded = [[round(lon, 5), round(lat, 5)] for lon, lat in (*ring, ring[0])]
    return {"type": "Polygon", "coordinates": [rounded]}


def _write(path: Path, *features: tuple[dict[str, Any], dict[str, Any]]) -> Path:
    listed = [
        {"type": "Feature", "properties": properties, "geometry": geometry}
        for properties, geometry in features
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": listed}))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("map")


@pytest.fixture(scope="module")
def url(stack: Stack, folder: Path) -> Iterator[str]:
    """Two communes with outlines, a river with its course, another without, a flood zone."""
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    made = stack.database.url(name)
    with connect(made, autocommit=True) as connection:
        instance_store.create(connection, Instance(mode=Mode.LIVE, name="Essonne"))
        inventory = read_text(INVENTORY, file="map.yaml", catalogue=catalogue())
        apply_inventory(connection, inventory, author="test", now=NOW)
        outlines = _write(
            folder / "communes.geojson",
            ({"insee": "91001"}, _square(*WEST)),
            ({"insee": "91002"}, _square(*EAST)),
            ({"insee": "75056"}, _square(2.3, 48.8)),
        )
        assert import_outlines(connection, outlines, layer="", author="test") == (2, 1)
        courses = write_geopackage(
            folder / "topage.gpkg",
            [
                ({"CdOH": "F46", "TopoOH": "L'Orge"}, multi_line([COURSE], srs=2154)),
                (
                    {"CdOH": "F47", "TopoOH": "Ru d'à côté"},
                    multi_line([[(2.0, 48.52), (2.1, 48.53)]], srs=2154),
                ),
                (
                    {"CdOH": "V1", "TopoOH": "Le Rhône"},
                    multi_line([[(5, 45), (5.1, 45)]], srs=2154),
                ),
            ],
        )
        given = import_rivers(
            connection, courses, layer="", name_field="", within=500, author="test"
        )
        assert [course.river for course in given.courses] == ["Orge", None]
        assert given.missing == ["Yvette"]
        plan = _write(
            folder / "ppri.geojson",
            ({"nom": "Aléa fort"}, _square(2.01, 48.535, 0.01)),
            ({"nom": "Aléa fort"}, _square(2.14, 48.535, 0.01)),
        )
        changes = import_zones(
            connection, plan, layer="", kind="flood", name_field="", author="test", now=NOW
        )
        assert [zone.name for zone in changes.zones] == ["flood-alea-fort"]
        connection.execute(
            "INSERT INTO alarm (rule, subject, site, since, began, severity, stale, title, domain,"
            " category, noticed_at, changed_at) SELECT 'r', name, id, now(), now(),"
            " '[[0, \"major\"]]', '[]', title, domain, 'hazard', now(), now()"
            " FROM site WHERE name IN ('low', 'yvette')"
        )
        connection.execute(
            "INSERT INTO reading (series_id, time, value, quality, received_at)"
            " SELECT id, %(at)s, 3, 0, %(at)s FROM series WHERE quantity = 'vigilance'",
            {"at": NOW - timedelta(hours=1)},
        )
        store_official_reaches(connection, {"A1": [[[2.0, 48.6], [2.2, 48.6]]]})
        reach = Colour(
            area="A1",
            title="Seine amont",
            phenomenon="flood",
            begins=NOW - timedelta(hours=2),
            issued=NOW - timedelta(hours=2),
            colour=4,
        )
        feed_queries.store_colours(connection, "vigicrues", [reach])
    yield made
    databases.drop(stack.maintenance_url, name)


@pytest.fixture(scope="module")
def base(url: str, folder: Path) -> Iterator[str]:
    write_pmtiles(folder / "plan.pmtiles", paint_tile((200, 0, 0)), attribution="© Essonne")
    settings = Settings(database_url=url, data=folder, basemap="plan.pmtiles")
    with server(url, settings=settings) as address:
        yield address


@pytest.fixture(scope="module")
def anne(base: str, url: str) -> Iterator[httpx.Client]:
    """Who sees everything."""
    with signed_in(base, url, "anne", EVERYTHING) as client:
        yield client


@pytest.fixture(scope="module")
def ouest(base: str, url: str) -> Iterator[httpx.Client]:
    """Who sees the western EPCI alone."""
    with signed_in(base, url, "ouest", (("viewer", "200000001"),)) as client:
        yield client


def test_borders_and_courses_are_stored_once(url: str) -> None:
    with connect(url) as connection:
        assert sorted(border.level for border in list_borders(connection)) == [
            "epci",
            "outside",
            "outside",
        ]
        courses = list_courses(connection)
        assert [(course.name, course.river, course.source) for course in courses] == [
            ("L'Orge", "Orge", "topage.gpkg"),
            ("Ru d'à côté", None, "topage.gpkg"),
        ]
        rows = connection.execute("SELECT upstream, downstream, round(length) FROM river_reach")
        assert sorted(rows.fetchall()) == [("high", "middle", 4422), ("middle", "low", 7370)]
        (zone,) = queries_tables.list_things(connection, Zone)
        assert zone.geometry["type"] == "MultiPolygon"
        assert zone.properties["river"] == "Orge"
        audited = connection.execute("SELECT subject FROM audit WHERE kind = 'map' ORDER BY id")
        assert [subject for (subject,) in audited] == ["outlines", "rivers"]


def test_a_file_of_elsewhere_changes_nothing(url: str, folder: Path) -> None:
    far = _write(folder / "far.geojson", ({"insee": "13001", "nom": "x"}, _square(5, 43)))
    lines = write_geopackage(
        folder / "far.gpkg",
        [({"TopoOH": "Le Rhône"}, multi_line([[(5, 45), (5.1, 45)]], srs=2154))],
    )
    with connect(url, autocommit=True) as connection:
        with pytest.raises(MapFileError, match="no commune of the inventory"):
            import_outlines(connection, far, layer="", author="test")
        with pytest.raises(MapFileError, match="no line with a name within the territory"):
            import_rivers(connection, lines, layer="", name_field="", within=500, author="test")
        with pytest.raises(MapFileError, match="no area within the territory"):
            import_zones(
                connection, far, layer="", kind="flood", name_field="", author="test", now=NOW
            )
        assert len(list_courses(connection)) == 2


def test_lines_are_packed_and_kept_until_they_change(anne: httpx.Client) -> None:
    page = anne.get("/map").text
    address = page.partition('data-lines="')[2].partition('"')[0]
    lines = anne.get(address)
    assert lines.headers["content-encoding"] == "gzip"
    assert lines.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert [each["properties"]["name"] for each in lines.json()["courses"]["features"]] == [
        "L'Orge",
        "Ru d'à côté",
    ]
    again = anne.get("/map/lines", headers={"If-None-Match": lines.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "private, no-cache"
    for path in ("/map/ground", "/map/sites", "/map/warnings"):
        answer = anne.get(path)
        assert answer.headers["content-encoding"] == "gzip"
        fresh = anne.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert fresh.status_code == 304


def test_a_river_without_a_course_is_schematic_and_the_map_says_so(anne: httpx.Client) -> None:
    ground = anne.get("/map/ground").json()
    assert [each["properties"]["name"] for each in ground["rivers"]["features"]] == ["Yvette"]
    page = anne.get("/map", headers={"Accept-Language": "fr"}).text
    assert "eau\u00a0: topage.gpkg" in page
    assert "schématiques, de station en station\u00a0: Yvette" in page


def test_alarms_have_the_zone_of_their_river_else_their_commune(anne: httpx.Client) -> None:
    features = anne.get("/map/warnings").json()["areas"]["features"]
    shapes = {each["geometry"]["type"]: each["properties"] for each in features}
    assert shapes["MultiPolygon"] == {"priority": 2, "state": "un", "sites": 1}
    assert shapes["Polygon"] == {"priority": 2, "state": "un", "sites": 1}


def test_a_river_in_an_official_colour_is_in_it_for_everybody(
    anne: httpx.Client, ouest: httpx.Client
) -> None:
    for client in (anne, ouest):
        answer = client.get("/map/warnings", headers={"Accept-Language": "fr"})
        features = answer.json()["official"]["features"]
        river, reach = (each["properties"] for each in features)
        assert river == {"colour": 3, "name": "Orge · orange"}
        assert reach == {"colour": 4, "name": "Seine amont · rouge"}
        course, official = (each["geometry"]["coordinates"] for each in features)
        assert course == [[[1.99, 48.54], [2.21, 48.54]]]
        assert official == [[[2.0, 48.6], [2.2, 48.6]]]


def test_reaches_of_ogc_api_features_follow_the_course(anne: httpx.Client) -> None:
    answer = anne.get("/features/collections/reaches/items").json()
    reaches = {each["id"]: each for each in answer["features"]}
    assert reaches["high>middle"]["properties"]["schematic"] is False
    assert reaches["high>middle"]["geometry"]["coordinates"][0] == [2.02, 48.54]
    assert reaches["yvette>yvette-2"]["properties"]["schematic"] is True


def test_rivers_of_the_api_and_small_maps_follow_the_course(anne: httpx.Client) -> None:
    answer = anne.get("/api/v1/rivers", params={"format": "geojson"}).json()
    rivers = {each["id"]: each for each in answer["features"]}
    assert rivers["Orge"]["geometry"]["type"] == "MultiLineString"
    assert rivers["Orge"]["properties"]["schematic"] is False
    assert rivers["Yvette"]["geometry"]["type"] == "LineString"
    assert rivers["Yvette"]["properties"]["schematic"] is True
    assert 'class="riv"' in anne.get("/sites/middle").text


def test_whoever_sees_an_epci_has_a_map_of_it(ouest: httpx.Client) -> None:
    ground = ouest.get("/map/ground").json()
    names = {
        layer: [each["properties"]["name"] for each in ground[layer]["features"]]
        for layer in ("communes", "epcis", "rivers", "assets")
    }
    assert names == {
        "communes": ["Étampes"],
        "epcis": ["CC de l'Ouest"],
        "rivers": [],
        "assets": [],
    }
    assert ouest.get("/map/warnings").json()["areas"]["features"] == []
    assert ouest.get("/map/sites").json()["name"] == ["high", "middle"]
    for words in ("arpajon", "ecole", "aval"):
        assert "data-box" not in ouest.get("/map/find", params={"q": words}).text
    reaches = ouest.get("/features/collections/reaches/items").json()["features"]
    assert [reach["id"] for reach in reaches] == ["high>middle"]


@pytest.mark.parametrize(
    ("words", "box"),
    [
        ("etampes", [2.0, 48.5, 2.1, 48.6]),  # a commune, by its outline
        ("CC de l'est", [2.1, 48.5, 2.2, 48.6]),  # an EPCI: of its communes
        ("milieu", [2.08, 48.541, 2.08, 48.541]),  # a site
        ("sonde", [2.02, 48.541, 2.02, 48.541]),  # a device: of its site
        ("ECOLE jules", [2.16, 48.53, 2.16, 48.53]),  # an asset
        ("orge", [2.02, 48.541, 2.18, 48.541]),  # a river
    ],
)
def test_anything_is_found_on_the_map(anne: httpx.Client, words: str, box: list[float]) -> None:
    hits = anne.get("/map/find", params={"q": words}).text
    text = hits.partition('data-box="')[2].partition('"')[0]
    assert json.loads(text) == pytest.approx(box)


def test_the_basemap_is_read_in_parts_by_whoever_is_signed_in(
    anne: httpx.Client, base: str, folder: Path
) -> None:
    page = anne.get("/map").text
    assert 'data-kind="raster"' in page
    assert 'data-attribution="© Essonne"' in page
    address = page.partition('data-basemap="')[2].partition('"')[0]
    part = anne.get(address, headers={"Range": "bytes=0-126"})
    assert part.status_code == 206
    assert part.content == (folder / "plan.pmtiles").read_bytes()[:127]
    assert part.headers["cache-control"].endswith("immutable")
    assert httpx.get(base + address).status_code in (303, 401)


def test_a_basemap_that_cannot_be_shown_is_said_on_the_map(url: str, folder: Path) -> None:
    settings = Settings(database_url=url, data=folder, basemap="lost.pmtiles")
    with server(url, settings=settings) as base, signed_in(base, url) as client:
        page = client.get("/map").text
        assert "lost.pmtiles n\u2019existe pas" in page
        assert client.get("/map/basemap.pmtiles").status_code == 422
