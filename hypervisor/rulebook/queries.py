"""Queries for the pages of rule authors: sites, first readings, alarm counts."""

from dataclasses import dataclass
from datetime import datetime

from hypervisor.database.connect import Connection


@dataclass(frozen=True, kw_only=True)
class AlarmCounts:
    """Alarms of a rule: number in a period, number active now, start of the latest."""

    times: int
    standing: int
    last: datetime | None


def get_site_of_device(connection: Connection, device: str) -> str | None:
    """The site of a device."""
    row = connection.execute(
        "SELECT site.name FROM device JOIN site ON site.id = device.site WHERE device.name = %s",
        [device],
    ).fetchone()
    return row[0] if row else None


def get_first_reading_time(connection: Connection, site: str, quantity: str) -> datetime | None:
    """Time of the first reading of a quantity at a site."""
    row = connection.execute(
        "SELECT min(found.time) FROM series JOIN device ON device.id = series.device"
        " JOIN site ON site.id = device.site CROSS JOIN LATERAL (SELECT time FROM reading"
        "  WHERE series_id = series.id ORDER BY time LIMIT 1) AS found"
        " WHERE site.name = %s AND series.quantity = %s",
        [site, quantity],
    ).fetchone()
    return row[0] if row else None


def count_alarms_by_rule(connection: Connection, since: datetime) -> dict[str, AlarmCounts]:
    """Alarm counts by rule, of alarms that began since a time and of active ones."""
    rows = connection.execute(
        "SELECT rule, count(*) FILTER (WHERE began >= %s), count(*) FILTER (WHERE ended IS NULL),"
        " max(began) FROM alarm WHERE withdrawn IS NULL GROUP BY rule",
        [since],
    )
    return {
        rule: AlarmCounts(times=times, standing=standing, last=last)
        for rule, times, standing, last in rows
    }


@dataclass(frozen=True, kw_only=True)
class ThresholdOwner:
    """Site of a threshold's owner, with its display title."""

    site: str
    title: str
    domain: str


def list_threshold_owners(connection: Connection) -> dict[str, ThresholdOwner]:
    """Owners by key, `<site>` or `device/<device>`."""
    rows = connection.execute(
        "SELECT name, name, title, domain FROM site UNION ALL"
        " SELECT 'device/' || device.name, site.name, site.title || ' · ' || device.name,"
        " site.domain FROM device JOIN site ON site.id = device.site"
    )
    return {
        key: ThresholdOwner(site=site, title=title, domain=domain)
        for key, site, title, domain in rows
    }


def count_sites_sharing(
    connection: Connection, quantities: list[str], thresholds: list[str]
) -> int:
    """Number of sites with all of these quantities and thresholds."""
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
