"""Apply an inventory: compare, check and write it in one transaction."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from hypervisor.base.errors import StaleError
from hypervisor.database import audit, personal
from hypervisor.database.connect import Connection
from hypervisor.registry import queries as store
from hypervisor.registry import queries_revisions, tables
from hypervisor.registry.changes import Changes, apply_changes, combine_changes
from hypervisor.registry.checks import check_registry
from hypervisor.registry.difference import compare_inventory
from hypervisor.registry.formatting import describe_revision, format_value
from hypervisor.registry.inventory import Inventory
from hypervisor.registry.model import Registry
from hypervisor.registry.revisions import Stamp
from hypervisor.registry.tree import InventoryError
from sensors._domain import Catalogue, catalogue

INVENTORY = "inventory"  # audit kind of an applied file
_LINES = 100  # of a change kept in the audit; a first inventory has ten thousand

_GO_ON = (
    "put the current values into the file, or pass --overwrite; `rules threshold log SITE NAME`"
    " shows who set them"
)


def compare(
    registry: Registry,
    inventory: Inventory,
    *,
    stamp: Stamp,
    domain_catalogue: Catalogue | None = None,
) -> Changes:
    """The changes that applying would make.

    Raises InventoryError: with every problem of the resulting registry.
    """
    domain_catalogue = domain_catalogue or catalogue()
    comparison = compare_inventory(registry, inventory, catalogue=domain_catalogue, stamp=stamp)
    problems = [*comparison.problems, *check_registry(comparison, inventory, domain_catalogue)]
    if problems:
        raise InventoryError(problems)
    return comparison.changes


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
    """Write the differences; a second run changes nothing.

    Raises InventoryError: with every problem of the resulting registry; nothing was changed.
    """
    stamp = Stamp(author=author, reason=reason, now=now, effective=effective)
    return apply_steps(connection, lambda _: [inventory], stamp=stamp, dry_run=dry_run)


@dataclass(frozen=True, kw_only=True)
class Act:
    """Kind and subject of a change in the audit.

    `overwrites`: also replace thresholds that were set by hand.
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
    """Write inventories derived from the registry, one after the other: all or none.

    Raises:
        InventoryError: with every problem of the first that has any; nothing was changed.
        StaleError: a file would undo thresholds set by hand since.
    """
    total, act = Changes(), act or Act()
    with connection.transaction():
        store.lock(connection)
        registry = store.load(connection)
        for inventory in steps(registry):
            changes = compare(registry, inventory, stamp=stamp)
            registry = apply_changes(registry, changes)
            total = combine_changes(total, changes)
            if changes and not dry_run:
                personal.store_domains(connection, catalogue())
                if act.kind == INVENTORY and not act.overwrites:
                    refuse_overwrites(connection, changes)
                store.write(connection, changes)
        if total and not dry_run:
            _record(connection, act, stamp, total)
    return total


def _record(connection: Connection, act: Act, stamp: Stamp, changes: Changes) -> None:
    audit.record(
        connection,
        kind=act.kind,
        subject=act.subject,
        reason=stamp.reason or act.kind,
        author=stamp.author,
        details={
            "changed": tables.count_changes(changes),
            "lines": list(tables.change_rows(changes))[:_LINES],
        },
    )


def refuse_overwrites(connection: Connection, changes: Changes) -> None:
    """Refuse changes of thresholds set by hand since the last inventory.

    Raises StaleError: lists them, with who set them, when and why.
    """
    revisions = [revision for revision in changes.revisions if revision.kind == "threshold"]
    if not revisions:
        return
    by_hand = queries_revisions.load_manual_thresholds(connection)
    conflicts = [
        f"{revision.key}: the file says {format_value(revision.value)},"
        f" but {format_value(manual.value)} was set by {describe_revision(manual)}"
        for revision in revisions
        if (manual := by_hand.get(revision.key)) and manual.value != revision.value
    ]
    if conflicts:
        raise StaleError(conflicts, _GO_ON)
