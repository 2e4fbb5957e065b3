"""What the map and the list of sites show: each site with its worst open alarm, in one question."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.database.connect import Connection

_RANK = "array_position(ARRAY['critical', 'major', 'minor', 'info'], a.severity->-1->>1)"


@dataclass(frozen=True, kw_only=True)
class MapSite:
    """A site as a mark. `priority` 0: no alarm lasts. `state`: un, ack, shv, off (no alarm).

    `open`: how many alarms last. `stale`: an alarm of it watches what nobody hears.
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
        """Its commune where it is named after it, else its title."""
        return self.commune_name or self.title


def sites(
    connection: Connection, now: datetime, names: Sequence[str] | None = None
) -> list[MapSite]:
    """All sites along their rivers, else these; silenced alarms only where no other lasts."""
    rows = connection.execute(
        "WITH lasting AS (SELECT a.site, "  # noqa: S608  constants
        f" min({_RANK}) FILTER (WHERE h.rule IS NULL) AS worst,"
        f" min({_RANK}) FILTER (WHERE h.rule IS NULL AND a.state = 'unacknowledged') AS unseen,"
        f" min({_RANK}) AS held, count(*) AS n, bool_or((a.stale->-1->1) = 'null'::jsonb) AS stale"
        "  FROM alarm a LEFT JOIN alarm_hold h ON h.rule = a.rule AND h.subject = a.subject"
        "   AND (h.until IS NULL OR h.until > %(now)s)"
        "  WHERE a.ended IS NULL AND a.withdrawn IS NULL GROUP BY a.site)"
        " SELECT s.name, s.title, s.domain, s.commune, c.name, c.parent, s.lon, s.lat, s.river,"
        " s.river_order, l.worst, l.unseen, l.held, coalesce(l.n, 0), coalesce(l.stale, false)"
        " FROM site s LEFT JOIN area c ON c.code = s.commune LEFT JOIN lasting l ON l.site = s.id"
        " WHERE %(names)s::text[] IS NULL OR s.name = ANY(%(names)s)"
        " ORDER BY s.river NULLS LAST, s.river_order, s.title, s.name",
        {"now": now, "names": None if names is None else list(names)},
    )
    return [_site(row) for row in rows]


def _site(row: Sequence[Any]) -> MapSite:
    worst, unseen, held = row[10:13]
    if worst is not None:
        # The mark shows the worst; it is full where that one, or one as bad, waits for somebody.
        priority, state = worst, "un" if unseen == worst else "ack"
    else:
        priority, state = (held, "shv") if held is not None else (0, "off")
    return MapSite(
        name=row[0],
        title=row[1],
        domain=row[2],
        commune=row[3],
        commune_name=row[4],
        epci=row[5],
        lon=row[6],
        lat=row[7],
        river=row[8],
        river_order=row[9],
        priority=priority,
        state=state,
        open=row[13],
        stale=row[14],
    )


@dataclass(frozen=True, kw_only=True)
class TreeArea:
    """An area of the territory and how many sites lie in it."""

    code: str
    kind: str
    name: str
    parent: str | None
    lon: float | None
    lat: float | None
    sites: int


def areas(connection: Connection) -> list[TreeArea]:
    """The territory, by kind and name."""
    rows = connection.execute(
        "SELECT a.code, a.kind, a.name, a.parent, a.lon, a.lat, coalesce(s.n, 0) FROM area a"
        " LEFT JOIN (SELECT commune, count(*) AS n FROM site GROUP BY commune) s"
        " ON s.commune = a.code ORDER BY a.name"
    )
    return [
        TreeArea(
            code=row[0],
            kind=row[1],
            name=row[2],
            parent=row[3],
            lon=row[4],
            lat=row[5],
            sites=row[6],
        )
        for row in rows
    ]


def zones(connection: Connection) -> list[tuple[str, str, str, dict[str, Any], bool]]:
    """(name, title, kind, geometry, illustrative) of the zones."""
    rows = connection.execute(
        "SELECT name, title, kind, geometry, illustrative FROM zone ORDER BY name"
    )
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]


def assets(
    connection: Connection, now: datetime
) -> list[tuple[str, str, str, dict[str, Any], str | None]]:
    """(name, title, kind, geometry, gauge) of the assets that lie somewhere."""
    rows = connection.execute(
        "SELECT a.name, a.title, a.kind, a.geometry, r.value->>'gauge' FROM asset a"
        " LEFT JOIN LATERAL (SELECT value FROM revision WHERE kind = 'reach' AND key = a.name"
        "  AND effective <= %s ORDER BY effective DESC, id DESC LIMIT 1) r ON true"
        " WHERE a.geometry IS NOT NULL ORDER BY a.name",
        [now],
    )
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]
