"""GeoJSON geometries (RFC 7946) in WGS 84: checked and normalised."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hypervisor.registry.tree import Node, plain_value
from sensors._errors import MessageError
from sensors._nearest import did_you_mean

AREAS = ("Polygon", "MultiPolygon")
SHAPES = ("Point", "LineString", "MultiLineString", *AREAS)
_DEPTH = {"Point": 0, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
_RING = 4  # least positions of a closed ring: a triangle and its first again
# Around metropolitan France: a place inside it only when exchanged was exchanged.
_FRANCE = {"lon": (-5.5, 10.0), "lat": (41.0, 51.5)}
_LAMBERT = (100_000.0, 6_000_000.0)
_FARTHEST = 1e9  # metres of any projection; neither infinity nor a number of 400 digits


class GeometryError(MessageError, ValueError):
    """A geometry is invalid; the message says what is expected."""


def parse_geometry(node: Node, kinds: Iterable[str]) -> dict[str, Any]:
    """The normalised geometry: type, and coordinates of two numbers a position.

    A text is read as JSON: a cell of a sheet, or quoted in YAML. Raises GeometryError: with the
    first problem.
    """
    geometry = _parse_json(node) if isinstance(node, str) else plain_value(node)
    if not isinstance(geometry, Mapping):
        raise GeometryError("expected a GeoJSON geometry: {type: Polygon, coordinates: [...]}")
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    allowed = tuple(kinds)
    if kind not in allowed:
        raise GeometryError(
            "type {kind!r} cannot stand here{hint}", kind, did_you_mean(str(kind), allowed)
        )
    extra = [name for name in geometry if name not in ("type", "coordinates", "bbox")]
    if extra:
        raise GeometryError("a geometry has no field {extra!r}", extra[0])
    return orient_rings(
        {
            "type": kind,
            "coordinates": _parse_coordinates(coordinates, _DEPTH[str(kind)], str(kind)),
        }
    )


def orient_rings(geometry: Mapping[str, Any]) -> dict[str, Any]:
    """The geometry with its rings as RFC 7946 has them: outer ones counterclockwise, holes not."""
    coordinates = geometry.get("coordinates")
    match geometry.get("type"):
        case "Polygon":
            coordinates = _orient_polygon(coordinates)
        case "MultiPolygon":
            coordinates = [_orient_polygon(polygon) for polygon in coordinates or ()]
    return {**geometry, "coordinates": coordinates}


def _orient_polygon(rings: Any) -> list[Any]:
    return [
        ring if (_doubled_area(ring) > 0) == (number == 0) else ring[::-1]
        for number, ring in enumerate(rings)
    ]


def _doubled_area(ring: Sequence[Sequence[float]]) -> float:
    """Twice the signed area: positive where the ring turns counterclockwise."""
    lon, lat = np.array([corner[:2] for corner in ring], dtype=np.float64).T
    lon, lat = lon - lon[0], lat - lat[0]  # small numbers, so that thin rings keep their sign
    return float((lon[:-1] * lat[1:] - lon[1:] * lat[:-1]).sum())


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise GeometryError(
            "expected a GeoJSON geometry: {type: Point, coordinates: [2.4, 48.6]}"
        ) from None


def _parse_coordinates(value: Any, depth: int, kind: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise GeometryError(
            "{value}: the coordinates of a {kind} are lists", _format_value(value), kind
        )
    if depth == 0:
        return _parse_position(value)
    parts = [_parse_coordinates(part, depth - 1, kind) for part in value]
    if depth == 1:
        _check_line(parts, kind)
    return parts


def _parse_position(value: list[Any]) -> list[float]:
    """Longitude and latitude; an elevation is dropped."""
    numbers = [
        float(part) for part in value if isinstance(part, int | float) and abs(part) <= _FARTHEST
    ]
    if len(numbers) != len(value) or len(numbers) not in (2, 3) or any(map(_is_truth, value)):
        raise GeometryError("{value}: a position is [longitude, latitude]", _format_value(value))
    lon, lat = check_position(numbers[0], numbers[1])
    return [lon, lat]


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool)


def check_position(lon: float, lat: float) -> tuple[float, float]:
    """A place on Earth in degrees.

    Raises GeometryError: outside the range, or the numbers look exchanged.
    """
    if abs(lon) > _LAMBERT[0] or abs(lat) > _LAMBERT[1]:
        raise GeometryError(
            "[{lon:g}, {lat:g}] are metres of a map projection (Lambert 93?): save the "
            "layer in WGS 84, EPSG:4326",
            lon,
            lat,
        )
    if is_exchanged(lon, lat):
        raise GeometryError(
            "[{lon:g}, {lat:g}] looks exchanged, longitude comes first: France lies at lon "
            "-5…10, lat 41…51",
            lon,
            lat,
        )
    if abs(lon) > 180 or abs(lat) > 90:
        raise GeometryError(
            "[{lon:g}, {lat:g}] is no longitude within ±180 and latitude within ±90 (WGS 84)",
            lon,
            lat,
        )
    return lon, lat


def is_exchanged(lon: float, lat: float) -> bool:
    """Whether a place lies in France only when its numbers are exchanged."""
    return (
        _FRANCE["lat"][0] <= lon <= _FRANCE["lat"][1]
        and _FRANCE["lon"][0] <= lat <= _FRANCE["lon"][1]
    )


def _check_line(positions: list[Any], kind: str) -> None:
    if kind in AREAS:
        if len(positions) < _RING:
            raise GeometryError("a ring of {count} positions encloses nothing", len(positions))
        if positions[0] != positions[-1]:
            raise GeometryError(
                "a ring is not closed: it begins at {first} and ends at {last}",
                _format_value(positions[0]),
                _format_value(positions[-1]),
            )
    elif len(positions) < 2:
        raise GeometryError("a line has two positions or more")


def _format_value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"
