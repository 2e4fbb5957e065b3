"""Page of the revisions of a rule or threshold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.access.context import RequestContext
from hypervisor.base.translation import translate as _
from hypervisor.registry import queries_site
from hypervisor.registry.queries_revisions import RecordedRevision, load_rule_histories
from hypervisor.rulebook import service_thresholds, views_texts
from hypervisor.rulebook.api_thresholds import owner_of
from hypervisor.rulebook.differences import Difference, list_differences
from hypervisor.rulebook.service import get_revisions
from hypervisor.rulebook.stamps import mark_of
from hypervisor.rulebook.timeline import latest
from hypervisor.rulebook.views_threshold import site_of
from hypervisor.web.filters import value
from rules._errors import RuleError
from rules._pack import rule_from_json


@dataclass(frozen=True, kw_only=True)
class HistoryLine:
    """One revision. `stands`: it is the latest; `value_text`: a threshold's value."""

    id: int
    number: int
    recorded_at: datetime
    effective: datetime
    always: bool
    author: str
    shipped: bool
    reason: str
    value_text: str
    stands: bool
    withdrawn: bool
    differences: tuple[Difference, ...]


@dataclass(frozen=True, kw_only=True)
class History:
    """Revisions, the latest first. `back`: the page of the rule or threshold."""

    title: str
    kind: str
    back: str
    mark: str
    lines: tuple[HistoryLine, ...]

    @property
    def withdrawn(self) -> bool:
        return self.lines[0].withdrawn


def threshold_history(context: RequestContext, key: str) -> History:
    """Revisions of a threshold."""
    owner, name = owner_of(key), key.rpartition("/")[2]
    revisions = service_thresholds.get_history(context.connection, key)
    place = queries_site.load_site(context.connection, site_of(context, owner, name))
    where = owner if place is None or owner.startswith("device/") else place.title
    return History(
        title=f"{views_texts.threshold_label(name, context.catalogue)}, {where}",
        kind="threshold",
        back=f"/thresholds/{key}",
        mark=service_thresholds.mark_of_last(revisions),
        lines=_history_lines(revisions, whole=False),
    )


def rule_history(context: RequestContext, rule: str) -> History:
    """Revisions of a rule."""
    revisions = get_revisions(load_rule_histories(context.connection), rule)
    return History(
        title=rule_title(revisions, rule),
        kind="rule",
        back=f"/rules/{rule}",
        mark=mark_of(latest(revisions)),
        lines=_history_lines(revisions, whole=True),
    )


def rule_title(revisions: Sequence[RecordedRevision], rule: str) -> str:
    """The title in the latest revision that has one."""
    for recorded in reversed(revisions):
        if recorded.value is not None:
            try:
                return views_texts.rule_title(rule_from_json(recorded.value))
            except RuleError:
                continue
    return rule


def _history_lines(
    revisions: Sequence[RecordedRevision], *, whole: bool
) -> tuple[HistoryLine, ...]:
    by_id = {recorded.id: recorded for recorded in revisions}
    last = max(revisions, key=lambda recorded: recorded.id)
    lines = [
        HistoryLine(
            id=recorded.id,
            number=number,
            recorded_at=recorded.recorded_at,
            effective=recorded.effective,
            always=recorded.effective.year < 1900,
            author=recorded.author,
            shipped=recorded.shipped,
            reason=recorded.reason,
            value_text=_("withdrawn")
            if recorded.value is None
            else ""
            if whole
            else _format_value(recorded),
            stands=recorded.id == last.id,
            withdrawn=recorded.value is None,
            differences=_differences(recorded, by_id) if whole else (),
        )
        for number, recorded in enumerate(
            sorted(revisions, key=lambda recorded: recorded.id), start=1
        )
    ]
    return tuple(reversed(lines))


def _differences(
    recorded: RecordedRevision, by_id: dict[int, RecordedRevision]
) -> tuple[Difference, ...]:
    before = by_id.get(recorded.previous or 0)
    return () if before is None else tuple(list_differences(before.value, recorded.value))


def _format_value(recorded: RecordedRevision) -> str:
    content = recorded.value or {}
    return value(
        float(content["value"]), str(content["unit"]), views_texts.decimals(float(content["value"]))
    )
