"""A rule as it stands, with who said so and since when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.instants import BEGINNING, moment
from hypervisor.rulebook import shipped
from hypervisor.rulebook.revising import latest
from hypervisor.rulebook.stamping import mark
from hypervisor.rulebook.timeline import in_force, standing
from hypervisor.rulebook.wording import day, instant, since, who
from hypervisor.rulebook.writing import plain, rule_text
from hypervisor.store.watch.rulebook import Recorded
from rules._pack import Pack


@dataclass(frozen=True, kw_only=True)
class Shown:
    """`lines` say where it comes from, `text` what it says, `row` both for machines."""

    lines: tuple[str, ...]
    text: str
    row: dict[str, Any]


def shown(
    key: str, revisions: Sequence[Recorded], *, now: datetime | None, packs: Iterable[Pack]
) -> Shown:
    """What holds now, or will when nothing does yet; what comes after it; what the packs say."""
    line = standing(revisions)
    one = in_force(revisions, now or moment(BEGINNING)) or line[0]
    later = [other for other in line if other.effective > one.effective]
    lines = [f"{who(one)}; holds {since(one.effective)}"]
    lines += [f"from {day(other.effective)}: {who(other)}" for other in later]
    found = shipped.compared({key: revisions}, packs, now=now)
    lines += [str(kept) for kept in found.kept if kept.key == key]
    return Shown(
        lines=tuple(lines),
        text="(withdrawn)\n" if one.value is None else rule_text(one.value),
        row={
            "id": key,
            "revision": mark(latest(revisions)),
            "effective": instant(one.effective),
            "author": one.author,
            "reason": one.reason,
            "written": None if one.value is None else plain(one.value),
            "text": None if one.value is None else rule_text(one.value),
            "later": [{"id": other.id, "effective": instant(other.effective)} for other in later],
        },
    )
