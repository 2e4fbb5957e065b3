"""SQL of forecasts of others: stored as their files have them, and what stands at a time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import class_row

from hypervisor.database.connect import Connection

_OLDEST = timedelta(days=3)  # an older one says nothing of now, however far it reaches
# What differs from the newest that is stored of its gauge, issuer, model and issue time.
_ADD = """
INSERT INTO expert_forecast (site, quantity, issuer, model, issued, produced, labels, levels, times,
    courses, comment, code, file, author)
SELECT site.id, %(quantity)s, %(issuer)s, %(model)s, %(issued)s, %(produced)s, %(labels)s,
    %(levels)s, %(times)s, %(courses)s, %(comment)s, %(code)s, %(file)s, %(author)s
FROM site WHERE site.name = %(site)s AND NOT EXISTS (
    SELECT FROM (
        SELECT * FROM expert_forecast e WHERE e.site = site.id AND e.quantity = %(quantity)s
          AND e.issuer = %(issuer)s AND e.model = %(model)s AND e.issued = %(issued)s
        ORDER BY id DESC LIMIT 1
    ) newest
    WHERE newest.labels = %(labels)s AND newest.times = %(times)s::timestamptz[]
      AND newest.courses = %(courses)s::float8[] AND newest.comment = %(comment)s
      AND newest.produced IS NOT DISTINCT FROM %(produced)s)
"""
# Of each issuer and model the one made last, while it reaches beyond the time. The index leads from
# each issuer and model of a site to the next: their older forecasts are not read.
_STANDING = """
WITH RECURSIVE origin AS (
    SELECT s.id AS site, s.name, first.* FROM site s CROSS JOIN LATERAL (
        SELECT quantity, issuer, model FROM expert_forecast WHERE site = s.id
        ORDER BY quantity, issuer, model LIMIT 1
    ) first WHERE %(sites)s::text[] IS NULL OR s.name = ANY(%(sites)s)
    UNION ALL
    SELECT o.site, o.name, next.* FROM origin o CROSS JOIN LATERAL (
        SELECT quantity, issuer, model FROM expert_forecast e WHERE e.site = o.site
          AND (e.quantity, e.issuer, e.model) > (o.quantity, o.issuer, o.model)
        ORDER BY quantity, issuer, model LIMIT 1
    ) next
)
SELECT o.name AS site, o.quantity, o.issuer, o.model, e.issued, e.produced, e.labels, e.levels,
    e.times, e.courses, e.comment, e.code, e.file, e.author, e.created_at
FROM origin o CROSS JOIN LATERAL (
    SELECT * FROM expert_forecast e WHERE e.site = o.site AND e.quantity = o.quantity
      AND e.issuer = o.issuer AND e.model = o.model
      AND issued <= %(at)s AND issued > %(oldest)s AND created_at <= %(stored_by)s
      AND coalesce(produced, issued) <= %(at)s
    ORDER BY issued DESC, id DESC LIMIT 1
) e
WHERE e.times[cardinality(e.times)] > %(at)s
ORDER BY o.name, o.quantity, e.issued DESC, o.issuer, o.model
"""
# The gauges that a code means, where the quantity is measured: of a station, else of a site.
_GAUGES = """
SELECT DISTINCT s.name, q.quantity FROM device d JOIN site s ON s.id = d.site
JOIN series q ON q.device = d.id AND q.quantity = ANY(%(quantities)s)
WHERE d.retired IS NULL AND (upper(d.properties->>'code') = %(code)s
    OR length(%(code)s) = 8 AND upper(left(d.properties->>'code', 8)) = %(code)s)
ORDER BY s.name, q.quantity
"""


@dataclass(frozen=True, kw_only=True)
class ExpertRow:
    """A forecast to store. `courses`: by time, then by label; NaN where there is none."""

    site: str
    quantity: str
    issuer: str
    model: str
    issued: datetime
    produced: datetime | None
    labels: list[str]
    levels: list[float | None]
    times: list[datetime]
    courses: list[float]
    comment: str
    code: str
    file: str
    author: str

    @property
    def rows(self) -> list[list[float | None]]:
        """Its values, by time, then by label."""
        width = len(self.labels)
        return [
            [None if math.isnan(v) else v for v in self.courses[n * width : (n + 1) * width]]
            for n in range(len(self.times))
        ]


@dataclass(frozen=True, kw_only=True)
class StandingExpert(ExpertRow):
    """A forecast of somebody else that stands, and when it was stored."""

    created_at: datetime


def list_gauges(
    connection: Connection, code: str, quantities: Sequence[str]
) -> list[tuple[str, str]]:
    """(site, quantity) that a code means."""
    parameters = {"code": code, "quantities": list(quantities)}
    return [(site, quantity) for site, quantity in connection.execute(_GAUGES, parameters)]


def add(connection: Connection, row: ExpertRow) -> bool:
    """Store a forecast; False: it is stored already, with the same values."""
    return bool(connection.execute(_ADD, vars(row)).rowcount)


def delete_old(connection: Connection, before: datetime) -> int:
    """Delete what was issued before; how many."""
    return connection.execute("DELETE FROM expert_forecast WHERE issued < %s", [before]).rowcount


def group_standing(
    connection: Connection, at: datetime, sites: Sequence[str] | None = None
) -> dict[tuple[str, str], list[StandingExpert]]:
    """What stands at a time, by site and quantity."""
    groups: dict[tuple[str, str], list[StandingExpert]] = {}
    for forecast in list_standing(connection, at, sites):
        groups.setdefault((forecast.site, forecast.quantity), []).append(forecast)
    return groups


def list_standing(
    connection: Connection,
    at: datetime,
    sites: Sequence[str] | None = None,
    *,
    stored_by: datetime | None = None,
) -> list[StandingExpert]:
    """What stands at a time, by site and quantity, the newest first; those `stored_by` then."""
    cursor = connection.cursor(row_factory=class_row(StandingExpert))
    parameters = {
        "at": at,
        "oldest": at - _OLDEST,
        "stored_by": stored_by or "infinity",
        "sites": None if sites is None else list(sites),
    }
    return cursor.execute(_STANDING, parameters).fetchall()
