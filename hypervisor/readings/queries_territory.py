"""By commune: sites and active alarms; links of rivers; which gauge an asset depends on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.database.connect import Connection, fetch


@dataclass(frozen=True, kw_only=True)
class CommuneCounts:
    """Counts of a commune (None: outside all). `worst`: the highest severity of `alarms`."""

    commune: str | None
    sites: int
    alarms: int
    unacknowledged: int
    worst: str | None


@dataclass(frozen=True, kw_only=True)
class Reached:
    """The gauge and the level at which water reaches an asset."""

    asset: str
    gauge: str
    level: float
    unit: str
    illustrative: bool


_COUNTS = """
SELECT commune, sum(sites)::int AS sites, sum(alarms)::int AS alarms,
       sum(fresh)::int AS unacknowledged,
       (ARRAY['critical', 'major', 'minor', 'info'])[min(rank)] AS worst
FROM (SELECT commune, count(*) AS sites, 0 AS alarms, 0 AS fresh, NULL::int AS rank
      FROM site GROUP BY commune
      UNION ALL
      SELECT coalesce(s.commune, a.commune), 0, count(*),
             count(*) FILTER (WHERE a.acknowledged IS NULL),
             min(severity_rank(a.severity->-1->>1))
      FROM alarm a LEFT JOIN site s ON s.id = a.site
      WHERE a.ended IS NULL AND a.withdrawn IS NULL AND (a.site IS NOT NULL OR a.source IS NOT NULL)
      GROUP BY 1) counts
GROUP BY commune
"""
_WORST = """
SELECT site.name,
       (ARRAY['critical', 'major', 'minor', 'info'])[min(severity_rank(a.severity->-1->>1))],
       count(*)
FROM alarm a JOIN site ON site.id = a.site
WHERE a.ended IS NULL AND a.withdrawn IS NULL GROUP BY site.name
"""
_REACHES = """
SELECT key AS asset, value->>'gauge' AS gauge, (value->>'level')::float AS level,
       value->>'unit' AS unit, illustrative
FROM (SELECT DISTINCT ON (key) * FROM revision
    WHERE kind = 'reach' AND effective <= %s ORDER BY key, effective DESC, id DESC) reach
WHERE value IS NOT NULL
"""


def count_by_commune(connection: Connection) -> list[CommuneCounts]:
    """By commune."""
    return fetch(connection, CommuneCounts, _COUNTS)


def find_worst_by_site(connection: Connection) -> dict[str, tuple[str, int]]:
    """By site with active alarms: their highest severity and their number."""
    return {name: (severity, count) for name, severity, count in connection.execute(_WORST)}


def list_reaches(connection: Connection, at: datetime) -> dict[str, Reached]:
    """By asset that depends on a gauge at a time."""
    return {reached.asset: reached for reached in fetch(connection, Reached, _REACHES, [at])}


def list_communes(connection: Connection, codes: Sequence[str]) -> list[str]:
    """The communes within areas."""
    rows = connection.execute(
        "WITH RECURSIVE below AS (SELECT code, kind FROM area WHERE code = ANY(%s)"
        " UNION SELECT a.code, a.kind FROM area a JOIN below b ON a.parent = b.code)"
        " SELECT code FROM below WHERE kind = 'commune' ORDER BY code",
        [list(codes)],
    )
    return [code for (code,) in rows]
