"""What the first thirty seconds of a shift ask of alarms, bulletins and edits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.database.connect import Connection

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
    (row,) = connection.execute(
        "SELECT current_database(), (SELECT max(id) FROM transition),"
        " (SELECT max(id) FROM alarm_act), (SELECT max(id) FROM revision),"
        " (SELECT count(*) FROM alarm_act WHERE at > now() - INTERVAL '1 minute')"
    )
    return row


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
    words = {"since": since, "wall": wall, "now": now}
    ((raised, over, edited),) = connection.execute(_CHANGES, words)
    return Changes(raised=raised, over=over, edited=edited)
