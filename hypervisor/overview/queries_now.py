"""SQL of the page Now: open alarms, vigilance bulletins, recent changes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from hypervisor.database.connect import Connection

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
_VIGILANCE = """
SELECT site.name AS site, site.title, site.river, r.time, r.value::int
FROM series JOIN device ON device.id = series.device JOIN site ON site.id = device.site
LEFT JOIN LATERAL (SELECT time, value FROM reading WHERE series_id = series.id
    AND time <= %(now)s AND value IS NOT NULL ORDER BY time DESC LIMIT 1) r ON true
WHERE series.quantity = 'vigilance' ORDER BY site.river, site.river_order, site.name
"""
_CHANGES = """
SELECT (SELECT count(*) FROM transition WHERE kind = 'raised' AND noticed_at > %(since)s
          AND noticed_at <= %(now)s) AS raised,
       (SELECT count(*) FROM transition WHERE kind = 'cleared' AND noticed_at > %(since)s
          AND noticed_at <= %(now)s) AS over,
       (SELECT count(DISTINCT key) FROM revision WHERE kind IN ('threshold', 'rule')
          AND recorded_at > %(wall)s AND previous IS NOT NULL) AS edited
"""


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
class Vigilance:
    """An official vigilance colour: 1 green … 4 red; `value` None: no bulletin yet."""

    site: str
    title: str
    river: str | None
    time: datetime | None
    value: int | None


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


def list_vigilance(connection: Connection, now: datetime) -> list[Vigilance]:
    """The official colours in force, by river."""
    cursor = connection.cursor(row_factory=class_row(Vigilance))
    return cursor.execute(_VIGILANCE, {"now": now}).fetchall()


def count_changes(
    connection: Connection, *, since: datetime, wall: datetime, now: datetime
) -> Changes:
    """Count changes: `since` on the instance's clock, `wall` in real time."""
    cursor = connection.cursor(row_factory=class_row(Changes))
    cursor.execute(_CHANGES, {"since": since, "wall": wall, "now": now})
    return cursor.fetchall()[0]
