"""Spatial functions of filters as SQL: where a place lies to a shape that the request names.

Our entities have points. So each relation of two geometries is decided by where a point lies to
the other one: in its interior, on its boundary, or outside (OGC 06-103r4, DE-9IM).
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from psycopg import sql

from hypervisor.standards.model import Geometry, QueryError

_LOCATIONS = ("interior", "boundary", "exterior")
# Where a point must lie: to a place or point; to a line or polygon; and where that is named first.
_MATCHING: Mapping[str, tuple[Sequence[str], Sequence[str], Sequence[str]]] = {
    "intersects": (_LOCATIONS[:1], _LOCATIONS[:2], _LOCATIONS[:2]),
    "disjoint": (_LOCATIONS[2:], _LOCATIONS[2:], _LOCATIONS[2:]),
    "equals": (_LOCATIONS[:1], (), ()),
    "touches": ((), _LOCATIONS[1:2], _LOCATIONS[1:2]),
    "within": (_LOCATIONS[:1], _LOCATIONS[:1], ()),
    "contains": (_LOCATIONS[:1], (), _LOCATIONS[:1]),
    "overlaps": ((), (), ()),  # a point neither overlaps nor crosses anything
    "crosses": ((), (), ()),
}
_POINTS = ("place", "point")
_SHAPES = ("line", "polygon")
_PATTERN = re.compile(r"[TF*012]{9}")
_NAMES_OF_KINDS = {"place": "a place", "point": "a point", "line": "a line", "polygon": "a polygon"}


@dataclass(frozen=True)
class Term:
    """A piece of SQL, the kind of its value, and whether that may be null. `shape`: a literal's."""

    sql: sql.Composable
    kind: str
    nullable: bool = True
    shape: Geometry | None = None


def compile_geometry(geometry: Geometry) -> Term:
    """A literal; the SQL of a point is a point, that of other shapes is never read."""
    if geometry.kind == "point":
        ((lon, lat),) = geometry.rings[0]
        point = sql.SQL("point({}, {})").format(sql.Literal(lon), sql.Literal(lat))
        return Term(point, "point", shape=geometry)
    return Term(sql.SQL("NULL"), geometry.kind, shape=geometry)


def compile_relation(name: str, left: Term, right: Term, pattern: str | None = None) -> Term:
    """Whether two geometries, one of them a place or point, are related so.

    Raises QueryError: both are lines or polygons, or the pattern is none of DE-9IM.
    """
    if pattern is not None and not _PATTERN.fullmatch(pattern):
        raise QueryError(
            "{name}(): {pattern!r} is no pattern of nine of T, F, *, 0, 1 and 2", name, pattern[:20]
        )
    swapped = left.kind not in _POINTS
    place, other = (right, left) if swapped else (left, right)
    if place.kind not in _POINTS or other.kind not in (*_POINTS, *_SHAPES):
        raise QueryError(
            "{name}(): takes a place and a point, line or polygon, not {left} and {right}",
            name,
            _NAMES_OF_KINDS.get(left.kind, left.kind),
            _NAMES_OF_KINDS.get(right.kind, right.kind),
        )
    relation = name.rpartition(".")[2].rpartition("_")[2]
    matching = _list_locations(relation, other, swapped=swapped, pattern=pattern)
    located = _locate(place, other)
    return Term(sql.SQL("({} = ANY ({}::text[]))").format(located, sql.Literal(matching)), "truth")


def _list_locations(relation: str, other: Term, *, swapped: bool, pattern: str | None) -> list[str]:
    """Where a point must lie to the other geometry to be related to it so."""
    if pattern is None:
        to_point, to_shape, of_shape = _MATCHING[relation]
        if other.kind in _POINTS:
            return [*to_point]
        return [*of_shape] if swapped else [*to_shape]
    return [
        location
        for location in _LOCATIONS
        if all(map(_fits, pattern, _describe_matrix(location, other, swapped=swapped)))
    ]


