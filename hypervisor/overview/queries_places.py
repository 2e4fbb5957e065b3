"""SQL of where things of the search lie: extents, as far as the person's role shows them."""

from collections.abc import Sequence
from typing import LiteralString, NamedTuple

from hypervisor.database.connect import Connection

_BOX: LiteralString = """(SELECT min((c->>0)::float8), min((c->>1)::float8),
        max((c->>0)::float8), max((c->>1)::float8)
 FROM jsonb_path_query({geometry}->'coordinates', 'strict $.**') c
 WHERE jsonb_typeof(c) = 'array' AND jsonb_typeof(c->0) = 'number')"""
_SITE: LiteralString = "SELECT name, lon, lat, lon, lat, name FROM site WHERE name = ANY(%s)"
_DEVICE: LiteralString = """
SELECT d.name, coalesce(d.lon, s.lon), coalesce(d.lat, s.lat), coalesce(d.lon, s.lon),
       coalesce(d.lat, s.lat), s.name
FROM device d JOIN site s ON s.id = d.site WHERE d.name = ANY(%s)
"""
_RIVER: LiteralString = """
SELECT river, min(lon), min(lat), max(lon), max(lat), NULL FROM site
WHERE river = ANY(%s) GROUP BY river
"""
_ASSET: LiteralString = f"""
SELECT a.name, coalesce(b.west, s.lon), coalesce(b.south, s.lat), coalesce(b.east, s.lon),
       coalesce(b.north, s.lat), s.name
FROM asset a LEFT JOIN site s ON s.id = a.site
LEFT JOIN LATERAL {_BOX.format(geometry="a.geometry")} AS b (west, south, east, north) ON true
WHERE a.name = ANY(%s)
"""  # noqa: S608  constants
# Of an EPCI or a département: its communes.
_AREA: LiteralString = f"""
WITH RECURSIVE below AS (
    SELECT code AS top, code FROM area WHERE code = ANY(%s)
    UNION SELECT b.top, a.code FROM below b JOIN area a ON a.parent = b.code)
SELECT below.top, min(coalesce(b.west, a.lon)), min(coalesce(b.south, a.lat)),
       max(coalesce(b.east, a.lon)), max(coalesce(b.north, a.lat)), NULL
FROM below JOIN area a USING (code) LEFT JOIN area_outline o ON o.area = a.code
LEFT JOIN LATERAL {_BOX.format(geometry="o.outline")} AS b (west, south, east, north) ON true
GROUP BY below.top
"""  # noqa: S608  constants
_PLACES: dict[str, LiteralString] = {
    "site": _SITE,
    "device": _DEVICE,
    "river": _RIVER,
    "asset": _ASSET,
    "area": _AREA,
}
KINDS = frozenset(_PLACES)


class Place(NamedTuple):
    """The extent of a thing in degrees; `site`: whose card belongs to it."""

    west: float
    south: float
    east: float
    north: float
    site: str | None


def locate(connection: Connection, kind: str, names: Sequence[str]) -> dict[str, Place]:
    """Where things of a kind lie, by name; those without coordinates are left out."""
    rows = connection.execute(_PLACES[kind], [list(names)]).fetchall()
    return {row[0]: Place(*row[1:]) for row in rows if None not in row[1:5]}
