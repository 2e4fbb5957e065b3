"""Devices in use with where they stand, whether they are in service, and who speaks for them."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from hypervisor.database.connect import Connection


@dataclass(frozen=True, kw_only=True)
class Gear:
    """A device that was not retired. `gateway`: who speaks for it."""

    name: str
    model: str | None
    site: str
    site_title: str
    gateway: str | None
    in_service: bool


def listing(connection: Connection, *, now: datetime) -> list[Gear]:
    """Those that the connection sees, by site and name."""
    return (
        connection.cursor(row_factory=class_row(Gear))
        .execute(
            "SELECT d.name, d.model, s.name AS site, s.title AS site_title, d.gateway,"
            " COALESCE((f.value->>'in_service')::boolean, true) AS in_service"
            " FROM device d JOIN site s ON s.id = d.site"
            " LEFT JOIN (SELECT DISTINCT ON (key) key, value FROM revision"
            "   WHERE kind = 'device' AND effective <= %(now)s"
            "   ORDER BY key, effective DESC, id DESC) f ON f.key = d.name"
            " WHERE d.retired IS NULL OR d.retired > %(now)s ORDER BY s.title, d.name",
            {"now": now},
        )
        .fetchall()
    )
