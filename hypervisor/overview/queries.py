"""SQL of the status bar, the page Now, the map, the list of sites and the rivers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from psycopg.rows import class_row, dict_row

from hypervisor.database.connect import Connection
from hypervisor.database.quality import is_good
from hypervisor.registry.model import Site
from hypervisor.web.marks import PRIORITIES

_LATE = timedelta(seconds=30)
_LOAD = timedelta(minutes=10)
_TALLY = """
SELECT a.severity->-1->>1, count(*) FILTER (WHERE a.acknowledged IS NULL), count(*)
FROM alarm a WHERE a.withdrawn IS NULL AND (a.ended IS NULL OR a.acknowledged IS NULL)
 AND NOT EXISTS (SELECT FROM alarm_hold h WHERE h.rule = a.rule AND h.subject = a.subject
                 AND (h.until IS NULL OR h.until > %s)) GROUP BY 1
"""
_GLANCE = """
SELECT (SELECT evaluated_to FROM evaluation_progress()) AS evaluated_to,
       (SELECT max(heartbeat_at) FROM worker) AS heard_to,
       (SELECT count(*) FROM worker WHERE drained_at IS NULL) AS workers,
       (SELECT coalesce(bool_and(heartbeat_at > %(late)s), false) FROM worker
        WHERE drained_at IS NULL) AS workers_heard,
       (SELECT round(count(*) / 10.0)::int FROM reading WHERE received_at > %(lately)s
        AND received_at <= %(now)s AND time > %(day)s) AS readings_per_minute,
       (SELECT count(*) FROM transition WHERE kind = 'raised' AND noticed_at > %(lately)s
        AND noticed_at <= %(now)s) AS raised_lately
"""
_OPEN_ALARMS = """
SELECT a.id, a.title, a.title_fr, a.severity->-1->>1 AS severity, a.state, a.domain, a.category,
       a.began, a.ended, a.last_value,
       CASE WHEN a.stale->-1->>1 IS NULL THEN (a.stale->-1->>0)::timestamptz END AS stale,
       site.name AS site, h.kind IS NOT NULL AS held, a.version
FROM alarm a LEFT JOIN site ON site.id = a.site
LEFT JOIN alarm_hold h ON h.rule = a.rule AND h.subject = a.subject
     AND (h.until IS NULL OR h.until > %(now)s)
WHERE a.withdrawn IS NULL AND (a.ended IS NULL OR a.acknowledged IS NULL)
"""
_CHANGES = """
SELECT (SELECT count(*) FROM transition WHERE kind = 'raised' AND noticed_at > %(since)s
          AND noticed_at <= %(now)s) AS raised,
       (SELECT count(*) FROM transition WHERE kind = 'cleared' AND noticed_at > %(since)s
          AND noticed_at <= %(now)s) AS over,
       (SELECT count(DISTINCT key) FROM revision WHERE kind IN ('threshold', 'rule')
          AND recorded_at > %(wall)s AND previous IS NOT NULL) AS edited
"""
_RANK = "severity_rank(a.severity->-1->>1)"
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
SELECT s.name, s.title, s.domain, s.commune, c.name AS commune_name, s.lon, s.lat,
       s.river, s.river_order, coalesce(l.worst, l.held, 0) AS priority,
       CASE WHEN l.worst IS NULL AND l.held IS NULL THEN 'off' WHEN l.worst IS NULL THEN 'shv'
            WHEN l.unseen = l.worst THEN 'un' ELSE 'ack' END AS state,
       coalesce(l.n, 0) AS open, coalesce(l.stale, false) AS stale
FROM site s LEFT JOIN area c ON c.code = s.commune LEFT JOIN active l ON l.site = s.id
ORDER BY s.river NULLS LAST, s.river_order, s.title, s.name
"""  # noqa: S608  constants
_COMMUNE_ALARMS = f"""
SELECT a.commune, {_RANK} AS priority,
       CASE a.state WHEN 'unacknowledged' THEN 'un' ELSE 'ack' END AS state
FROM alarm a LEFT JOIN alarm_hold h ON h.rule = a.rule AND h.subject = a.subject
     AND (h.until IS NULL OR h.until > %(now)s)
WHERE a.source IS NOT NULL AND a.commune IS NOT NULL AND a.ended IS NULL AND h.rule IS NULL
"""  # noqa: S608  constants
_ASSETS = """
SELECT a.name, a.title, a.kind, a.geometry, r.value->>'gauge' AS gauge FROM asset a
LEFT JOIN LATERAL (SELECT value FROM revision WHERE kind = 'reach' AND key = a.name
    AND effective <= %s ORDER BY effective DESC, id DESC LIMIT 1) r ON true
WHERE a.geometry IS NOT NULL ORDER BY a.name
"""
_LIMITS = """
SELECT DISTINCT ON (key) split_part(key, '/', 1), split_part(key, '/', 2),
       (value->>'value')::float
FROM revision WHERE kind = 'threshold' AND effective <= %(now)s
  AND split_part(key, '/', 2) = ANY(%(names)s)
ORDER BY key, effective DESC, id DESC
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
class Glance:
    """`tally`: priority -> (to acknowledge, all open), without shelved and suppressed alarms."""

    tally: dict[int, tuple[int, int]]
    evaluated_to: datetime | None
    heard_to: datetime | None
    workers: int
    workers_heard: bool
    readings_per_minute: int
    raised_lately: int


def read_glance(connection: Connection, *, now: datetime, wall: datetime) -> Glance:
    """Read it. `now`: the instance's clock; `wall`: real time."""
    tally = dict.fromkeys(PRIORITIES.values(), (0, 0))
    for severity, unseen, active in connection.execute(_TALLY, [now]):
        rank = PRIORITIES.get(severity, 4)
        seen, on = tally[rank]
        tally[rank] = (seen + unseen, on + active)
    times = {"late": wall - _LATE, "lately": now - _LOAD, "day": now - timedelta(days=1)}
    cursor = connection.cursor(row_factory=dict_row)
    (figures,) = cursor.execute(_GLANCE, {**times, "now": now}).fetchall()
    return Glance(tally=tally, **figures)


