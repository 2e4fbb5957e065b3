"""What of ours a road user wants to know: alarms of traffic, works at its sites, flooded roads."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.database.connect import Connection, fetch
from hypervisor.database.quality import is_good

_ALARMS = """
SELECT a.id, coalesce(%(rules)s::jsonb->>a.rule, e.labels->>%(label)s) AS meaning,
       a.severity->-1->>1 AS severity, a.title, a.title_fr, a.began, a.changed_at,
       coalesce(d.lon, s.lon) AS lon, coalesce(d.lat, s.lat) AS lat, s.properties->>'road' AS road
FROM alarm a JOIN site s ON s.id = a.site
LEFT JOIN device d ON 'device/' || d.name = a.subject
LEFT JOIN external_alarm e ON e.alarm = a.id
WHERE a.ended IS NULL AND a.withdrawn IS NULL
  AND coalesce(%(rules)s::jsonb->>a.rule, e.labels->>%(label)s) = ANY (%(meanings)s)
  AND coalesce(d.lon, s.lon) IS NOT NULL AND coalesce(d.lat, s.lat) IS NOT NULL
ORDER BY a.id
"""
_WORKS = """
SELECT w.key, s.name AS site, s.title, s.lon, s.lat, s.properties->>'road' AS road, w.recorded_at,
       (SELECT min(r.recorded_at) FROM revision r WHERE r.kind = 'works' AND r.key = w.key)
           AS created_at,
       (w.value->>'begins')::timestamptz AS begins, (w.value->>'ends')::timestamptz AS ends
FROM (SELECT DISTINCT ON (key) key, value, recorded_at FROM revision WHERE kind = 'works'
      ORDER BY key, id DESC) w
JOIN site s ON w.value->'sites' ? s.name AND s.domain = 'mobility'
WHERE jsonb_typeof(w.value) = 'object' AND (w.value->>'ends')::timestamptz > %s
  AND s.lon IS NOT NULL AND s.lat IS NOT NULL
ORDER BY w.key, s.name
"""
_ROADS = f"""
SELECT z.name, z.geometry, coalesce(z.properties->>'road', s.properties->>'road') AS road,
       (SELECT min(time) FROM reading WHERE series_id = r.id AND {is_good()}
          AND time > coalesce((SELECT max(time) FROM reading WHERE series_id = r.id AND {is_good()}
              AND value < k.level), '-infinity')) AS began
FROM unnest(%(names)s::text[], %(devices)s::text[], %(quantities)s::text[], %(levels)s::float8[])
    AS k (name, device, quantity, level)
JOIN asset z ON z.name = k.name LEFT JOIN site s ON s.id = z.site
JOIN device d ON d.name = k.device JOIN series r ON r.device = d.id AND r.quantity = k.quantity
WHERE z.geometry IS NOT NULL
"""  # noqa: S608  constants


@dataclass(frozen=True, kw_only=True)
class TrafficAlarm:
    """An active alarm at a place. `meaning`: on the road; `road`: its number."""

    id: int
    meaning: str
    severity: str
    title: str
    title_fr: str | None
    began: datetime
    changed_at: datetime
    lon: float
    lat: float
    road: str | None


@dataclass(frozen=True, kw_only=True)
class RoadWorks:
    """Works at a site of mobility, to come or under way. `created_at`: of their first revision."""

    key: str
    site: str
    title: str
    lon: float
    lat: float
    road: str | None
    recorded_at: datetime
    created_at: datetime
    begins: datetime
    ends: datetime


@dataclass(frozen=True, kw_only=True)
class Road:
    """A road's place and number; `began`: since when the gauge shows the water there."""

    name: str
    geometry: dict[str, Any]
    road: str | None
    began: datetime | None


def list_alarms(
    connection: Connection, rules: Mapping[str, str | None], *, label: str, meanings: Sequence[str]
) -> list[TrafficAlarm]:
    """Active alarms that have a place and one of these meanings.

    `rules`: meanings by rule; `label`: names that of an alert of another system.
    """
    parameters = {"rules": json.dumps(rules), "label": label, "meanings": list(meanings)}
    return fetch(connection, TrafficAlarm, _ALARMS, parameters)


def list_works(connection: Connection, now: datetime) -> list[RoadWorks]:
    """Works that are not over, by key: a row a place."""
    return fetch(connection, RoadWorks, _WORKS, [now])


def find_roads(
    connection: Connection, levels: Sequence[tuple[str, str, str, float]]
) -> dict[str, Road]:
    """Assets with a place by name; `levels`: asset, device and quantity of its gauge, level."""
    if not levels:
        return {}
    names, devices, quantities, limits = map(list, zip(*levels, strict=True))
    parameters = {"names": names, "devices": devices, "quantities": quantities, "levels": limits}
    return {road.name: road for road in fetch(connection, Road, _ROADS, parameters)}


def find_road_numbers(connection: Connection) -> dict[str, str]:
    """By site that names its road."""
    rows = connection.execute(
        "SELECT name, properties->>'road' FROM site WHERE properties->>'road' <> ''"
    )
    return dict(rows.fetchall())
