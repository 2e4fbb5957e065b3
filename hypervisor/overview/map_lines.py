"""What of a map is the same for everybody: borders of communes and EPCI, courses of rivers.

They change with an import only, so browsers keep them under an address that holds their mark.
"""

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hypervisor.access.context import RequestContext
from hypervisor.database.connect import Connection
from hypervisor.geography import queries
from hypervisor.geography.lambert93 import Positions
from hypervisor.geography.lines import measure, simplify
from hypervisor.geography.queries import Line

_COARSE = 90.0  # m; a pixel of the first picture
_FINE = 30.0  # m; a pixel of the small map of a site
_KEPT = 4  # states of instances of this process
_SHORT = 12.0  # km; shorter rivers are not in the first picture


@dataclass(frozen=True, kw_only=True)
class MapLines:
    """`body`: JSON of GeoJSON by layer; `packed`: the same by gzip. `rivers`: those with a course.

    `drawn`: class of a line in the first picture, and its positions; `fine`: courses for the small
    maps of sites. `source`: of the courses.
    """

    mark: str
    body: bytes
    packed: bytes
    rivers: frozenset[str]
    drawn: Sequence[tuple[str, Positions]]
    fine: Sequence[Positions]
    source: str


_loaded: dict[tuple[Any, ...], MapLines] = {}  # by what they were read from


def load_lines(context: RequestContext) -> MapLines:
    """Read them as the owner: they are public, and name no site."""
    with context.owning() as owner:
        mark = queries.read_mark(owner)
        lines = _loaded.get(mark)
        if lines is None:
            if len(_loaded) >= _KEPT:
                _loaded.clear()
            lines = _loaded[mark] = _load(owner)
        return lines


def _load(connection: Connection) -> MapLines:
    borders = queries.list_borders(connection)
    courses = queries.list_courses(connection)
    by_level: dict[str, list[Line]] = {"commune": [], "epci": [], "outside": []}
    for border in borders:
        by_level[border.level].append(border.line)
    lengths = [_length_km(course.lines) for course in courses]
    layers = {
        "borders": [_feature(lines, level=level) for level, lines in by_level.items() if lines],
        "courses": [
            _feature(course.lines, name=course.name, km=round(length, 1))
            for course, length in zip(courses, lengths, strict=True)
        ],
    }
    body = json.dumps(
        {
            name: {"type": "FeatureCollection", "features": features}
            for name, features in layers.items()
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()
    drawn = [
        *_draw("border", by_level["epci"]),
        *_draw("border outside", by_level["outside"]),
        *_draw(
            "riv",
            [
                line
                for course, length in zip(courses, lengths, strict=True)
                if length >= _SHORT
                for line in course.lines
            ],
        ),
    ]
    return MapLines(
        mark=hashlib.sha256(body).hexdigest()[:16],
        body=body,
        packed=gzip.compress(body, 6, mtime=0),
        rivers=frozenset(course.river for course in courses if course.river),
        drawn=drawn,
        fine=[
            simplify(np.array(line), _FINE)
            for course in courses
            if course.river
            for line in course.lines
        ],
        source=courses[0].source if courses else "",
    )


def _length_km(lines: Sequence[Line]) -> float:
    return sum(float(measure(np.array(line))[-1]) for line in lines) / 1000


def _feature(lines: Sequence[Line], **properties: Any) -> Mapping[str, Any]:
    geometry = {"type": "MultiLineString", "coordinates": lines}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _draw(css: str, lines: Sequence[Line]) -> Iterator[tuple[str, Positions]]:
    for line in lines:
        yield css, simplify(np.array(line), _COARSE)
