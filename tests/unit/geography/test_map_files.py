"""Files of map programs: what is read of them, and what is wrong with them in words."""

import json
import math
import shutil
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hypervisor.geography import map_files
from hypervisor.geography.lambert93 import from_wgs84, to_wgs84
from hypervisor.geography.map_features import AREAS, LINES, MapFileError
from hypervisor.geography.map_files import read_features
from tests.geopackage import multi_line, write_geopackage

ORGE = [(2.12, 48.55), (2.20, 48.57), (2.25, 48.59)]
FAR = [(5.0, 45.0), (5.1, 45.1)]
HERE = (2.0, 48.4, 2.6, 48.8)


def write_json(path: Path, *geometries: Any, **more: Any) -> Path:
    features = [
        {"type": "Feature", "properties": {"TopoOH": "L'Orge"}, "geometry": geometry}
        for geometry in geometries
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **more}))
    return path


def test_lambert_93_is_as_ign_computes_it() -> None:
    notre_dame = np.array([[2.3522, 48.8566], [3.0, 46.5]])
    metres = np.array([[652_469.02, 6_862_035.26], [700_000.0, 6_600_000.0]])
    assert np.abs(from_wgs84(notre_dame) - metres).max() < 0.01
    assert np.abs(to_wgs84(metres) - notre_dame).max() < 1e-7


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("srs", [2154, 4326])
def test_of_a_geopackage_only_the_territory_is_read(
    tmp_path: Path, srs: int, *, index: bool
) -> None:
    file = write_geopackage(
        tmp_path / "topage.gpkg",
        [
            (
                {"CdOH": "F46-0400", "TopoOH": "L'Orge"},
                multi_line([ORGE, ORGE], srs=srs, height=True),
            ),
            ({"CdOH": "V1", "TopoOH": "Le Rhône"}, multi_line([FAR], srs=srs)),
        ],
        srs=srs,
        index=index,
    )
    (orge,) = read_features(file, LINES, within=HERE)
    assert orge.read_text(["nom", "topooh"]) == "L'Orge"
    assert len(orge.parts) == 2
    assert np.abs(orge.parts[0][0] - np.array(ORGE)).max() < 1e-6
    assert len(list(read_features(file, LINES))) == 2


def test_geojson_in_lambert_93_is_read_too(tmp_path: Path) -> None:
    metres = from_wgs84(np.array(ORGE)).tolist()
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2154"}}
    file = write_json(
        tmp_path / "orge.geojson", {"type": "LineString", "coordinates": metres}, crs=crs
    )
    (orge,) = read_features(file, LINES, within=HERE)
    assert np.abs(orge.parts[0][0] - np.array(ORGE)).max() < 1e-6


@pytest.mark.parametrize(
    ("geometry", "words"),
    [
        ({"type": "LineString", "coordinates": [[2.1, 48.5]]}, "two positions or more"),
        ({"type": "Point", "coordinates": [2.1, 48.5]}, "type 'Point' cannot stand here"),
        ({"type": "LineString", "coordinates": [[48.5, 2.1], [48.6, 2.1]]}, "looks exchanged"),
        ({"type": "LineString", "coordinates": [[652_469, 6_862_035], [1, 2]]}, "Lambert 93"),
        ({"type": "LineString", "coordinates": [[2.1, "48.5"], [2.1, 48.6]]}, "a position is"),
        ({"type": "LineString"}, "coordinates"),
        ("a line", "expected a GeoJSON geometry"),
    ],
)
def test_a_broken_feature_is_named(tmp_path: Path, geometry: Any, words: str) -> None:
    good = {"type": "LineString", "coordinates": ORGE}
    file = write_json(tmp_path / "rivers.geojson", good, geometry)
    with pytest.raises(MapFileError, match=rf"rivers.geojson: feature 2 \(L'Orge\): .*{words}"):
        list(read_features(file, LINES))


@pytest.mark.parametrize("place", [[math.nan, 6_600_000.0], [700_000.0, 1e300], ["x", 1]])
def test_so_is_one_in_lambert_93(tmp_path: Path, place: list[Any]) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2154"}}
    line = {"type": "LineString", "coordinates": [[700_000, 6_600_000], place]}
    file = write_json(tmp_path / "rivers.geojson", line, crs=crs)
    with pytest.raises(MapFileError, match=r"rivers.geojson: feature 1 \(L'Orge\): "):
        list(read_features(file, LINES))


