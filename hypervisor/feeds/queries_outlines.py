"""Outlines of communes."""

import json
from collections.abc import Mapping
from typing import Any

from hypervisor.database.connect import Connection


def store_outlines(
    connection: Connection, outlines: Mapping[str, Mapping[str, Any]], *, source: str
) -> None:
    """Store outlines (GeoJSON geometries) by commune; those that stand are replaced."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO area_outline (area, outline, source) VALUES (%s, %s, %s)"
            " ON CONFLICT (area) DO UPDATE SET outline = EXCLUDED.outline,"
            " source = EXCLUDED.source",
            [(code, json.dumps(outline), source) for code, outline in outlines.items()],
        )


def list_outlines(connection: Connection) -> dict[str, dict[str, Any]]:
    """GeoJSON geometries by commune."""
    rows = connection.execute("SELECT area, outline FROM area_outline ORDER BY area")
    return dict(rows.fetchall())
