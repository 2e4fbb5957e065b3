"""SQL of what maps draw: outlines and borders of communes, courses of rivers."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from psycopg.rows import class_row

from hypervisor.database.connect import Connection
from hypervisor.geography.borders import find_borders
from hypervisor.geography.lines import to_coordinates
from hypervisor.geography.rivers import Course, Gauge

# Levels of a border: between two communes, two EPCI, or the outside.
_BORDERS = """
SELECT CASE WHEN b.neighbour IS NULL THEN 'outside'
            WHEN a.parent IS DISTINCT FROM n.parent THEN 'epci' ELSE 'commune' END AS level,
       b.line
FROM area_border b JOIN area a ON a.code = b.area LEFT JOIN area n ON n.code = b.neighbour
ORDER BY b.id
"""
# Each border of an EPCI, for every one that lies at it; a border between two stands twice.
_EPCI_BORDERS = """
SELECT e.code, b.line
FROM area_border b JOIN area a ON a.code = b.area LEFT JOIN area n ON n.code = b.neighbour
JOIN area e ON e.kind = 'epci' AND e.code IN (a.parent, n.parent)
WHERE a.parent IS DISTINCT FROM n.parent ORDER BY b.id
"""
_EXTENT = """
SELECT min(lon), min(lat), max(lon), max(lat) FROM (
    SELECT lon, lat FROM site UNION ALL SELECT lon, lat FROM area) p
"""

Line = list[list[float]]


class Border(NamedTuple):
    """`level`: commune, epci or outside."""

    level: str
    line: Line


@dataclass(frozen=True, kw_only=True)
class River:
    """A course as it is drawn. `river`: as sites name it; None: no gauge is on it."""

    name: str
    river: str | None
    lines: list[Line]
    source: str


def store_outlines(
    connection: Connection, outlines: Mapping[str, Mapping[str, Any]], *, source: str
) -> None:
    """Store outlines (GeoJSON geometries) by commune; those that stand are replaced.

    Borders are found again among all outlines.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO area_outline (area, outline, source) VALUES (%s, %s, %s)"
            " ON CONFLICT (area) DO UPDATE SET outline = EXCLUDED.outline,"
            " source = EXCLUDED.source",
            [(code, json.dumps(outline), source) for code, outline in outlines.items()],
        )
        cursor.execute("DELETE FROM area_border")
        cursor.executemany(
            "INSERT INTO area_border (area, neighbour, line) VALUES (%s, %s, %s)",
            [
                (border.area, border.neighbour, json.dumps(to_coordinates(border.line)))
                for border in find_borders(list_outlines(connection))
            ],
        )


def list_outlines(
    connection: Connection, communes: Sequence[str] | None = None
) -> dict[str, dict[str, Any]]:
    """GeoJSON geometries by commune; None: of all."""
    rows = connection.execute(
        "SELECT area, outline FROM area_outline WHERE %(codes)s::text[] IS NULL"
        " OR area = ANY(%(codes)s) ORDER BY area",
        {"codes": None if communes is None else list(communes)},
    )
    return dict(rows.fetchall())


def list_borders(connection: Connection) -> list[Border]:
    """The borders of communes by level, which follows the EPCI that the inventory names."""
    return [Border(*row) for row in connection.execute(_BORDERS)]


def list_epci_borders(connection: Connection) -> dict[str, list[Line]]:
    """The lines around each EPCI, by its code."""
    borders: dict[str, list[Line]] = {}
    for code, line in connection.execute(_EPCI_BORDERS):
        borders.setdefault(code, []).append(line)
    return borders


def list_members(connection: Connection) -> dict[str, list[str]]:
    """The communes of each EPCI, by codes."""
    rows = connection.execute(
        "SELECT e.code, array_agg(c.code ORDER BY c.code) FROM area e JOIN area c"
        " ON c.parent = e.code AND c.kind = 'commune' WHERE e.kind = 'epci' GROUP BY e.code"
    )
    return dict(rows.fetchall())


def find_extent(connection: Connection) -> tuple[float, float, float, float] | None:
    """West, south, east, north of sites and areas; None: nothing has coordinates."""
    (row,) = connection.execute(_EXTENT)
    return None if row[0] is None else row


def list_gauges(connection: Connection) -> list[Gauge]:
    """The sites on rivers that have coordinates, each river from the source down."""
    cursor = connection.cursor(row_factory=class_row(Gauge))
    return cursor.execute(
        "SELECT name AS site, river, lon, lat FROM site WHERE river IS NOT NULL"
        " AND lon IS NOT NULL AND lat IS NOT NULL ORDER BY river, river_order, name"
    ).fetchall()


def list_rivers_of(connection: Connection, communes: Sequence[str]) -> frozenset[str]:
    """The rivers with a site in these communes."""
    rows = connection.execute(
        "SELECT DISTINCT river FROM site WHERE river IS NOT NULL AND commune = ANY(%s)",
        [list(communes)],
    )
    return frozenset(river for (river,) in rows)


def replace_courses(connection: Connection, courses: Iterable[Course], *, source: str) -> None:
    """Store the courses of a file instead of those that stand."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM river_reach")
        cursor.execute("DELETE FROM river_course")
        for course in courses:
            lines = json.dumps([to_coordinates(line) for line in course.lines])
            cursor.execute(
                "INSERT INTO river_course (name, code, river, lines, source)"
                " VALUES (%s, %s, %s, %s, %s)",
                [course.name, course.code, course.river, lines, source],
            )
            away = {snap.gauge.site: snap.distance for snap in course.snaps}
            cursor.executemany(
                "INSERT INTO river_reach (upstream, downstream, line, length, distances)"
                " VALUES (%s, %s, %s, %s, %s)",
                [
                    (
                        reach.upstream,
                        reach.downstream,
                        json.dumps(to_coordinates(reach.line)),
                        reach.length,
                        [away[reach.upstream], away[reach.downstream]],
                    )
                    for reach in course.reaches
                ],
            )


def list_courses(connection: Connection) -> list[River]:
    """The courses, ours first."""
    cursor = connection.cursor(row_factory=class_row(River))
    return cursor.execute(
        "SELECT name, river, lines, source FROM river_course ORDER BY river IS NULL, id"
    ).fetchall()


def list_commune_codes(connection: Connection) -> Sequence[str]:
    """The communes of the territory."""
    rows = connection.execute("SELECT code FROM area WHERE kind = 'commune' ORDER BY code")
    return [code for (code,) in rows]


def read_mark(connection: Connection) -> tuple[Any, ...]:
    """A value that changes with borders, courses and the EPCI of communes."""
    (row,) = connection.execute(
        "SELECT current_database(), (SELECT max(id) FROM area_border),"
        " (SELECT max(id) FROM river_course), (SELECT md5(string_agg("
        "code || '>' || coalesce(parent, ''), ',' ORDER BY code)) FROM area WHERE kind = 'commune')"
    )
    return row


def store_official_reaches(connection: Connection, reaches: Mapping[str, Sequence[Line]]) -> None:
    """Store the courses of official reaches by code; those that stand are replaced."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO official_reach (area, lines) VALUES (%s, %s)"
            " ON CONFLICT (area) DO UPDATE SET lines = EXCLUDED.lines",
            [(code, json.dumps(lines)) for code, lines in reaches.items()],
        )


def list_official_reaches(connection: Connection) -> dict[str, list[Line]]:
    """Courses by code."""
    return dict(connection.execute("SELECT area, lines FROM official_reach").fetchall())
