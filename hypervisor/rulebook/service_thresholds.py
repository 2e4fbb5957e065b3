"""Thresholds of sites and devices: set, taken back, withdrawn; as revisions, and audited."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from hypervisor.base.errors import RulebookError, UnknownError
from hypervisor.base.instants import BEGINNING, moment
from hypervisor.database.connect import Connection
from hypervisor.registry import queries as registry_queries
from hypervisor.registry import queries_revisions
from hypervisor.registry import revisions as registry_revising
from hypervisor.registry.apply import Act, apply_steps
from hypervisor.registry.field_reader import FieldReader
from hypervisor.registry.inventory import Fact, Inventory
from hypervisor.registry.model import Registry, facts_in_force
from hypervisor.registry.parse_thresholds import parse_thresholds as read_thresholds
from hypervisor.registry.problems import InventoryError, Problem, Where
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.registry.tree import Fields, Leaf
from hypervisor.rulebook.service import numbered, require
from hypervisor.rulebook.stamps import Stamp, checked, mark
from hypervisor.rulebook.timeline import in_force
from rules._errors import nearest
from sensors._domain import catalogue

_HERE = Where(file="", line=0)


@dataclass(frozen=True, kw_only=True)
class Set:
    """A threshold that was asked to stand; `before` and `after` are the last recorded."""

    key: str
    before: RecordedRevision | None
    after: RecordedRevision | None

    @property
    def changed(self) -> bool:
        return self.before != self.after


def key_of(owner: str, name: str) -> str:
    """`orge-mill/alert`, or `device/lamp-1/lamp_rated_power`."""
    return f"{owner}/{name}"


def put(  # noqa: PLR0913  who, why and when belong to it
    connection: Connection,
    key: str,
    value: str,
    stamp: Stamp,
    *,
    expected: str | None = None,
    quantity: str | None = None,
) -> Set:
    """Set a threshold to a value with its unit. `expected`: the mark of what its author saw.

    `quantity` is said for a threshold of one's own that no domain knows.

    Raises:
        UnknownError: no such site or device.
        StaleError: something else stands by now.
        RulebookError: the value cannot be, or who or why is not said.
    """
    fact = _fact(key, value, quantity)
    return _changed(connection, key, lambda _: fact, stamp, expected=expected, act="threshold")


def withdraw(connection: Connection, key: str, stamp: Stamp, *, expected: str | None = None) -> Set:
    """Let a threshold hold no more: rules that name it no longer apply there."""
    fact = Fact(kind="threshold", key=key, value=None, where=_HERE)
    return _changed(
        connection, key, lambda _: fact, stamp, expected=expected, act="threshold-withdraw"
    )


def rollback(
    connection: Connection, key: str, to: str, stamp: Stamp, *, expected: str | None = None
) -> Set:
    """Let hold again what a revision said; `to` is its number."""

    def fact(revisions: list[RecordedRevision]) -> Fact:
        recorded = numbered(key, revisions, to)
        return Fact(
            kind="threshold",
            key=key,
            value=recorded.value,
            illustrative=recorded.illustrative,
            where=_HERE,
        )

    return _changed(connection, key, fact, stamp, expected=expected, act="threshold-rollback")


def history(connection: Connection, key: str) -> list[RecordedRevision]:
    """A threshold's revisions.

    Raises:
        UnknownError: it has none.
    """
    every_revisions = queries_revisions.list_revisions(connection, "threshold", key)
    if not every_revisions:
        known = queries_revisions.load_latest(connection, "threshold")
        raise UnknownError(f"no threshold {key!r} was ever set{_near(key, known)}")
    return every_revisions


def _changed(  # noqa: PLR0913  who, why and when belong to it
    connection: Connection,
    key: str,
    fact: Callable[[list[RecordedRevision]], Fact],
    stamp: Stamp,
    *,
    expected: str | None,
    act: str,
) -> Set:
    checked(stamp)
    with connection.transaction():
        registry_queries.lock(connection)
        registry = registry_queries.load(connection)
        _require_owner(registry, key)
        revisions = queries_revisions.list_revisions(connection, "threshold", key)
        if expected is not None:
            require(key, revisions, expected)
        said = fact(revisions)
        _require_below(registry, said)
        inventory = Inventory(facts=(said,))
        try:
            apply_steps(
                connection,
                lambda _: [inventory],
                stamp=_plain(stamp),
                act=Act(kind=act, subject=key),
            )
        except InventoryError as error:
            raise RulebookError(_told(key, error.problems)) from error
        after = queries_revisions.list_revisions(connection, "threshold", key)
    return Set(key=key, before=_last(revisions), after=_last(after))


def _plain(stamp: Stamp) -> registry_revising.Stamp:
    return registry_revising.Stamp(
        author=stamp.author, reason=stamp.reason, now=stamp.now, effective=stamp.effective
    )


def _last(revisions: list[RecordedRevision]) -> RecordedRevision | None:
    return max(revisions, key=lambda one: one.id, default=None)


def _fact(key: str, value: str, quantity: str | None) -> Fact:
    """As an inventory would write it, with all that it checks."""
    owner, _, name = key.rpartition("/")
    said = {"value": value, **({"quantity": quantity} if quantity else {})}
    node = Fields(
        fields={text: Leaf(text=part, where=_HERE) for text, part in said.items()}, where=_HERE
    )
    limits = Fields(fields={name: node}, where=_HERE)
    problems: list[Problem] = []
    form = FieldReader(Fields(fields={"thresholds": limits}, where=_HERE), problems)
    found = list(read_thresholds(form, owner, catalogue=catalogue(), illustrative=False))
    if problems or not found:
        raise RulebookError(_told(key, problems))
    return found[0]


def _told(key: str, problems: Iterable[Problem]) -> str:
    return f"{key}: {'; '.join(problem.text for problem in problems)}"


def _require_owner(known: Registry, key: str) -> None:
    owner, _, name = key.rpartition("/")
    device = owner.removeprefix("device/")
    if not owner or not name:
        raise UnknownError(f"{key!r} is no threshold; expected SITE/NAME or device/DEVICE/NAME")
    if owner != device:
        if device not in known.devices:
            raise UnknownError(f"no device {device!r}{_near(device, known.devices)}")
    elif owner not in known.sites:
        raise UnknownError(f"no site {owner!r}{_near(owner, known.sites)}")


def _require_below(known: Registry, fact: Fact) -> None:
    """See that it does not climb over the one that must lie above it; inventories check the rest.

    Raises:
        RulebookError: it does.
    """
    owner, _, name = fact.key.rpartition("/")
    facts = facts_in_force(known)
    for other in catalogue().thresholds.values():
        above = facts.get(("threshold", key_of(owner, other.name)))
        if other.above == name and above and fact.value and fact.value["value"] >= above["value"]:
            raise RulebookError(
                f"{fact.key}: {fact.value['value']:g} {fact.value['unit']} is not below"
                f" {other.name}, {above['value']:g} {above['unit']}; set that one first"
            )


def _near(word: str, known: Iterable[str]) -> str:
    """The likeliest one meant; not a list of a thousand."""
    said = nearest(word, known)
    return said if "did you mean" in said else ""


def marked(revisions: list[RecordedRevision]) -> str:
    """The mark of what was recorded last."""
    return mark(_last(revisions))


def standing(
    connection: Connection, owner: str | None = None, *, now: datetime | None
) -> list[RecordedRevision]:
    """The thresholds in force, of one site or device or of all.

    Raises:
        UnknownError: no threshold stands there.
    """
    revisions: dict[str, list[RecordedRevision]] = {}
    for one in queries_revisions.list_revisions(connection, "threshold"):
        revisions.setdefault(one.key, []).append(one)
    at = now or moment(BEGINNING)
    every_revisions = [
        one
        for key, line in sorted(revisions.items())
        if owner in (None, key.rpartition("/")[0])
        and (one := in_force(line, at) or min(line, key=lambda other: other.effective)).value
    ]
    if not every_revisions and owner is not None:
        owners = {key.rpartition("/")[0] for key in revisions}
        raise UnknownError(f"no threshold stands at {owner!r}{_near(owner, owners)}")
    return every_revisions
