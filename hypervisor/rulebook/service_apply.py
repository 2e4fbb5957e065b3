"""Files of rules brought into force as revisions: planned, then written all or nothing."""

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
from hypervisor.rulebook.differing import Difference, differences
from hypervisor.rulebook.stamps import Stamp, checked, mark, same
from hypervisor.rulebook.timeline import in_force, takes_over
from rules._inhibiting import check_mentions

_GO_ON = (
    "`hypervisor rules export` writes the file as it stands now: put your change into that and"
    " apply it"
)


@dataclass(frozen=True, kw_only=True)
class Change:
    """What becomes of one rule. `ends`: a revision that was said before and takes over later."""

    key: str
    does: Literal["add", "change", "withdraw", "equal"]
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    holds_from: datetime
    ends: RecordedRevision | None = None
    mark: str = ""  # of the revision that stands, once it is written

    @property
    def differences(self) -> list[Difference]:
        return differences(self.before, self.after)


@dataclass(frozen=True, kw_only=True)
class ApplyPlan:
    """What would change, and what stands in the way."""

    changes: tuple[Change, ...]
    conflicts: tuple[str, ...] = ()

    @property
    def doing(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.does != "equal")


def plan(
    proposed: Iterable[Proposed], known: Mapping[str, Sequence[RecordedRevision]], stamp: Stamp
) -> ApplyPlan:
    """Compare with the revisions known of each rule. A rule that no file names stays as it is."""
    changes: list[Change] = []
    conflicts: list[str] = []
    for one in proposed:
        revisions = known.get(one.rule.id, ())
        change = changed(one.rule.id, one.rule.to_json(), revisions, stamp)
        if stamp.effective is None and _said_for_later(change, revisions):
            change = replace(change, does="equal")
        said = None if change.does == "equal" else _conflict(one, change, revisions)
        if said:
            conflicts.append(said)
        changes.append(change)
    return ApplyPlan(changes=tuple(changes), conflicts=tuple(conflicts))


def _said_for_later(change: Change, revisions: Sequence[RecordedRevision]) -> bool:
    """The file says what was recorded last, and that was to hold from a later time: it still is."""
    last = max(revisions, key=lambda one: one.id, default=None)
    return last is not None and last.value == change.after and last.effective > change.holds_from


def changed(
    key: str, value: Mapping[str, Any] | None, revisions: Sequence[RecordedRevision], stamp: Stamp
) -> Change:
    """What a value would change of what holds at the stamp's time."""
    at = stamp.holds_from
    now = in_force(revisions, at)
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
        ends=takes_over(revisions, at),
        mark=mark(max(revisions, key=lambda one: one.id, default=None)),
    )


def _conflict(one: Proposed, change: Change, revisions: Sequence[RecordedRevision]) -> str | None:
    """Whether somebody else said something since the file was written, in words."""
    last = max(revisions, key=lambda revision: revision.id, default=None)
    if last is None or (one.based_on is not None and same(one.based_on, last)):
        return None
    base = next(
        (old for old in reversed(revisions) if one.based_on and same(one.based_on, old)), None
    )
    if one.based_on is None:
        said = "the file does not say on which revision it is based (`based on:`), and there is"
        told = change.differences
    elif base is None:
        said = f"it is based on {one.based_on}, which this instance does not know; here stands"
        told = change.differences
    else:
        at = format_minute(base.recorded_at)
        said = f"it is based on revision {base.id} of {at}; meanwhile came"
        told = differences(base.value, last.value)
    lines = "".join(f"\n    {line}" for line in told)
    if base is not None:
        own = differences(base.value, one.rule.to_json())
        lines += "".join(f"\n    yours: {line}" for line in own)
    return f"{one.place}: {one.rule.id}: {said} {describe_revision(last)}{lines}"


def apply(
    connection: Connection, proposed: Sequence[Proposed], stamp: Stamp, *, dry_run: bool = False
) -> ApplyPlan:
    """Write what differs, and the audit with it, in one transaction that the watch hears.

    Raises:
        StaleError: a file is not based on what stands; nothing was changed.
        RuleError: a rule mentions one that there is not.
        RulebookError: who or why is not said.
    """
    if not dry_run:
        checked(stamp)
    with connection.transaction():
        registry_queries.lock(connection)
        known = load_rule_histories(connection)
        check_inhibiting(proposed, known)
        found = plan(proposed, known, stamp)
        if found.conflicts:
            raise StaleError(found.conflicts, _GO_ON)
        if dry_run:
            return found
        return write(connection, found, stamp)


def check_inhibiting(
    proposed: Iterable[Proposed], known: Mapping[str, Sequence[RecordedRevision]]
) -> None:
    """Whether what the files inhibit are rules, and nothing silences itself.

    Raises:
        RuleError: with its place in a file.
    """
    packs = {one.place.file: one.pack for one in proposed}.values()
    last = {key: max(some, key=lambda one: one.id).value or {} for key, some in known.items()}
    check_mentions(
        [mention for pack in packs for mention in pack.mentions],
        {key: value.get("inhibits") or () for key, value in last.items()}
        | {rule.id: rule.inhibits for pack in packs for rule in pack.rules},
    )


def write(
    connection: Connection, planned: ApplyPlan, stamp: Stamp, *, act: str = "rule"
) -> ApplyPlan:
    """Add the revisions of a plan; the changes come back with the marks of what stands now.

    The caller holds the registry.
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
        changes=tuple(replace(change, mark=mark(latest[change.key])) for change in planned.changes)
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
