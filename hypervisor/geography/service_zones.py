"""Flood zones and others from a file of a map program, put into the inventory."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from hypervisor.database.connect import Connection
from hypervisor.geography import queries
from hypervisor.geography.lambert93 import Positions
from hypervisor.geography.lines import sample
from hypervisor.geography.map_features import AREAS, MapFeature, MapFileError, make_geometry
from hypervisor.geography.map_files import read_features
from hypervisor.geography.rivers import fold
from hypervisor.geography.service import find_extent
from hypervisor.geography.wkb import Parts
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.changes import Changes
from hypervisor.registry.inventory_files import read_text
from sensors._domain import catalogue
from sensors._errors import Message

_NAMES = ("title", "nom", "name", "nom_zone", "nomzone", "libelle", "lib_zone", "id_zone")
_TOLERANCE = 5.0  # m
_MOST_ZONES = 200
_MOST_CORNERS = 100_000  # of all zones of a file
_STEP = 50.0  # m along a course, which is looked for in an area
_LONGEST = 60  # characters of a name


def import_zones(  # noqa: PLR0913  a file, how to read it, and who does it
    connection: Connection,
    path: Path,
    *,
    layer: str,
    kind: str,
    name_field: str,
    author: str,
    now: datetime | None,
) -> Changes:
    """Put the areas of a file that lie in the territory into the inventory, as zones of a kind.

    Areas of one name are one zone; each names the river that runs through it.

    Raises MapFileError and InventoryError.
    """
    features = read_features(path, AREAS, within=find_extent(connection), layer=layer)
    areas = _gather(features, [name_field] if name_field else _NAMES, path)
    if not areas:
        raise MapFileError("{file}: no area within the territory", path)
    if len(areas) > _MOST_ZONES:
        raise MapFileError(
            "{file}: areas of {count} names, more than {most}: --name-field says a column that"
            " many share",
            path,
            len(areas),
            _MOST_ZONES,
        )
    shapes = {title: make_geometry(parts, _TOLERANCE) for title, parts in areas.items()}
    corners = sum(_count_corners(shape["coordinates"]) for shape in shapes.values())
    if corners > _MOST_CORNERS:
        raise MapFileError(
            "{file}: {count} corners, more than {most}: simplify the areas first",
            path,
            corners,
            _MOST_CORNERS,
        )
    rivers = _list_rivers(connection)
    zones = [
        {
            "name": f"{kind}-{re.sub('[^a-z0-9]+', '-', fold(title))[:_LONGEST]}".rstrip("-"),
            "title": title,
            "kind": kind,
            "geometry": shapes[title],
            "properties": {"source": path.name, **_name_river(parts, rivers)},
        }
        for title, parts in areas.items()
    ]
    text = json.dumps({"zones": zones}, ensure_ascii=False)
    inventory = read_text(text, file=f"{path.name}.yaml", catalogue=catalogue())
    return apply_inventory(
        connection,
        inventory,
        author=author,
        now=now,
        reason=Message("territory zones {file}", path.name),
    )


def _gather(
    features: Iterator[MapFeature], names: Sequence[str], path: Path
) -> Mapping[str, Parts]:
    areas: dict[str, Parts] = defaultdict(list)
    for feature in features:
        areas[feature.read_text(names) or path.stem] += feature.parts
    return areas


def _count_corners(coordinates: Any) -> int:
    if not isinstance(coordinates[0], list):
        return 1
    return sum(_count_corners(each) for each in coordinates)


def _list_rivers(connection: Connection) -> dict[str, Positions]:
    """Positions along our rivers: their courses, else their gauges."""
    rivers: dict[str, Positions] = {}
    gauges: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for gauge in queries.list_gauges(connection):
        gauges[gauge.river].append((gauge.lon, gauge.lat))
    for river, places in gauges.items():
        rivers[river] = np.array(places)
    for course in queries.list_courses(connection):
        if course.river is not None:
            rivers[course.river] = np.vstack(
                [sample(np.array(line), _STEP) for line in course.lines]
            )
    return rivers


def _name_river(parts: Parts, rivers: Mapping[str, Positions]) -> dict[str, str]:
    """The river with the most of its course in these areas; empty: none has any."""
    inside = {
        river: sum(int(_are_inside(part[0], places).sum()) for part in parts)
        for river, places in rivers.items()
    }
    best = max(inside, key=lambda river: inside[river], default=None)
    return {"river": best} if best is not None and inside[best] else {}


def _are_inside(ring: Positions, places: Positions) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which places lie within a ring: rays to the east cross it an odd number of times."""
    inside = np.zeros(len(places), dtype=bool)
    lon, lat = places.T
    for (x, y), (x2, y2) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if y != y2:
            crosses = ((y > lat) != (y2 > lat)) & (lon < x + (lat - y) / (y2 - y) * (x2 - x))
            inside ^= crosses
    return inside
