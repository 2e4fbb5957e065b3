"""Files of map programs: GeoJSON and GeoPackage, in WGS 84 or Lambert 93, as lines or areas."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hypervisor.geography.geopackage import read_geopackage
from hypervisor.geography.lambert93 import Positions
from hypervisor.geography.map_features import (
    Box,
    MapFeature,
    MapFileError,
    check_positions,
    convert_parts,
    find_converter,
    meets,
    name_place,
)
from hypervisor.geography.wkb import Parts
from hypervisor.registry.geometry import GeometryError, parse_geometry
from sensors._foreign import ForeignError, read_text_file
from sensors._nearest import did_you_mean
from sensors._scalars import parse_whole

LARGEST_JSON = 96 * 2**20  # bytes; it is read as a whole, a GeoPackage is not


def read_features(
    path: Path, kinds: Sequence[str], *, within: Box | None = None, layer: str = ""
) -> Iterator[MapFeature]:
    """The features of these kinds that meet a box.

    Raises MapFileError: no such file, too large, another format or reference system, or a feature
    that cannot be read.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            begins = file.read(16)
    except OSError as error:
        raise MapFileError("{file} cannot be read: {error}", path, error.strerror) from error
    if begins.startswith(b"SQLite format 3"):
        return read_geopackage(path, kinds, within, layer)
    if size > LARGEST_JSON:
        raise MapFileError(
            "{file} has {size} MB; GeoJSON is read up to {most} MB: save the part of your"
            " territory, or a GeoPackage, of which only that part is read",
            path,
            size // 2**20,
            LARGEST_JSON // 2**20,
        )
    return _read_geojson(path, kinds, within)


def _read_geojson(path: Path, kinds: Sequence[str], within: Box | None) -> Iterator[MapFeature]:
    try:
        with path.open("rb") as file:
            text = read_text_file(file, largest=LARGEST_JSON, encoding="utf-8-sig")
        content = json.loads(text)
    except (ValueError, RecursionError, OSError, ForeignError) as error:
        raise MapFileError(
            "{file} is neither GeoJSON nor a GeoPackage: {error}", path, str(error)
        ) from error
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list):
        raise MapFileError("{file}: expected a GeoJSON FeatureCollection", path)
    convert = find_converter(_read_crs(content, path), path)
    for number, feature in enumerate(features, start=1):
        fields = feature.get("properties") if isinstance(feature, dict) else None
        properties = fields if isinstance(fields, dict) else {}
        place = name_place(path, number, properties)
        geometry = feature.get("geometry") if isinstance(feature, dict) else None
        if geometry is None and isinstance(feature, dict):
            continue
        try:
            parts = _parse_parts(geometry, kinds, convert)
        except (GeometryError, TypeError, ValueError, OverflowError) as error:
            raise MapFileError("{place}: {error}", place, error) from error
        check_positions(parts, place)
        if meets(parts, within):
            yield MapFeature(place=place, properties=properties, parts=parts)


def _read_crs(content: Mapping[str, Any], path: Path) -> int:
    """The EPSG number that an older GeoJSON names; 4326 if it names none."""
    crs = content.get("crs")
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = str(properties.get("name", "")) if isinstance(properties, dict) else ""
    if not name or "CRS84" in name:
        return 4326
    number = parse_whole(name.rpartition(":")[2])
    if number is None:
        raise MapFileError("{file}: {system} is no reference system by EPSG number", path, name)
    return number


def _parse_parts(
    geometry: Any, kinds: Sequence[str], convert: Callable[[Positions], Positions] | None
) -> Parts:
    if convert is None:
        parsed = parse_geometry(json.dumps(geometry), kinds)
    else:
        kind = geometry.get("type") if isinstance(geometry, dict) else None
        if kind not in kinds:
            raise GeometryError(
                "type {kind!r} cannot stand here{hint}", kind, did_you_mean(str(kind), kinds)
            )
        parsed = {"type": kind, "coordinates": geometry.get("coordinates")}
    coordinates = parsed["coordinates"]
    match parsed["type"]:
        case "LineString":
            nested = [[coordinates]]
        case "MultiLineString":
            nested = [[line] for line in coordinates]
        case "Polygon":
            nested = [coordinates]
        case _:
            nested = coordinates
    parts = [[_make_array(ring) for ring in part] for part in nested]
    return parts if convert is None else convert_parts(parts, convert)


def _make_array(positions: Any) -> Positions:
    array = np.array([position[:2] for position in positions], dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2 or len(array) < 2:
        raise GeometryError("a line has two positions or more")
    return array
