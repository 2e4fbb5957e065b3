"""Gauges on their rivers as Now and the wall show them: places, thresholds, links, courses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from hypervisor.database.connect import Connection
from sensors._quality import Quality

_UNFIT = int(Quality.SUSPECT)
_PLACES = """
SELECT s.name, s.title, s.domain, s.river, s.river_order, a.name, s.lon, s.lat
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
_COURSE = """
SELECT site.name, r.time, r.value
FROM series JOIN device ON device.id = series.device JOIN site ON site.id = device.site
JOIN reading r ON r.series_id = series.id
WHERE series.quantity = %(quantity)s AND device.name = ANY(%(devices)s)
  AND r.time > %(since)s AND r.time <= %(now)s
  AND r.value IS NOT NULL AND r.quality & %(unfit)s = 0
ORDER BY site.name, r.time
"""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A site and where it stands."""

    name: str
    title: str
    domain: str
    river: str | None
    order: float | None
    commune: str | None
    lon: float | None
    lat: float | None


def places(connection: Connection, names: Sequence[str] | None = None) -> list[Place]:
    """The sites on rivers from the source down; or those of these names."""
    rows = connection.execute(_PLACES, {"names": None if names is None else list(names)})
    return [
        Place(
            name=row[0],
            title=row[1],
            domain=row[2],
            river=row[3],
            order=row[4],
            commune=row[5],
            lon=row[6],
            lat=row[7],
        )
        for row in rows
    ]


def limits(
    connection: Connection, names: Sequence[str], now: datetime
) -> dict[str, dict[str, float]]:
    """Site -> threshold -> value, of the thresholds of these names that are in force."""
    found: dict[str, dict[str, float]] = {}
    for site, name, value, _ in connection.execute(_LIMITS, {"names": list(names), "now": now}):
        if value is not None:
            found.setdefault(site, {})[name] = value
    return found


def links(connection: Connection, now: datetime) -> dict[tuple[str, str], float]:
    """(upstream, downstream) -> seconds that water takes."""
    rows = connection.execute(_LINKS, [now])
    return {
        (above, below): travel
        for key, travel in rows
        if travel is not None
        for above, _, below in [key.partition(">")]
    }


def courses(
    connection: Connection,
    quantity: str,
    devices: Sequence[str],
    *,
    since: datetime,
    now: datetime,
) -> dict[str, list[tuple[datetime, float]]]:
    """Site -> believed readings by time, of these devices."""
    if not devices:
        return {}
    rows = connection.execute(
        _COURSE,
        {
            "quantity": quantity,
            "devices": list(devices),
            "since": since,
            "now": now,
            "unfit": _UNFIT,
        },
    )
    return {
        site: [(time, value) for _, time, value in own]
        for site, own in groupby(rows.fetchall(), key=lambda row: row[0])
    }


def communes(connection: Connection) -> list[tuple[float, float]]:
    """Where communes lie: what a sketch of the territory is drawn on."""
    rows = connection.execute(
        "SELECT lon, lat FROM area WHERE kind = 'commune' AND lon IS NOT NULL AND lat IS NOT NULL"
    )
    return [(lon, lat) for lon, lat in rows]


def floodable(connection: Connection) -> list[dict[str, Any]]:
    """The geometries of zones that water takes."""
    rows = connection.execute("SELECT geometry FROM zone WHERE kind = 'flood' ORDER BY name")
    return [row[0] for row in rows]
