"""The series that are expected to report, and when each last did."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.database.connect import Connection, fetch
from hypervisor.database.quality import is_suspect
from hypervisor.database.tenancy import computed_first
from sensors._quality import Quality
from sensors._quantity import STALE_INTERVALS

# Periodic series of devices in use, without the lamps of cabinets.
_EXPECTED = f"""
SELECT site.name AS site, site.title, site.domain, site.river, site.lon, site.lat,
       device.name AS device, series.quantity, r.time,
       coalesce({is_suspect("r.")}, false) AS suspect,
       coalesce(r.quality & {int(Quality.SATURATED)} <> 0, false) AS saturated,
       coalesce((f.value->>'stale_s')::float,
           {STALE_INTERVALS} * (f.value->>'interval_s')::float, 0) AS stale_s
FROM series JOIN device ON device.id = series.device JOIN site ON site.id = device.site
{computed_first("device.name || '/' || series.quantity", "own")}
LEFT JOIN LATERAL (SELECT value FROM revision WHERE kind = 'series'
    AND key = own.key AND effective <= %(now)s
    ORDER BY effective DESC, id DESC LIMIT 1) f ON true
LEFT JOIN LATERAL (SELECT time, quality FROM reading WHERE series_id = series.id
    AND time <= %(now)s ORDER BY time DESC LIMIT 1) r ON true
WHERE series.quantity = ANY(%(quantities)s)
  AND (device.retired IS NULL OR device.retired > %(now)s)
  AND device.commissioned <= %(now)s
  AND coalesce(f.value->>'reporting', 'periodic') = 'periodic'
  AND device.name NOT IN (SELECT split_part(key, '/', 2) FROM revision WHERE kind = 'member')
ORDER BY site.name, device.name, series.quantity
"""  # noqa: S608  a constant
_OUT_OF_SERVICE = """
SELECT key FROM (SELECT DISTINCT ON (key) key, value FROM revision WHERE kind = 'device'
    AND key = ANY(%(names)s) AND effective <= %(now)s ORDER BY key, effective DESC, id DESC) d
WHERE value IS NULL OR value->>'in_service' = 'false'
"""


@dataclass(frozen=True, kw_only=True)
class ExpectedSeries:
    """A series, the `time` of its last reading, and how long it may be silent (`stale_s`).

    `saturated`: that reading is a lower bound.
    """

    site: str
    title: str
    domain: str
    river: str | None
    lon: float | None
    lat: float | None
    device: str
    quantity: str
    time: datetime | None
    suspect: bool
    stale_s: float
    saturated: bool = False

    def silent(self, now: datetime) -> bool:
        return self.time is None or (now - self.time).total_seconds() > self.stale_s > 0


def list_expected_series(
    connection: Connection, quantities: Sequence[str], now: datetime
) -> list[ExpectedSeries]:
    """The series of these quantities that are expected to report."""
    parameters = {"quantities": list(quantities), "now": now}
    return fetch(connection, ExpectedSeries, _EXPECTED, parameters)


def list_set_aside(connection: Connection) -> list[tuple[str, datetime]]:
    """(rule and site, since when) of what is not evaluated since its evaluation failed."""
    rows = connection.execute(
        "SELECT rule, subject, min(since) FROM set_aside GROUP BY rule, subject ORDER BY 1, 2"
    )
    return [(", ".join(filter(None, (rule, subject))), since) for rule, subject, since in rows]


def list_sites_aside(connection: Connection) -> frozenset[str] | None:
    """Sites of which something is not evaluated; None: a rule is not, at every site."""
    rows = connection.execute(
        "SELECT coalesce(s.name, near.name), a.subject = '' FROM set_aside a"
        " LEFT JOIN site s ON s.name = a.subject"
        " LEFT JOIN device d ON 'device/' || d.name = a.subject"
        " LEFT JOIN device_group g ON 'group/' || g.name = a.subject"
        " LEFT JOIN site near ON near.id = coalesce(d.site, g.site)"
    ).fetchall()
    if any(everywhere for _site, everywhere in rows):
        return None
    return frozenset(site for site, _everywhere in rows if site)


def list_out_of_service(connection: Connection, devices: Sequence[str], now: datetime) -> set[str]:
    """Which of these devices are out of service."""
    rows = connection.execute(_OUT_OF_SERVICE, {"names": list(devices), "now": now})
    return {row[0] for row in rows}
