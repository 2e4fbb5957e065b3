"""SQL of looks: the homes that somebody may see, and a row for each look at one."""

from collections.abc import Collection
from datetime import datetime

from hypervisor.base.person import Territory
from hypervisor.database.connect import Connection

EVERY = "*"  # all homes that somebody sees


def list_homes(connection: Connection, territory: Territory) -> dict[str, str]:
    """The homes in a territory by their names and those of their devices, in small letters."""
    rows = connection.execute(
        "SELECT site.name, device.name FROM site LEFT JOIN device ON device.site = site.id"
        " WHERE site.personal AND (%(whole)s OR CASE WHEN site.commune IS NULL THEN %(unplaced)s"
        "   ELSE site.commune = ANY(%(communes)s) END)",
        {
            "whole": territory.whole,
            "unplaced": territory.unplaced,
            "communes": list(territory.communes),
        },
    )
    return {
        name.lower(): site for site, device in rows for name in (site, device) if name is not None
    }


def record_looks(  # noqa: PLR0913  who, what, how and when
    connection: Connection,
    homes: Collection[str],
    *,
    author: str,
    way: str,
    route: str,
    at: datetime,
) -> None:
    """A look of somebody at each of these homes. `at`: the wall's clock."""
    connection.execute(
        "INSERT INTO personal_look (hour, subject, author, way, route, first_at, last_at)"
        " SELECT date_trunc('hour', %(at)s), subject, %(author)s, %(way)s, %(route)s,"
        "  %(at)s, %(at)s"
        " FROM unnest(%(homes)s::text[]) subject ORDER BY subject"
        " ON CONFLICT (hour, subject, author, way, route) DO UPDATE"
        " SET times = personal_look.times + 1, last_at = EXCLUDED.last_at",
        {"homes": sorted(homes), "author": author, "way": way, "route": route, "at": at},
    )
