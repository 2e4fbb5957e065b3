"""SQL of official vigilance colours of rivers, which are read as the readings of a series."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from hypervisor.database.connect import Connection
from hypervisor.database.quality import is_suspect

# A service that names no colour any more (null) outweighs the reading of its colour before.
_VIGILANCE = f"""
SELECT site.name AS site, site.title, site.river, feed.name AS feed,
       CASE WHEN o.unstated THEN o.issued ELSE r.time END AS time,
       CASE WHEN NOT coalesce(o.unstated, false) AND r.value IN (1, 2, 3, 4)
           THEN r.value::int END AS value,
       p.answered_at, coalesce((f.value->>'stale_s')::float, 0) AS stale_s,
       coalesce({is_suspect("r.")}, false) AS suspect
FROM series JOIN device ON device.id = series.device JOIN site ON site.id = device.site
CROSS JOIN LATERAL (SELECT device.properties->>'feed' AS name,
    coalesce(device.properties->>'code', device.name) AS code) feed
LEFT JOIN LATERAL (SELECT time, value, quality FROM reading WHERE series_id = series.id
    AND time <= %(now)s AND value IS NOT NULL ORDER BY time DESC LIMIT 1) r ON true
LEFT JOIN LATERAL (SELECT c.issued, c.colour IS NULL AND c.issued >= coalesce(r.time, c.issued)
        AS unstated FROM official_colour c WHERE c.feed = feed.name AND c.area = feed.code
    AND c.issued <= %(now)s ORDER BY c.issued DESC, c.begins DESC LIMIT 1) o ON true
LEFT JOIN LATERAL (SELECT value FROM revision WHERE kind = 'series'
    AND key = device.name || '/' || series.quantity AND effective <= %(now)s
    ORDER BY effective DESC, id DESC LIMIT 1) f ON true
LEFT JOIN feed_poll p ON p.name = feed.name
WHERE series.quantity = 'vigilance' AND (device.retired IS NULL OR device.retired > %(now)s)
ORDER BY site.river, site.river_order, site.name
"""  # noqa: S608  constants


@dataclass(frozen=True, kw_only=True)
class Vigilance:
    """An official vigilance colour: 1 green … 4 red; `value` None: none is stated.

    `feed`: the service it is read from, if any; `answered_at`: when that last answered.
    `stale_s`: how long its series may be silent.
    """

    site: str
    title: str
    river: str | None
    time: datetime | None
    value: int | None
    feed: str | None = None
    answered_at: datetime | None = None
    stale_s: float = 0.0
    suspect: bool = False


def list_vigilance(connection: Connection, now: datetime) -> list[Vigilance]:
    """The official colours in force, by river."""
    cursor = connection.cursor(row_factory=class_row(Vigilance))
    return cursor.execute(_VIGILANCE, {"now": now}).fetchall()
