"""What a forecast is computed from: recent good readings, and the levels that reach assets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from psycopg.rows import class_row

from hypervisor.database.connect import Connection
from hypervisor.database.quality import SUSPECT
from hypervisor.forecast.trend import JITTER, WINDOW

_BACK = WINDOW + JITTER

# The newest good reading, however old, and those of the hours before it. The newest is searched
# first, one index lookup a series: the planner takes `<>` for common and so walks back from the
# newest; OFFSET 0 keeps it from joining the other way round.
_RECENT = """
WITH newest AS MATERIALIZED (
    SELECT site.name AS site, device.name AS device, series.id AS series, (
        SELECT time FROM reading WHERE series_id = series.id AND time <= %(now)s
          AND value IS NOT NULL AND least(quality & %(unfit)s, 1) <> 1 ORDER BY time DESC LIMIT 1
    ) AS time
    FROM series JOIN device ON device.id = series.device JOIN site ON site.id = device.site
    WHERE series.quantity = %(quantity)s
      AND (device.retired IS NULL OR device.retired > %(now)s)
      AND (%(sites)s::text[] IS NULL OR site.name = ANY(%(sites)s))
)
SELECT newest.site, newest.device, r.time, r.value
FROM newest CROSS JOIN LATERAL (
    SELECT time, value FROM reading WHERE series_id = newest.series
      AND time BETWEEN newest.time - %(back)s AND newest.time
      AND value IS NOT NULL AND least(quality & %(unfit)s, 1) <> 1 OFFSET 0
) r
ORDER BY newest.site, newest.device, r.time
"""
_ASSETS = """
SELECT a.name AS asset, a.title, a.kind, g.name AS gauge, g.title AS gauge_title,
       (r.value->>'level')::float AS level, r.value->>'unit' AS unit,
       a.illustrative OR r.illustrative AS illustrative
FROM asset a JOIN LATERAL (
    SELECT value, illustrative FROM revision WHERE kind = 'reach' AND key = a.name
      AND effective <= %s ORDER BY effective DESC, id DESC LIMIT 1
) r ON r.value IS NOT NULL
JOIN site g ON g.name = r.value->>'gauge' ORDER BY a.name
"""
_BEYOND = """
SELECT a.title FROM asset a JOIN LATERAL (
    SELECT value FROM revision WHERE kind = 'reach' AND key = a.name
      AND effective <= %s ORDER BY effective DESC, id DESC LIMIT 1
) r ON r.value IS NOT NULL
WHERE NOT EXISTS (SELECT FROM site WHERE name = r.value->>'gauge') ORDER BY a.title
"""
_LIMITS = """
SELECT DISTINCT ON (key) left(key, -length(%(name)s) - 1), (value->>'value')::float,
       COALESCE(value->>'quantity', 'level') = 'level'
FROM revision WHERE kind = 'threshold' AND right(key, length(%(name)s) + 1) = '/' || %(name)s
  AND effective <= %(at)s ORDER BY key, effective DESC, id DESC
"""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """An asset and the level of a gauge at which water reaches it."""

    asset: str
    title: str
    kind: str
    gauge: str
    gauge_title: str
    level: float
    unit: str
    illustrative: bool


def recent(
    connection: Connection, quantity: str, now: datetime, sites: Sequence[str] | None = None
) -> list[tuple[str, str, list[tuple[datetime, float]]]]:
    """Site, device and its last readings by time, of every device in use that has the quantity."""
    rows = connection.execute(
        _RECENT,
        {
            "quantity": quantity,
            "now": now,
            "unfit": SUSPECT,
            "back": _BACK,
            "sites": None if sites is None else list(sites),
        },
    ).fetchall()
    return [
        (site, device, [(row[2], row[3]) for row in own])
        for (site, device), own in groupby(rows, key=lambda row: (row[0], row[1]))
    ]


def assets(connection: Connection, at: datetime) -> list[Standing]:
    """The assets that are tied to a gauge at a time."""
    return connection.cursor(row_factory=class_row(Standing)).execute(_ASSETS, [at]).fetchall()


def list_assets_beyond(connection: Connection, at: datetime) -> list[str]:
    """Titles of the assets whose gauge the reader does not see: outside their territory."""
    return [title for (title,) in connection.execute(_BEYOND, [at])]


def limits(connection: Connection, name: str, at: datetime) -> dict[str, float]:
    """The threshold of that name on each owner's level, as it is in force at a time."""
    rows = connection.execute(_LIMITS, {"name": name, "at": at})
    return {owner: value for owner, value, level in rows if level and value is not None}
