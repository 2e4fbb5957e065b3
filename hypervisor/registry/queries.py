"""Load and write the registry."""

import threading

from hypervisor.database import feed, locks
from hypervisor.database.connect import Connection
from hypervisor.database.locks import Lock
from hypervisor.registry import queries_tables, queries_write
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Registry


def load(connection: Connection) -> Registry:
    """The whole registry; revisions in order of kind, key, effective and recording."""
    return Registry(
        areas={area.code: area for area in queries_tables.list_areas(connection)},
        sites={site.name: site for site in queries_tables.list_sites(connection)},
        devices={device.name: device for device in queries_tables.list_devices(connection)},
        series={
            (series.device, series.quantity): series
            for series in queries_tables.list_series(connection)
        },
        revisions=tuple(queries_tables.list_revisions(connection)),
        gateways={gateway.name: gateway for gateway in queries_tables.list_gateways(connection)},
        groups={group.name: group for group in queries_tables.list_groups(connection)},
        zones={zone.name: zone for zone in queries_tables.list_zones(connection)},
        assets={asset.name: asset for asset in queries_tables.list_assets(connection)},
    )


class RegistryCache:
    """A cached registry, reloaded after a change.

    For one database and connections that see all of it.
    """

    def __init__(self) -> None:
        """An empty cache."""
        self._lock = threading.Lock()
        self._known: tuple[int, Registry] | None = None

    def load(self, connection: Connection) -> Registry:
        """What `load` would return."""
        version = feed.registry_version(connection)  # before: what is read may be newer, not older
        with self._lock:
            if self._known is None or self._known[0] != version:
                self._known = version, load(connection)
            return self._known[1]


def load_river(connection: Connection, site: str) -> str | None:
    """The river of a site."""
    row = connection.execute("SELECT river FROM site WHERE name = %s", [site]).fetchone()
    return row[0] if row else None


def lock(connection: Connection) -> None:
    """Lock the registry until the transaction ends: one change at a time."""
    locks.wait_for(connection, Lock.REGISTRY)


def write(connection: Connection, changes: Changes) -> None:
    """Insert or replace by name, add revisions and a feed row, in one transaction."""
    with connection.transaction():
        queries_write.write_things(connection, changes)
        queries_write.add_revisions(connection, changes.revisions)
        feed.append(connection, "registry")
