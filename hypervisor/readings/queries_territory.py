"""What stands in each commune: sites, devices and active alarms with the worst of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.database.connect import Connection


@dataclass(frozen=True, kw_only=True)
class CommuneCounts:
    """Of one commune (None: in no known one). `worst`: the highest severity of `alarms`."""

    commune: str | None
    sites: int
    alarms: int
    unacknowledged: int
    worst: str | None


@dataclass(frozen=True, kw_only=True)
class Reached:
    """Which gauge and level put an asset in the water, as it holds at a time."""

    asset: str
    gauge: str
    level: float
    unit: str
    illustrative: bool


_COUNTS = """
WITH open AS (
    SELECT site, count(*) AS alarms, count(*) FILTER (WHERE acknowledged IS NULL) AS fresh,
           min(array_position(ARRAY['critical', 'major', 'minor', 'info'],
                              severity->-1->>1)) AS rank
    FROM alarm WHERE ended IS NULL AND withdrawn IS NULL GROUP BY site
)
SELECT site.commune, count(*), coalesce(sum(open.alarms), 0)::int,
       coalesce(sum(open.fresh), 0)::int,
       (ARRAY['critical', 'major', 'minor', 'info'])[min(open.rank)]
FROM site LEFT JOIN open ON open.site = site.id GROUP BY site.commune
"""
_WORST = """
SELECT site.name, (ARRAY['critical', 'major', 'minor', 'info'])[min(
    array_position(ARRAY['critical', 'major', 'minor', 'info'], a.severity->-1->>1))], count(*)
FROM alarm a JOIN site ON site.id = a.site
WHERE a.ended IS NULL AND a.withdrawn IS NULL GROUP BY site.name
"""
_LINKS = """
SELECT DISTINCT ON (key) key, value->>'travel_s', value IS NOT NULL FROM revision
WHERE kind = 'link' AND effective <= %s ORDER BY key, effective DESC, id DESC
"""
_REACHES = """
SELECT DISTINCT ON (key) key, value, illustrative FROM revision
WHERE kind = 'reach' AND effective <= %s ORDER BY key, effective DESC, id DESC
"""


def count_by_commune(connection: Connection) -> list[CommuneCounts]:
    """By commune."""
    return [
        CommuneCounts(
            commune=row[0], sites=row[1], alarms=row[2], unacknowledged=row[3], worst=row[4]
        )
        for row in connection.execute(_COUNTS)
    ]


def find_worst_by_site(connection: Connection) -> dict[str, tuple[str, int]]:
    """By site with active alarms: the highest severity of them, and how many they are."""
    return {name: (severity, count) for name, severity, count in connection.execute(_WORST)}


def list_links(connection: Connection, at: datetime) -> list[tuple[str, str, float]]:
    """(upstream, downstream, s that the water takes) in force at a time."""
    rows = connection.execute(_LINKS, [at])
    return [
        (*_pair(key), float(travel))
        for key, travel, stands in rows
        if stands and travel is not None
    ]


def _pair(key: str) -> tuple[str, str]:
    upstream, _, downstream = key.partition(">")
    return upstream, downstream


def list_reaches(connection: Connection, at: datetime) -> dict[str, Reached]:
    """By asset, where one is tied to a gauge at a time."""
    return {
        key: Reached(
            asset=key,
            gauge=value["gauge"],
            level=float(value["level"]),
            unit=value["unit"],
            illustrative=illustrative,
        )
        for key, value, illustrative in connection.execute(_REACHES, [at])
        if value is not None
    }


def list_communes(connection: Connection, codes: Sequence[str]) -> list[str]:
    """The communes within areas."""
    rows = connection.execute(
        "WITH RECURSIVE below AS (SELECT code, kind FROM area WHERE code = ANY(%s)"
        " UNION SELECT a.code, a.kind FROM area a JOIN below b ON a.parent = b.code)"
        " SELECT code FROM below WHERE kind = 'commune' ORDER BY code",
        [list(codes)],
    )
    return [code for (code,) in rows]
