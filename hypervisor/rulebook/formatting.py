"""Changes and revisions told: lines for people, rows for machines."""

from collections.abc import Iterable, Sequence
from typing import Any

from hypervisor.registry.formatting import (
    describe_revision,
    format_instant,
    format_minute,
    format_since,
    format_value,
)
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.rulebook.differing import Difference, differences
from hypervisor.rulebook.service_apply import Change
from hypervisor.rulebook.stamps import mark

_IN_A_CELL = 4  # differences that a table tells; `rules diff` tells all
_SIGNS = {"add": "+", "change": "~", "withdraw": "-", "equal": "="}


def change_lines(changes: Sequence[Change]) -> Iterable[str]:
    """What becomes of each rule, as a person reads it; those that stay are counted."""
    for one in changes:
        if one.does == "equal":
            continue
        title = (one.after or one.before or {}).get("title", "")
        yield f"{_SIGNS[one.does]} {one.key}: {title}"
        if one.does == "change":
            yield from (f"    {line}" for line in one.differences)
        if one.ends is not None:
            yield (
                f"    until {format_minute(one.ends.effective)}:"
                f" then {describe_revision(one.ends)} takes over"
            )
    equal = sum(change.does == "equal" for change in changes)
    if equal:
        yield f"= {equal} {_rules(equal)} unchanged"


def changed_line(changes: Sequence[Change], *, dry_run: bool = False) -> str:
    """How many, and from which event time on; how the watch hears of it."""
    doing = [change for change in changes if change.does != "equal"]
    if not doing:
        return "nothing to change"
    head = f"{len(doing)} {_rules(len(doing))} {'would change' if dry_run else 'changed'}"
    return f"{head}; {held(doing[0], dry_run=dry_run)}"


def held(change: Change, *, dry_run: bool = False) -> str:
    """From which event time it holds, and that nobody has to restart anything."""
    if dry_run:
        return f"it would hold {format_since(change.holds_from)} of event time; nothing was written"
    return taken_up(format_since(change.holds_from))


def taken_up(text: str) -> str:
    """What is said of every change that was written."""
    return f"holds {text} of event time; the watch takes it up by itself, without a restart"


def change_row(change: Change) -> dict[str, Any]:
    """A change as plain values."""
    return {
        "rule": change.key,
        "does": change.does,
        "holds_from": format_instant(change.holds_from),
        "ends": None if change.ends is None else format_instant(change.ends.effective),
        "revision": change.mark,
        "differences": [difference_row(difference) for difference in change.differences],
    }


def difference_row(difference: Difference) -> dict[str, Any]:
    """One value that differs, as plain values."""
    return {"where": difference.where, "before": difference.before, "after": difference.after}


def revision_row(
    recorded: RecordedRevision, revisions: Sequence[RecordedRevision] = ()
) -> dict[str, Any]:
    """A revision as plain values; `differences`: from the one that held before it."""
    before = previous(recorded, revisions)
    return {
        "id": recorded.id,
        "revision": mark(recorded),
        "key": recorded.key,
        "effective": format_instant(recorded.effective),
        "recorded_at": format_instant(recorded.recorded_at),
        "author": recorded.author,
        "reason": recorded.reason,
        "illustrative": recorded.illustrative,
        "previous": recorded.previous,
        "value": recorded.value,
        "differences": [difference_row(part) for part in said_differently(before, recorded)],
    }


def previous(
    one: RecordedRevision, revisions: Sequence[RecordedRevision]
) -> RecordedRevision | None:
    """The one that it replaced."""
    return next((other for other in revisions if other.id == one.previous), None)


def said_differently(before: RecordedRevision | None, after: RecordedRevision) -> list[Difference]:
    """What a revision changed; of a threshold its value."""
    if after.kind == "threshold":
        old = None if before is None else format_value(before.value)
        new = format_value(after.value)
        return [] if old == new else [Difference(where="value", before=old, after=new)]
    return differences(before.value if before else None, after.value)


def summary(before: RecordedRevision | None, after: RecordedRevision) -> str:
    """What a revision did, in a cell of a table."""
    if after.kind == "threshold":
        return (
            format_value(after.value)
            if before is None
            else f"{format_value(before.value)} -> {format_value(after.value)}"
        )
    if after.value is None:
        return "withdrawn"
    if before is None or before.value is None:
        return "added"
    found = [str(difference) for difference in said_differently(before, after)]
    more = [f"and {len(found) - _IN_A_CELL} more"] if len(found) > _IN_A_CELL else []
    return "\n".join([*found[:_IN_A_CELL], *more]) or "the same again"


def _rules(count: int) -> str:
    return "rule" if count == 1 else "rules"
