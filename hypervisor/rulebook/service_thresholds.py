"""Set, withdraw and roll back thresholds of sites and devices, as audited revisions."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from hypervisor.base.errors import RulebookError, UnknownError
from hypervisor.base.instants import BEGINNING, moment
from hypervisor.database.connect import Connection
from hypervisor.registry import queries as registry_queries
from hypervisor.registry import queries_revisions
from hypervisor.registry import revisions as registry_revising
from hypervisor.registry.apply import Act, apply_steps
from hypervisor.registry.input_fields import Context
from hypervisor.registry.input_sites import read_thresholds
from hypervisor.registry.inventory import Fact, Inventory
from hypervisor.registry.model import Registry, facts_in_force
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.registry.tree import Fields, InventoryError, Problem, Where
from hypervisor.rulebook.service import find_revision, require_unchanged
from hypervisor.rulebook.stamps import Stamp, check_stamp, mark_of
from hypervisor.rulebook.timeline import last_recorded, revision_at
from sensors._domain import catalogue
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


def key_of(owner: str, name: str) -> str:
    """`orge-mill/alert`, or `device/lamp-1/lamp_rated_power`."""
    return f"{owner}/{name}"


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

    `quantity`: for a threshold that no domain defines.

    Raises:
        UnknownError: no such site or device.
        StaleError: the threshold has changed since.
        RulebookError: the value is invalid, or author or reason is missing.
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

    def fact(revisions: list[RecordedRevision]) -> Fact:
        recorded = find_revision(key, revisions, to)
        return Fact(
            kind="threshold",
            key=key,
            value=recorded.value,
            illustrative=recorded.illustrative,
            where=_HERE,
        )

    return _change_threshold(
        connection, key, fact, stamp, expected=expected, act="threshold-rollback"
    )


def get_history(connection: Connection, key: str) -> list[RecordedRevision]:
    """A threshold's revisions.

    Raises:
        UnknownError: it has none.
    """
    revisions = queries_revisions.list_revisions(connection, "threshold", key)
    if not revisions:
        latest = queries_revisions.load_latest(connection, "threshold")
        raise UnknownError(f"no threshold {key!r} was ever set{nearest_hint(key, latest)}")
    return revisions


def _change_threshold(  # noqa: PLR0913  who, why and when belong to it
    connection: Connection,
    key: str,
    fact: Callable[[list[RecordedRevision]], Fact],
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
                connection,
                lambda _: [inventory],
                stamp=_registry_stamp(stamp),
                act=Act(kind=act, subject=key),
            )
        except InventoryError as error:
            raise RulebookError(_format_problems(key, error.problems)) from error
        after = queries_revisions.list_revisions(connection, "threshold", key)
    return ThresholdChange(key=key, before=_last(revisions), after=_last(after))


def _registry_stamp(stamp: Stamp) -> registry_revising.Stamp:
    return registry_revising.Stamp(
        author=stamp.author, reason=stamp.reason, now=stamp.now, effective=stamp.effective
    )


def _last(revisions: list[RecordedRevision]) -> RecordedRevision | None:
    return last_recorded(revisions)


def _parse_fact(key: str, value: str, quantity: str | None) -> Fact:
    """Parse a threshold as an inventory would, with the same checks."""
    owner, _, name = key.rpartition("/")
    fields = Fields(_HERE, {"value": value, **({"quantity": quantity} if quantity else {})})
    problems: list[Problem] = []
    context = Context(catalogue=catalogue(), problems=problems)
    facts = list(read_thresholds(Fields(_HERE, {name: fields}), context))
    if problems or not facts:
        raise RulebookError(_format_problems(key, problems))
    return replace(facts[0], key=f"{owner}/{name}")


def _format_problems(key: str, problems: Iterable[Problem]) -> str:
    return f"{key}: {'; '.join(problem.text for problem in problems)}"


def _require_owner(registry: Registry, key: str) -> None:
    owner, _, name = key.rpartition("/")
    device = owner.removeprefix("device/")
    if not owner or not name:
        raise UnknownError(f"{key!r} is no threshold; expected SITE/NAME or device/DEVICE/NAME")
    if owner != device:
        if device not in registry.devices:
            raise UnknownError(f"no device {device!r}{nearest_hint(device, registry.devices)}")
    elif owner not in registry.sites:
        raise UnknownError(f"no site {owner!r}{nearest_hint(owner, registry.sites)}")


def _require_below(registry: Registry, fact: Fact) -> None:
    """Check that it stays below the threshold above it; inventories check the rest.

    Raises:
        RulebookError: it does.
    """
    owner, _, name = fact.key.rpartition("/")
    facts = facts_in_force(registry)
    for other in catalogue().thresholds.values():
        above = facts.get(("threshold", key_of(owner, other.name)))
        if other.above == name and above and fact.value and fact.value["value"] >= above["value"]:
            raise RulebookError(
                f"{fact.key}: {fact.value['value']:g} {fact.value['unit']} is not below"
                f" {other.name}, {above['value']:g} {above['unit']}; set that one first"
            )


def mark_of_last(revisions: list[RecordedRevision]) -> str:
    """The mark of the latest revision."""
    return mark_of(_last(revisions))


def list_in_force(
    connection: Connection, owner: str | None = None, *, now: datetime | None
) -> list[RecordedRevision]:
    """The thresholds in force, of one site or device or of all.

    Raises:
        UnknownError: no threshold is in force there.
    """
    revisions: dict[str, list[RecordedRevision]] = {}
    for recorded in queries_revisions.list_revisions(connection, "threshold"):
        revisions.setdefault(recorded.key, []).append(recorded)
    at = now or moment(BEGINNING)
    every_revisions = [
        recorded
        for key, line in sorted(revisions.items())
        if owner in (None, key.rpartition("/")[0])
        and (
            recorded := revision_at(line, at) or min(line, key=lambda other: other.effective)
        ).value
    ]
    if not every_revisions and owner is not None:
        owners = {key.rpartition("/")[0] for key in revisions}
        raise UnknownError(f"no threshold in force at {owner!r}{nearest_hint(owner, owners)}")
    return every_revisions
