"""Add, change, withdraw or roll back one rule."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hypervisor.base.errors import RulebookError, StaleError, UnknownError
from hypervisor.database.connect import Connection
from hypervisor.evaluation import pack_revisions
from hypervisor.evaluation.rule_text import Proposed
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.formatting import describe_revision
from hypervisor.registry.queries_revisions import RecordedRevision, load_rule_histories
from hypervisor.rulebook.service_apply import (
    ApplyPlan,
    Change,
    check_inhibiting,
    plan_change,
    write_plan,
)
from hypervisor.rulebook.stamps import Stamp, check_stamp, mark_of
from hypervisor.rulebook.timeline import last_recorded, latest
from rules._pack import Pack, rule_from_json
from sensors._nearest import did_you_mean

TO_SHIPPED = "shipped"


def put_rule(
    connection: Connection, proposed: Proposed, stamp: Stamp, *, expected: str | None
) -> Change:
    """Add or change a rule. `expected`: the mark that its author saw; None for a new rule.

    Raises:
        StaleError: the rule has changed since.
        RuleError: it refers to an unknown rule.
        RulebookError: author or reason is missing.
    """
    check_stamp(stamp)
    with connection.transaction():
        registry_queries.lock(connection)
        histories_by_rule = load_rule_histories(connection)
        revisions = histories_by_rule.get(proposed.rule.id, [])
        check_inhibiting([proposed], histories_by_rule)
        require_unchanged(proposed.rule.id, revisions, expected)
        return _write_change(
            connection, proposed.rule.id, proposed.rule.to_json(), revisions, stamp
        )


def withdraw_rule(
    connection: Connection, key: str, stamp: Stamp, *, expected: str | None = None
) -> Change:
    """Withdraw a rule: its alarms end with the given reason. Its revisions are kept.

    Raises:
        UnknownError: there is no such rule.
        StaleError: the rule has changed since.
        RulebookError: it is already withdrawn, or author or reason is missing.
    """
    check_stamp(stamp)
    with connection.transaction():
        registry_queries.lock(connection)
        revisions = get_revisions(load_rule_histories(connection), key)
        require_unchanged(key, revisions, expected or mark_of(latest(revisions)))
        change = _write_change(connection, key, None, revisions, stamp, act="rule-withdraw")
    if change.does == "equal":
        raise RulebookError(f"{key} is withdrawn already: {describe_revision(latest(revisions))}")
    return change


def roll_back_rule(  # noqa: PLR0913  who, why and when belong to it
    connection: Connection,
    key: str,
    to: str,
    stamp: Stamp,
    *,
    packs: Iterable[Pack] = (),
    expected: str | None = None,
) -> Change:
    """Restore a revision; `to` is its number, or `shipped` for the rule of this version's packs.

    Raises:
        UnknownError: no such rule or revision.
        StaleError: the rule has changed since.
        RuleError: this version cannot parse that revision.
    """
    check_stamp(stamp)
    with connection.transaction():
        registry_queries.lock(connection)
        revisions = get_revisions(load_rule_histories(connection), key)
        require_unchanged(key, revisions, expected or mark_of(latest(revisions)))
        if to == TO_SHIPPED:
            value: Mapping[str, Any] | None = pack_revisions.value_of(key, packs)
            _record_shipped(connection, key, value, revisions, stamp)
        else:
            value = find_revision(key, revisions, to).value
        if value is not None:
            rule_from_json(value)
        return _write_change(connection, key, value, revisions, stamp, act="rule-rollback")


def get_revisions(
    histories: Mapping[str, Sequence[RecordedRevision]], key: str
) -> Sequence[RecordedRevision]:
    """A rule's revisions.

    Raises:
        UnknownError: there is no such rule.
    """
    if key not in histories:
        raise UnknownError(f"no rule {key!r}{did_you_mean(key, histories)}")
    return histories[key]


def find_revision(key: str, revisions: Sequence[RecordedRevision], number: str) -> RecordedRevision:
    """A revision by its number, or its mark.

    Raises:
        UnknownError: there is no such revision.
    """
    for recorded in revisions:
        if number in (str(recorded.id), mark_of(recorded)):
            return recorded
    numbers = ", ".join(str(recorded.id) for recorded in revisions)
    raise UnknownError(f"{key} has no revision {number}; there are {numbers}")


def require_unchanged(
    key: str, revisions: Sequence[RecordedRevision], expected: str | None
) -> None:
    """Check that the latest revision is the one the author saw.

    Raises:
        StaleError: it has changed since.
    """
    last = last_recorded(revisions)
    if (expected or mark_of(None)) == mark_of(last):
        return
    if last is None:
        raise StaleError([f"{key} has no revisions, but {expected} is expected"], "reload it")
    raise StaleError(
        [f"{key} was changed meanwhile: {describe_revision(last)}"],
        "reload it and apply your change to the current version",
    )


def _write_change(  # noqa: PLR0913  who, why and when belong to it
    connection: Connection,
    key: str,
    value: Mapping[str, Any] | None,
    revisions: Sequence[RecordedRevision],
    stamp: Stamp,
    *,
    act: str = "rule",
) -> Change:
    change = plan_change(key, value, revisions, stamp)
    return write_plan(connection, ApplyPlan(changes=(change,)), stamp, act=act).changes[0]


def _record_shipped(
    connection: Connection,
    key: str,
    value: Mapping[str, Any] | None,
    revisions: Sequence[RecordedRevision],
    stamp: Stamp,
) -> None:
    """Record the shipped rule first, so that the rule follows the packs from now on."""
    before = pack_revisions.last_shipped(revisions)
    if before is None or before.value != value:
        revision = pack_revisions.revision_of(
            key, value, now=stamp.holds_from, reason="what this version's pack says"
        )
        registry_queries.write(connection, Changes(revisions=(revision,)))
