"""Revisions of a threshold or a rule: who, when, why, what differed; each can hold again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.api.access import Access
from hypervisor.api.thresholds import owner_of
from hypervisor.console.formats import value
from hypervisor.console.views import rules_words
from hypervisor.console.views.rules_threshold import site_of
from hypervisor.console.words import translate as _
from hypervisor.rulebook import thresholds
from hypervisor.rulebook.applying import histories
from hypervisor.rulebook.differing import Difference, differences
from hypervisor.rulebook.revising import of
from hypervisor.rulebook.stamping import mark
from hypervisor.store.pages import siting
from hypervisor.store.watch.rulebook import Recorded
from rules._errors import RuleError
from rules._pack import rule_from_json


@dataclass(frozen=True, kw_only=True)
class Line:
    """One revision. `stands`: it was recorded last; `said`: its value as text."""

    id: int
    number: int
    recorded_at: datetime
    effective: datetime
    always: bool
    author: str
    shipped: bool
    reason: str
    said: str
    stands: bool
    withdrawn: bool
    differences: tuple[Difference, ...]


@dataclass(frozen=True, kw_only=True)
class History:
    """The latest first. `back`: the page of it, where forms post to."""

    title: str
    kind: str
    back: str
    mark: str
    lines: tuple[Line, ...]

    @property
    def withdrawn(self) -> bool:
        return self.lines[0].withdrawn


def threshold_history(asked: Access, key: str) -> History:
    """Of a threshold."""
    owner, name = owner_of(key), key.rpartition("/")[2]
    found = thresholds.history(asked.connection, key)
    place = siting.place(asked.connection, site_of(asked, owner, name))
    where = owner if place is None or owner.startswith("device/") else place.title
    return History(
        title=f"{rules_words.label(name, asked.catalogue)}, {where}",
        kind="threshold",
        back=f"/thresholds/{key}",
        mark=thresholds.marked(found),
        lines=_lines(found, whole=False),
    )


def rule_history(asked: Access, rule: str) -> History:
    """Of a rule."""
    found = of(histories(asked.connection), rule)
    return History(
        title=rule_title(found, rule),
        kind="rule",
        back=f"/rules/{rule}",
        mark=mark(max(found, key=lambda one: one.id)),
        lines=_lines(found, whole=True),
    )


def rule_title(revisions: Sequence[Recorded], rule: str) -> str:
    """By the last revision that said anything."""
    for one in reversed(revisions):
        if one.value is not None:
            try:
                return rules_words.title(rule_from_json(one.value))
            except RuleError:
                continue
    return rule


def _lines(revisions: Sequence[Recorded], *, whole: bool) -> tuple[Line, ...]:
    by_id = {one.id: one for one in revisions}
    last = max(revisions, key=lambda one: one.id)
    lines = [
        Line(
            id=one.id,
            number=number,
            recorded_at=one.recorded_at,
            effective=one.effective,
            always=one.effective.year < 1900,
            author=one.author,
            shipped=one.shipped,
            reason=one.reason,
            said=_("withdrawn") if one.value is None else "" if whole else _value(one),
            stands=one.id == last.id,
            withdrawn=one.value is None,
            differences=_differing(one, by_id) if whole else (),
        )
        for number, one in enumerate(sorted(revisions, key=lambda one: one.id), start=1)
    ]
    return tuple(reversed(lines))


def _differing(one: Recorded, by_id: dict[int, Recorded]) -> tuple[Difference, ...]:
    before = by_id.get(one.previous or 0)
    return () if before is None else tuple(differences(before.value, one.value))


def _value(one: Recorded) -> str:
    said = one.value or {}
    return value(float(said["value"]), str(said["unit"]), rules_words.places(float(said["value"])))
