"""The packs of this version of the software, as revisions by `hypervisor`.

A rule follows its pack until a person revises or withdraws it. Then it stays, whatever a new
version brings, until `hypervisor rules rollback RULE --to shipped`; the log says so.
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
    """A rule that a person revised and whose pack has changed since."""

    key: str
    revision: RecordedRevision
    shipped: Mapping[str, Any] | None

    def __str__(self) -> str:
        if self.shipped is None:
            return (
                f"{self.key} stays as in {describe_revision(self.revision)};"
                f" this version's packs no longer contain it:"
                f" `hypervisor rules withdraw {self.key}` if you do not need it either"
            )
        return (
            f"{self.key} stays as in {describe_revision(self.revision)};"
            f" its pack is different in this version:"
            f" `hypervisor rules diff {self.key} {self.revision.id} shipped` shows it,"
            f" `hypervisor rules rollback {self.key} --to shipped` takes it"
        )


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """What the packs of this version change, and what they leave unchanged."""

    revisions: tuple[Revision, ...]
    kept: tuple[Kept, ...] = ()


def record(  # noqa: PLR0913
    connection: Connection,
    packs: Iterable[Pack],
    *,
    now: datetime | None,
    only: str | None = None,
    by: str = "",
    dry_run: bool = False,
) -> Shipped:
    """Add a revision of each rule that follows its pack where that changed.

    `only`: of this domain. `by`: the person who asked, for the audit; empty: the watch.
    """
    with connection.transaction():
        registry_queries.lock(connection)
        recorded = load_rule_histories(connection)
        if only is not None:
            recorded = {key: recorded[key] for key in recorded if key.startswith(f"{only}-")}
            packs = [pack for pack in packs if pack.domain == only]
        comparison = compare(recorded, packs, now=now)
        if dry_run or not comparison.revisions:
            return comparison
        registry_queries.write(connection, Changes(revisions=comparison.revisions))
        if by:
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
    """Record changed packs; the rules with a new revision. Log those that a person revised."""
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
    """What to add: a first revision applies from the beginning, a later one from `now`.

    `now` None (no heartbeat yet): from the beginning, too.
    """
    present = {rule.id: rule.to_json() for pack in packs for rule in pack.rules}
    shipped = {key for key, history in recorded.items() if any(each.shipped for each in history)}
    outcomes = [
        _compare_rule(key, present.get(key), recorded.get(key, ()), now)
        for key in sorted(shipped | present.keys())
    ]
    return Shipped(
        revisions=tuple(outcome for outcome in outcomes if isinstance(outcome, Revision)),
        kept=tuple(outcome for outcome in outcomes if isinstance(outcome, Kept)),
    )


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
        reason = "its pack changed" if value is not None else "its pack no longer contains it"
        return revision_of(key, value, now=now, reason=reason)
    if before is None or before.value != value:
        return Kept(key=key, revision=last, shipped=value)
    return None


def last_shipped(revisions: Sequence[RecordedRevision]) -> RecordedRevision | None:
    """The latest revision of a rule that came from a pack."""
    shipped = (revision for revision in revisions if revision.shipped)
    return max(shipped, key=lambda revision: revision.id, default=None)


def revision_of(
    key: str, value: Mapping[str, Any] | None, *, now: datetime | None, reason: str
) -> Revision:
    """A rule of a pack as a revision; without `now` it applies from the beginning."""
    return Revision(
        kind="rule",
        key=key,
        value=value,
        effective=now or moment(BEGINNING),
        author=AUTHOR,
        reason=reason,
    )


def value_of(key: str, packs: Iterable[Pack]) -> Mapping[str, Any]:
    """A rule of this version's packs. Raises UnknownError: no pack contains it."""
    for pack in packs:
        for rule in pack.rules:
            if rule.id == key:
                return rule.to_json()
    raise UnknownError("no pack of this version contains {key!r}", key)
