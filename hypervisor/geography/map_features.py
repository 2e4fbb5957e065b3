"""Features of map programs: lines and areas in degrees, and the reference systems they come in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hypervisor.geography import lambert93
from hypervisor.geography.lambert93 import Positions
from hypervisor.geography.lines import simplify, to_coordinates
from hypervisor.geography.wkb import Parts
from sensors._errors import Message, TerritoryError

Box = tuple[float, float, float, float]  # west, south, east, north
LINES, AREAS = ("LineString", "MultiLineString"), ("Polygon", "MultiPolygon")
_FEW = 12  # corners of a ring that is left as it is
_GEOGRAPHIC = {4326, 4258, 4171, 0, -1}  # degrees: WGS 84, ETRS 89, RGF 93, not said
_LAMBERT = {2154, 9794}


class MapFileError(TerritoryError):
    """A file of a map program cannot be used: says which, which feature, and what to do."""


@dataclass(frozen=True, kw_only=True)
class MapFeature:
    """`place`: file and feature, for messages. `parts` in degrees; a line is one part."""

    place: str
    properties: Mapping[str, Any]
    parts: Parts

    def read_text(self, names: Sequence[str]) -> str:
        """The first of these properties that says something, whatever its case."""
        lower = {name.lower(): value for name, value in self.properties.items()}
        values = (str(lower.get(name.lower()) or "").strip() for name in names)
        return next((value for value in values if value), "")


def convert_parts(parts: Parts, convert: Callable[[Positions], Positions]) -> Parts:
    return [[convert(ring) for ring in part] for part in parts]


def find_converter(epsg: int, place: object) -> Callable[[Positions], Positions] | None:
    """From a reference system to WGS 84; None: it is that. Raises MapFileError: another."""
    if epsg in _GEOGRAPHIC:
        return None
    if epsg in _LAMBERT:
        return lambert93.to_wgs84
    raise MapFileError(
        "{place} is in EPSG:{epsg}: save it in WGS 84 (EPSG:4326) or Lambert 93 (EPSG:2154)",
        place,
        epsg,
    )


def check_positions(parts: Parts, place: object) -> None:
    """Raises MapFileError: a line without two positions, or positions that are no degrees."""
    if not parts or not all(parts):
        raise MapFileError("{place}: positions that are no numbers, or too few", place)
    for part in parts:
        for ring in part:
            if len(ring) < 2 or not np.isfinite(ring).all():
                raise MapFileError("{place}: positions that are no numbers, or too few", place)
            lon, lat = np.abs(ring).max(axis=0)
            if lon > 180 or lat > 90:
                raise MapFileError(
                    "{place}: positions that lie nowhere on Earth: is the reference system right?",
                    place,
                )


def meets(parts: Parts, box: Box | None) -> bool:
    """Whether the extent of a shape meets a box."""
    if box is None:
        return True
    corners = [(ring.min(axis=0), ring.max(axis=0)) for part in parts for ring in part]
    low = np.min([low for low, _ in corners], axis=0)
    high = np.max([high for _, high in corners], axis=0)
    return bool(high[0] >= box[0] and low[0] <= box[2] and high[1] >= box[1] and low[1] <= box[3])


def name_place(path: Path, number: int, properties: Mapping[str, Any]) -> str:
    """A feature as messages name it: its number, and what its table calls it."""
    words = [str(value) for value in properties.values() if isinstance(value, str) and value]
    name = f" ({words[0][:40]})" if words else ""
    return Message("{file}: feature {number}{name}", path.name, number, name)


def make_geometry(parts: Parts, tolerance: float = 0.0) -> dict[str, Any]:
    """Areas as a GeoJSON geometry to a metre, without corners within `tolerance` (m)."""
    polygons = [
        [
            to_coordinates(simplify(ring, tolerance) if tolerance and len(ring) > _FEW else ring)
            for ring in part
        ]
        for part in parts
    ]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}
