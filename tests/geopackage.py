"""Small GeoPackages (OGC 12-128) written with SQLite, as BD TOPAGE's are: Lambert 93, an index."""

import sqlite3
import struct
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from hypervisor.geography.lambert93 import from_wgs84

Line = Sequence[tuple[float, float]]
_TABLES = """
PRAGMA application_id = 0x47504B47;
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY,
    organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL,
    description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT,
    description TEXT DEFAULT '', last_change DATETIME DEFAULT '2024-01-01T00:00:00Z', min_x DOUBLE,
    min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER);
CREATE TABLE gpkg_geometry_columns (table_name TEXT PRIMARY KEY, column_name TEXT NOT NULL,
    geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL,
    m TINYINT NOT NULL);
"""


def multi_line(lines: Sequence[Line], *, srs: int, height: bool = False) -> bytes:
    """A MultiLineString with its envelope; `height`: positions have a third number."""
    places = [np.array(line, dtype=float) for line in lines]
    if srs == 2154:
        places = [from_wgs84(line) for line in places]
    low, high = np.vstack(places).min(axis=0), np.vstack(places).max(axis=0)
    header = b"GP\x00\x03" + struct.pack("<i4d", srs, low[0], high[0], low[1], high[1])
    parts = b"".join(
        struct.pack("<BII", 1, 1002 if height else 2, len(line))
        + b"".join(struct.pack("<2d", *place) + (b"\0" * 8 if height else b"") for place in line)
        for line in places
    )
    return header + struct.pack("<BII", 1, 1005 if height else 5, len(lines)) + parts


def write_geopackage(
    path: Path,
    features: Sequence[tuple[Mapping[str, Any], bytes]],
    *,
    srs: int = 2154,
    layer: str = "CoursEau_FXX",
    index: bool = True,
) -> Path:
    """A file with one layer; `features`: fields (the same of each) and geometry."""
    fields = list(features[0][0])
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(_TABLES)
        database.execute(
            "INSERT INTO gpkg_spatial_ref_sys VALUES ('srs', ?, 'EPSG', ?, 'undefined', NULL)",
            [srs, srs],
        )
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id)"
            " VALUES (?, 'features', ?, ?)",
            [layer, layer, srs],
        )
        database.execute(
            "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'MULTILINESTRING', ?, 0, 0)",
            [layer, srs],
        )
        columns = ", ".join(f'"{field}" TEXT' for field in fields)
        database.execute(f'CREATE TABLE "{layer}" (fid INTEGER PRIMARY KEY, geom BLOB, {columns})')
        places = ", ".join("?" * (len(fields) + 1))
        names = ", ".join(f'"{field}"' for field in ("geom", *fields))
        for properties, geometry in features:
            database.execute(
                f'INSERT INTO "{layer}" ({names}) VALUES ({places})',  # noqa: S608
                [geometry, *properties.values()],
            )
        if index:
            rtree = f"rtree_{layer}_geom"
            database.execute(
                f'CREATE VIRTUAL TABLE "{rtree}" USING rtree(id, minx, maxx, miny, maxy)'
            )
            for number, (_properties, geometry) in enumerate(features, start=1):
                box = struct.unpack_from("<4d", geometry, 8) if len(geometry) > 40 else (0.0,) * 4
                database.execute(
                    f'INSERT INTO "{rtree}" VALUES (?, ?, ?, ?, ?)',  # noqa: S608
                    [number, *box],
                )
    return path