@dataclass(frozen=True, kw_only=True)
class OpenAlarm:
    """An active or unacknowledged alarm. `stale`: silent since; `held`: shelved or suppressed."""

    id: int
    title: str
    title_fr: str | None
    severity: str
    state: str
    domain: str
    category: str
    began: datetime
    ended: datetime | None
    last_value: dict[str, Any] | None
    stale: datetime | None
    site: str | None
    held: bool
    version: int

    @property
    def unseen(self) -> bool:
        return not self.held and self.state in {"unacknowledged", "returned"}


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Alarms raised, alarms cleared, and thresholds and rules edited since a time."""

    raised: int
    over: int
    edited: int


def change_marker(connection: Connection) -> tuple[Any, ...]:
    """A value that changes when an alarm, an action or a rule is committed; not with readings.

    The count catches an action that started before the newest one and committed after it.
    """
    (row,) = connection.execute(
        "SELECT current_database(), (SELECT max(id) FROM transition),"
        " (SELECT max(id) FROM alarm_act), (SELECT max(id) FROM revision),"
        " (SELECT count(*) FROM alarm_act WHERE at > now() - INTERVAL '1 minute')"
    )
    return row


def list_open_alarms(connection: Connection, now: datetime) -> list[OpenAlarm]:
    """All open alarms."""
    cursor = connection.cursor(row_factory=class_row(OpenAlarm))
    return cursor.execute(_OPEN_ALARMS, {"now": now}).fetchall()


def count_changes(
    connection: Connection, *, since: datetime, wall: datetime, now: datetime
) -> Changes:
    """Count changes: `since` on the instance's clock, `wall` in real time."""
    cursor = connection.cursor(row_factory=class_row(Changes))
    return cursor.execute(_CHANGES, {"since": since, "wall": wall, "now": now}).fetchall()[0]


@dataclass(frozen=True, kw_only=True)
class CommuneAlarm:
    """An active external alarm that names a commune and no site of it. `state`: un or ack."""

    commune: str
    priority: int
    state: str


@dataclass(frozen=True, kw_only=True)
class MapSite:
    """A site with its worst open alarm. `priority` 0: none. `state`: un, ack, shv, off (no alarm).

    `open`: number of active alarms. `stale`: one of them rests on a silent sensor. `unknown`: there
    is none, but no sensor says so.
    """

    name: str
    title: str
    domain: str
    commune: str | None
    commune_name: str | None
    lon: float | None
    lat: float | None
    river: str | None
    river_order: float | None
    priority: int
    state: str
    open: int
    stale: bool
    unknown: bool = False

    @property
    def short(self) -> str:
        """Its commune if it has one, else its title."""
        return self.commune_name or self.title


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
    population: int | None = None


class MapAsset(NamedTuple):
    """An asset with a geometry (GeoJSON); `gauge`: the site whose level reaches it."""

    name: str
    title: str
    kind: str
    geometry: dict[str, Any]
    gauge: str | None


def list_sites(connection: Connection, now: datetime) -> list[MapSite]:
    """All sites, those on rivers first; shelved alarms count only if no other is active."""
    return (
        connection.cursor(row_factory=class_row(MapSite)).execute(_SITES, {"now": now}).fetchall()
    )


def list_commune_alarms(connection: Connection, now: datetime) -> list[CommuneAlarm]:
    """The alarms of communes that no site has, without shelved ones."""
    cursor = connection.cursor(row_factory=class_row(CommuneAlarm))
    return cursor.execute(_COMMUNE_ALARMS, {"now": now}).fetchall()


def list_areas(connection: Connection) -> list[TreeArea]:
    """All areas by name."""
    cursor = connection.cursor(row_factory=class_row(TreeArea))
    return cursor.execute(
        "SELECT a.code, a.kind, a.name, a.parent, a.lon, a.lat, coalesce(s.n, 0) AS sites,"
        " a.population"
        " FROM area a LEFT JOIN (SELECT commune, count(*) AS n FROM site GROUP BY commune) s"
        " ON s.commune = a.code ORDER BY a.name"
    ).fetchall()


def list_assets(connection: Connection, now: datetime) -> list[MapAsset]:
    """The assets that have a geometry, by name."""
    return connection.cursor(row_factory=class_row(MapAsset)).execute(_ASSETS, [now]).fetchall()


def list_river_sites(connection: Connection) -> list[Site]:
    """The sites on rivers, each river from the source down."""
    cursor = connection.cursor(row_factory=class_row(Site))
    return cursor.execute(
        "SELECT name, title, domain, commune, lon, lat, river, river_order FROM site"
        " WHERE river IS NOT NULL ORDER BY river, river_order, name"
    ).fetchall()


def list_thresholds(
    connection: Connection, names: Sequence[str], now: datetime
) -> dict[str, dict[str, float]]:
    """Site -> threshold -> value in force, for the thresholds of these names."""
    thresholds: dict[str, dict[str, float]] = {}
    for site, name, value in connection.execute(_LIMITS, {"names": list(names), "now": now}):
        if value is not None:
            thresholds.setdefault(site, {})[name] = value
    return thresholds


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
    span = {"quantity": quantity, "devices": list(devices), "since": since, "now": now}
    rows = connection.execute(_COURSE, span).fetchall()
    return {
        site: [(time, value) for _, time, value in own]
        for site, own in groupby(rows, key=lambda row: row[0])
    }
