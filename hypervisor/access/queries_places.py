"""In which commune something stands that a request names, as far as its person sees it."""

from collections.abc import Collection

from hypervisor.base.person import Territory
from hypervisor.database.connect import Connection

Commune = tuple[str | None]  # in none that is known

_COMMUNE_BY_KIND = {
    "": "SELECT commune FROM site WHERE name = %s",
    "device": "SELECT commune FROM site JOIN device ON device.site = site.id"
    " WHERE device.name = %s",
    "group": "SELECT commune FROM device_group LEFT JOIN site ON site.id = device_group.site"
    " WHERE device_group.name = %s",
}


def find_subject_commune(connection: Connection, subject: str) -> Commune | None:
    """Of a site, `device/<name>` or `group/<name>`; None: there is none."""
    kind, slash, name = subject.partition("/")
    if not slash:
        kind, name = "", subject
    query = _COMMUNE_BY_KIND.get(kind)
    row = None if query is None else connection.execute(query, [name]).fetchone()
    return None if row is None else (row[0],)


def find_alarm_commune(connection: Connection, number: int) -> Commune | None:
    """Of an alarm; None: there is none."""
    row = connection.execute(
        "SELECT coalesce(site.commune, alarm.commune) FROM alarm"
        " LEFT JOIN site ON site.id = alarm.site WHERE alarm.id = %s",
        [number],
    ).fetchone()
    return None if row is None else (row[0],)


def list_homes(connection: Connection, sites: Collection[str]) -> frozenset[str]:
    """Those of these sites that are personal: somebody's home."""
    rows = connection.execute("SELECT name FROM site WHERE personal AND name = ANY(%s)", [[*sites]])
    return frozenset(name for (name,) in rows)


def find_area(connection: Connection, code: str) -> Territory | None:
    """The communes of an area; None: there is none."""
    rows = connection.execute(
        "WITH RECURSIVE below AS (SELECT code, kind FROM area WHERE code = %s"
        " UNION SELECT area.code, area.kind FROM area JOIN below ON area.parent = below.code)"
        " SELECT code, kind FROM below",
        [code],
    ).fetchall()
    if not rows:
        return None
    return Territory(
        unplaced=any(kind == "departement" for _, kind in rows),
        communes=frozenset(area for area, kind in rows if kind == "commune"),
    )


def find_busiest_epci(connection: Connection) -> tuple[str, str] | None:
    """Code and name of the EPCI with most sites; None: no site stands in any."""
    row = connection.execute(
        "SELECT e.code, e.name FROM site JOIN area c ON c.code = site.commune"
        " JOIN area e ON e.code = c.parent AND e.kind = 'epci'"
        " GROUP BY e.code, e.name ORDER BY count(*) DESC, e.code LIMIT 1"
    ).fetchone()
    return None if row is None else (row[0], row[1])


def list_site_names(connection: Connection) -> list[str]:
    """Of the sites that the person sees."""
    return [name for (name,) in connection.execute("SELECT name FROM site ORDER BY name")]
