"""SQL of a shift: changed rules and thresholds, devices out of service."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from hypervisor.database.connect import Connection


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A revision of a rule or a threshold. `value` None: withdrawn."""

    kind: str
    key: str
    value: dict[str, Any] | None
    before: dict[str, Any] | None
    author: str
    reason: str
    recorded_at: datetime


def list_edits(connection: Connection, since: datetime) -> list[Edit]:
    """Changes of rules and thresholds since a time (wall clock), oldest first."""
    rows = connection.cursor(row_factory=class_row(Edit)).execute(
        "SELECT r.kind, r.key, r.value, p.value AS before, r.author, r.reason, r.recorded_at"
        " FROM revision r JOIN revision p ON p.id = r.previous"
        " WHERE r.kind IN ('rule', 'threshold') AND r.recorded_at >= %s ORDER BY r.id",
        [since],
    )
    return rows.fetchall()


@dataclass(frozen=True, kw_only=True)
class OutOfServiceDevice:
    """A device out of service."""

    device: str
    site: str
    site_title: str
    since: datetime
    author: str
    reason: str


def list_out_of_service(connection: Connection, at: datetime) -> list[OutOfServiceDevice]:
    """Devices out of service at a time (the instance's clock)."""
    rows = connection.cursor(row_factory=class_row(OutOfServiceDevice)).execute(
        "SELECT d.name AS device, site.name AS site, site.title AS site_title,"
        " r.effective AS since, r.author, r.reason FROM ("
        " SELECT DISTINCT ON (key) key, value, effective, author, reason FROM revision"
        " WHERE kind = 'device' AND effective <= %s ORDER BY key, effective DESC, id DESC) r"
        " JOIN device d ON d.name = r.key JOIN site ON site.id = d.site"
        " WHERE r.value->>'in_service' = 'false' AND (d.retired IS NULL OR d.retired > %s)"
        " ORDER BY site.title, d.name",
        [at, at],
    )
    return rows.fetchall()
