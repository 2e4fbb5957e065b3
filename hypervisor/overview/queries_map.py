"""SQL of the map and the list of sites."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from hypervisor.database.connect import Connection

_RANK = "array_position(ARRAY['critical', 'major', 'minor', 'info'], a.severity->-1->>1)"
# The mark shows the worst alarm; it is full where that one, or one as bad, is to be acknowledged.
_SITES = f"""
WITH active AS (
    SELECT a.site, min({_RANK}) FILTER (WHERE h.rule IS NULL) AS worst,
           min({_RANK}) FILTER (WHERE h.rule IS NULL AND a.state = 'unacknowledged') AS unseen,
           min({_RANK}) AS held, count(*) AS n,
           bool_or((a.stale->-1->1) = 'null'::jsonb) AS stale
    FROM alarm a LEFT JOIN alarm_hold h ON h.rule = a.rule AND h.subject = a.subject
         AND (h.until IS NULL OR h.until > %(now)s)
    WHERE a.ended IS NULL AND a.withdrawn IS NULL GROUP BY a.site)
SELECT s.name, s.title, s.domain, s.commune, c.name AS commune_name, c.parent AS epci, s.lon,
       s.lat, s.river, s.river_order, coalesce(l.worst, l.held, 0) AS priority,
       CASE WHEN l.worst IS NULL AND l.held IS NULL THEN 'off' WHEN l.worst IS NULL THEN 'shv'
            WHEN l.unseen = l.worst THEN 'un' ELSE 'ack' END AS state,
       coalesce(l.n, 0) AS open, coalesce(l.stale, false) AS stale
FROM site s LEFT JOIN area c ON c.code = s.commune LEFT JOIN active l ON l.site = s.id
WHERE %(names)s::text[] IS NULL OR s.name = ANY(%(names)s)
ORDER BY s.river NULLS LAST, s.river_order, s.title, s.name
"""  # noqa: S608  constants


@dataclass(frozen=True, kw_only=True)
class MapSite:
    """A site with its worst open alarm. `priority` 0: none. `state`: un, ack, shv, off (no alarm).

    `open`: number of active alarms. `stale`: one of them rests on a silent sensor.
    """

    name: str
    title: str
    domain: str
    commune: str | None
    commune_name: str | None
    epci: str | None
    lon: float | None
    lat: float | None
    river: str | None
    river_order: float | None
    priority: int
    state: str
    open: int
    stale: bool

    @property
    def short(self) -> str:
        """Its commune if it has one, else its title."""
        return self.commune_name or self.title


def list_sites(
    connection: Connection, now: datetime, names: Sequence[str] | None = None
) -> list[MapSite]:
    """All sites, or those of `names`, by river; shelved alarms count only if no other is active."""
    return (
        connection.cursor(row_factory=class_row(MapSite))
        .execute(_SITES, {"now": now, "names": None if names is None else list(names)})
        .fetchall()
    )


@dataclass(frozen=True, kw_only=True)
class TreeArea:
    """An area of the territory with its number of sites."""

    code: str
    kind: str
    name: str
    parent: str | None
    lon: float | None
    lat: float | None
    sites: int


def list_areas(connection: Connection) -> list[TreeArea]:
    """All areas by name."""
    return (
        connection.cursor(row_factory=class_row(TreeArea))
        .execute(
            "SELECT a.code, a.kind, a.name, a.parent, a.lon, a.lat, coalesce(s.n, 0) AS sites"
            " FROM area a LEFT JOIN (SELECT commune, count(*) AS n FROM site GROUP BY commune) s"
            " ON s.commune = a.code ORDER BY a.name"
        )
        .fetchall()
    )


def list_zones(connection: Connection) -> list[tuple[str, str, str, dict[str, Any], bool]]:
    """(name, title, kind, geometry, illustrative) of the zones."""
    rows = connection.execute(
        "SELECT name, title, kind, geometry, illustrative FROM zone ORDER BY name"
    )
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]


def list_assets(
    connection: Connection, now: datetime
) -> list[tuple[str, str, str, dict[str, Any], str | None]]:
    """(name, title, kind, geometry, gauge) of the assets that have a geometry."""
    rows = connection.execute(
        "SELECT a.name, a.title, a.kind, a.geometry, r.value->>'gauge' FROM asset a"
        " LEFT JOIN LATERAL (SELECT value FROM revision WHERE kind = 'reach' AND key = a.name"
        "  AND effective <= %s ORDER BY effective DESC, id DESC LIMIT 1) r ON true"
        " WHERE a.geometry IS NOT NULL ORDER BY a.name",
        [now],
    )
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]
