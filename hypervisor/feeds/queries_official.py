"""SQL of official vigilance colours of rivers, which are read as the readings of a series."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from hypervisor.database.connect import Connection

_VIGILANCE = """
SELECT site.name AS site, site.title, site.river, r.time, r.value::int, p.answered_at
FROM series JOIN device ON device.id = series.device JOIN site ON site.id = device.site
LEFT JOIN LATERAL (SELECT time, value FROM reading WHERE series_id = series.id
    AND time <= %(now)s AND value IS NOT NULL ORDER BY time DESC LIMIT 1) r ON true
LEFT JOIN feed_poll p ON p.name = device.properties->>'feed'
WHERE series.quantity = 'vigilance' ORDER BY site.river, site.river_order, site.name
"""


@dataclass(frozen=True, kw_only=True)
class Vigilance:
    """An official vigilance colour: 1 green … 4 red; `value` None: no bulletin yet.

    `answered_at`: when its service last answered, if it is read from one.
    """

    site: str
    title: str
    river: str | None
    time: datetime | None
    value: int | None
    answered_at: datetime | None = None


def list_vigilance(connection: Connection, now: datetime) -> list[Vigilance]:
    """The official colours in force, by river."""
    cursor = connection.cursor(row_factory=class_row(Vigilance))
    return cursor.execute(_VIGILANCE, {"now": now}).fetchall()
