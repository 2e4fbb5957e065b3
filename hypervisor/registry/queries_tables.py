"""The tables of the registry as model objects."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from psycopg.rows import class_row

from hypervisor.database.connect import Connection
from hypervisor.registry.model import (
    Area,
    Asset,
    Device,
    Gateway,
    Group,
    Revision,
    Series,
    Site,
    Zone,
)

Row = TypeVar("Row")
_SELECTS: Mapping[type[Any], str] = {
    Area: "SELECT code, kind, name, parent, population, lon, lat FROM area ORDER BY code",
    Site: "SELECT id, name, title, domain, commune, lon, lat, river, river_order, illustrative,"
    " properties FROM site ORDER BY river, river_order, name",
    Gateway: "SELECT name, title, protocol, lon, lat, properties FROM gateway ORDER BY name",
    Device: "SELECT device.name, site.name AS site, model, commissioned, retired, gateway, address,"
    " codec, device.lon, device.lat, device.properties"
    " FROM device JOIN site ON site.id = device.site ORDER BY device.name",
    Series: "SELECT series.id, device.name AS device, quantity, low, high, saturates"
    " FROM series JOIN device ON device.id = series.device ORDER BY device.name, quantity",
    Group: "SELECT device_group.name, device_group.title, kind, site.name AS site,"
    " device_group.properties FROM device_group LEFT JOIN site ON site.id = device_group.site"
    " ORDER BY device_group.name",
    Zone: "SELECT name, title, kind, geometry, illustrative, properties FROM zone ORDER BY name",
    Asset: "SELECT asset.name, asset.title, kind, asset.commune, geometry, site.name AS site,"
    " asset.illustrative, asset.properties FROM asset LEFT JOIN site ON site.id = asset.site"
    " ORDER BY asset.name",
}


_FINGERPRINTS: Mapping[type[Any], str] = {
    kind: "SELECT count(*), coalesce(sum(hashtextextended(row::text, 0)), 0)"  # noqa: S608  constants
    f" FROM ({select}) AS row"
    for kind, select in _SELECTS.items()
}


def list_things(connection: Connection, kind: type[Row]) -> Iterable[Row]:
    """All things of a class, by key; sites in river order."""
    return connection.cursor(row_factory=class_row(kind)).execute(_SELECTS[kind].encode())


def fingerprint(connection: Connection, kind: type[Any]) -> tuple[int, int]:
    """Of the rows that things of a class are made of: it changes when any of them does."""
    row = connection.execute(_FINGERPRINTS[kind].encode()).fetchone()
    assert row is not None, "an aggregate is one row"  # noqa: S101
    return int(row[0]), int(row[1])


def list_revisions(connection: Connection, kind: str | None = None) -> Iterable[Revision]:
    """Revisions, or those of a kind, by kind, key, effective and recording."""
    return connection.cursor(row_factory=class_row(Revision)).execute(
        "SELECT id, kind, key, value, effective, author, reason, illustrative"
        " FROM revision WHERE %(kind)s::text IS NULL OR kind = %(kind)s"
        " ORDER BY kind, key, effective, id",
        {"kind": kind},
    )


def list_new_revisions(
    connection: Connection, before: Mapping[int, Revision]
) -> dict[int, Revision]:
    """All revisions by id, in order; those of `before` are not read again: none ever changes."""
    order = [
        row[0]
        for row in connection.execute("SELECT id FROM revision ORDER BY kind, key, effective, id")
    ]
    missing = [number for number in order if number not in before]
    read = connection.cursor(row_factory=class_row(Revision)).execute(
        "SELECT id, kind, key, value, effective, author, reason, illustrative"
        " FROM revision WHERE id = ANY(%s)",
        [missing],
    )
    new = {revision.id: revision for revision in read if revision.id is not None}
    return {number: before[number] if number in before else new[number] for number in order}
