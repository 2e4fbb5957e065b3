"""What fits measured, as stored: by gauge, the fit that is in force at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hypervisor.database.connect import Connection

_IN_FORCE = """
SELECT DISTINCT ON (lower(site.title), site.name, skill.quantity) site.name AS site, site.title,
       site.river, skill.quantity, skill.effective, skill.author, skill.reason, skill.first,
       skill.last, skill.readings, skill.result
FROM forecast_skill skill JOIN site ON site.id = skill.site
WHERE skill.effective <= %(at)s AND (%(site)s::text IS NULL OR site.name = %(site)s)
ORDER BY lower(site.title), site.name, skill.quantity, skill.effective DESC, skill.id DESC
"""
_UNFITTED = """
SELECT site.name, site.title, series.quantity
FROM series JOIN device ON device.id = series.device JOIN site ON site.id = device.site
WHERE series.quantity = ANY(%(quantities)s)
  AND (device.retired IS NULL OR device.retired > %(at)s)
  AND (%(site)s::text IS NULL OR site.name = %(site)s)
  AND NOT EXISTS (SELECT FROM forecast_skill skill WHERE skill.site = site.id
                  AND skill.quantity = series.quantity AND skill.effective <= %(at)s)
GROUP BY site.name, site.title, series.quantity
ORDER BY lower(site.title), site.name, series.quantity
"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A fit of a gauge's quantity. `first` and `last` reading it learned from; None: of none."""

    site: str
    title: str
    river: str | None
    quantity: str
    effective: datetime
    author: str
    reason: str
    first: datetime | None
    last: datetime | None
    readings: int
    result: Any  # JSON of a GaugeResult


@dataclass(frozen=True, kw_only=True)
class Unfitted:
    """A gauge's quantity that nothing was ever fitted to."""

    name: str
    title: str
    quantity: str


def add(connection: Connection, rows: Sequence[Measured]) -> None:
    """Store fits; those of sites that there are not are left out."""
    connection.cursor().executemany(
        "INSERT INTO forecast_skill (site, quantity, effective, author, reason, first, last,"
        " readings, result) SELECT id, %s, %s, %s, %s, %s, %s, %s, %s FROM site WHERE name = %s",
        [
            (
                *(row.quantity, row.effective, row.author, row.reason),
                *(row.first, row.last, row.readings, Jsonb(row.result), row.site),
            )
            for row in rows
        ],
    )


def list_in_force(
    connection: Connection, at: datetime, *, site: str | None = None
) -> list[Measured]:
    """The last fit of each gauge and quantity at a time, of one site or of all, by title."""
    return (
        connection.cursor(row_factory=class_row(Measured))
        .execute(_IN_FORCE, {"at": at, "site": site})
        .fetchall()
    )


def list_unfitted(
    connection: Connection, quantities: Sequence[str], at: datetime, *, site: str | None = None
) -> list[Unfitted]:
    """Gauges in use that nothing was fitted to, of one site or of all, by title."""
    values = {"quantities": list(quantities), "at": at, "site": site}
    return connection.cursor(row_factory=class_row(Unfitted)).execute(_UNFITTED, values).fetchall()
