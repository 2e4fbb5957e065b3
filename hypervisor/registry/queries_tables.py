"""The tables of the registry as model objects."""

from collections.abc import Callable, Iterable, Mapping, Sequence
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


_FINGERPRINTS = " UNION ALL ".join(
    f"SELECT '{kind.__name__}', count(*), coalesce(sum(hashtextextended(row::text, 0)), 0)"  # noqa: S608  constants
    f" FROM ({select}) AS row"
    for kind, select in _SELECTS.items()
)


def list_things(connection: Connection, kind: type[Row]) -> Iterable[Row]:
    """All things of a class, by key; sites in river order."""
    return connection.cursor(row_factory=class_row(kind)).execute(_SELECTS[kind].encode())


def request_fingerprints(
    connection: Connection,
) -> Callable[[], tuple[dict[type[Any], tuple[int, int]], list[int]]]:
    """Ask for what shows any change; call the result when the pipeline has ended.

    Of each class a fingerprint of the rows that its things are made of; the numbers of all
    revisions, by kind, key, effective and recording.
    """
    rows = connection.execute(_FINGERPRINTS.encode())
    revisions = connection.execute("SELECT id FROM revision ORDER BY kind, key, effective, id")

    def receive() -> tuple[dict[type[Any], tuple[int, int]], list[int]]:
        by_name = {name: (int(count), int(checksum)) for name, count, checksum in rows}
        fingerprints = {kind: by_name[kind.__name__] for kind in _SELECTS}
        return fingerprints, [number for (number,) in revisions]

    return receive


def list_revisions(connection: Connection, kind: str | None = None) -> Iterable[Revision]:
    """Revisions, or those of a kind, by kind, key, effective and recording."""
    return connection.cursor(row_factory=class_row(Revision)).execute(
        "SELECT id, kind, key, value, effective, author, reason, illustrative"
        " FROM revision WHERE %(kind)s::text IS NULL OR kind = %(kind)s"
        " ORDER BY kind, key, effective, id",
        {"kind": kind},
    )


def find_revisions(connection: Connection, numbers: Sequence[int]) -> Iterable[Revision]:
    """The revisions with these ids."""
    return connection.cursor(row_factory=class_row(Revision)).execute(
        "SELECT id, kind, key, value, effective, author, reason, illustrative"
        " FROM revision WHERE id = ANY(%s)",
        [numbers],
    )
