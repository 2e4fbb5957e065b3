"""Devices, their series and what they reported lately: times, suspect readings, batteries.

The figures of a day are computed from the readings in one pass over the series.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import class_row, dict_row

from hypervisor.database.connect import Connection
from hypervisor.database.quality import is_suspect
from hypervisor.database.tenancy import computed_first
from sensors._quantity import CLOCK_FAULT

SPAN = timedelta(days=1)
_BATTERY = "battery"


@dataclass(frozen=True, kw_only=True)
class DeviceRow:
    """A device and its site. `switched`: its cabinet cuts the current by day."""

    name: str
    site: str
    site_title: str
    domain: str
    commune: str | None
    model: str | None
    commissioned: datetime
    retired: datetime | None
    gateway: str | None
    address: str | None
    codec: str | None
    lon: float | None
    lat: float | None
    in_service: bool
    groups: tuple[str, ...]
    switched: bool


@dataclass(frozen=True, kw_only=True)
class DeviceReport:
    """What a device sent within the span: readings, those suspect, its refused times.

    `heard_at`: its last arrival, however long ago, None: never. `delay_s`: from measuring to
    arrival, of the newest reading, the median of its series; `ahead_s`: how far at most a reading's
    time lay after its arrival.
    """

    heard_at: datetime | None = None
    measured_at: datetime | None = None
    readings: int = 0
    suspect: int = 0
    clock_faults: int = 0
    delay_s: float | None = None
    ahead_s: float | None = None
    battery: float | None = None
    battery_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class SeriesRow:
    """A series with range and reporting. `interval_s`, `stale_s`: None for the catalogue's."""

    id: int
    device: str
    quantity: str
    site: str
    domain: str
    low: float | None
    high: float | None
    saturates: float | None
    interval_s: float | None
    stale_s: float | None
    reporting: str | None
    in_use: bool


_DEVICES = """
SELECT d.name, s.name AS site, s.title AS site_title, s.domain, s.commune, d.model, d.commissioned,
       d.retired, d.gateway, d.address, d.codec, coalesce(d.lon, s.lon) AS lon,
       coalesce(d.lat, s.lat) AS lat,
       coalesce((f.value->>'in_service')::boolean, true) AS in_service
FROM device d JOIN site s ON s.id = d.site
LEFT JOIN LATERAL (SELECT value FROM revision WHERE kind = 'device' AND key = d.name
    AND effective <= %(at)s ORDER BY effective DESC, id DESC LIMIT 1) f ON true
WHERE (%(names)s::text[] IS NULL OR d.name = ANY(%(names)s))
  AND (%(site)s::text IS NULL OR s.name = %(site)s)
  AND (%(domain)s::text IS NULL OR s.domain = %(domain)s)
ORDER BY d.name
"""
_MEMBERS = """
SELECT DISTINCT ON (key) key, value IS NOT NULL FROM revision
WHERE kind = 'member' AND effective <= %s ORDER BY key, effective DESC, id DESC
"""
_SUPPLIES = """
SELECT DISTINCT ON (key) key, value->>'switched' FROM revision
WHERE kind = 'supply' AND effective <= %s ORDER BY key, effective DESC, id DESC
"""
_HEARD = f"""
WITH lately AS (
    SELECT series_id, max(received_at) AS heard_at, max(time) AS measured_at,
           count(*) AS readings, count(*) FILTER (WHERE {is_suspect()}) AS suspect,
           extract(epoch FROM last(received_at - time, time))::float AS delay,
           greatest(extract(epoch FROM max(time - received_at)), 0)::float AS ahead
    FROM reading WHERE time > %(since)s AND time <= %(at)s::timestamptz + interval '1 hour'
      AND coalesce(received_at, time) <= %(at)s  -- a clock that is ahead is what is looked for
      AND (%(series)s::int[] IS NULL OR series_id = ANY(%(series)s))
    GROUP BY series_id
)
SELECT d.name, max(coalesce(r.heard_at, n.received_at)) AS heard_at,
       max(coalesce(r.measured_at, n.time)) AS measured_at,
       coalesce(sum(r.readings) FILTER (WHERE s.quantity <> %(clock)s), 0)::int AS readings,
       coalesce(sum(r.suspect), 0)::int AS suspect,
       coalesce(sum(r.readings) FILTER (WHERE s.quantity = %(clock)s), 0)::int AS clock_faults,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY r.delay)
           FILTER (WHERE s.quantity <> %(clock)s) AS delay_s,
       max(r.ahead) AS ahead_s
FROM device d JOIN series s ON s.device = d.id LEFT JOIN lately r ON r.series_id = s.id
LEFT JOIN LATERAL (SELECT time, received_at FROM reading WHERE r.series_id IS NULL
    AND series_id = s.id AND time <= %(since)s ORDER BY time DESC LIMIT 1) n ON true
WHERE %(names)s::text[] IS NULL OR d.name = ANY(%(names)s)
GROUP BY d.name
"""  # noqa: S608  a constant
_BATTERIES = """
SELECT d.name, r.value AS battery, r.time AS battery_at
FROM device d JOIN series s ON s.device = d.id
CROSS JOIN LATERAL (SELECT time, value FROM reading WHERE series_id = s.id AND value IS NOT NULL
    AND time <= %(at)s ORDER BY time DESC LIMIT 1) r
WHERE s.quantity = %(battery)s AND (%(names)s::text[] IS NULL OR d.name = ANY(%(names)s))
"""
_SERIES = f"""
SELECT r.id, d.name AS device, r.quantity, s.name AS site, s.domain, r.low, r.high, r.saturates,
       (f.value->>'interval_s')::float AS interval_s, (f.value->>'stale_s')::float AS stale_s,
       f.value->>'reporting' AS reporting, f.id IS NULL OR f.value IS NOT NULL AS in_use
FROM series r JOIN device d ON d.id = r.device JOIN site s ON s.id = d.site
{computed_first("d.name || '/' || r.quantity", "own")}
LEFT JOIN LATERAL (SELECT id, value FROM revision WHERE kind = 'series'
    AND key = own.key AND effective <= %(at)s
    ORDER BY effective DESC, id DESC LIMIT 1) f ON true
WHERE (%(devices)s::text[] IS NULL OR d.name = ANY(%(devices)s))
  AND (%(site)s::text IS NULL OR s.name = %(site)s)
  AND (%(quantity)s::text IS NULL OR r.quantity = %(quantity)s)
ORDER BY d.name, r.quantity
"""  # noqa: S608  a constant