def _describe_matrix(location: str, other: Term, *, swapped: bool) -> str:
    """The nine dimensions of a point's and the other geometry's intersections, row by row."""
    interior = {"interior": "0FF", "boundary": "F0F", "exterior": "FF0"}[location]  # its own row
    if other.kind in _POINTS:
        exterior = "FF2" if location == "interior" else "0F2"
    elif other.kind == "polygon":
        exterior = "212"
    else:
        exterior = "1F2" if _is_closed(other.shape) else "102"
    matrix = f"{interior}FFF{exterior}"
    return "".join(matrix[row::3] for row in range(3)) if swapped else matrix


def _fits(asked_for: str, dimension: str) -> bool:
    return asked_for in {"*", dimension} or (asked_for == "T" and dimension != "F")


def _is_closed(line: Geometry | None) -> bool:
    return line is not None and line.rings[0][0] == line.rings[0][-1]


def _locate(place: Term, other: Term) -> sql.Composable:
    """'interior', 'boundary' or 'exterior'; null where there is no place."""
    boundary: sql.Composable = sql.SQL("false")
    interior: sql.Composable = sql.SQL("{0} ~= {1}").format(place.sql, other.sql)
    if other.shape is not None and other.kind == "line":
        (line,) = other.shape.rings
        if not _is_closed(other.shape):
            ends = [sql.Literal(f"({lon!r},{lat!r})") for lon, lat in (line[0], line[-1])]
            boundary = sql.SQL("({0} ~= {1}::point OR {0} ~= {2}::point)").format(place.sql, *ends)
        interior = sql.SQL("{} <@ {}::path").format(place.sql, sql.Literal(_write(line)))
    elif other.shape is not None and other.kind == "polygon":
        outer, *holes = ([*ring, ring[0]] for ring in other.shape.rings)
        on_ring = sql.SQL("{} <@ {}::path")
        boundary = sql.SQL("({})").format(
            sql.SQL(" OR ").join(
                on_ring.format(place.sql, sql.Literal(_write(ring))) for ring in (outer, *holes)
            )
        )
        inside = sql.SQL("{}::polygon @> {}")
        interior = sql.SQL(" AND NOT ").join(
            inside.format(sql.Literal(f"({_write(ring)[1:-1]})"), place.sql)
            for ring in (outer, *holes)
        )
    return sql.SQL(
        "CASE WHEN {} IS NULL OR {} IS NULL THEN NULL WHEN {} THEN 'boundary'"
        " WHEN {} THEN 'interior' ELSE 'exterior' END"
    ).format(
        place.sql,
        other.sql if other.shape is None else sql.Literal("shape"),
        boundary,
        interior,
    )


def _write(corners: Sequence[tuple[float, float]]) -> str:
    """An open path, as PostgreSQL reads it."""
    return "[" + ",".join(f"({lon!r},{lat!r})" for lon, lat in corners) + "]"


def compile_distance(name: str, left: Term, right: Term) -> Term:
    """The distance of two places or points, in degrees.

    Raises QueryError: one of them is neither.
    """
    if left.kind not in _POINTS or right.kind not in _POINTS:
        raise QueryError("{name}(): takes a place and a point", name)
    return Term(sql.SQL("({} <-> {})").format(left.sql, right.sql), "number")


def compile_length(name: str, term: Term) -> Term:
    """The length of a line in degrees; a place or point has none.

    Raises QueryError: it is another value.
    """
    if term.kind in _POINTS:
        return Term(
            sql.SQL("CASE WHEN {} IS NOT NULL THEN 0::float8 END").format(term.sql), "number"
        )
    if term.shape is None or term.kind != "line":
        raise QueryError("{name}(): takes a line or a place", name)
    length = sum(math.dist(begin, end) for begin, end in pairwise(term.shape.rings[0]))
    return Term(sql.SQL("{}::float8").format(sql.Literal(length)), "number")


RELATIONS: Mapping[str, int] = {
    "geo.intersects": 2,
    **dict.fromkeys(
        (
            "st_equals",
            "st_disjoint",
            "st_touches",
            "st_within",
            "st_overlaps",
            "st_crosses",
            "st_intersects",
            "st_contains",
        ),
        2,
    ),
    "st_relate": 3,
}
DISTANCES = ("geo.distance", "st_distance")
LENGTHS = ("geo.length", "st_length")
