"""Areas as GeoJSON: their rings, their middle, and whether they contain a place."""

from collections.abc import Mapping, Sequence
from typing import Any

_DECIMALS = 5  # of a degree: a metre


def list_polygons(geometry: Mapping[str, Any]) -> list[Sequence[Sequence[Sequence[float]]]]:
    """The polygons of a Polygon or MultiPolygon, each as its rings."""
    if geometry.get("type") == "Polygon":
        return [geometry["coordinates"]]
    return list(geometry["coordinates"]) if geometry.get("type") == "MultiPolygon" else []


def list_rings(geometry: Mapping[str, Any]) -> list[Sequence[Sequence[float]]]:
    """The outer rings of a Polygon or MultiPolygon."""
    return [polygon[0] for polygon in list_polygons(geometry) if polygon]


def contains(geometry: Mapping[str, Any], lon: float, lat: float) -> bool:
    """Whether an outline contains a point (its holes are not looked at)."""
    return any(is_inside(ring, lon, lat) for ring in list_rings(geometry))


def is_inside(ring: Sequence[Sequence[float]], lon: float, lat: float) -> bool:
    """Whether a ring encloses a point."""
    inside = False
    for (x, y, *_), (x2, y2, *_) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (y > lat) != (y2 > lat) and lon < x + (lat - y) / (y2 - y) * (x2 - x):
            inside = not inside
    return inside


def round_outline(geometry: Mapping[str, Any]) -> dict[str, Any]:
    """An outline to a metre."""

    def shorten(part: Any) -> Any:
        if isinstance(part, list):
            return [shorten(each) for each in part]
        return round(part, _DECIMALS)

    return {"type": geometry["type"], "coordinates": shorten(geometry["coordinates"])}
