"""What the pages of rule authors ask: where a device stands, how far back one can look, alarms."""

from dataclasses import dataclass
from datetime import datetime

from hypervisor.database.connect import Connection


@dataclass(frozen=True, kw_only=True)
class Raised:
    """How often a rule alarmed in a span, and how many of its alarms stand now."""

    times: int
    standing: int
    last: datetime | None


def site_of(connection: Connection, device: str) -> str | None:
    """Where a device stands."""
    row = connection.execute(
        "SELECT site.name FROM device JOIN site ON site.id = device.site WHERE device.name = %s",
        [device],
    ).fetchone()
    return row[0] if row else None


def first_reading(connection: Connection, site: str, quantity: str) -> datetime | None:
    """When a quantity was first read at a site."""
    row = connection.execute(
        "SELECT min(found.time) FROM series JOIN device ON device.id = series.device"
        " JOIN site ON site.id = device.site CROSS JOIN LATERAL (SELECT time FROM reading"
        "  WHERE series_id = series.id ORDER BY time LIMIT 1) AS found"
        " WHERE site.name = %s AND series.quantity = %s",
        [site, quantity],
    ).fetchone()
    return row[0] if row else None


def raised(connection: Connection, since: datetime) -> dict[str, Raised]:
    """By rule: alarms that began since a time, those that stand now, and when one last began."""
    rows = connection.execute(
        "SELECT rule, count(*) FILTER (WHERE began >= %s), count(*) FILTER (WHERE ended IS NULL),"
        " max(began) FROM alarm WHERE withdrawn IS NULL GROUP BY rule",
        [since],
    )
    return {
        rule: Raised(times=times, standing=standing, last=last)
        for rule, times, standing, last in rows
    }


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Whose thresholds they are, for people."""

    site: str
    title: str
    domain: str


def places(connection: Connection) -> dict[str, Owner]:
    """By `<site>` and `device/<device>`."""
    rows = connection.execute(
        "SELECT name, name, title, domain FROM site UNION ALL"
        " SELECT 'device/' || device.name, site.name, site.title || ' · ' || device.name,"
        " site.domain FROM device JOIN site ON site.id = device.site"
    )
    return {key: Owner(site=site, title=title, domain=domain) for key, site, title, domain in rows}


def sharing(connection: Connection, quantities: list[str], thresholds: list[str]) -> int:
    """How many sites measure all of these quantities and have all of these thresholds."""
    row = connection.execute(
        "SELECT count(*) FROM site s WHERE"
        " (SELECT count(DISTINCT series.quantity) FROM series"
        "  JOIN device ON device.id = series.device"
        "  WHERE device.site = s.id AND series.quantity = ANY(%(q)s)) = cardinality(%(q)s)"
        " AND (SELECT count(*) FROM (SELECT DISTINCT ON (r.key) r.value FROM revision r"
        "  WHERE r.kind = 'threshold' AND r.key IN ("
        "   SELECT s.name || '/' || name FROM unnest(%(t)s::text[]) AS name OFFSET 0)"
        "  ORDER BY r.key, r.effective DESC, r.id DESC) AS last"
        "  WHERE last.value IS NOT NULL) = cardinality(%(t)s)",
        {"q": quantities, "t": thresholds},
    ).fetchone()
    return int(row[0]) if row else 0
