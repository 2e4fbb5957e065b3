"""Lists of rules by domain and of thresholds by site."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from fastapi import Request

from hypervisor.access.context import RequestContext
from hypervisor.registry import queries_revisions
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.rulebook import queries, service_thresholds, views_texts
from hypervisor.rulebook.queries import AlarmCounts
from hypervisor.rulebook.service_trials import list_subjects
from hypervisor.rulebook.views_texts import fold_text
from rules._errors import RuleError
from rules._pack import rule_from_json
from rules._rule import SEVERITIES, Rule

_SPAN = timedelta(days=30)
_NEVER = AlarmCounts(times=0, standing=0, last=None)
_SHOWN = 100  # sites shown at most


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
    """Matching rules by domain in catalogue order; `total`: the number of all rules."""

    groups: tuple[tuple[str, tuple[RuleItem, ...]], ...]
    count: int
    total: int


def list_rules(context: RequestContext, request: Request, q: str, domain: str) -> RuleList:
    """Rules that match all words of `q`, of one domain or all."""
    latest = queries_revisions.load_latest(context.connection, "rule")
    read = {key: read_rule(recorded.value) for key, recorded in latest.items()}
    titles = {key: views_texts.rule_title(rule) for key, rule in read.items() if rule is not None}
    applied = list_subjects(context, request)
    raised = queries.count_alarms_by_rule(context.connection, context.now() - _SPAN)
    by_domain: dict[str, list[RuleItem]] = {}
    for key, last in latest.items():
        rule = read[key]
        item = RuleItem(
            id=key,
            rule=rule,
            title=titles.get(key, key),
            severities=() if rule is None else _severities(rule),
            sites=len({site for site, _subject in applied.get(key, ())}),
            raised=raised.get(key, _NEVER),
            wrong_when="" if rule is None else views_texts.wrong_when(rule),
            inhibits=tuple((name, titles.get(name, name)) for name in rule.inhibits)
            if rule
            else (),
            last=last,
        )
        written = {} if rule is None else rule.written
        conditions = f"{written.get('when', '')} {written.get('clear', '')}"
        if _matches(q, key, item.title, item.wrong_when, conditions):
            by_domain.setdefault(domain_of(key, context), []).append(item)
    groups = [
        (name, tuple(sorted(by_domain[name], key=lambda item: (item.rule is None, item.title))))
        for name in (*context.catalogue.domains, "")
        if name in by_domain and domain in ("", name)
    ]
    return RuleList(
        groups=tuple(groups),
        count=sum(len(items) for _, items in groups),
        total=len(latest),
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


def _severities(rule: Rule) -> tuple[str, ...]:
    """Those of its alarms, the most severe first."""
    distinct = {rule.severity, *(step.severity for step in rule.steps)}
    return tuple(sorted(distinct, key=SEVERITIES.index, reverse=True))


def _matches(q: str, *texts: str) -> bool:
    """Whether all words of `q` occur in the texts."""
    text = fold_text(" ".join(texts))
    return all(word in text for word in fold_text(q).split())


@dataclass(frozen=True, kw_only=True)
class ThresholdLine:
    """One threshold."""

    key: str
    label: str
    value: str
    last: RecordedRevision


@dataclass(frozen=True, kw_only=True)
class SiteThresholds:
    """Thresholds of a site, or of one of its devices."""

    name: str
    title: str
    domain: str
    limits: Sequence[ThresholdLine]


@dataclass(frozen=True, kw_only=True)
class ThresholdList:
    """Matching thresholds; `more`: sites not shown; `total`: the number of all thresholds."""

    sites: Sequence[SiteThresholds]
    more: int
    count: int
    total: int


def list_thresholds(context: RequestContext, q: str, domain: str) -> ThresholdList:
    """Thresholds whose site, device or label matches all words of `q`, in catalogue order."""
    in_force = service_thresholds.list_in_force(context.connection, now=context.now())
    owners = queries.list_threshold_owners(context.connection)
    order = {name: number for number, name in enumerate(context.catalogue.thresholds)}
    by_owner: dict[str, list[tuple[str, RecordedRevision]]] = {}
    for recorded in in_force:
        owner, _, name = recorded.key.rpartition("/")
        by_owner.setdefault(owner, []).append((name, recorded))
    matches: list[tuple[queries.ThresholdOwner, list[tuple[str, RecordedRevision]]]] = []
    for owner, named in by_owner.items():
        place = owners.get(owner)
        if place is None or domain not in ("", place.domain):
            continue
        labels = (views_texts.threshold_label(name, context.catalogue) for name, _ in named)
        if not q or _matches(q, owner, place.title, *labels):
            named.sort(key=lambda pair: order.get(pair[0], len(order)))
            matches.append((place, named))
    matches.sort(key=lambda match: (match[0].domain, match[0].title))
    return ThresholdList(
        sites=[
            SiteThresholds(
                name=place.site,
                title=place.title,
                domain=place.domain,
                limits=[
                    ThresholdLine(
                        key=recorded.key,
                        label=views_texts.threshold_label(name, context.catalogue),
                        value=views_texts.format_revision(recorded),
                        last=recorded,
                    )
                    for name, recorded in named
                ],
            )
            for place, named in matches[:_SHOWN]
        ],
        more=max(len(matches) - _SHOWN, 0),
        count=sum(len(named) for _, named in matches),
        total=len(in_force),
    )