def list_devices(
    connection: Connection,
    at: datetime,
    *,
    names: Sequence[str] | None = None,
    site: str | None = None,
    domain: str | None = None,
) -> list[DeviceRow]:
    """Devices by name, at a time."""
    groups: dict[str, list[str]] = {}
    for key, belongs in connection.execute(_MEMBERS, [at]):
        group, _, device = key.partition("/")
        if belongs:
            groups.setdefault(device, []).append(group)
    switched = {key for key, value in connection.execute(_SUPPLIES, [at]) if value == "true"}
    rows = connection.cursor(row_factory=dict_row).execute(
        _DEVICES,
        {
            "at": at,
            "names": None if names is None else list(names),
            "site": site,
            "domain": domain,
        },
    )
    return [
        DeviceRow(
            **row,
            groups=tuple(groups.get(row["name"], ())),
            switched=not switched.isdisjoint(groups.get(row["name"], ())),
        )
        for row in rows
    ]


def load_device_reports(
    connection: Connection, at: datetime, names: Sequence[str] | None = None
) -> dict[str, DeviceReport]:
    """By device, its reports up to a time and within the span before it."""
    given_names = None if names is None else list(names)
    series_ids = None
    if given_names is not None:
        rows = connection.execute(
            "SELECT s.id FROM series s JOIN device d ON d.id = s.device WHERE d.name = ANY(%s)",
            [given_names],
        )
        series_ids = [series_id for (series_id,) in rows]
    parameters = {
        "at": at,
        "since": at - SPAN,
        "names": given_names,
        "series": series_ids,
        "clock": CLOCK_FAULT,
        "battery": _BATTERY,
    }
    cursor = connection.cursor(row_factory=dict_row)
    batteries = {row.pop("name"): row for row in cursor.execute(_BATTERIES, parameters)}
    return {
        name: DeviceReport(**row, **batteries.get(name, {}))
        for row in cursor.execute(_HEARD, parameters)
        for name in [row.pop("name")]
    }


def list_series(
    connection: Connection,
    at: datetime,
    *,
    devices: Sequence[str] | None = None,
    site: str | None = None,
    quantity: str | None = None,
) -> list[SeriesRow]:
    """Series by device and quantity, at a time."""
    cursor = connection.cursor(row_factory=class_row(SeriesRow))
    parameters = {
        "at": at,
        "devices": None if devices is None else list(devices),
        "site": site,
        "quantity": quantity,
    }
    return cursor.execute(_SERIES, parameters).fetchall()


def devices_in_silence_alarm(connection: Connection) -> set[str]:
    """Devices with an active silence alarm."""
    rows = connection.execute(
        "SELECT substr(a.subject, 8) FROM alarm a JOIN LATERAL (SELECT value FROM revision"
        " WHERE kind = 'rule' AND key = a.rule ORDER BY effective DESC, id DESC LIMIT 1) r"
        " ON r.value->>'when' LIKE '%silent(%'"
        " WHERE a.ended IS NULL AND a.withdrawn IS NULL AND starts_with(a.subject, 'device/')",
    )
    return {name for (name,) in rows}


def list_devices_in_use(connection: Connection, at: datetime) -> list[DeviceRow]:
    """Devices that are not retired, by site title and name."""
    in_use = [
        device
        for device in list_devices(connection, at)
        if device.retired is None or device.retired > at
    ]
    return sorted(in_use, key=lambda device: device.site_title)
