"""The current rule with author and effective time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.base.instants import BEGINNING, moment
from hypervisor.evaluation import pack_revisions
from hypervisor.registry.formatting import (
    describe_revision,
    format_instant,
    format_minute,
    format_since,
)
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.rulebook.stamps import mark_of
from hypervisor.rulebook.timeline import effective_revisions, latest, revision_at
from hypervisor.rulebook.yaml_output import ordered_rule, rule_text
from rules._pack import Pack


@dataclass(frozen=True, kw_only=True)
class CurrentRule:
    """`lines`: its origin; `text`: the rule in YAML; `row`: both as plain values."""

    lines: tuple[str, ...]
    text: str
    row: dict[str, Any]


def current_rule(
    key: str, revisions: Sequence[RecordedRevision], *, now: datetime | None, packs: Iterable[Pack]
) -> CurrentRule:
    """The rule in force now (else the next one), with later revisions and pack differences."""
    line = effective_revisions(revisions)
    recorded = revision_at(revisions, now or moment(BEGINNING)) or line[0]
    later = [other for other in line if other.effective > recorded.effective]
    lines = [f"{describe_revision(recorded)}; holds {format_since(recorded.effective)}"]
    lines += [
        f"from {format_minute(other.effective)}: {describe_revision(other)}" for other in later
    ]
    comparison = pack_revisions.compare({key: revisions}, packs, now=now)
    lines += [str(kept) for kept in comparison.kept if kept.key == key]
    return CurrentRule(
        lines=tuple(lines),
        text="(withdrawn)\n" if recorded.value is None else rule_text(recorded.value),
        row={
            "id": key,
            "revision": mark_of(latest(revisions)),
            "effective": format_instant(recorded.effective),
            "author": recorded.author,
            "reason": recorded.reason,
            "written": None if recorded.value is None else ordered_rule(recorded.value),
            "text": None if recorded.value is None else rule_text(recorded.value),
            "later": [
                {"id": other.id, "effective": format_instant(other.effective)} for other in later
            ],
        },
    )
