"""Rules: add, change, withdraw, roll back one, or apply files of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from hypervisor.base.errors import RulebookError, StaleError, UnknownError
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.evaluation import pack_revisions
from hypervisor.evaluation.rule_text import Proposed
from hypervisor.registry import queries as registry_queries
from hypervisor.registry import queries_revisions
from hypervisor.registry.changes import Changes
from hypervisor.registry.formatting import describe_revision, format_instant, format_minute
from hypervisor.registry.model import Revision
from hypervisor.registry.queries_revisions import RecordedRevision, load_rule_histories
from hypervisor.rulebook.look_back import check_look_back
from hypervisor.rulebook.model import (
    TO_SHIPPED,
    Difference,
    Stamp,
    check_stamp,
    effective_revisions,
    find_revision,
    last_recorded,
    latest,
    list_differences,
    mark_of,
    matches,
    next_revision,
    require_unchanged,
    revision_at,
)
from hypervisor.rulebook.yaml_output import pack_text
from rules._inhibition import check_mentions
from rules._pack import Pack, rule_from_json
from sensors._nearest import did_you_mean

Value = Mapping[str, Any] | None  # a rule as written; None: withdrawn
Histories = Mapping[str, Sequence[RecordedRevision]]
_GO_ON = (
    "`hypervisor rules export` writes the file with the current revisions: make your change in that"
    " and apply it"
)


@dataclass(frozen=True, kw_only=True)
class Change:
    """Change of one rule. `ends`: an earlier scheduled revision that takes over later."""

    key: str
    does: Literal["add", "change", "withdraw", "equal"]
    before: Value
    after: Value
    holds_from: datetime
    ends: RecordedRevision | None = None
    mark: str = ""  # of the latest revision, once stored

    @property
    def differences(self) -> list[Difference]:
        return list_differences(self.before, self.after)

    @property
    def row(self) -> dict[str, Any]:
        """As the API and `--json` show it."""
        return {
            "rule": self.key,
            "does": self.does,
            "holds_from": self.holds_from,
            "ends": self.ends and self.ends.effective,
            "revision": self.mark,
            "differences": self.differences,
        }


@dataclass(frozen=True, kw_only=True)
class ApplyPlan:
    """Planned changes and conflicts."""

    changes: tuple[Change, ...]
    conflicts: tuple[str, ...] = ()

    @property
    def doing(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.does != "equal")


def put_rule(
    connection: Connection, proposed: Proposed, stamp: Stamp, *, expected: str | None
) -> Change:
    """Add or change a rule. `expected`: the mark that its author saw; None for a new rule.

    StaleError: the rule has changed since. RuleError: it refers to an unknown rule.
    """

    def value(histories: Histories) -> Value:
        check_inhibiting([proposed], histories)
        return proposed.rule.to_json()

    expected = expected or mark_of(None)
    return _change_rule(connection, proposed.rule.id, value, stamp, expected=expected, act="rule")


def withdraw_rule(
    connection: Connection, key: str, stamp: Stamp, *, expected: str | None = None
) -> Change:
    """Withdraw a rule: its alarms end with the given reason. Its revisions are kept."""

    def value(histories: Histories) -> Value:
        revisions = get_revisions(histories, key)
        in_force = revision_at(revisions, stamp.holds_from)
        if in_force is None or in_force.value is None:
            last = describe_revision(latest(revisions))
            raise RulebookError("{key} is withdrawn already: {last}", key, last)
        return None

    return _change_rule(connection, key, value, stamp, expected=expected, act="rule-withdraw")


def roll_back_rule(  # noqa: PLR0913  who, why and when belong to it
    connection: Connection,
    key: str,
    to: str,
    stamp: Stamp,
    *,
    packs: Callable[[], Iterable[Pack]] = tuple,
    expected: str | None = None,
) -> Change:
    """Restore a revision; `to` is its number, or `shipped` for the rule of this version's packs.

    RuleError: this version cannot parse that revision.
    """

    def value(histories: Histories) -> Value:
        revisions = get_revisions(histories, key)
        if to == TO_SHIPPED:
            restored: Value = pack_revisions.value_of(key, packs())
            _record_shipped(connection, key, restored, revisions, stamp)
        else:
            restored = find_revision(key, revisions, to).value
        if restored is not None:
            rule_from_json(restored)
        return restored

    return _change_rule(connection, key, value, stamp, expected=expected, act="rule-rollback")


def get_revisions(histories: Histories, key: str) -> Sequence[RecordedRevision]:
    """A rule's revisions; UnknownError without any."""
    if key not in histories:
        raise UnknownError("no rule {key!r}{hint}", key, did_you_mean(key, histories))
    return histories[key]


