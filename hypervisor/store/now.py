"""What the first thirty seconds of a shift ask of the database, set by set."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from hypervisor.store.connect import Connection
from sensors._quality import Quality

_UNFIT = int(Quality.SUSPECT)
_STANDING = """
SELECT a.id, a.title, a.title_fr, a.severity->-1->>1, a.state, a.domain, a.category, a.began,
       a.ended, a.last_value,
       CASE WHEN a.stale->-1->>1 IS NULL THEN (a.stale->-1->>0)::timestamptz END,
       site.name, h.kind IS NOT NULL, a.version
FROM alarm a LEFT JOIN site ON site.id = a.site
LEFT JOIN alarm_hold h ON h.rule = a.rule AND h.subject = a.subject
     AND (h.until IS NULL OR h.until > %(now)s)
WHERE a.withdrawn IS NULL AND (a.ended IS NULL OR a.acknowledged IS NULL)
"""
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
# Periodic series of devices in use, lamps of cabinets aside: with their last reading and how long
# one may wait for the next.
_HEARD = """
SELECT site.name, site.title, site.domain, site.river, site.lon, site.lat, device.name,
       series.quantity, r.time, r.quality & %(unfit)s <> 0,
       coalesce((f.value->>'stale_s')::float, 0)
FROM series JOIN device ON device.id = series.device JOIN site ON site.id = device.site
LEFT JOIN LATERAL (SELECT value FROM revision WHERE kind = 'series'
    AND key = device.name || '/' || series.quantity AND effective <= %(now)s
    ORDER BY effective DESC, id DESC LIMIT 1) f ON true
LEFT JOIN LATERAL (SELECT time, quality FROM reading WHERE series_id = series.id
    AND time <= %(now)s ORDER BY time DESC LIMIT 1) r ON true
WHERE series.quantity = ANY(%(quantities)s)
  AND (device.retired IS NULL OR device.retired > %(now)s)
  AND device.commissioned <= %(now)s
  AND coalesce(f.value->>'reporting', 'periodic') = 'periodic'
  AND device.name NOT IN (SELECT split_part(key, '/', 2) FROM revision WHERE kind = 'member')
ORDER BY site.name, device.name, series.quantity
"""
_RESTING = """
SELECT key FROM (SELECT DISTINCT ON (key) key, value FROM revision WHERE kind = 'device'
    AND key = ANY(%(names)s) AND effective <= %(now)s ORDER BY key, effective DESC, id DESC) d
WHERE value IS NULL OR value->>'in_service' = 'false'
"""
_COLOURS = """
SELECT site.name, site.title, site.river, r.time, r.value
FROM series JOIN device ON device.id = series.device JOIN site ON site.id = device.site
LEFT JOIN LATERAL (SELECT time, value FROM reading WHERE series_id = series.id
    AND time <= %(now)s AND value IS NOT NULL ORDER BY time DESC LIMIT 1) r ON true
WHERE series.quantity = 'vigilance' ORDER BY site.river, site.river_order, site.name
"""
_CHANGES = """
SELECT (SELECT count(*) FROM transition WHERE kind = 'raised' AND noticed_at > %(since)s
          AND noticed_at <= %(now)s),
       (SELECT count(*) FROM transition WHERE kind = 'cleared' AND noticed_at > %(since)s
          AND noticed_at <= %(now)s),
       (SELECT count(DISTINCT key) FROM revision WHERE kind IN ('threshold', 'rule')
          AND recorded_at > %(wall)s AND previous IS NOT NULL)
"""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """An alarm that lasts, or waits to be seen. `stale`: silent since; `held`: silenced by hand."""

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


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A series that ought to speak: `time` of its last reading, `stale_s` it may be silent."""

    site: str
    title: str
    domain: str
    river: str | None
    lon: float | None
    lat: float | None
    device: str
    quantity: str
    time: datetime | None
    suspect: bool
    stale_s: float

    def silent(self, now: datetime) -> bool:
        return self.time is None or (now - self.time).total_seconds() > self.stale_s > 0


@dataclass(frozen=True, kw_only=True)
class Colour:
    """An official colour: 1 green … 4 red; `value` None: no bulletin came yet."""

    site: str
    title: str
    river: str | None
    time: datetime | None
    value: int | None


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Since a time: alarms raised, alarms over, thresholds and rules changed."""

    raised: int
    over: int
    edited: int


def marker(connection: Connection) -> tuple[Any, ...]:
    """Differs where an alarm, an act or a rule was committed since; readings alone change nothing.

    The count tells of an act that was begun earlier and committed later than the last one.
    """
    row = connection.execute(
        "SELECT current_database(), (SELECT max(id) FROM transition),"
        " (SELECT max(id) FROM alarm_act), (SELECT max(id) FROM revision),"
        " (SELECT count(*) FROM alarm_act WHERE at > now() - INTERVAL '1 minute')"
    ).fetchone()
    return tuple(row or ())


def standing(connection: Connection, now: datetime) -> list[Standing]:
    """All alarms that stand."""
    rows = connection.execute(_STANDING, {"now": now})
    return [
        Standing(
            id=row[0],
            title=row[1],
            title_fr=row[2],
            severity=row[3],
            state=row[4],
            domain=row[5],
            category=row[6],
            began=row[7],
            ended=row[8],
            last_value=row[9],
            stale=row[10],
            site=row[11],
            held=row[12],
            version=row[13],
        )
        for row in rows
    ]


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


def heard(connection: Connection, quantities: Sequence[str], now: datetime) -> list[Heard]:
    """The series of these quantities that ought to speak."""
    rows = connection.execute(
        _HEARD, {"quantities": list(quantities), "now": now, "unfit": _UNFIT}
    ).fetchall()
    return [
        Heard(
            site=row[0],
            title=row[1],
            domain=row[2],
            river=row[3],
            lon=row[4],
            lat=row[5],
            device=row[6],
            quantity=row[7],
            time=row[8],
            suspect=bool(row[9]),
            stale_s=row[10],
        )
        for row in rows
    ]


def resting(connection: Connection, devices: Sequence[str], now: datetime) -> set[str]:
    """Which of these devices are out of service."""
    rows = connection.execute(_RESTING, {"names": list(devices), "now": now})
    return {row[0] for row in rows}


def colours(connection: Connection, now: datetime) -> list[Colour]:
    """The official colours in force, by river."""
    return [
        Colour(
            site=row[0],
            title=row[1],
            river=row[2],
            time=row[3],
            value=None if row[4] is None else int(row[4]),
        )
        for row in connection.execute(_COLOURS, {"now": now})
    ]


def changes(connection: Connection, *, since: datetime, wall: datetime, now: datetime) -> Changes:
    """What became different since a time: `since` on the instance's clock, `wall` on the wall's."""
    row = connection.execute(_CHANGES, {"since": since, "wall": wall, "now": now}).fetchone()
    raised, over, edited = row or (0, 0, 0)
    return Changes(raised=raised, over=over, edited=edited)


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
