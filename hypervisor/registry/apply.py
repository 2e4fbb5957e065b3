"""Applying an inventory: compared, checked, and written in one transaction that the watch hears."""

from datetime import datetime

from hypervisor.registry.changes import Changes
from hypervisor.registry.check import check
from hypervisor.registry.difference import difference
from hypervisor.registry.entries import Inventory
from hypervisor.registry.model import Registry
from hypervisor.registry.problems import InventoryError
from hypervisor.registry.revising import Stamp
from hypervisor.store import registry as store
from hypervisor.store.connect import Connection
from sensors._domain import Catalogue, catalogue


def compare(
    registry: Registry, inventory: Inventory, *, stamp: Stamp, known: Catalogue | None = None
) -> Changes:
    """What applying would change.

    Raises:
        InventoryError: with every problem that only the whole shows.
    """
    known = known or catalogue()
    found = difference(registry, inventory, catalogue=known, stamp=stamp)
    problems = [*found.problems, *check(found, inventory, known)]
    if problems:
        raise InventoryError(problems)
    return found.changes


def apply_inventory(  # noqa: PLR0913  who, why and when belong to a change of the registry
    connection: Connection,
    inventory: Inventory,
    *,
    author: str,
    now: datetime | None,
    reason: str = "",
    effective: datetime | None = None,
    dry_run: bool = False,
) -> Changes:
    """Write what differs; a second time nothing does, and nothing is written.

    Raises:
        InventoryError: with every problem that only the whole shows; nothing was changed.
    """
    stamp = Stamp(author=author, reason=reason, now=now, effective=effective)
    with connection.transaction():
        store.lock(connection)
        changes = compare(store.load(connection), inventory, stamp=stamp)
        if changes and not dry_run:
            store.write(connection, changes)
    return changes
