"""Territory, sites, devices, what belongs to them, and the revisions of what rules use."""

from datetime import datetime

from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Registry
from hypervisor.store import feed, registered, registering
from hypervisor.store.connect import Connection


def load(connection: Connection) -> Registry:
    """Read the whole registry. Revisions stand in order of kind, key, effective and recording."""
    return Registry(
        areas={area.code: area for area in registered.areas(connection)},
        sites={site.name: site for site in registered.sites(connection)},
        devices={device.name: device for device in registered.devices(connection)},
        series={(one.device, one.quantity): one for one in registered.series(connection)},
        revisions=tuple(registered.revisions(connection)),
        gateways={gateway.name: gateway for gateway in registered.gateways(connection)},
        groups={group.name: group for group in registered.groups(connection)},
        zones={zone.name: zone for zone in registered.zones(connection)},
        assets={asset.name: asset for asset in registered.assets(connection)},
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
        registering.write_things(connection, changes)
        registering.add_revisions(connection, changes.revisions)
        feed.append(connection, "registry")
