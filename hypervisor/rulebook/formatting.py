"""Changes and revisions as text lines and as JSON rows."""

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
from hypervisor.rulebook.differences import Difference, list_differences
from hypervisor.rulebook.service_apply import Change
from hypervisor.rulebook.stamps import mark_of

_IN_A_CELL = 4  # differences shown in a table cell; `rules diff` shows all
_SIGNS = {"add": "+", "change": "~", "withdraw": "-", "equal": "="}


def format_changes(changes: Sequence[Change]) -> Iterable[str]:
    """One entry per changed rule; unchanged rules are counted."""
    for change in changes:
        if change.does == "equal":
            continue
        title = (change.after or change.before or {}).get("title", "")
        yield f"{_SIGNS[change.does]} {change.key}: {title}"
        if change.does == "change":
            yield from (f"    {line}" for line in change.differences)
        if change.ends is not None:
            until = format_minute(change.ends.effective)
            yield f"    until {until}: then {describe_revision(change.ends)} takes over"
    equal = sum(change.does == "equal" for change in changes)
    if equal:
        yield f"= {equal} {_rules(equal)} unchanged"


def format_summary(changes: Sequence[Change], *, dry_run: bool = False) -> str:
    """Number of changes and their effective time."""
    doing = [change for change in changes if change.does != "equal"]
    if not doing:
        return "nothing to change"
    head = f"{len(doing)} {_rules(len(doing))} {'would change' if dry_run else 'changed'}"
    return f"{head}; {format_start(doing[0], dry_run=dry_run)}"


def format_start(change: Change, *, dry_run: bool = False) -> str:
    """Effective time of a change."""
    if dry_run:
        return f"it would hold {format_since(change.holds_from)} of event time; nothing was written"
    return format_in_force(format_since(change.holds_from))


def format_in_force(text: str) -> str:
    """Effective time of a stored change."""
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
    """A revision as plain values; `differences` from the one it replaced."""
    before = previous_revision(recorded, revisions)
    return {
        "id": recorded.id,
        "revision": mark_of(recorded),
        "key": recorded.key,
        "effective": format_instant(recorded.effective),
        "recorded_at": format_instant(recorded.recorded_at),
        "author": recorded.author,
        "reason": recorded.reason,
        "illustrative": recorded.illustrative,
        "previous": recorded.previous,
        "value": recorded.value,
        "differences": [difference_row(part) for part in revision_differences(before, recorded)],
    }


def previous_revision(
    recorded: RecordedRevision, revisions: Sequence[RecordedRevision]
) -> RecordedRevision | None:
    """The revision that it replaced."""
    return next((other for other in revisions if other.id == recorded.previous), None)


def revision_differences(
    before: RecordedRevision | None, after: RecordedRevision
) -> list[Difference]:
    """What a revision changed; for a threshold, its value."""
    if after.kind == "threshold":
        old = None if before is None else format_value(before.value)
        new = format_value(after.value)
        return [] if old == new else [Difference(where="value", before=old, after=new)]
    return list_differences(before.value if before else None, after.value)


def summarize_revision(before: RecordedRevision | None, after: RecordedRevision) -> str:
    """A revision's change, for a table cell."""
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
    lines = [str(difference) for difference in revision_differences(before, after)]
    more = [f"and {len(lines) - _IN_A_CELL} more"] if len(lines) > _IN_A_CELL else []
    return "\n".join([*lines[:_IN_A_CELL], *more]) or "the same again"


def _rules(count: int) -> str:
    return "rule" if count == 1 else "rules"
