"""What can be commanded: devices of models that obey, nearest first, and groups of a site."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.base.person import Territory
from hypervisor.commands.gateways import CHIRPSTACK, THE_THINGS_STACK
from hypervisor.database.connect import Connection, fetch


@dataclass(frozen=True, kw_only=True)
class TargetRow:
    """A device that obeys, and where it stands."""

    device: str
    model: str
    site: str
    site_title: str
    commune: str | None


@dataclass(frozen=True, kw_only=True)
class TargetFilter:
    """Which devices are listed: at a site, near one, or with this text in a name. None: any.

    Of what a map shows: `domains`, the communes of an `area`, `alarmed` (with an open alarm), `box`
    (west, south, east, north, °).
    """

    site: str | None = None
    near: str | None = None
    text: str | None = None
    domains: tuple[str, ...] = ()
    area: str | None = None
    alarmed: bool = False
    box: tuple[float, float, float, float] | None = None


_TARGETS = """
WITH RECURSIVE below AS (SELECT code FROM area WHERE code = %(area)s
    UNION SELECT area.code FROM area JOIN below ON area.parent = below.code)
SELECT d.name AS device, d.model, s.name AS site, s.title AS site_title, s.commune
FROM device d JOIN site s ON s.id = d.site
LEFT JOIN site n ON n.name = %(near)s
LEFT JOIN gateway g ON g.name = d.gateway
WHERE d.model = ANY (%(models)s) AND (d.gateway IS NULL OR g.protocol = ANY (%(protocols)s)
    AND coalesce(d.properties->>'application', g.properties->>'application', '') <> '')
    AND d.commissioned <= %(now)s AND (d.retired IS NULL OR d.retired > %(now)s)
    AND (%(site)s::text IS NULL OR s.name = %(site)s)
    AND (%(text)s::text IS NULL OR strpos(lower(d.name || ' ' || s.title), lower(%(text)s)) > 0)
    AND (%(domains)s::text[] = '{}' OR s.domain = ANY (%(domains)s))
    AND (%(area)s::text IS NULL OR s.commune IN (SELECT code FROM below))
    AND (NOT %(alarmed)s OR EXISTS (SELECT FROM alarm a
        WHERE a.site = s.id AND a.ended IS NULL AND a.withdrawn IS NULL))
    AND (%(box)s::float[] IS NULL OR s.lon BETWEEN (%(box)s::float[])[1] AND (%(box)s::float[])[3]
        AND s.lat BETWEEN (%(box)s::float[])[2] AND (%(box)s::float[])[4])
    AND (%(whole)s OR CASE WHEN s.commune IS NULL THEN %(unplaced)s
        ELSE s.commune = ANY (%(communes)s) END)
ORDER BY (coalesce(d.lon, s.lon) - n.lon) ^ 2 * cos(radians(n.lat)) ^ 2
    + (coalesce(d.lat, s.lat) - n.lat) ^ 2, s.title, d.name
LIMIT %(limit)s
"""
_GROUPS = """
SELECT g.name, g.title FROM device_group g JOIN site s ON s.id = g.site
WHERE s.name = %s ORDER BY g.title LIMIT %s
"""


def list_targets(  # noqa: PLR0913  what narrows the list
    connection: Connection,
    models: Sequence[str],
    selection: TargetFilter,
    *,
    territory: Territory,
    now: datetime,
    limit: int,
) -> list[TargetRow]:
    """Devices in service of these models within a territory."""
    return fetch(
        connection,
        TargetRow,
        _TARGETS,
        {
            "models": list(models),
            "protocols": [CHIRPSTACK, THE_THINGS_STACK],
            "site": selection.site,
            "near": selection.near,
            "text": selection.text,
            "domains": list(selection.domains),
            "area": selection.area,
            "alarmed": selection.alarmed,
            "box": list(selection.box) if selection.box else None,
            "whole": territory.whole,
            "unplaced": territory.unplaced,
            "communes": list(territory.communes),
            "now": now,
            "limit": limit,
        },
    )


def find_group_title(connection: Connection, name: str) -> str | None:
    """The title of a group; None: there is none that is seen."""
    row = connection.execute("SELECT title FROM device_group WHERE name = %s", [name]).fetchone()
    return None if row is None else str(row[0])


def list_groups(connection: Connection, site: str, *, limit: int) -> list[tuple[str, str]]:
    """(name, title) of the groups of a site."""
    return [(name, title) for name, title in connection.execute(_GROUPS, [site, limit])]