def _change_rule(  # noqa: PLR0913  who, why and when belong to it
    connection: Connection,
    key: str,
    value: Callable[[Histories], Value],
    stamp: Stamp,
    *,
    expected: str | None,
    act: str,
) -> Change:
    check_stamp(stamp)
    with connection.transaction():
        registry_queries.lock(connection)
        histories = load_rule_histories(connection)
        revisions = histories.get(key, [])
        if expected is not None:
            require_unchanged(key, revisions, expected)
        change = plan_change(key, value(histories), revisions, stamp)
        return write_plan(connection, ApplyPlan(changes=(change,)), stamp, act=act).changes[0]


def _record_shipped(
    connection: Connection,
    key: str,
    value: Value,
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


def apply_rules(
    connection: Connection, proposed: Sequence[Proposed], stamp: Stamp, *, dry_run: bool = False
) -> ApplyPlan:
    """Store the changes and their audit entries in one transaction.

    StaleError: a file is based on an older revision; nothing was changed.
    """
    if not dry_run:
        check_stamp(stamp)
    with connection.transaction():
        registry_queries.lock(connection)
        histories = load_rule_histories(connection)
        check_inhibiting(proposed, histories)
        planned = plan_changes(proposed, histories, stamp)
        if planned.conflicts:
            raise StaleError(planned.conflicts, _GO_ON)
        if not dry_run:
            return write_plan(connection, planned, stamp)
        check_look_back(
            connection, [each.after for each in planned.doing if each.after is not None]
        )
        return planned


def plan_changes(proposed: Iterable[Proposed], histories: Histories, stamp: Stamp) -> ApplyPlan:
    """Compare with the stored revisions. Rules that are not in the files stay as they are."""
    changes: list[Change] = []
    conflicts: list[str] = []
    for proposal in proposed:
        revisions = histories.get(proposal.rule.id, ())
        change = plan_change(proposal.rule.id, proposal.rule.to_json(), revisions, stamp)
        last = last_recorded(revisions)
        scheduled = last and last.value == change.after and last.effective > change.holds_from
        if stamp.effective is None and scheduled:
            change = replace(change, does="equal")
        conflict = None if change.does == "equal" else _find_conflict(proposal, change, revisions)
        if conflict:
            conflicts.append(conflict)
        changes.append(change)
    return ApplyPlan(changes=tuple(changes), conflicts=tuple(conflicts))


def plan_change(
    key: str, value: Value, revisions: Sequence[RecordedRevision], stamp: Stamp
) -> Change:
    """Compare a value with the revision in force at the stamp's time."""
    at = stamp.holds_from
    now = revision_at(revisions, at)
    before = now.value if now else None
    does: Literal["add", "change", "withdraw", "equal"] = "change"
    if before == value:
        does = "equal"
    elif value is None:
        does = "withdraw"
    elif before is None:
        does = "add"
    return Change(
        key=key,
        does=does,
        before=before,
        after=value,
        holds_from=at,
        ends=next_revision(revisions, at),
        mark=mark_of(last_recorded(revisions)),
    )


def _find_conflict(
    proposal: Proposed, change: Change, revisions: Sequence[RecordedRevision]
) -> str | None:
    """Describe the conflict if the rule changed since the file was written."""
    last, based_on = last_recorded(revisions), proposal.based_on
    if last is None or (based_on is not None and matches(based_on, last)):
        return None
    bases = [revision for revision in revisions if based_on and matches(based_on, revision)]
    differences, own = change.differences, []
    if based_on is None:
        introduction = "the file has no `based on:`, and there is"
    elif not bases:
        introduction = f"it is based on {based_on}, which this instance does not have; here is"
    else:
        base = bases[-1]
        at = format_minute(base.recorded_at)
        introduction = f"it is based on revision {base.id} of {at}; since then came"
        differences = list_differences(base.value, last.value)
        own = list_differences(base.value, proposal.rule.to_json())
    lines = "".join(f"\n    {line}" for line in differences)
    lines += "".join(f"\n    yours: {line}" for line in own)
    return f"{proposal.place}: {proposal.rule.id}: {introduction} {describe_revision(last)}{lines}"


def check_inhibiting(proposed: Iterable[Proposed], histories: Histories) -> None:
    """Check that inhibited rules exist and no rule inhibits itself; RuleError with its place."""
    packs = {proposal.place.file: proposal.pack for proposal in proposed}.values()
    last = {key: latest(revisions).value or {} for key, revisions in histories.items()}
    check_mentions(
        [mention for pack in packs for mention in pack.mentions],
        {key: value.get("inhibits") or () for key, value in last.items()}
        | {rule.id: rule.inhibits for pack in packs for rule in pack.rules},
    )


def write_plan(
    connection: Connection, planned: ApplyPlan, stamp: Stamp, *, act: str = "rule"
) -> ApplyPlan:
    """Store the revisions of a plan; returns the changes with their new marks.

    The caller holds the registry lock. Raises RulebookError: evaluation would set a rule aside.
    """
    doing = planned.doing
    if not doing:
        return planned
    check_look_back(connection, [change.after for change in doing if change.after is not None])
    revisions = [
        Revision(
            kind="rule",
            key=change.key,
            value=change.after,
            effective=change.holds_from,
            author=stamp.author.strip(),
            reason=stamp.reason.strip(),
        )
        for change in doing
    ]
    registry_queries.write(connection, Changes(revisions=tuple(revisions)))
    stored = queries_revisions.load_latest(connection, "rule")
    for change in doing:
        audit.record(
            connection,
            kind=act,
            subject=change.key,
            reason=stamp.reason,
            author=stamp.author,
            details={
                "revision": stored[change.key].id,
                "does": change.does,
                "effective": format_instant(change.holds_from),
                "differences": [str(difference) for difference in change.differences],
            },
        )
    marked = [replace(change, mark=mark_of(stored[change.key])) for change in planned.changes]
    return ApplyPlan(changes=tuple(marked))


def export_packs(
    histories: Histories, *, domain: str | None = None, rule: str | None = None
) -> dict[str, str]:
    """Pack text by domain, without withdrawn rules; RulebookError if there is nothing to export."""
    chosen = {rule: get_revisions(histories, rule)} if rule else histories
    rules: dict[str, list[tuple[Mapping[str, Any], str]]] = {}
    for _, revisions in sorted(chosen.items()):
        value = effective_revisions(revisions)[-1].value
        if value is not None:
            marked = value, mark_of(latest(revisions))
            rules.setdefault(str(value.get("domain", "")), []).append(marked)
    if domain is not None and domain not in rules:
        raise RulebookError(
            "no rule of domain {domain!r}{hint}", domain, did_you_mean(domain, rules)
        )
    if not rules:
        raise RulebookError("there are no rules yet: start the watch, or `hypervisor rules apply`")
    return {name: pack_text(rules[name]) for name in rules if domain in (None, name)}
