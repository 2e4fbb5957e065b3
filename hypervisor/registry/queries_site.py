"""A site for its page: place, links, thresholds, devices, lighting plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, dict_row

from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.registry.queries_works import load_in_force

MOST = 40  # suggestions below a field

_FITTING = """
SELECT name, title FROM site
WHERE position(lower(%(typed)s) IN lower(name || ' ' || title)) > 0
ORDER BY NOT starts_with(lower(name), lower(%(typed)s)), river NULLS LAST, river_order, name
LIMIT %(most)s
"""


@dataclass(frozen=True, kw_only=True)
class SitePlace:
    """A site and the areas that it lies in, as (code, name)."""

    name: str
    title: str
    domain: str
    commune: tuple[str, str] | None
    epci: tuple[str, str] | None
    lon: float | None
    lat: float | None
    river: str | None
    river_order: float | None
    illustrative: bool
    properties: dict[str, Any]


def load_site(connection: Connection, name: str) -> SitePlace | None:
    """The site of that name."""
    row = (
        connection.cursor(row_factory=dict_row)
        .execute(
            "SELECT s.name, s.title, s.domain, s.lon, s.lat, s.river, s.river_order,"
            " s.illustrative, s.properties, ARRAY[c.code, c.name] AS commune,"
            " ARRAY[e.code, e.name] AS epci"
            " FROM site s LEFT JOIN area c ON c.code = s.commune"
            " LEFT JOIN area e ON e.code = c.parent AND e.kind = 'epci' WHERE s.name = %s",
            [name],
        )
        .fetchone()
    )
    if row is None:
        return None
    areas = {kind: tuple(row[kind]) if row[kind][0] else None for kind in ("commune", "epci")}
    return SitePlace(**{**row, **areas})


@dataclass(frozen=True, kw_only=True)
class ThresholdRow:
    """A threshold in force, with author, time and reason; `revisions`: how many there are."""

    site: str
    name: str
    value: float
    unit: str
    quantity: str | None
    illustrative: bool
    effective: datetime
    author: str
    reason: str
    revisions: int


def list_thresholds(
    connection: Connection, sites: Sequence[str], at: datetime
) -> list[ThresholdRow]:
    """The thresholds of sites that are in force at a time, by site and value."""
    cursor = connection.cursor(row_factory=class_row(ThresholdRow))
    return cursor.execute(
        "SELECT split_part(key, '/', 1) AS site, split_part(key, '/', 2) AS name,"
        " (value->>'value')::float AS value, value->>'unit' AS unit,"
        " value->>'quantity' AS quantity, illustrative, effective, author, reason,"
        " (SELECT count(*) FROM revision o WHERE o.kind = 'threshold' AND o.key = r.key)"
        " AS revisions FROM (SELECT DISTINCT ON (key) * FROM revision WHERE kind = 'threshold'"
        " AND split_part(key, '/', 1) = ANY(%s) AND effective <= %s"
        " ORDER BY key, effective DESC, id DESC) AS r WHERE value IS NOT NULL"
        " ORDER BY site, (value->>'value')::float",
        [list(sites), at],
    ).fetchall()


def list_links(connection: Connection, at: datetime) -> list[tuple[str, str, float]]:
    """(above, below, s that water takes) of the links in force."""
    return [
        (key.partition(">")[0], key.partition(">")[2], value["travel_s"])
        for key, value in load_in_force(connection, "link", at).items()
        if "travel_s" in value
    ]


def list_rain_gauges(connection: Connection, name: str) -> list[tuple[str, str, str, float]]:
    """Sites that measure rain, the likeliest for a place first: (site, title, quantity, km away).

    Its own, then those of its commune, then the nearest.
    """
    rows = connection.execute(
        "WITH here AS (SELECT * FROM site WHERE name = %s)"
        " SELECT s.name, s.title, r.quantity, 111.2 * sqrt((s.lat - h.lat) ^ 2"
        "  + ((s.lon - h.lon) * cos(radians(h.lat))) ^ 2) AS km"
        " FROM here h, site s JOIN device d ON d.site = s.id AND d.retired IS NULL"
        " JOIN series r ON r.device = d.id AND r.quantity IN ('catchment_rain', 'rain')"
        " WHERE (s.id = h.id OR r.quantity = 'rain') AND (s.id = h.id OR s.lon IS NOT NULL)"
        " ORDER BY s.id = h.id DESC, s.commune IS NOT DISTINCT FROM h.commune DESC, km NULLS LAST"
        " LIMIT 3",
        [name],
    )
    return [(site, title, quantity, km or 0.0) for site, title, quantity, km in rows]


@dataclass(frozen=True, kw_only=True)
class SiteDevice:
    """A device of a site, and how it is reached."""

    name: str
    model: str | None
    commissioned: datetime
    retired: datetime | None
    gateway: str | None
    protocol: str | None
    lamp: bool
    in_service: bool
    feed: str | None = None  # the service that it is read from


def list_site_devices(connection: Connection, site: str, at: datetime) -> list[SiteDevice]:
    """The devices of a site, lamps included."""
    cursor = connection.cursor(row_factory=class_row(SiteDevice))
    return cursor.execute(
        "SELECT d.name, d.model, d.commissioned, d.retired, g.title AS gateway,"
        " g.protocol, d.properties->>'feed' AS feed,"
        " d.name IN (SELECT split_part(m.key, '/', 2) FROM revision m"
        "  JOIN device_group c ON c.name = split_part(m.key, '/', 1)"
        "  WHERE m.kind = 'member' AND c.kind = 'cabinet') AS lamp,"
        " coalesce((f.value->>'in_service')::boolean, true) AS in_service"
        " FROM device d JOIN site s ON s.id = d.site LEFT JOIN gateway g ON g.name = d.gateway"
        " LEFT JOIN LATERAL (SELECT value FROM revision WHERE kind = 'device' AND key = d.name"
        "  AND effective <= %s ORDER BY effective DESC, id DESC LIMIT 1) f ON true"
        " WHERE s.name = %s ORDER BY d.name",
        [at, site],
    ).fetchall()


def load_lighting_plan(
    connection: Connection, site: str, at: datetime
) -> tuple[str, dict[str, Any], float | None, float | None] | None:
    """The lighting plan of the cabinet that is run from a site: (title, plan, lon, lat)."""
    row = connection.execute(
        "SELECT p.value, s.lon, s.lat FROM device_group g JOIN site s ON s.id = g.site"
        " CROSS JOIN LATERAL (SELECT value FROM revision WHERE kind = 'supply' AND key = g.name"
        "  AND effective <= %(at)s ORDER BY effective DESC, id DESC LIMIT 1) u"
        " CROSS JOIN LATERAL (SELECT value FROM revision WHERE kind = 'plan'"
        "  AND key = u.value->>'plan' AND effective <= %(at)s"
        "  ORDER BY effective DESC, id DESC LIMIT 1) p"
        " WHERE s.name = %(site)s AND g.kind = 'cabinet' AND p.value IS NOT NULL LIMIT 1",
        {"site": site, "at": at},
    ).fetchone()
    return None if row is None else (str(row[0].get("title", "")), row[0], row[1], row[2])


def load_sites(connection: Connection, sites: Sequence[str]) -> dict[str, SitePlace]:
    """Several sites by name."""
    places = (load_site(connection, name) for name in sites)
    return {site_place.name: site_place for site_place in places if site_place is not None}


def list_corrections(
    connection: Connection, subjects: Sequence[str], limit: int
) -> list[audit.Act]:
    """Corrections of readings of these series, the latest first."""
    rows = connection.execute(
        "SELECT id FROM audit WHERE kind IN ('invalidate', 'observe', 'undo')"
        " AND subject = ANY(%s) ORDER BY id DESC LIMIT %s",
        [list(subjects), limit],
    ).fetchall()
    acts_or_none = (audit.get_act(connection, row[0]) for row in rows)
    return [act for act in acts_or_none if act is not None]


def suggest_sites(connection: Connection, typed: str = "") -> list[tuple[str, str]]:
    """(name, title) of matching sites: first by beginning of the name, then in river order."""
    rows = connection.execute(_FITTING, {"typed": typed, "most": MOST})
    return [(name, title) for name, title in rows]
