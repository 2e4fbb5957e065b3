"""What the water reaches: assets, the gauge that tells of each, and the level there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.store.connect import Connection


@dataclass(frozen=True, kw_only=True)
class Reached:
    """An asset and the level of its gauge (a site's name) at which the water is there."""

    asset: str
    title: str
    kind: str
    commune: str | None
    gauge: str
    level: float
    unit: str
    illustrative: bool
    geometry: dict[str, Any] | None


def reaches(
    connection: Connection, at: datetime, gauges: Sequence[str] | None = None
) -> list[Reached]:
    """The assets of these gauges, else all, the lowest of each gauge first; as is known at a time."""
    rows = connection.execute(
        "SELECT asset.name, asset.title, asset.kind, area.name, f.value->>'gauge',"
        " (f.value->>'level')::float, f.value->>'unit', asset.illustrative, asset.geometry FROM asset"
        " JOIN LATERAL (SELECT value FROM revision WHERE kind = 'reach' AND key = asset.name"
        "  AND effective <= %(at)s ORDER BY effective DESC, id DESC LIMIT 1) f"
        " ON f.value IS NOT NULL LEFT JOIN area ON area.code = asset.commune"
        " WHERE %(gauges)s::text[] IS NULL OR f.value->>'gauge' = ANY(%(gauges)s)"
        " ORDER BY 5, 6, 1",
        {"at": at, "gauges": None if gauges is None else list(gauges)},
    )
    return [
        Reached(
            asset=row[0],
            title=row[1],
            kind=row[2],
            commune=row[3],
            gauge=row[4],
            level=row[5],
            unit=row[6],
            illustrative=row[7],
            geometry=row[8],
        )
        for row in rows
    ]


def recent_levels(
    connection: Connection, gauges: Sequence[str], since: datetime, until: datetime
) -> dict[str, list[tuple[float, float]]]:
    """(s since the epoch, m) of each gauge's believed levels, ascending; of one device each."""
    rows = connection.execute(
        "SELECT site.name, device.name, extract(epoch FROM r.time)::float, r.value FROM site"
        " JOIN device ON device.site = site.id"
        " JOIN series ON series.device = device.id AND series.quantity = 'level'"
        " JOIN reading r ON r.series_id = series.id WHERE site.name = ANY(%s)"
        " AND (device.retired IS NULL OR device.retired > %s) AND r.time > %s AND r.time <= %s"
        " AND r.value IS NOT NULL AND r.quality & 7 = 0 ORDER BY 1, 2, 3",
        [list(gauges), since, since, until],
    )
    by_device: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for site, device, at, value in rows:
        by_device.setdefault(site, {}).setdefault(device, []).append((at, value))
    return {site: max(found.values(), key=len) for site, found in by_device.items()}
