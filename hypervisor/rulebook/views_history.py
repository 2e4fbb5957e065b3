"""Revisions of a threshold or a rule: who, when, why, what differed; each can hold again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.access.context import RequestContext
from hypervisor.base.translation import translate as _
from hypervisor.registry import queries_site
from hypervisor.registry.queries_revisions import RecordedRevision, load_rule_histories
from hypervisor.rulebook import service_thresholds, views_words
from hypervisor.rulebook.api_thresholds import owner_of
from hypervisor.rulebook.differing import Difference, differences
from hypervisor.rulebook.service import of
from hypervisor.rulebook.stamps import mark
from hypervisor.rulebook.views_threshold import site_of
from hypervisor.web.filters import value
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


def threshold_history(context: RequestContext, key: str) -> History:
    """Of a threshold."""
    owner, name = owner_of(key), key.rpartition("/")[2]
    revisions = service_thresholds.history(context.connection, key)
    place = queries_site.load_site(context.connection, site_of(context, owner, name))
    where = owner if place is None or owner.startswith("device/") else place.title
    return History(
        title=f"{views_words.label(name, context.catalogue)}, {where}",
        kind="threshold",
        back=f"/thresholds/{key}",
        mark=service_thresholds.marked(revisions),
        lines=_lines(revisions, whole=False),
    )


def rule_history(context: RequestContext, rule: str) -> History:
    """Of a rule."""
    found = of(load_rule_histories(context.connection), rule)
    return History(
        title=rule_title(found, rule),
        kind="rule",
        back=f"/rules/{rule}",
        mark=mark(max(found, key=lambda one: one.id)),
        lines=_lines(found, whole=True),
    )


def rule_title(revisions: Sequence[RecordedRevision], rule: str) -> str:
    """By the last revision that said anything."""
    for recorded in reversed(revisions):
        if recorded.value is not None:
            try:
                return views_words.title(rule_from_json(recorded.value))
            except RuleError:
                continue
    return rule


def _lines(revisions: Sequence[RecordedRevision], *, whole: bool) -> tuple[Line, ...]:
    by_id = {recorded.id: recorded for recorded in revisions}
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


def _differing(one: RecordedRevision, by_id: dict[int, RecordedRevision]) -> tuple[Difference, ...]:
    before = by_id.get(one.previous or 0)
    return () if before is None else tuple(differences(before.value, one.value))


def _value(one: RecordedRevision) -> str:
    said = one.value or {}
    return value(float(said["value"]), str(said["unit"]), views_words.places(float(said["value"])))
