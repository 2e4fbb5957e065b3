"""GeoPackages (OGC 12-128), which are SQLite: of a layer the features that meet a box."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from hypervisor.geography import lambert93
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
from hypervisor.geography.wkb import WkbError, parse_geopackage, read_envelope
from sensors._errors import Message
from sensors._nearest import did_you_mean


@dataclass(frozen=True, kw_only=True)
class _Layer:
    table: str
    column: str
    kind: str
    epsg: int


def read_geopackage(
    path: Path, kinds: Sequence[str], within: Box | None, name: str
) -> Iterator[MapFeature]:
    try:
        with closing(_open(path)) as database:
            layer = _choose_layer(database, path, kinds, name)
            yield from _read_layer(database, layer, path, kinds, within)
    except (sqlite3.Error, UnicodeDecodeError) as error:  # its messages quote damaged names
        raise MapFileError("{file} is damaged, or no GeoPackage: {error}", path, error) from error


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1", uri=True)


def _choose_layer(
    database: sqlite3.Connection, path: Path, kinds: Sequence[str], name: str
) -> _Layer:
    rows = database.execute(
        "SELECT CAST(g.table_name AS TEXT), CAST(g.column_name AS TEXT),"
        " upper(g.geometry_type_name), CAST(CASE WHEN upper(s.organization) = 'EPSG'"
        " THEN s.organization_coordsys_id ELSE g.srs_id END AS INTEGER)"
        " FROM gpkg_geometry_columns g"
        " LEFT JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id ORDER BY 1"
    ).fetchall()
    layers = [
        _Layer(table=table, column=column, kind=kind, epsg=epsg)
        for table, column, kind, epsg in rows
        if None not in (table, column, epsg)
    ]
    usable = {kind.upper() for kind in kinds} | {"GEOMETRY", "GEOMETRYCOLLECTION"}
    fitting = [layer for layer in layers if layer.kind in usable]
    names = [layer.table for layer in layers]
    if name:
        fitting = [layer for layer in layers if layer.table == name]
        if not fitting:
            raise MapFileError(
                "{file} has no layer {layer!r}{hint}", path, name, did_you_mean(name, names)
            )
    if not fitting:
        raise MapFileError(
            "{file} has no layer of {kinds}; it has: {names}",
            path,
            " / ".join(kinds),
            ", ".join(names) or "-",
        )
    if len(fitting) > 1:
        raise MapFileError(
            "{file} has several layers: say which with --layer: {names}",
            path,
            ", ".join(layer.table for layer in fitting),
        )
    return fitting[0]


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _read_layer(
    database: sqlite3.Connection,
    layer: _Layer,
    path: Path,
    kinds: Sequence[str],
    within: Box | None,
) -> Iterator[MapFeature]:
    convert = find_converter(layer.epsg, Message("{file}, layer {layer}", path, layer.table))
    box = None if within is None else _project_box(within, convert)
    index = f"rtree_{layer.table}_{layer.column}"
    indexed = database.execute(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", [index]
    ).fetchone()[0]
    statement, values = f"SELECT rowid, * FROM {_quote(layer.table)}", []  # noqa: S608  quoted names
    if indexed and box is not None:
        statement += (
            f" WHERE rowid IN (SELECT id FROM {_quote(index)}"  # noqa: S608  quoted names
            " WHERE maxx >= ? AND minx <= ? AND maxy >= ? AND miny <= ?)"
        )
        values = [box[0], box[2], box[1], box[3]]
    cursor = database.execute(statement, values)
    columns = [column[0] for column in cursor.description][1:]
    for number, *fields in cursor:
        row = dict(zip(columns, fields, strict=True))
        blob = row.pop(layer.column, None)
        if blob is None or (box is not None and not _may_meet(blob, box)):
            continue
        place = name_place(path, number, row)
        try:
            shape = parse_geopackage(blob if isinstance(blob, bytes) else b"")
        except WkbError as error:
            raise MapFileError("{place}: {error}", place, error) from error
        if shape is None:
            continue
        if shape.kind not in kinds:
            raise MapFileError(
                "{place}: a {kind}; expected: {kinds}", place, shape.kind, " / ".join(kinds)
            )
        parts = shape.parts if convert is None else convert_parts(shape.parts, convert)
        check_positions(parts, place)
        if meets(parts, within):
            yield MapFeature(place=place, properties=row, parts=parts)


def _project_box(within: Box, convert: Callable[[Positions], Positions] | None) -> Box:
    """The box in the layer's own system; a little larger, since its edges are no straight lines."""
    if convert is None:
        return within
    west, south, east, north = within
    lons, lats = np.linspace(west, east, 9), np.linspace(south, north, 9)
    grid = np.array([(lon, lat) for lon in lons for lat in lats])
    places = lambert93.from_wgs84(grid)
    low, high = places.min(axis=0) - 500, places.max(axis=0) + 500
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _may_meet(blob: Any, box: Box) -> bool:
    envelope = read_envelope(blob) if isinstance(blob, bytes) else None
    if envelope is None:
        return True
    low_x, high_x, low_y, high_y = envelope
    return high_x >= box[0] and low_x <= box[2] and high_y >= box[1] and low_y <= box[3]
