"""List of rules by domain, with alarm counts and inhibited rules."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from fastapi import Request

from hypervisor.access.context import RequestContext
from hypervisor.registry import queries_revisions
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.rulebook import queries, views_texts
from hypervisor.rulebook.queries import AlarmCounts
from hypervisor.rulebook.views_subjects import list_subjects
from hypervisor.rulebook.views_texts import fold_text
from rules._errors import RuleError
from rules._pack import rule_from_json
from rules._rule import SEVERITIES, Rule

SPAN = timedelta(days=30)
_NEVER = AlarmCounts(times=0, standing=0, last=None)


@dataclass(frozen=True, kw_only=True)
class RuleItem:
    """One rule. `rule` is None if withdrawn, or if this version cannot parse it."""

    id: str
    rule: Rule | None
    title: str
    severities: tuple[str, ...]
    sites: int
    raised: AlarmCounts
    wrong_when: str
    inhibits: tuple[tuple[str, str], ...]
    last: RecordedRevision


@dataclass(frozen=True, kw_only=True)
class RuleList:
    """Rules by domain in catalogue order; `whole` is the number of all rules."""

    groups: tuple[tuple[str, tuple[RuleItem, ...]], ...]
    count: int
    whole: int


def list_rules(context: RequestContext, request: Request, q: str, domain: str) -> RuleList:
    """Rules that match all words of `q`, of one domain or all."""
    latest = queries_revisions.load_latest(context.connection, "rule")
    read = {key: read_rule(recorded.value) for key, recorded in latest.items()}
    titles = {key: views_texts.rule_title(rule) for key, rule in read.items() if rule is not None}
    applied = list_subjects(context, request)
    raised = queries.count_alarms_by_rule(context.connection, context.now() - SPAN)
    words = fold_text(q).split()
    by_domain: dict[str, list[RuleItem]] = {}
    for key, last in latest.items():
        item = _rule_item(key, last, read[key], titles, applied, raised)
        search_text = fold_text(
            f"{key} {item.title} {item.wrong_when} {_condition_text(item.rule)}"
        )
        if all(word in search_text for word in words):
            by_domain.setdefault(domain_of(key, context), []).append(item)
    order = [*context.catalogue.domains, ""]
    groups = [
        (name, tuple(sorted(by_domain[name], key=lambda item: (item.rule is None, item.title))))
        for name in order
        if name in by_domain and domain in ("", name)
    ]
    return RuleList(
        groups=tuple(groups),
        count=sum(len(items) for _, items in groups),
        whole=len(latest),
    )


def domain_of(rule: str, context: RequestContext) -> str:
    """The domain that a rule's id begins with."""
    domains = sorted(context.catalogue.domains, key=len, reverse=True)
    return next((name for name in domains if rule.startswith(f"{name}-")), "")


def read_rule(value: Mapping[str, object] | None) -> Rule | None:
    """Parse a revision; None if withdrawn or not understood."""
    return None if value is None else _read(json.dumps(value, sort_keys=True, default=str))


@lru_cache(maxsize=500)
def _read(written: str) -> Rule | None:
    try:
        return rule_from_json(json.loads(written))
    except RuleError:
        return None


def _rule_item(  # noqa: PLR0913, PLR0917  what is known of all rules
    key: str,
    last: RecordedRevision,
    rule: Rule | None,
    titles: Mapping[str, str],
    applied: Mapping[str, Sequence[tuple[str, str]]],
    raised: Mapping[str, AlarmCounts],
) -> RuleItem:
    severities: list[str] = []
    if rule is not None:
        distinct = {rule.severity, *(step.severity for step in rule.steps)}
        severities = sorted(distinct, key=SEVERITIES.index, reverse=True)
    return RuleItem(
        id=key,
        rule=rule,
        title=titles.get(key, key),
        severities=tuple(severities),
        sites=len({site for site, _subject in applied.get(key, ())}),
        raised=raised.get(key, _NEVER),
        wrong_when="" if rule is None else views_texts.wrong_when(rule),
        inhibits=()
        if rule is None
        else tuple((inhibit, titles.get(inhibit, inhibit)) for inhibit in rule.inhibits),
        last=last,
    )


def _condition_text(rule: Rule | None) -> str:
    return "" if rule is None else f"{rule.written.get('when', '')} {rule.written.get('clear', '')}"
