"""A rule as it stands, with who said so and since when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.base.instants import BEGINNING, moment
from hypervisor.evaluation import shipped
from hypervisor.registry.formatting import (
    describe_revision,
    format_instant,
    format_minute,
    format_since,
)
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.rulebook.service import latest
from hypervisor.rulebook.stamps import mark
from hypervisor.rulebook.timeline import in_force, standing
from hypervisor.rulebook.writing import plain, rule_text
from rules._pack import Pack


@dataclass(frozen=True, kw_only=True)
class Shown:
    """`lines` say where it comes from, `text` what it says, `row` both for machines."""

    lines: tuple[str, ...]
    text: str
    row: dict[str, Any]


def shown(
    key: str, revisions: Sequence[RecordedRevision], *, now: datetime | None, packs: Iterable[Pack]
) -> Shown:
    """What holds now, or will when nothing does yet; what comes after it; what the packs say."""
    line = standing(revisions)
    recorded = in_force(revisions, now or moment(BEGINNING)) or line[0]
    later = [other for other in line if other.effective > recorded.effective]
    lines = [f"{describe_revision(recorded)}; holds {format_since(recorded.effective)}"]
    lines += [
        f"from {format_minute(other.effective)}: {describe_revision(other)}" for other in later
    ]
    found = shipped.compare({key: revisions}, packs, now=now)
    lines += [str(kept) for kept in found.kept if kept.key == key]
    return Shown(
        lines=tuple(lines),
        text="(withdrawn)\n" if recorded.value is None else rule_text(recorded.value),
        row={
            "id": key,
            "revision": mark(latest(revisions)),
            "effective": format_instant(recorded.effective),
            "author": recorded.author,
            "reason": recorded.reason,
            "written": None if recorded.value is None else plain(recorded.value),
            "text": None if recorded.value is None else rule_text(recorded.value),
            "later": [
                {"id": other.id, "effective": format_instant(other.effective)} for other in later
            ],
        },
    )
