"""A difference as people and machines read it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.table import Table

from hypervisor.registry.changes import Changes, Line
from hypervisor.registry.wording import shown

_MANY = 12  # so many new things of one kind are told as a number, unless every line is asked for


def table(changes: Changes, *, every: bool) -> Table:
    """One line a change; many new things of one kind as one line unless `every`."""
    made = Table("what", "which", "field", "before", "after", "holds from", box=None)
    for line in _condensed(changes.lines, every=every):
        made.add_row(
            *map(escape, (line.kind, line.key, line.field, line.before, line.after)),
            shown(line.effective) if line.effective else "",
        )
    return made


def _condensed(lines: Iterable[Line], *, every: bool) -> Iterable[Line]:
    listed = list(lines)
    new = Counter(line.kind for line in listed if not line.before)
    many = {kind for kind, count in new.items() if count > _MANY and not every}
    for kind in dict.fromkeys(line.kind for line in listed):
        if kind in many:
            yield Line(kind=kind, key=f"{new[kind]} of them", field="", before="", after="new")
        yield from (
            line for line in listed if line.kind == kind and (line.before or kind not in many)
        )


def rows(changes: Changes) -> Iterable[dict[str, Any]]:
    """The lines as plain values."""
    for line in changes.lines:
        row = asdict(line)
        row["effective"] = shown(line.effective) if line.effective else None
        yield row


def counted(changes: Changes) -> dict[str, int]:
    """How many of each kind."""
    kinds = ("area", "site", "gateway", "device", "series", "group", "zone", "asset", "revision")
    counts = {kind: len(getattr(changes, plural(kind, 0))) for kind in kinds}
    return {kind: count for kind, count in counts.items() if count}


def summary(changes: Changes, *, dry_run: bool) -> str:
    """One sentence."""
    parts = [f"{count} {plural(kind, count)}" for kind, count in counted(changes).items()]
    done = "would change (--dry-run: nothing was)" if dry_run else "changed"
    return f"{', '.join(parts)} {done}"


def plural(name: str, count: int) -> str:
    """The name for so many of them."""
    return name if count == 1 or name == "series" else f"{name}s"
