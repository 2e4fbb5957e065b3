"""What the API shows of sites, their latest values and the readings of a series."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from hypervisor.database.connect import Connection


@dataclass(frozen=True, kw_only=True)
class SiteRow:
    """A site as people look for it; `commune` is (code, name) where it lies in a known one."""

    name: str
    title: str
    domain: str
    commune: tuple[str, str] | None
    lon: float | None
    lat: float | None
    river: str | None
    river_order: float | None
    illustrative: bool


@dataclass(frozen=True, kw_only=True)
class Latest:
    """The newest row of a series, good or not; `time` None: none was ever stored."""

    site: str
    device: str
    quantity: str
    time: datetime | None
    value: float | None
    quality: int | None
    received_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class ThresholdRow:
    """A threshold in force; `illustrative`: chosen by us, no authority's."""

    name: str
    value: float
    unit: str
    illustrative: bool
    effective: datetime


@dataclass(frozen=True, kw_only=True)
class ReadingRow:
    """One stored reading; `received_at` None: imported history."""

    time: datetime
    value: float | None
    quality: int
    received_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the watch is: `unread` entries of the feed are committed and not yet judged."""

    watermark: datetime | None
    evaluated_to: datetime | None
    engine: str | None
    unread: int


def list_sites(connection: Connection, name: str | None = None) -> list[SiteRow]:
    """All sites in river order, or the one of that name."""
    rows = connection.execute(
        "SELECT s.name, s.title, s.domain, a.code, a.name, s.lon, s.lat, s.river, s.river_order,"
        " s.illustrative FROM site s LEFT JOIN area a ON a.code = s.commune"
        " WHERE %(name)s::text IS NULL OR s.name = %(name)s"
        " ORDER BY s.river NULLS LAST, s.river_order, s.name",
        {"name": name},
    )
    return [
        SiteRow(
            name=row[0],
            title=row[1],
            domain=row[2],
            commune=None if row[3] is None else (row[3], row[4]),
            lon=row[5],
            lat=row[6],
            river=row[7],
            river_order=row[8],
            illustrative=row[9],
        )
        for row in rows
    ]


def list_latest(
    connection: Connection, site: str | None = None, *, among: Sequence[str] | None = None
) -> list[Latest]:
    """The newest row of every series of one site; of all sites without those of cabinets' lamps.

    `among`: only of these sites.
    """
    rows = connection.execute(
        "SELECT site.name, device.name, series.quantity, r.time, r.value, r.quality, r.received_at"
        " FROM series JOIN device ON device.id = series.device JOIN site ON site.id = device.site"
        " LEFT JOIN LATERAL (SELECT * FROM reading WHERE series_id = series.id"
        "   ORDER BY time DESC LIMIT 1) AS r ON true"
        " WHERE (%(among)s::text[] IS NULL OR site.name = ANY(%(among)s))"
        " AND (site.name = %(site)s OR %(site)s::text IS NULL AND device.name NOT IN"
        "   (SELECT split_part(m.key, '/', 2) FROM revision m"
        "    JOIN device_group g ON g.name = split_part(m.key, '/', 1)"
        "    WHERE m.kind = 'member' AND g.kind = 'cabinet'))"
        " ORDER BY site.name, device.name, series.quantity",
        {"site": site, "among": None if among is None else list(among)},
    )
    return [
        Latest(
            site=row[0],
            device=row[1],
            quantity=row[2],
            time=row[3],
            value=row[4],
            quality=row[5],
            received_at=row[6],
        )
        for row in rows
    ]


def list_thresholds(connection: Connection, site: str, at: datetime) -> list[ThresholdRow]:
    """The thresholds of a site that are in force at a time."""
    rows = connection.execute(
        "SELECT DISTINCT ON (key) key, value, illustrative, effective FROM revision"
        " WHERE kind = 'threshold' AND starts_with(key, %s) AND effective <= %s"
        " ORDER BY key, effective DESC, id DESC",
        [f"{site}/", at],
    )
    return [
        ThresholdRow(
            name=key.partition("/")[2],
            value=value["value"],
            unit=value["unit"],
            illustrative=illustrative,
            effective=effective,
        )
        for key, value, illustrative, effective in rows
        if value is not None
    ]


def get_series_id(connection: Connection, device: str, quantity: str) -> int | None:
    """The store's number of a series, None when nobody registered it."""
    row = connection.execute(
        "SELECT series.id FROM series JOIN device ON device.id = series.device"
        " WHERE device.name = %s AND quantity = %s",
        [device, quantity],
    ).fetchone()
    return None if row is None else int(row[0])


def list_readings(  # noqa: PLR0913  what a page is made of
    connection: Connection,
    series: int,
    *,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    order: Literal["asc", "desc"] = "asc",
) -> list[ReadingRow]:
    """Rows with since <= time < until, at most `limit`, by time."""
    rows = connection.execute(
        "SELECT time, value, quality, received_at FROM reading WHERE series_id = %s"  # noqa: S608  two constants
        " AND time >= coalesce(%s::timestamptz, '-infinity')"
        " AND time < coalesce(%s::timestamptz, 'infinity')"
        f" ORDER BY time {'DESC' if order == 'desc' else 'ASC'} LIMIT %s",
        [series, since, until, limit],
    )
    return [
        ReadingRow(time=time, value=value, quality=quality, received_at=received)
        for time, value, quality, received in rows
    ]


def list_rules(
    connection: Connection, at: datetime
) -> Sequence[tuple[str, dict[str, Any], datetime]]:
    """(id, as written, effective) of the rules in force at a time."""
    rows = connection.execute(
        "SELECT DISTINCT ON (key) key, value, effective FROM revision"
        " WHERE kind = 'rule' AND effective <= %s ORDER BY key, effective DESC, id DESC",
        [at],
    )
    return [(key, value, effective) for key, value, effective in rows if value is not None]


def get_progress(connection: Connection) -> Progress:
    """How far the watch is."""
    ((heard, judged, engine, unread),) = connection.execute(
        "SELECT s.watermark, s.evaluated_to, s.engine, (SELECT count(*) FROM feed WHERE xid >="
        " coalesce(s.cursor, '0'::xid8))"
        " FROM (SELECT 1) AS one LEFT JOIN evaluation_state s ON true"
    )
    return Progress(watermark=heard, evaluated_to=judged, engine=engine, unread=unread)


def list_workers(connection: Connection) -> list[tuple[str, datetime | None, bool]]:
    """(name, heard at, drained) of the ingest workers."""
    rows = connection.execute("SELECT name, heard_at, drained_at FROM worker ORDER BY name")
    return [(name, heard, drained is not None) for name, heard, drained in rows]
