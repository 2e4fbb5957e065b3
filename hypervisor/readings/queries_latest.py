"""Sites, the latest reading of each series, and rules in force."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.database.connect import Connection, fetch


@dataclass(frozen=True, kw_only=True)
class SiteRow:
    """A site; `commune`: (code, name) if it lies in one."""

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
    """The newest row of a series, good or not; `time` None: none is stored."""

    site: str
    device: str
    quantity: str
    time: datetime | None
    value: float | None
    quality: int | None
    received_at: datetime | None


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
            name=site,
            title=title,
            domain=domain,
            commune=None if code is None else (code, commune),
            lon=lon,
            lat=lat,
            river=river,
            river_order=order,
            illustrative=illustrative,
        )
        for site, title, domain, code, commune, lon, lat, river, order, illustrative in rows
    ]


def list_latest(
    connection: Connection, site: str | None = None, *, among: Sequence[str] | None = None
) -> list[Latest]:
    """The newest row of each series of a site; of all sites (`among`: these), without lamps."""
    return fetch(
        connection,
        Latest,
        "SELECT site.name AS site, device.name AS device, series.quantity, r.time, r.value,"
        " r.quality, r.received_at"
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
