"""Territory, sites, devices, series and the revisions of what rules use."""

import json
from collections.abc import Iterable
from datetime import datetime

from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Area, Device, Registry, Revision, Series, Site
from hypervisor.store import feed
from hypervisor.store.connect import Connection


def load(connection: Connection) -> Registry:
    """Read the whole registry. Revisions stand in order of kind, key, effective and recording."""
    return Registry(
        areas={area.code: area for area in _areas(connection)},
        sites={site.name: site for site in _sites(connection)},
        devices={device.name: device for device in _devices(connection)},
        series={(series.device, series.quantity): series for series in _series(connection)},
        revisions=tuple(_revisions(connection)),
    )


def _areas(connection: Connection) -> Iterable[Area]:
    rows = connection.execute(
        "SELECT code, kind, name, parent, population, lon, lat FROM area ORDER BY code"
    )
    for code, kind, name, parent, population, lon, lat in rows:
        yield Area(
            code=code,
            kind=kind,
            name=name,
            parent=parent,
            population=population,
            lon=lon,
            lat=lat,
        )


def _sites(connection: Connection) -> Iterable[Site]:
    rows = connection.execute(
        "SELECT id, name, title, domain, commune, lon, lat, river, river_order, illustrative,"
        " properties FROM site ORDER BY river, river_order, name"
    )
    for key, name, title, domain, commune, lon, lat, river, order, illustrative, properties in rows:
        yield Site(
            id=key,
            name=name,
            title=title,
            domain=domain,
            commune=commune,
            lon=lon,
            lat=lat,
            river=river,
            river_order=order,
            illustrative=illustrative,
            properties=properties,
        )


def _devices(connection: Connection) -> Iterable[Device]:
    rows = connection.execute(
        "SELECT device.name, site.name, model, commissioned, retired"
        " FROM device JOIN site ON site.id = device.site ORDER BY device.name"
    )
    for name, site, model, commissioned, retired in rows:
        yield Device(name=name, site=site, model=model, commissioned=commissioned, retired=retired)


def _series(connection: Connection) -> Iterable[Series]:
    rows = connection.execute(
        "SELECT series.id, device.name, quantity, low, high, saturates"
        " FROM series JOIN device ON device.id = series.device ORDER BY device.name, quantity"
    )
    for key, device, quantity, low, high, saturates in rows:
        yield Series(
            id=key, device=device, quantity=quantity, low=low, high=high, saturates=saturates
        )


def _revisions(connection: Connection) -> Iterable[Revision]:
    rows = connection.execute(
        "SELECT id, kind, key, value, effective, author, reason, illustrative"
        " FROM revision ORDER BY kind, key, effective, id"
    )
    for number, kind, key, value, effective, author, reason, illustrative in rows:
        yield Revision(
            id=number,
            kind=kind,
            key=key,
            value=value,
            effective=effective,
            author=author,
            reason=reason,
            illustrative=illustrative,
        )


def scenario_clock(connection: Connection) -> datetime | None:
    """How far an exercise has come: the latest clock that a worker heard, None before its start."""
    row = connection.execute("SELECT max(heard_at) FROM worker").fetchone()
    return row[0] if row else None


def lock(connection: Connection) -> None:
    """Hold the registry until the transaction ends: one change at a time."""
    connection.execute("SELECT pg_advisory_xact_lock(7352)")


def write(connection: Connection, changes: Changes) -> None:
    """Insert or replace by name, add the revisions, and tell the watch: one transaction."""
    with connection.transaction():
        _write_areas(connection, changes.areas)
        _write_sites(connection, changes.sites)
        _write_devices(connection, changes.devices, changes.series)
        add_revisions(connection, changes.revisions)
        feed.append(connection, "registry")


def _write_areas(connection: Connection, areas: Iterable[Area]) -> None:
    rank = {"departement": 0, "epci": 1, "commune": 2}  # an area comes after its parent
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO area (code, kind, name, parent, population, lon, lat)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (code) DO UPDATE SET"
            " (kind, name, parent, population, lon, lat) = (EXCLUDED.kind, EXCLUDED.name,"
            " EXCLUDED.parent, EXCLUDED.population, EXCLUDED.lon, EXCLUDED.lat)",
            [
                (a.code, a.kind, a.name, a.parent, a.population, a.lon, a.lat)
                for a in sorted(areas, key=lambda area: rank[area.kind])
            ],
        )


def _write_sites(connection: Connection, sites: Iterable[Site]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO site (name, title, domain, commune, lon, lat, river, river_order,"
            " illustrative, properties) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (name) DO UPDATE SET (title, domain, commune, lon, lat, river,"
            " river_order, illustrative, properties) = (EXCLUDED.title, EXCLUDED.domain,"
            " EXCLUDED.commune, EXCLUDED.lon, EXCLUDED.lat, EXCLUDED.river,"
            " EXCLUDED.river_order, EXCLUDED.illustrative, EXCLUDED.properties)",
            [
                (
                    *(s.name, s.title, s.domain, s.commune, s.lon, s.lat, s.river),
                    *(s.river_order, s.illustrative, json.dumps(dict(s.properties))),
                )
                for s in sites
            ],
        )


def _write_devices(
    connection: Connection, devices: Iterable[Device], series: Iterable[Series]
) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO device (name, site, model, commissioned, retired)"
            " VALUES (%s, (SELECT id FROM site WHERE name = %s), %s, %s, %s)"
            " ON CONFLICT (name) DO UPDATE SET (site, model, commissioned, retired) ="
            " (EXCLUDED.site, EXCLUDED.model, EXCLUDED.commissioned, EXCLUDED.retired)",
            [(d.name, d.site, d.model, d.commissioned, d.retired) for d in devices],
        )
        cursor.executemany(
            "INSERT INTO series (device, quantity, low, high, saturates)"
            " VALUES ((SELECT id FROM device WHERE name = %s), %s, %s, %s, %s)"
            " ON CONFLICT (device, quantity) DO UPDATE SET (low, high, saturates) ="
            " (EXCLUDED.low, EXCLUDED.high, EXCLUDED.saturates)",
            [(s.device, s.quantity, s.low, s.high, s.saturates) for s in series],
        )


def add_revisions(connection: Connection, revisions: Iterable[Revision]) -> None:
    """Append facts, each pointing at the one in force before it; the caller tells the feed."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO revision (kind, key, value, effective, author, reason, illustrative,"
            " previous) VALUES (%(kind)s, %(key)s, %(value)s, %(effective)s, %(author)s,"
            " %(reason)s, %(illustrative)s, (SELECT id FROM revision WHERE kind = %(kind)s AND"
            " key = %(key)s AND effective <= %(effective)s ORDER BY effective DESC, id DESC"
            " LIMIT 1))",
            [
                {
                    "kind": revision.kind,
                    "key": revision.key,
                    "value": None if revision.value is None else json.dumps(dict(revision.value)),
                    "effective": revision.effective,
                    "author": revision.author,
                    "reason": revision.reason,
                    "illustrative": revision.illustrative,
                }
                for revision in revisions
            ],
        )
