"""The tables of the registry as model objects."""

from collections.abc import Iterable

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


def list_areas(connection: Connection) -> Iterable[Area]:
    """The territory, by code."""
    return connection.cursor(row_factory=class_row(Area)).execute(
        "SELECT code, kind, name, parent, population, lon, lat FROM area ORDER BY code"
    )


def list_sites(connection: Connection) -> Iterable[Site]:
    """The sites in river order."""
    return connection.cursor(row_factory=class_row(Site)).execute(
        "SELECT id, name, title, domain, commune, lon, lat, river, river_order, illustrative,"
        " properties FROM site ORDER BY river, river_order, name"
    )


def list_gateways(connection: Connection) -> Iterable[Gateway]:
    """The gateways, by name."""
    return connection.cursor(row_factory=class_row(Gateway)).execute(
        "SELECT name, title, protocol, lon, lat, properties FROM gateway ORDER BY name"
    )


def list_devices(connection: Connection) -> Iterable[Device]:
    """The devices with the names of their sites."""
    return connection.cursor(row_factory=class_row(Device)).execute(
        "SELECT device.name, site.name AS site, model, commissioned, retired, gateway, address,"
        " codec, device.lon, device.lat, device.properties"
        " FROM device JOIN site ON site.id = device.site ORDER BY device.name"
    )


def list_series(connection: Connection) -> Iterable[Series]:
    """The series with the names of their devices."""
    return connection.cursor(row_factory=class_row(Series)).execute(
        "SELECT series.id, device.name AS device, quantity, low, high, saturates"
        " FROM series JOIN device ON device.id = series.device ORDER BY device.name, quantity"
    )


def list_groups(connection: Connection) -> Iterable[Group]:
    """The groups with the names of their sites; members are revisions."""
    return connection.cursor(row_factory=class_row(Group)).execute(
        "SELECT device_group.name, device_group.title, kind, site.name AS site,"
        " device_group.properties FROM device_group LEFT JOIN site ON site.id = device_group.site"
        " ORDER BY device_group.name"
    )


def list_zones(connection: Connection) -> Iterable[Zone]:
    """The zones with their geometries."""
    return connection.cursor(row_factory=class_row(Zone)).execute(
        "SELECT name, title, kind, geometry, illustrative, properties FROM zone ORDER BY name"
    )


def list_assets(connection: Connection) -> Iterable[Asset]:
    """The assets with the names of their sites; the levels that reach them are revisions."""
    return connection.cursor(row_factory=class_row(Asset)).execute(
        "SELECT asset.name, asset.title, kind, asset.commune, geometry, site.name AS site,"
        " asset.illustrative, asset.properties FROM asset LEFT JOIN site ON site.id = asset.site"
        " ORDER BY asset.name"
    )


def list_revisions(connection: Connection, kind: str | None = None) -> Iterable[Revision]:
    """Revisions, or those of a kind, by kind, key, effective and recording."""
    return connection.cursor(row_factory=class_row(Revision)).execute(
        "SELECT id, kind, key, value, effective, author, reason, illustrative"
        " FROM revision WHERE %(kind)s::text IS NULL OR kind = %(kind)s"
        " ORDER BY kind, key, effective, id",
        {"kind": kind},
    )
