"""How far a new instance is: from its territory to who is notified."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from hypervisor.database.connect import Connection
from hypervisor.registry.queries_revisions import SHIPPED
from sensors._quantity import CLOCK_FAULT

_PROGRESS = """
SELECT (SELECT code FROM area WHERE kind = 'commune' ORDER BY code LIMIT 1) AS commune,
    first.site, first.domain, first.device, first.gateway,
    coalesce(first.measures, false) AS measures,
    EXISTS (SELECT FROM worker WHERE rows > 0) OR EXISTS (SELECT FROM reading) AS heard,
    EXISTS (SELECT FROM revision WHERE kind = 'threshold'
            OR kind = 'rule' AND author <> ALL(%(shipped)s)) AS ruled,
    EXISTS (SELECT FROM notify_routes) AS routed
FROM (SELECT 1) AS row LEFT JOIN LATERAL (
    SELECT site.name AS site, site.domain, device.name AS device, device.gateway,
        EXISTS (SELECT FROM series WHERE series.device = device.id
                AND series.quantity <> %(clock_fault)s) AS measures
    FROM site LEFT JOIN device ON device.site = site.id AND device.retired IS NULL
    ORDER BY measures DESC, device.id IS NULL, device.id, site.id LIMIT 1) AS first ON true
"""
_REFUSED = """
SELECT topic, reason, detail, received_at FROM dead_letter WHERE replayed_at IS NULL
ORDER BY id DESC LIMIT 1
"""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The first commune, site and device, and what there is.

    `measures`: the device has a quantity; `heard`: a reading was stored; `ruled`: a threshold or a
    rule of one's own is in force; `routed`: there are notification routes.
    """

    commune: str | None
    site: str | None
    domain: str | None
    device: str | None
    gateway: str | None
    measures: bool
    heard: bool
    ruled: bool
    routed: bool


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The last message that was refused."""

    topic: str
    reason: str
    detail: str
    received_at: datetime


def read_progress(connection: Connection) -> Progress:
    """How far the instance is; for connections that see all of it."""
    rows = connection.cursor(row_factory=class_row(Progress))
    (progress,) = rows.execute(
        _PROGRESS, {"shipped": list(SHIPPED), "clock_fault": CLOCK_FAULT}
    ).fetchall()
    return progress


def find_refused(connection: Connection) -> Refused | None:
    """The last message that was refused and not replayed."""
    return connection.cursor(row_factory=class_row(Refused)).execute(_REFUSED).fetchone()


def has_sites(connection: Connection) -> bool:
    """Whether a site is registered that this connection sees."""
    return connection.execute("SELECT FROM site LIMIT 1").fetchone() is not None


def list_administrators(connection: Connection) -> list[str]:
    """The names of the administrators of the whole instance."""
    rows = connection.execute(
        "SELECT DISTINCT account.title FROM account JOIN account_role role"
        " ON role.account = account.id WHERE role.role = 'administrator' AND role.area IS NULL"
        " AND account.disabled_at IS NULL ORDER BY account.title"
    )
    return [title for (title,) in rows]
