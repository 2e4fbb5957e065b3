"""Page of a rule: draft, current revision, sites, trial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from hypervisor.access.context import RequestContext
from hypervisor.base.errors import UnknownError
from hypervisor.base.translation import translate as _
from hypervisor.readings import queries_latest
from hypervisor.registry import queries_site
from hypervisor.registry.queries_revisions import RecordedRevision, load_rule_histories
from hypervisor.registry.queries_site import SitePlace
from hypervisor.rulebook import service, views_texts
from hypervisor.rulebook.model import NONE, Difference, latest, list_differences, mark_of
from hypervisor.rulebook.service_trials import list_subjects
from hypervisor.rulebook.views_draft import Draft, merge_guide, parse_draft
from hypervisor.rulebook.views_everywhere import (
    EverywhereView,
    choose_recent_span,
    try_out_everywhere,
)
from hypervisor.rulebook.views_guide import new_guide
from hypervisor.rulebook.views_list import domain_of, read_rule
from hypervisor.rulebook.views_share import make_link
from hypervisor.rulebook.views_trial import SpanChoice, TrialView, choose_span, list_events, try_out
from hypervisor.rulebook.yaml_output import rule_text
from rules._rule import Rule

EVERYWHERE = "*"  # instead of a site


@dataclass(frozen=True, kw_only=True)
class EditedRule:
    """The latest revision of a rule; `value` is None if withdrawn or new."""

    id: str
    domain: str
    value: Mapping[str, Any] | None = None
    rule: Rule | None = None
    last: RecordedRevision | None = None
    mark: str = NONE
    number: int = 1


@dataclass(frozen=True, kw_only=True)
class RuleTrial:
    """Trial of a drafted rule at one site."""

    place: SitePlace | None = None
    spans: Sequence[SpanChoice] = ()
    span: str = ""
    shown: TrialView | None = None
    problem: str = ""
    everywhere: EverywhereView | None = None
    link: str = ""


@dataclass(frozen=True, kw_only=True)
class RuleSite:
    """A site where the rule applies, with the thresholds that it uses."""

    name: str
    title: str
    thresholds: Sequence[tuple[str, str, str]]  # key, label, value


def get_rule(context: RequestContext, rule: str) -> EditedRule:
    """The latest revision of a rule; UnknownError if there is no such rule."""
    revisions = service.get_revisions(load_rule_histories(context.connection), rule)
    last = latest(revisions)
    return EditedRule(
        id=rule,
        domain=domain_of(rule, context),
        value=last.value,
        rule=read_rule(last.value),
        last=last,
        mark=mark_of(last),
        number=len(revisions) + 1,
    )


def new_rule(context: RequestContext, domain: str) -> EditedRule:
    """A new rule of the domain, or of the first one; UnknownError if there is no such domain."""
    domains = context.catalogue.domains
    if domain and domain not in domains:
        raise UnknownError("no domain {domain!r}", domain)
    return EditedRule(id="", domain=domain or next(iter(domains)))


def draft_of(context: RequestContext, current: EditedRule) -> Draft:
    """A draft of the current rule; of a new one as the guided form begins."""
    domain = current.domain
    if current.id:
        return parse_draft(rule_text(current.value or {}), domain)
    guide = new_guide(context.catalogue, domain)
    taken = list_identifiers(context)
    return parse_draft(merge_guide("tests: []", guide, domain=domain, taken=taken), domain)


def list_identifiers(context: RequestContext) -> frozenset[str]:
    """Identifiers of all rules that are or were, which a new one cannot have."""
    return frozenset(load_rule_histories(context.connection))


def list_changes(current: EditedRule, draft: Draft) -> list[Difference]:
    """Changes that saving would make."""
    if draft.rule is None or current.value is None:
        return []
    return list_differences(current.value, draft.rule.to_json())


def changes_since(
    context: RequestContext, rule: str, seen: str
) -> tuple[RecordedRevision | None, list[Difference]]:
    """The latest revision and its differences from the one that the author saw."""
    revisions = service.get_revisions(load_rule_histories(context.connection), rule)
    last = latest(revisions)
    before = next((revision for revision in revisions if mark_of(revision) == seen), None)
    return last, [] if before is None else list_differences(before.value, last.value)


def list_sites(context: RequestContext, request: Request, current: EditedRule) -> list[RuleSite]:
    """Sites where a rule applies, by title, with the thresholds that it uses."""
    names = {site for site, _subject in list_subjects(context, request).get(current.id, [])}
    titles = {row.name: row.title for row in queries_latest.list_sites(context.connection)}
    rule = current.rule
    used = () if rule is None else (*rule.thresholds, *rule.optional_thresholds)
    by_site: dict[str, list[tuple[str, str, str]]] = {}
    for limit in queries_site.list_thresholds(context.connection, sorted(names), context.now()):
        if limit.name in used:
            label = views_texts.threshold_label(limit.name, context.catalogue)
            figure = views_texts.format_figure(limit.value, limit.unit)
            by_site.setdefault(limit.site, []).append((f"{limit.site}/{limit.name}", label, figure))
    sites = [
        RuleSite(name=name, title=titles.get(name, name), thresholds=by_site.get(name, ()))
        for name in names
    ]
    return sorted(sites, key=lambda site: site.title)


def run_trial_at(  # noqa: PLR0913, PLR0917  what is tried, and where
    context: RequestContext,
    request: Request,
    current: EditedRule,
    draft: Draft,
    site: str,
    span: str,
) -> RuleTrial:
    """Trial of a drafted rule at a site, or at all, compared with the current rule."""
    if site == EVERYWHERE:
        return _run_trial_everywhere(context, request, current, draft, span)
    rule = draft.rule
    place = queries_site.load_site(context.connection, site) if site else None
    if place is None:
        return RuleTrial()
    if rule is None:
        return RuleTrial(problem=_("Correct the rule first."))
    quantity = next(iter((*rule.plain, *rule.names)), "")
    spans, chosen = choose_span(context, place, quantity, list_events(context, place), span)
    shown, problem = try_out(context, request, site, chosen, "", written=rule)
    return RuleTrial(
        place=place,
        spans=spans,
        span=chosen.key,
        shown=shown,
        problem=problem,
        link=_link_trial(current, draft, site, chosen),
    )


def _run_trial_everywhere(
    context: RequestContext, request: Request, current: EditedRule, draft: Draft, span: str
) -> RuleTrial:
    if draft.rule is None:
        return RuleTrial(problem=_("Correct the rule first."))
    spans, chosen = choose_recent_span(context, span)
    view, problem = try_out_everywhere(context, request, draft.rule, chosen)
    link = _link_trial(current, draft, EVERYWHERE, chosen)
    return RuleTrial(spans=spans, span=chosen.key, everywhere=view, problem=problem, link=link)


def _link_trial(current: EditedRule, draft: Draft, site: str, span: SpanChoice) -> str:
    path = f"/rules/{current.id or 'new'}"
    domain = "" if current.id else current.domain
    return make_link(path, span, domain=domain, site=site, draft=draft.text)


def list_domain_sites(context: RequestContext, domain: str) -> list[tuple[str, str]]:
    """Sites of a domain, for trials of a new rule."""
    sites = queries_latest.list_sites(context.connection)
    return [(row.name, row.title) for row in sites if row.domain == domain]
