"""What of ours a road user wants to know: alarms of traffic, works at its sites, flooded roads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.database.connect import Connection, fetch

_ALARMS = """
SELECT a.id, a.rule, a.severity->-1->>1 AS severity, a.title, a.title_fr, a.began, a.changed_at,
       coalesce(d.lon, s.lon) AS lon, coalesce(d.lat, s.lat) AS lat
FROM alarm a JOIN site s ON s.id = a.site
LEFT JOIN device d ON 'device/' || d.name = a.subject
WHERE a.ended IS NULL AND a.withdrawn IS NULL AND a.rule = ANY (%s)
  AND coalesce(d.lon, s.lon) IS NOT NULL AND coalesce(d.lat, s.lat) IS NOT NULL
ORDER BY a.id
"""
_WORKS = """
SELECT w.key, s.name AS site, s.title, s.lon, s.lat, w.recorded_at,
       (w.value->>'begins')::timestamptz AS begins, (w.value->>'ends')::timestamptz AS ends
FROM (SELECT DISTINCT ON (key) key, value, recorded_at FROM revision WHERE kind = 'works'
      ORDER BY key, id DESC) w
JOIN site s ON w.value->'sites' ? s.name AND s.domain = 'mobility'
WHERE jsonb_typeof(w.value) = 'object' AND (w.value->>'ends')::timestamptz > %s
  AND s.lon IS NOT NULL AND s.lat IS NOT NULL
ORDER BY w.key, s.name
"""
_ROADS = """
SELECT z.name, z.geometry,
       (SELECT min(a.began) FROM alarm a JOIN site g ON g.id = a.site
        WHERE g.name = k.gauge AND a.rule = %(rule)s AND a.ended IS NULL AND a.withdrawn IS NULL)
           AS began
FROM unnest(%(names)s::text[], %(gauges)s::text[]) AS k (name, gauge)
JOIN asset z ON z.name = k.name WHERE z.geometry IS NOT NULL
"""


@dataclass(frozen=True, kw_only=True)
class TrafficAlarm:
    """An active alarm at a place."""

    id: int
    rule: str
    severity: str
    title: str
    title_fr: str | None
    began: datetime
    changed_at: datetime
    lon: float
    lat: float


@dataclass(frozen=True, kw_only=True)
class RoadWorks:
    """Works at a site of mobility, to come or under way."""

    key: str
    site: str
    title: str
    lon: float
    lat: float
    recorded_at: datetime
    begins: datetime
    ends: datetime


@dataclass(frozen=True, kw_only=True)
class Road:
    """A road's place; `began`: since when an alarm says that the water is there."""

    name: str
    geometry: dict[str, Any]
    began: datetime | None


def list_alarms(connection: Connection, rules: Sequence[str]) -> list[TrafficAlarm]:
    """Active alarms of these rules that have a place."""
    return fetch(connection, TrafficAlarm, _ALARMS, [list(rules)])


def list_works(connection: Connection, now: datetime) -> list[RoadWorks]:
    """Works that are not over."""
    return fetch(connection, RoadWorks, _WORKS, [now])


def find_roads(
    connection: Connection, gauges: Sequence[tuple[str, str]], *, rule: str
) -> dict[str, Road]:
    """The places of assets (name, its gauge), by name."""
    parameters = {
        "rule": rule,
        "names": [name for name, _ in gauges],
        "gauges": [gauge for _, gauge in gauges],
    }
    return {road.name: road for road in fetch(connection, Road, _ROADS, parameters)}