def test_what_is_no_such_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(file: Path, words: str, **options: Any) -> None:
        with pytest.raises(MapFileError, match=words):
            list(read_features(file, LINES, **options))

    refused(tmp_path / "none.gpkg", "cannot be read: No such file")
    cut = tmp_path / "cut.geojson"
    cut.write_text('{"type": "FeatureCollection", "features": [')
    refused(cut, "neither GeoJSON nor a GeoPackage")
    cut.write_text('{"type": "Feature"}')
    refused(cut, "expected a GeoJSON FeatureCollection")
    crs = {"properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}
    refused(write_json(cut, crs=crs), "in EPSG:3857: save it in WGS 84")
    monkeypatch.setattr(map_files, "LARGEST_JSON", 100)
    large = write_json(cut, {"type": "LineString", "coordinates": ORGE * 99})
    refused(large, "GeoJSON is read up to .* GeoPackage, of which only that part is read")


def test_a_broken_geopackage_is_said(tmp_path: Path) -> None:
    def refused(file: Path, words: str, **options: Any) -> None:
        with pytest.raises(MapFileError, match=words):
            list(read_features(file, LINES, **options))

    whole = multi_line([ORGE], srs=4326)
    name = {"TopoOH": "L'Orge"}
    good = (name, whole)
    cases = {
        "it ends too early": whole[:-9],
        "no geometry of a GeoPackage": b"GPS",
        "its header is damaged": whole[:3] + b"\x0f" + whole[4:],
        "a Point: lines or polygons": whole[:40] + b"\x01\x01\0\0\0" + b"\0" * 16,
    }
    for number, (words, blob) in enumerate(cases.items()):
        file = write_geopackage(
            tmp_path / f"{number}.gpkg", [good, (name, blob)], srs=4326, index=False
        )
        refused(file, rf"feature 2 \(L'Orge\): {words}")
    nowhere = multi_line([[(652_000, 6_862_000), (652_001, 6_862_000)]], srs=4326)
    file = write_geopackage(tmp_path / "metres.gpkg", [(name, nowhere)], srs=4326)
    refused(file, r"feature 1 \(L'Orge\): positions that lie nowhere on Earth")
    refused(
        write_geopackage(tmp_path / "web.gpkg", [good], srs=3857), "layer CoursEau_FXX.*EPSG:3857"
    )
    file = write_geopackage(tmp_path / "good.gpkg", [good], srs=4326)
    refused(file, "no layer 'CoursEaux_FXX'.*CoursEau_FXX", layer="CoursEaux_FXX")
    torn = tmp_path / "torn.gpkg"
    torn.write_bytes(file.read_bytes()[:5000])
    refused(torn, "is damaged, or no GeoPackage")
    with pytest.raises(MapFileError, match="no layer of Polygon"):
        list(read_features(file, AREAS))


@pytest.mark.skipif(shutil.which("ogr2ogr") is None, reason="gdal-bin is not installed")
@pytest.mark.parametrize("srs", ["EPSG:2154", "EPSG:4326"])
def test_what_gdal_writes_is_read(tmp_path: Path, srs: str) -> None:
    file = write_json(tmp_path / "orge.geojson", {"type": "LineString", "coordinates": ORGE})
    made = tmp_path / "orge.gpkg"
    command = ["ogr2ogr", "-t_srs", srs, "-nlt", "MULTILINESTRING", str(made), str(file)]
    subprocess.run(command, check=True, capture_output=True)
    (orge,) = read_features(made, LINES, within=HERE)
    assert np.abs(orge.parts[0][0] - np.array(ORGE)).max() < 1e-6


RING = [[2.1, 48.5], [2.2, 48.5], [2.2, 48.6], [2.1, 48.5]]


@pytest.mark.parametrize("srs", [4326, 2154])
@pytest.mark.parametrize("bad", [None, [], {}, "x", "²", True, -1, 10**400, math.inf, "9" * 5000])
def test_whatever_stands_in_a_file_is_read_or_refused_with_a_sentence(
    tmp_path: Path, bad: Any, srs: int
) -> None:
    """Each part of a file in turn is something else."""
    crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{srs}"}}
    area = {"type": "Feature", "properties": {"name": "a"}, "geometry": {}}
    for geometry in (
        {"type": "Polygon", "coordinates": bad},
        {"type": "MultiPolygon", "coordinates": [bad]},
        {"type": "Polygon", "coordinates": [[*RING[:3], bad]]},
        {"type": "Polygon", "coordinates": [[[bad, 48.5], *RING[1:]]]},
        {"type": bad, "coordinates": [RING]},
        bad,
    ):
        for features, system in (
            ([{**area, "geometry": geometry}], crs),
            ([{**area, "geometry": {"type": "Polygon", "coordinates": [RING]}}], bad),
            ([bad], {"properties": bad}),
            ([area], {"properties": {"name": f"EPSG::{bad}"}}),
        ):
            file = tmp_path / "odd.geojson"
            content = {"type": "FeatureCollection", "features": features, "crs": system}
            file.write_text(json.dumps(content), encoding="utf-8")
            with suppress(MapFileError):
                list(read_features(file, AREAS, within=HERE))


@pytest.mark.parametrize("bad", [b"\xff", "²", 1.5, 2**62, ""])
def test_whatever_a_geopackage_says_of_its_layers(tmp_path: Path, bad: Any) -> None:
    for column in ("table_name", "column_name", "geometry_type_name", "srs_id"):
        shape = multi_line([ORGE], srs=4326)
        for blob in (shape, shape[:40] + b"\1\5\0\0\0\0\0\0\0"):  # without a line
            file = write_geopackage(tmp_path / "odd.gpkg", [({"TopoOH": "x"}, blob)], srs=4326)
            with closing(sqlite3.connect(file)) as database, database:
                statement = f"UPDATE gpkg_geometry_columns SET {column} = ?"  # noqa: S608  of a test
                database.execute(statement, [bad])
            with suppress(MapFileError):
                list(read_features(file, LINES, within=HERE))
            file.unlink()
