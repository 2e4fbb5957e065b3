"""SQL of gauges on rivers: places, thresholds, links, readings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from psycopg.rows import class_row

from hypervisor.database.connect import Connection
from hypervisor.database.quality import is_good

_PLACES = """
SELECT s.name, s.title, s.domain, s.river, s.river_order AS order, a.name AS commune, s.lon, s.lat
FROM site s LEFT JOIN area a ON a.code = s.commune
WHERE %(names)s::text[] IS NULL AND s.river IS NOT NULL OR s.name = ANY(%(names)s)
ORDER BY s.river, s.river_order, s.name
"""
_LIMITS = """
SELECT DISTINCT ON (key) split_part(key, '/', 1), split_part(key, '/', 2),
       (value->>'value')::float, value->>'unit'
FROM revision WHERE kind = 'threshold' AND effective <= %(now)s
  AND split_part(key, '/', 2) = ANY(%(names)s)
ORDER BY key, effective DESC, id DESC
"""
_LINKS = """
SELECT DISTINCT ON (key) key, (value->>'travel_s')::float FROM revision
WHERE kind = 'link' AND effective <= %s ORDER BY key, effective DESC, id DESC
"""
_COURSE = f"""
SELECT site.name, r.time, r.value
FROM series JOIN device ON device.id = series.device JOIN site ON site.id = device.site
JOIN reading r ON r.series_id = series.id
WHERE series.quantity = %(quantity)s AND device.name = ANY(%(devices)s)
  AND r.time > %(since)s AND r.time <= %(now)s
  AND {is_good("r.")}
ORDER BY site.name, r.time
"""  # noqa: S608  constants


@dataclass(frozen=True, kw_only=True)
class Place:
    """A site with its position."""

    name: str
    title: str
    domain: str
    river: str | None
    order: float | None
    commune: str | None
    lon: float | None
    lat: float | None


def list_places(connection: Connection, names: Sequence[str] | None = None) -> list[Place]:
    """The sites on rivers from the source down, or those of `names`."""
    cursor = connection.cursor(row_factory=class_row(Place))
    return cursor.execute(_PLACES, {"names": None if names is None else list(names)}).fetchall()


def list_thresholds(
    connection: Connection, names: Sequence[str], now: datetime
) -> dict[str, dict[str, float]]:
    """Site -> threshold -> value in force, for the thresholds of these names."""
    thresholds: dict[str, dict[str, float]] = {}
    for site, name, value, _ in connection.execute(_LIMITS, {"names": list(names), "now": now}):
        if value is not None:
            thresholds.setdefault(site, {})[name] = value
    return thresholds


def list_links(connection: Connection, now: datetime) -> dict[tuple[str, str], float]:
    """(upstream, downstream) -> travel time in s."""
    rows = connection.execute(_LINKS, [now])
    return {
        (above, below): travel
        for key, travel in rows
        if travel is not None
        for above, _, below in [key.partition(">")]
    }


def list_readings(
    connection: Connection,
    quantity: str,
    devices: Sequence[str],
    *,
    since: datetime,
    now: datetime,
) -> dict[str, list[tuple[datetime, float]]]:
    """Site -> valid readings of these devices by time."""
    if not devices:
        return {}
    rows = connection.execute(
        _COURSE,
        {
            "quantity": quantity,
            "devices": list(devices),
            "since": since,
            "now": now,
        },
    )
    return {
        site: [(time, value) for _, time, value in own]
        for site, own in groupby(rows.fetchall(), key=lambda row: row[0])
    }


def list_commune_points(connection: Connection) -> list[tuple[float, float]]:
    """(lon, lat) of the communes."""
    rows = connection.execute(
        "SELECT lon, lat FROM area WHERE kind = 'commune' AND lon IS NOT NULL AND lat IS NOT NULL"
    )
    return [(lon, lat) for lon, lat in rows]


def list_flood_zones(connection: Connection) -> list[dict[str, Any]]:
    """The geometries of the flood zones."""
    rows = connection.execute("SELECT geometry FROM zone WHERE kind = 'flood' ORDER BY name")
    return [row[0] for row in rows]
