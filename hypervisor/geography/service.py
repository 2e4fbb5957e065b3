"""Files of map programs put into the instance: courses of rivers, outlines of communes."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.geography import queries
from hypervisor.geography.lines import group_connected
from hypervisor.geography.map_features import (
    AREAS,
    LINES,
    Box,
    MapFeature,
    MapFileError,
    make_geometry,
)
from hypervisor.geography.map_files import read_features
from hypervisor.geography.rivers import Course, Watercourse, fold, match_rivers, shorten
from hypervisor.geography.wkb import Parts
from sensors._errors import Message

# Columns that say it, in BD TOPAGE, BD TOPO, BD Carthage and files of one's own.
RIVER_NAMES = (
    *("TopoOH", "toponyme", "cpx_toponyme_de_cours_d_eau", "NomEntiteHydrographique"),
    *("river", "nom", "name", "libelle", "NomOH"),
)
_RIVER_CODES = ("CdOH", "code_hydrographique", "CdEntiteHydrographique", "code", "cleabs")
_COMMUNES = ("insee", "code_insee", "insee_com", "codgeo", "code")
_FEW_CODES = 3  # of one name that are rivers of their own
_MARGIN = 0.05  # degrees round the territory
_MOST_POSITIONS = 60_000  # of all courses: half a megabyte, packed


@dataclass(frozen=True, kw_only=True)
class RiverImport:
    """What a file gave. `missing`: rivers of ours without a course; `left_out`: of the others."""

    courses: Sequence[Course]
    missing: Sequence[str]
    left_out: int


def import_rivers(  # noqa: PLR0913  a file, how to read it, and who does it
    connection: Connection,
    path: Path,
    *,
    layer: str,
    name_field: str,
    within: float,
    author: str,
) -> RiverImport:
    """Store the courses of a file that lie in the territory, instead of those that stand.

    Raises MapFileError: the file cannot be used, or has no river here.
    """
    extent = find_extent(connection)
    features = read_features(path, LINES, within=extent, layer=layer)
    watercourses = list(_gather(features, [name_field] if name_field else RIVER_NAMES))
    gauges = queries.list_gauges(connection)
    courses, left_out = shorten(match_rivers(watercourses, gauges, within=within), _MOST_POSITIONS)
    if not courses:
        raise MapFileError(
            "{file}: no line with a name within the territory (names are looked for in {fields};"
            " --name-field says another)",
            path,
            name_field or ", ".join(RIVER_NAMES),
        )
    covered = {course.river for course in courses}
    missing = sorted({gauge.river for gauge in gauges} - covered)
    with connection.transaction():
        queries.replace_courses(connection, courses, source=path.name)
        audit.record(
            connection,
            kind="map",
            subject="rivers",
            reason=Message("territory rivers {file}", path.name),
            author=author,
            details={"courses": len(courses), "rivers": sorted(filter(None, covered))},
        )
    return RiverImport(courses=courses, missing=missing, left_out=left_out)


def find_extent(connection: Connection) -> Box:
    extent = queries.find_extent(connection)
    if extent is None:
        raise MapFileError("the territory has no coordinates yet: apply an inventory first")
    west, south, east, north = extent
    return west - _MARGIN, south - _MARGIN, east + _MARGIN, north + _MARGIN


def _gather(features: Iterator[MapFeature], names: Sequence[str]) -> Iterator[Watercourse]:
    """Features of one name and code together: tables of pieces have many of each."""
    lines: dict[tuple[str, str], Parts] = defaultdict(list)
    for feature in features:
        name = feature.read_text(names)
        if name:
            code = feature.read_text(_RIVER_CODES)
            lines[name, code] += feature.parts
    by_name: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, code in lines:
        by_name[fold(name)].append((name, code))
    for keys in by_name.values():
        if len(keys) <= _FEW_CODES:
            for name, code in keys:
                own = [line for (line,) in lines[name, code]]
                yield Watercourse(name=name, code=code, lines=own)
        else:  # pieces, each with a code of its own
            pieces = [line for key in keys for (line,) in lines[key]]
            for group in group_connected(pieces):
                yield Watercourse(name=keys[0][0], code="", lines=group)


def import_outlines(
    connection: Connection, path: Path, *, layer: str, author: str
) -> tuple[int, int]:
    """Store the outlines of our communes: (stored, features of no commune of ours).

    Raises MapFileError: the file cannot be used, or has none of our communes.
    """
    codes = frozenset(queries.list_commune_codes(connection))
    outlines: dict[str, dict[str, Any]] = {}
    others = 0
    for feature in read_features(path, AREAS, layer=layer):
        code = feature.read_text(_COMMUNES)
        if code in codes:
            outlines[code] = make_geometry(feature.parts)
        else:
            others += 1
    if not outlines:
        raise MapFileError(
            "{file}: no commune of the inventory (its INSEE code is looked for in {fields})",
            path,
            ", ".join(_COMMUNES),
        )
    with connection.transaction():
        queries.store_outlines(connection, outlines, source=path.name)
        audit.record(
            connection,
            kind="map",
            subject="outlines",
            reason=Message("territory outlines {file}", path.name),
            author=author,
            details={"communes": len(outlines)},
        )
    return len(outlines), others
