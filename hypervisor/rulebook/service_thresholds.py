"""Set, withdraw and roll back thresholds of sites and devices, as audited revisions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hypervisor.base.errors import RulebookError, UnknownError
from hypervisor.base.instants import BEGINNING, moment
from hypervisor.database.connect import Connection
from hypervisor.registry import queries as registry_queries
from hypervisor.registry import queries_revisions
from hypervisor.registry.apply import Act, apply_steps
from hypervisor.registry.input_fields import Context
from hypervisor.registry.input_thresholds import read_thresholds
from hypervisor.registry.inventory import Fact, Inventory
from hypervisor.registry.model import Registry, facts_in_force
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.registry.tree import Fields, InventoryError, Problem, Where
from hypervisor.rulebook.model import (
    Stamp,
    check_stamp,
    effective_revisions,
    find_revision,
    last_recorded,
    require_unchanged,
    revision_at,
)
from sensors._domain import catalogue
from sensors._errors import Message, listed
from sensors._nearest import nearest_hint

_HERE = Where(file="", line=0)


@dataclass(frozen=True, kw_only=True)
class ThresholdChange:
    """A requested change; `before` and `after` are the latest revisions."""

    key: str
    before: RecordedRevision | None
    after: RecordedRevision | None

    @property
    def changed(self) -> bool:
        return self.before != self.after


def set_threshold(  # noqa: PLR0913  who, why and when belong to it
    connection: Connection,
    key: str,
    value: str,
    stamp: Stamp,
    *,
    expected: str | None = None,
    quantity: str | None = None,
) -> ThresholdChange:
    """Set a threshold to a value with its unit. `expected`: the mark that its author saw.

    `quantity`: for a threshold that no domain defines. StaleError: it has changed since.
    """
    fact = _parse_fact(key, value, quantity)
    return _change_threshold(
        connection, key, lambda _: fact, stamp, expected=expected, act="threshold"
    )


def withdraw_threshold(
    connection: Connection, key: str, stamp: Stamp, *, expected: str | None = None
) -> ThresholdChange:
    """Withdraw a threshold: rules that use it no longer apply there."""
    fact = Fact(kind="threshold", key=key, value=None, where=_HERE)
    return _change_threshold(
        connection, key, lambda _: fact, stamp, expected=expected, act="threshold-withdraw"
    )


def roll_back_threshold(
    connection: Connection, key: str, to: str, stamp: Stamp, *, expected: str | None = None
) -> ThresholdChange:
    """Restore a revision; `to` is its number."""

    def fact(revisions: Sequence[RecordedRevision]) -> Fact:
        restored = find_revision(key, revisions, to)
        return Fact(
            kind="threshold",
            key=key,
            value=restored.value,
            illustrative=restored.illustrative,
            where=_HERE,
        )

    return _change_threshold(
        connection, key, fact, stamp, expected=expected, act="threshold-rollback"
    )


def get_history(connection: Connection, key: str) -> list[RecordedRevision]:
    """A threshold's revisions; UnknownError without any."""
    revisions = queries_revisions.list_revisions(connection, "threshold", key)
    if not revisions:
        latest = queries_revisions.load_latest(connection, "threshold")
        raise UnknownError(
            "no threshold {key!r} was ever set{hint}", key, nearest_hint(key, latest)
        )
    return revisions


def list_in_force(
    connection: Connection, owner: str | None = None, *, now: datetime | None
) -> list[RecordedRevision]:
    """The thresholds in force, of one site or device or of all; UnknownError if it has none."""
    revisions: dict[str, list[RecordedRevision]] = {}
    for recorded in queries_revisions.list_revisions(connection, "threshold"):
        revisions.setdefault(recorded.key, []).append(recorded)
    at = now or moment(BEGINNING)
    in_force = [
        recorded
        for key, line in sorted(revisions.items())
        if owner in (None, key.rpartition("/")[0])
        and (recorded := revision_at(line, at) or effective_revisions(line)[0]).value
    ]
    if not in_force and owner is not None:
        owners = {key.rpartition("/")[0] for key in revisions}
        raise UnknownError(
            "no threshold in force at {owner!r}{hint}", owner, nearest_hint(owner, owners)
        )
    return in_force


def _change_threshold(  # noqa: PLR0913  who, why and when belong to it
    connection: Connection,
    key: str,
    fact: Callable[[Sequence[RecordedRevision]], Fact],
    stamp: Stamp,
    *,
    expected: str | None,
    act: str,
) -> ThresholdChange:
    check_stamp(stamp)
    with connection.transaction():
        registry_queries.lock(connection)
        registry = registry_queries.load(connection)
        _require_owner(registry, key)
        revisions = queries_revisions.list_revisions(connection, "threshold", key)
        if expected is not None:
            require_unchanged(key, revisions, expected)
        new_fact = fact(revisions)
        _require_below(registry, new_fact)
        inventory = Inventory(facts=(new_fact,))
        try:
            apply_steps(
                connection, lambda _: [inventory], stamp=stamp, act=Act(kind=act, subject=key)
            )
        except InventoryError as error:
            raise RulebookError(_format_problems(key, error.problems)) from error
        after = queries_revisions.list_revisions(connection, "threshold", key)
    return ThresholdChange(key=key, before=last_recorded(revisions), after=last_recorded(after))


def _parse_fact(key: str, value: str, quantity: str | None) -> Fact:
    """Parse a threshold as an inventory would, with the same checks."""
    name = key.rpartition("/")[2]
    fields = Fields(_HERE, {"value": value, **({"quantity": quantity} if quantity else {})})
    problems: list[Problem] = []
    context = Context(catalogue=catalogue(), problems=problems)
    facts = list(read_thresholds(Fields(_HERE, {name: fields}), context))
    if problems or not facts:
        raise RulebookError(_format_problems(key, problems))
    return replace(facts[0], key=key)


def _format_problems(key: str, problems: Iterable[Problem]) -> Message:
    return Message("{key}: {problems}", key, listed((each.text for each in problems), "; "))


def _require_owner(registry: Registry, key: str) -> None:
    owner, _, name = key.rpartition("/")
    device = owner.removeprefix("device/")
    if not owner or not name:
        raise UnknownError("{key!r} is no threshold; expected SITE/NAME or device/DEVICE/NAME", key)
    names = registry.sites if owner == device else registry.devices
    if device not in names:
        raise UnknownError(
            "no site is named {name!r}{hint}"
            if owner == device
            else "no device is named {name!r}{hint}",
            device,
            nearest_hint(device, names),
        )


def _require_below(registry: Registry, fact: Fact) -> None:
    """Check that it stays below the threshold above it; inventories check the rest."""
    owner, _, name = fact.key.rpartition("/")
    facts = facts_in_force(registry)
    for other in catalogue().thresholds.values():
        above = facts.get(("threshold", f"{owner}/{other.name}"))
        if other.above == name and above and fact.value and fact.value["value"] >= above["value"]:
            raise RulebookError(
                "{fact}: {value:g} {unit} is not below {name}, {value2:g} {unit2}; set that "
                "one first",
                fact.key,
                fact.value["value"],
                fact.value["unit"],
                other.name,
                above["value"],
                above["unit"],
            )
