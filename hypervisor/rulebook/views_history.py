"""Page of the revisions of a rule or threshold."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypervisor.access.context import RequestContext
from hypervisor.base.translation import translate as _
from hypervisor.registry.queries_revisions import RecordedRevision, load_rule_histories
from hypervisor.rulebook import service_thresholds, views_texts
from hypervisor.rulebook.model import Difference, latest, mark_of, owner_of, revision_differences
from hypervisor.rulebook.service import get_revisions
from hypervisor.rulebook.views_list import read_rule
from hypervisor.rulebook.views_threshold import find_place


@dataclass(frozen=True, kw_only=True)
class HistoryLine:
    """One revision. `stands`: it is the latest; `value_text`: a threshold's value."""

    number: int
    recorded: RecordedRevision
    stands: bool
    value_text: str
    differences: Sequence[Difference] = ()

    @property
    def always(self) -> bool:
        return self.recorded.effective.year < 1900


@dataclass(frozen=True, kw_only=True)
class History:
    """Revisions, the latest first. `back`: the page of the rule or threshold."""

    title: str
    kind: str
    back: str
    mark: str
    lines: Sequence[HistoryLine]

    @property
    def withdrawn(self) -> bool:
        return self.lines[0].recorded.value is None


def threshold_history(context: RequestContext, key: str) -> History:
    """Revisions of a threshold."""
    owner, name = owner_of(key), key.rpartition("/")[2]
    place, device = find_place(context, owner, name)
    label = views_texts.threshold_label(name, context.catalogue)
    title = f"{label}, {owner if device else place.title}"
    revisions = service_thresholds.get_history(context.connection, key)
    return _history(title, f"/thresholds/{key}", revisions)


def rule_history(context: RequestContext, rule: str) -> History:
    """Revisions of a rule, under the title in the latest revision that has one."""
    revisions = get_revisions(load_rule_histories(context.connection), rule)
    parsed = (read_rule(recorded.value) for recorded in reversed(revisions))
    titles = (views_texts.rule_title(written) for written in parsed if written is not None)
    return _history(next(titles, rule), f"/rules/{rule}", revisions)


def _history(title: str, back: str, revisions: Sequence[RecordedRevision]) -> History:
    by_id = {recorded.id: recorded for recorded in revisions}
    last = latest(revisions)
    lines: list[HistoryLine] = []
    for number, (_id, recorded) in enumerate(sorted(by_id.items()), start=1):
        before = by_id.get(recorded.previous or 0)
        text, differences = "", []
        if recorded.value is None:
            text = _("withdrawn")
        elif recorded.kind == "threshold":
            text = views_texts.format_revision(recorded)
        if recorded.kind == "rule" and before is not None:
            differences = revision_differences(before, recorded)
        lines.append(
            HistoryLine(
                number=number,
                recorded=recorded,
                stands=recorded is last,
                value_text=text,
                differences=differences,
            )
        )
    return History(title=title, kind=last.kind, back=back, mark=mark_of(last), lines=lines[::-1])
