"""Applying an inventory: compared, checked, and written in one transaction that the watch hears."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.registry import guarding, telling
from hypervisor.registry import queries as store
from hypervisor.registry.changes import Changes, applied, together
from hypervisor.registry.check import check
from hypervisor.registry.difference import difference
from hypervisor.registry.entries import Inventory
from hypervisor.registry.model import Registry
from hypervisor.registry.problems import InventoryError
from hypervisor.registry.revising import Stamp
from sensors._domain import Catalogue, catalogue

INVENTORY = "inventory"  # the audit's word for a file applied
_LINES = 100  # of a change so many stand in the audit; a first inventory has ten thousand


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
    return apply_steps(connection, lambda _: [inventory], stamp=stamp, dry_run=dry_run)


@dataclass(frozen=True, kw_only=True)
class Act:
    """What the audit calls a change, and of what it is one.

    `overwrites`: also what a person set by hand, which a file does not know of.
    """

    kind: str = INVENTORY
    subject: str = "registry"
    overwrites: bool = False


def apply_steps(
    connection: Connection,
    steps: Callable[[Registry], Iterable[Inventory]],
    *,
    stamp: Stamp,
    act: Act | None = None,
    dry_run: bool = False,
) -> Changes:
    """Write inventories made of what the registry holds, one upon the other: all or nothing.

    Who did it and why stands in the audit, too: not all that changes is a revision.

    Raises:
        InventoryError: with every problem of the first that has any; nothing was changed.
        StaleError: a file would take back what a person set by hand since.
    """
    done, act = Changes(), act or Act()
    with connection.transaction():
        store.lock(connection)
        registry = store.load(connection)
        for inventory in steps(registry):
            changes = compare(registry, inventory, stamp=stamp)
            registry = applied(registry, changes)
            done = together(done, changes)
            if changes and not dry_run:
                if act.kind == INVENTORY and not act.overwrites:
                    guarding.refuse(connection, changes)
                store.write(connection, changes)
        if done and not dry_run:
            _record(connection, act, stamp, done)
    return done


def _record(connection: Connection, act: Act, stamp: Stamp, done: Changes) -> None:
    audit.record(
        connection,
        kind=act.kind,
        subject=act.subject,
        reason=stamp.reason or act.kind,
        author=stamp.author,
        details={
            "changed": telling.counted(done),
            "lines": list(telling.rows(done))[:_LINES],
        },
    )
