"""One rule revised, taken back or withdrawn, for the command line and the API alike."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hypervisor.base.errors import RulebookError, StaleError, UnknownError
from hypervisor.database.connect import Connection
from hypervisor.evaluation import shipped
from hypervisor.evaluation.rule_text import Proposed
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.formatting import describe_revision
from hypervisor.registry.queries_revisions import RecordedRevision, load_rule_histories
from hypervisor.rulebook.service_apply import ApplyPlan, Change, changed, check_inhibiting, write
from hypervisor.rulebook.stamps import Stamp, checked, mark
from rules._errors import nearest
from rules._pack import Pack, rule_from_json

TO_SHIPPED = "shipped"


def put(
    connection: Connection, proposed: Proposed, stamp: Stamp, *, expected: str | None
) -> Change:
    """Add or change a rule. `expected`: the mark of what its author saw; None for a new one.

    Raises:
        StaleError: something else stands by now.
        RuleError: it mentions a rule that there is not.
        RulebookError: who or why is not said.
    """
    checked(stamp)
    with connection.transaction():
        registry_queries.lock(connection)
        known = load_rule_histories(connection)
        revisions = known.get(proposed.rule.id, [])
        check_inhibiting([proposed], known)
        require(proposed.rule.id, revisions, expected)
        return _written(connection, proposed.rule.id, proposed.rule.to_json(), revisions, stamp)


def withdraw(
    connection: Connection, key: str, stamp: Stamp, *, expected: str | None = None
) -> Change:
    """Let a rule hold no more: its alarms end then, with that reason. Its revisions stay.

    Raises:
        UnknownError: there is no such rule.
        StaleError: something else stands than what its author saw.
        RulebookError: it is withdrawn already, or who or why is not said.
    """
    checked(stamp)
    with connection.transaction():
        registry_queries.lock(connection)
        revisions = of(load_rule_histories(connection), key)
        require(key, revisions, expected or mark(latest(revisions)))
        change = _written(connection, key, None, revisions, stamp, act="rule-withdraw")
    if change.does == "equal":
        raise RulebookError(f"{key} is withdrawn already: {describe_revision(latest(revisions))}")
    return change


def rollback(  # noqa: PLR0913  who, why and when belong to it
    connection: Connection,
    key: str,
    to: str,
    stamp: Stamp,
    *,
    packs: Iterable[Pack] = (),
    expected: str | None = None,
) -> Change:
    """Let hold again what a revision said; `to` is its number, or `shipped`: what the packs say.

    Raises:
        UnknownError: no such rule or revision.
        StaleError: something else stands than what its author saw.
        RuleError: this version no longer understands what that revision said.
    """
    checked(stamp)
    with connection.transaction():
        registry_queries.lock(connection)
        revisions = of(load_rule_histories(connection), key)
        require(key, revisions, expected or mark(latest(revisions)))
        if to == TO_SHIPPED:
            value: Mapping[str, Any] | None = shipped.value_of(key, packs)
            _ship(connection, key, value, revisions, stamp)
        else:
            value = numbered(key, revisions, to).value
        if value is not None:
            rule_from_json(value)
        return _written(connection, key, value, revisions, stamp, act="rule-rollback")


def of(known: Mapping[str, Sequence[RecordedRevision]], key: str) -> Sequence[RecordedRevision]:
    """A rule's revisions.

    Raises:
        UnknownError: there is no such rule.
    """
    if key not in known:
        raise UnknownError(f"no rule {key!r}{nearest(key, known)}")
    return known[key]


def latest(revisions: Sequence[RecordedRevision]) -> RecordedRevision:
    """The one recorded last."""
    return max(revisions, key=lambda one: one.id)


def numbered(key: str, revisions: Sequence[RecordedRevision], number: str) -> RecordedRevision:
    """A revision by its number, or its mark.

    Raises:
        UnknownError: the key has none of it.
    """
    for recorded in revisions:
        if number in (str(recorded.id), mark(recorded)):
            return recorded
    numbers = ", ".join(str(recorded.id) for recorded in revisions)
    raise UnknownError(f"{key} has no revision {number}; there are {numbers}")


def require(key: str, revisions: Sequence[RecordedRevision], expected: str | None) -> None:
    """See that what stands is what the author saw.

    Raises:
        StaleError: it is not.
    """
    last = max(revisions, key=lambda one: one.id, default=None)
    if (expected or mark(None)) == mark(last):
        return
    if last is None:
        raise StaleError([f"{key} was never revised, yet {expected} is expected"], "read it again")
    raise StaleError(
        [f"{key} was changed meanwhile: {describe_revision(last)}"],
        "read it again and put your change into that",
    )


def _written(  # noqa: PLR0913  who, why and when belong to it
    connection: Connection,
    key: str,
    value: Mapping[str, Any] | None,
    revisions: Sequence[RecordedRevision],
    stamp: Stamp,
    *,
    act: str = "rule",
) -> Change:
    change = changed(key, value, revisions, stamp)
    return write(connection, ApplyPlan(changes=(change,)), stamp, act=act).changes[0]


def _ship(
    connection: Connection,
    key: str,
    value: Mapping[str, Any] | None,
    revisions: Sequence[RecordedRevision],
    stamp: Stamp,
) -> None:
    """Record first what this version's pack says, so that the rule follows it from now on."""
    before = shipped.last_shipped(revisions)
    if before is None or before.value != value:
        revision = shipped.revision_of(
            key, value, now=stamp.holds_from, reason="what this version's pack says"
        )
        registry_queries.write(connection, Changes(revisions=(revision,)))
