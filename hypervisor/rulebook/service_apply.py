"""Apply files of rules: plan the changes, then store all of them or none."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from hypervisor.base.errors import StaleError
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.evaluation.rule_text import Proposed
from hypervisor.registry import queries as registry_queries
from hypervisor.registry import queries_revisions
from hypervisor.registry.changes import Changes
from hypervisor.registry.formatting import describe_revision, format_minute
from hypervisor.registry.model import Revision
from hypervisor.registry.queries_revisions import RecordedRevision, load_rule_histories
from hypervisor.rulebook.differences import Difference, list_differences
from hypervisor.rulebook.stamps import Stamp, check_stamp, mark_of, matches
from hypervisor.rulebook.timeline import last_recorded, next_revision, revision_at
from rules._inhibition import check_mentions

_GO_ON = (
    "`hypervisor rules export` writes the file as it stands now: put your change into that and"
    " apply it"
)


@dataclass(frozen=True, kw_only=True)
class Change:
    """Change of one rule. `ends`: an earlier scheduled revision that takes over later."""

    key: str
    does: Literal["add", "change", "withdraw", "equal"]
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    holds_from: datetime
    ends: RecordedRevision | None = None
    mark: str = ""  # of the latest revision, once stored

    @property
    def differences(self) -> list[Difference]:
        return list_differences(self.before, self.after)


@dataclass(frozen=True, kw_only=True)
class ApplyPlan:
    """Planned changes and conflicts."""

    changes: tuple[Change, ...]
    conflicts: tuple[str, ...] = ()

    @property
    def doing(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.does != "equal")


def plan_changes(
    proposed: Iterable[Proposed],
    histories_by_rule: Mapping[str, Sequence[RecordedRevision]],
    stamp: Stamp,
) -> ApplyPlan:
    """Compare with the stored revisions. Rules that are not in the files stay as they are."""
    changes: list[Change] = []
    conflicts: list[str] = []
    for proposal in proposed:
        revisions = histories_by_rule.get(proposal.rule.id, ())
        change = plan_change(proposal.rule.id, proposal.rule.to_json(), revisions, stamp)
        if stamp.effective is None and _scheduled_already(change, revisions):
            change = replace(change, does="equal")
        conflict = None if change.does == "equal" else _find_conflict(proposal, change, revisions)
        if conflict:
            conflicts.append(conflict)
        changes.append(change)
    return ApplyPlan(changes=tuple(changes), conflicts=tuple(conflicts))


def _scheduled_already(change: Change, revisions: Sequence[RecordedRevision]) -> bool:
    """Whether the latest revision already has this content with a later effective time."""
    last = last_recorded(revisions)
    return last is not None and last.value == change.after and last.effective > change.holds_from


def plan_change(
    key: str, value: Mapping[str, Any] | None, revisions: Sequence[RecordedRevision], stamp: Stamp
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
    last = max(revisions, key=lambda revision: revision.id, default=None)
    if last is None or (proposal.based_on is not None and matches(proposal.based_on, last)):
        return None
    base = next(
        (
            old
            for old in reversed(revisions)
            if proposal.based_on and matches(proposal.based_on, old)
        ),
        None,
    )
    if proposal.based_on is None:
        introduction = "the file has no `based on:`, and there is"
        differing_lines = change.differences
    elif base is None:
        introduction = (
            f"it is based on {proposal.based_on}, which this instance does not have; here is"
        )
        differing_lines = change.differences
    else:
        at = format_minute(base.recorded_at)
        introduction = f"it is based on revision {base.id} of {at}; since then came"
        differing_lines = list_differences(base.value, last.value)
    lines = "".join(f"\n    {line}" for line in differing_lines)
    if base is not None:
        own = list_differences(base.value, proposal.rule.to_json())
        lines += "".join(f"\n    yours: {line}" for line in own)
    return f"{proposal.place}: {proposal.rule.id}: {introduction} {describe_revision(last)}{lines}"


def apply_rules(
    connection: Connection, proposed: Sequence[Proposed], stamp: Stamp, *, dry_run: bool = False
) -> ApplyPlan:
    """Store the changes and their audit entries in one transaction.

    Raises:
        StaleError: a file is based on an older revision; nothing was changed.
        RuleError: a rule refers to an unknown rule.
        RulebookError: author or reason is missing.
    """
    if not dry_run:
        check_stamp(stamp)
    with connection.transaction():
        registry_queries.lock(connection)
        histories_by_rule = load_rule_histories(connection)
        check_inhibiting(proposed, histories_by_rule)
        planned = plan_changes(proposed, histories_by_rule, stamp)
        if planned.conflicts:
            raise StaleError(planned.conflicts, _GO_ON)
        if dry_run:
            return planned
        return write_plan(connection, planned, stamp)


def check_inhibiting(
    proposed: Iterable[Proposed], histories_by_rule: Mapping[str, Sequence[RecordedRevision]]
) -> None:
    """Check that inhibited rules exist and no rule inhibits itself.

    Raises:
        RuleError: with its place in a file.
    """
    packs = {proposal.place.file: proposal.pack for proposal in proposed}.values()
    last = {
        key: max(some, key=lambda proposal: proposal.id).value or {}
        for key, some in histories_by_rule.items()
    }
    check_mentions(
        [mention for pack in packs for mention in pack.mentions],
        {key: value.get("inhibits") or () for key, value in last.items()}
        | {rule.id: rule.inhibits for pack in packs for rule in pack.rules},
    )


def write_plan(
    connection: Connection, planned: ApplyPlan, stamp: Stamp, *, act: str = "rule"
) -> ApplyPlan:
    """Store the revisions of a plan; returns the changes with their new marks.

    The caller holds the registry lock.
    """
    doing = planned.doing
    if not doing:
        return planned
    registry_queries.write(
        connection,
        Changes(revisions=tuple(_revision(change, stamp) for change in doing)),
    )
    latest = queries_revisions.load_latest(connection, "rule")
    for change in doing:
        audit.record(
            connection,
            kind=act,
            subject=change.key,
            reason=stamp.reason,
            author=stamp.author,
            details={
                "revision": latest[change.key].id,
                "does": change.does,
                "effective": change.holds_from.isoformat().replace("+00:00", "Z"),
                "differences": [str(difference) for difference in change.differences],
            },
        )
    return ApplyPlan(
        changes=tuple(
            replace(change, mark=mark_of(latest[change.key])) for change in planned.changes
        )
    )


def _revision(change: Change, stamp: Stamp) -> Revision:
    return Revision(
        kind="rule",
        key=change.key,
        value=change.after,
        effective=change.holds_from,
        author=stamp.author.strip(),
        reason=stamp.reason.strip(),
    )
