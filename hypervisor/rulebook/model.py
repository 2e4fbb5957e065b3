"""Revisions of rules and thresholds: stamps, marks, timeline, differences."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any

from pydantic import Field

from hypervisor.base.errors import RulebookError, StaleError, UnknownError
from hypervisor.base.instants import BEGINNING, moment
from hypervisor.registry import revisions as registry_revisions
from hypervisor.registry.formatting import describe_revision, format_value
from hypervisor.registry.queries_revisions import SHIPPED, RecordedRevision
from rules._read import RULE_KEYS
from sensors._errors import Message

NONE = "none"  # the mark of a key without revisions
TO_SHIPPED = "shipped"  # in the place of a revision's number: the rule of this version's packs
_LABELS = ("severity", "name", "began")  # keys that label a step, a test, an alarm


@dataclass(frozen=True, kw_only=True)
class Stamp(registry_revisions.Stamp):
    """Author, reason and effective event time; `now` is None before an exercise has begun."""

    @property
    def holds_from(self) -> datetime:
        return self.effective or self.now or moment(BEGINNING)


def check_stamp(stamp: Stamp) -> Stamp:
    """Check that a person and a reason are given; else RulebookError."""
    if not stamp.reason.strip():
        raise RulebookError("no reason given; state why in a few words (--reason)")
    if not stamp.author.strip():
        raise RulebookError("no author given; state who changes it (--author)")
    if stamp.author.strip().lower() in SHIPPED:
        raise RulebookError(
            "the author {author!r} is the software itself; state who changes it (--author)",
            stamp.author,
        )
    return stamp


def digest(value: Mapping[str, Any] | None) -> str:
    """Eight hexadecimal digits of a hash of the value, independent of key order."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def mark_of(revision: RecordedRevision | None) -> str:
    """The mark of a revision in files and ETags: its number and a digest of its value."""
    return NONE if revision is None else f"{revision.id}-{digest(revision.value)}"


def matches(based_on: str, revision: RecordedRevision) -> bool:
    """Whether a mark names this revision's value; numbers differ between instances."""
    return based_on.rpartition("-")[2] == digest(revision.value)


def owner_of(key: str) -> str:
    """Owner part of a threshold key: a site, or `device/<device>`."""
    kind, _, rest = key.partition("/")
    return f"{kind}/{rest.partition('/')[0]}" if kind == "device" else kind


def latest(revisions: Iterable[RecordedRevision]) -> RecordedRevision:
    """The revision recorded last; there is at least one."""
    return max(revisions, key=attrgetter("id"))


def last_recorded(revisions: Iterable[RecordedRevision]) -> RecordedRevision | None:
    """The revision recorded last, None without any."""
    return max(revisions, key=attrgetter("id"), default=None)


def effective_revisions(revisions: Iterable[RecordedRevision]) -> list[RecordedRevision]:
    """Revisions by effective time; of equal times the one recorded last counts."""
    by_time = {recorded.effective: recorded for recorded in sorted(revisions, key=attrgetter("id"))}
    return [by_time[at] for at in sorted(by_time)]


def revision_at(revisions: Iterable[RecordedRevision], at: datetime) -> RecordedRevision | None:
    """The revision in force at a time."""
    begun = [line for line in effective_revisions(revisions) if line.effective <= at]
    return begun[-1] if begun else None


def next_revision(revisions: Iterable[RecordedRevision], at: datetime) -> RecordedRevision | None:
    """The first revision that takes effect after `at`."""
    return next((line for line in effective_revisions(revisions) if line.effective > at), None)


def find_revision(key: str, revisions: Sequence[RecordedRevision], number: str) -> RecordedRevision:
    """A revision by its number or its mark; UnknownError without one."""
    for recorded in revisions:
        if number in (str(recorded.id), mark_of(recorded)):
            return recorded
    numbers = ", ".join(str(recorded.id) for recorded in revisions)
    raise UnknownError("{key} has no revision {number}; there are {numbers}", key, number, numbers)


def require_unchanged(key: str, revisions: Sequence[RecordedRevision], expected: str) -> None:
    """Raise StaleError unless the latest revision has the mark that the author saw."""
    last = last_recorded(revisions)
    if expected == mark_of(last):
        return
    if last is None:
        raise StaleError(
            [Message("{key} has no revisions, but {expected} is expected", key, expected)],
            "reload it",
        )
    raise StaleError(
        [Message("{key} was changed meanwhile: {last}", key, describe_revision(last))],
        "reload it and apply your change to the current version",
    )


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One differing value; None: the key is absent."""

    where: Annotated[str, Field(examples=["when"])]
    before: str | None
    after: str | None

    def __str__(self) -> str:
        before = "(nothing)" if self.before is None else self.before
        after = "(nothing)" if self.after is None else self.after
        if len(before) + len(after) > 70:
            return f"{self.where}:\n        {before}\n     -> {after}"
        return f"{self.where}: {before} -> {after}"


def revision_differences(
    before: RecordedRevision | None, after: RecordedRevision
) -> list[Difference]:
    """What a revision changed; for a threshold, its value."""
    if after.kind == "threshold":
        old = None if before is None else format_value(before.value)
        new = format_value(after.value)
        return [] if old == new else [Difference(where="value", before=old, after=new)]
    return list_differences(before.value if before else None, after.value)


def list_differences(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[Difference]:
    """All differing keys of a rule; a single entry if it is absent or withdrawn."""
    if before is None or after is None:
        if before is after:
            return []
        return [Difference(where="rule", before=_describe(before), after=_describe(after))]
    old, new = dict(_flatten(before)), dict(_flatten(after))
    return [
        Difference(where=" ".join(path), before=old.get(path), after=new.get(path))
        for path in sorted(old.keys() | new.keys(), key=_rank)
        if old.get(path) != new.get(path)
    ]


def _describe(value: Mapping[str, Any] | None) -> str:
    if value is None:
        return "withdrawn"
    return str(value.get("title") or value.get("id") or value)


def _rank(path: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    rank = RULE_KEYS.index(path[0]) if path[0] in RULE_KEYS else len(RULE_KEYS)
    return rank, path


def _flatten(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _flatten(part, (*path, str(key)))
    elif isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        seen: dict[str, int] = {}
        for number, part in enumerate(value, 1):
            label = _label(part, number)
            seen[label] = seen.get(label, 0) + 1
            again = f" ({seen[label]})" if seen[label] > 1 else ""
            yield from _flatten(part, (*path, f"{label}{again}"))
    elif isinstance(value, list):
        yield path, ", ".join(str(part) for part in value) or "none"
    else:
        yield path, " ".join(str(value).split())


def _label(part: Any, number: int) -> str:
    if isinstance(part, Mapping):
        for key in _LABELS:
            if isinstance(part.get(key), str):
                return f"[{part[key]}]"
    return f"[{number}]"
