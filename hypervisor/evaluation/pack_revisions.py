"""The packs that came with this version of the software, as revisions by `hypervisor`.

A rule follows its pack as long as what stands is what the packs last said. What a person revised,
or withdrew, stays whatever a new version brings; it is told, and taken over by hand
(`hypervisor rules rollback RULE --to shipped`).
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.base.errors import UnknownError
from hypervisor.base.instants import BEGINNING, moment
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.formatting import describe_revision
from hypervisor.registry.model import Revision
from hypervisor.registry.queries_revisions import SHIPPED, RecordedRevision, load_rule_histories
from rules._pack import Pack

AUTHOR = SHIPPED[0]
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A rule that a person revised and whose pack says something new since."""

    key: str
    revision: RecordedRevision
    shipped: Mapping[str, Any] | None

    def __str__(self) -> str:
        if self.shipped is None:
            return (
                f"{self.key} stays as in {describe_revision(self.revision)};"
                f" this version's packs no longer hold it:"
                f" `hypervisor rules withdraw {self.key}` if you do not want it either"
            )
        return (
            f"{self.key} stays as in {describe_revision(self.revision)};"
            f" its pack says something else in this version:"
            f" `hypervisor rules diff {self.key} {self.revision.id} shipped` shows it,"
            f" `hypervisor rules rollback {self.key} --to shipped` takes it"
        )


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """What the packs of this version change, and what they leave alone."""

    revisions: tuple[Revision, ...]
    kept: tuple[Kept, ...] = ()


def record(  # noqa: PLR0913  who asks, and for which
    connection: Connection,
    packs: Iterable[Pack],
    *,
    now: datetime | None,
    only: str | None = None,
    by: str = "",
    dry_run: bool = False,
) -> Shipped:
    """Add a revision for each rule that follows its pack where that says something new.

    `only`: of this domain alone. `by`: who asked for it, for the audit; empty: the watch does.
    """
    with connection.transaction():
        registry_queries.lock(connection)
        recorded = load_rule_histories(connection)
        if only is not None:
            recorded = {key: recorded[key] for key in recorded if key.startswith(f"{only}-")}
            packs = [pack for pack in packs if pack.domain == only]
        comparison = compare(recorded, packs, now=now)
        if comparison.revisions and not dry_run:
            registry_queries.write(connection, Changes(revisions=comparison.revisions))
        if comparison.revisions and by and not dry_run:
            audit.record(
                connection,
                kind="rules-shipped",
                subject=only or "all packs",
                reason="rules apply",
                author=by,
                details={revision.key: revision.reason for revision in comparison.revisions},
            )
    return comparison


def record_and_log(
    connection: Connection, packs: Iterable[Pack], *, now: datetime | None
) -> list[str]:
    """Add a revision for each rule whose pack changed since it was last recorded; return their ids.

    What a person revised meanwhile stays; it is logged.
    """
    comparison = record(connection, packs, now=now)
    for kept in comparison.kept:
        log.warning("%s", kept)
    return [revision.key for revision in comparison.revisions]


def compare(
    recorded: Mapping[str, Sequence[RecordedRevision]],
    packs: Iterable[Pack],
    *,
    now: datetime | None,
) -> Shipped:
    """What to add: a first revision holds from the beginning, a later one from now.

    `now` None: nothing was heard yet, so that every time lies ahead.
    """
    present = {rule.id: rule.to_json() for pack in packs for rule in pack.rules}
    once = {
        key
        for key, revisions in recorded.items()
        if any(revision.shipped for revision in revisions)
    }
    revisions: list[Revision] = []
    kept: list[Kept] = []
    for key in sorted(once | present.keys()):
        outcome = _compare_rule(key, present.get(key), recorded.get(key, ()), now)
        if isinstance(outcome, Kept):
            kept.append(outcome)
        elif outcome is not None:
            revisions.append(outcome)
    return Shipped(revisions=tuple(revisions), kept=tuple(kept))


def _compare_rule(
    key: str,
    value: Mapping[str, Any] | None,
    revisions: Sequence[RecordedRevision],
    now: datetime | None,
) -> Revision | Kept | None:
    last = max(revisions, key=lambda revision: revision.id, default=None)
    if last is None:
        return revision_of(key, value, now=None, reason="first recorded from its pack")
    if last.value == value:
        return None
    before = last_shipped(revisions)
    if before is not None and last.value == before.value:
        reason = "its pack changed" if value is not None else "its pack no longer holds it"
        return revision_of(key, value, now=now, reason=reason)
    if before is None or before.value != value:
        return Kept(key=key, revision=last, shipped=value)
    return None


def last_shipped(revisions: Sequence[RecordedRevision]) -> RecordedRevision | None:
    """What the packs last said of a rule."""
    return max(
        (recorded for recorded in revisions if recorded.shipped),
        key=lambda revision: revision.id,
        default=None,
    )


def revision_of(
    key: str, value: Mapping[str, Any] | None, *, now: datetime | None, reason: str
) -> Revision:
    """What a pack says, as a revision; it holds from the beginning where no time is known."""
    return Revision(
        kind="rule",
        key=key,
        value=value,
        effective=now or moment(BEGINNING),
        author=AUTHOR,
        reason=reason,
    )


def value_of(key: str, packs: Iterable[Pack]) -> Mapping[str, Any]:
    """What this version's packs say of a rule.

    Raises:
        UnknownError: nothing.
    """
    for pack in packs:
        for rule in pack.rules:
            if rule.id == key:
                return rule.to_json()
    raise UnknownError(f"no pack of this version holds {key!r}")
