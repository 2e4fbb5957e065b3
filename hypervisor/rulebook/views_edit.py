"""Page of a rule: draft, current revision, sites, trial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from hypervisor.access.context import RequestContext
from hypervisor.backtest import queries_past_events
from hypervisor.backtest.errors import BacktestError
from hypervisor.base.errors import UnknownError
from hypervisor.base.translation import translate as _
from hypervisor.readings import queries_latest
from hypervisor.registry import queries_site
from hypervisor.registry.queries_revisions import RecordedRevision, load_rule_histories
from hypervisor.registry.queries_site import SitePlace
from hypervisor.rulebook import service, views_draft, views_texts
from hypervisor.rulebook.api_trials import build_edit, run_trial
from hypervisor.rulebook.differences import Difference, list_differences
from hypervisor.rulebook.stamps import NONE, mark_of
from hypervisor.rulebook.timeline import latest
from hypervisor.rulebook.views_draft import Draft
from hypervisor.rulebook.views_list import domain_of, read_rule
from hypervisor.rulebook.views_subjects import list_subjects
from hypervisor.rulebook.views_trial import SpanChoice, TrialView, list_spans, view_trial
from hypervisor.web.refusals import refusal
from rules._errors import RuleError
from rules._pack import packs
from rules._rule import Rule


@dataclass(frozen=True, kw_only=True)
class EditedRule:
    """The latest revision of a rule; `value` is None if withdrawn or new."""

    id: str
    domain: str
    value: Mapping[str, Any] | None
    rule: Rule | None
    last: RecordedRevision | None
    mark: str
    number: int


@dataclass(frozen=True, kw_only=True)
class RuleTrial:
    """Trial of a drafted rule at one site."""

    place: SitePlace | None
    spans: Sequence[SpanChoice]
    span: str
    shown: TrialView | None
    problem: str
    unit: str
    label: str


@dataclass(frozen=True, kw_only=True)
class RuleSite:
    """A site where the rule applies, with the thresholds that it uses."""

    name: str
    title: str
    thresholds: tuple[tuple[str, str, str], ...]  # key, label, value


def get_rule(context: RequestContext, rule: str) -> EditedRule:
    """The latest revision of a rule.

    Raises:
        UnknownError: there is no such rule.
    """
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
    """A new rule.

    Raises:
        UnknownError: there is no such domain.
    """
    if domain not in context.catalogue.domains:
        raise UnknownError(f"no domain {domain!r}")
    return EditedRule(id="", domain=domain, value=None, rule=None, last=None, mark=NONE, number=1)


def template_draft(context: RequestContext, domain: str) -> Draft:
    """A template: the first rule of the domain's pack, else one on its first quantity."""
    pack = next((pack for pack in packs() if pack.domain == domain and pack.rules), None)
    if pack is not None:
        value = {**pack.rules[0].written, "id": f"{domain}-my-rule", "tests": []}
        return views_draft.draft_of_value(value, domain)
    quantity = context.catalogue.domains[domain].quantities[0]
    return views_draft.draft_of_value(
        {
            "id": f"{domain}-my-rule",
            "title": "{site}: …",
            "when": f"{quantity.name} > 1 {quantity.unit}",
            "for": "10 min",
            "severity": "minor",
            "advice": "…",
            "wrong when": "…",
            "fr": {"title": "{site} : …", "advice": "…", "wrong when": "…"},
            "tests": [],
        },
        domain,
    )


def draft_of(current: EditedRule) -> Draft:
    """A draft of the current rule."""
    return views_draft.draft_of_value(current.value or {}, current.domain)


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


def list_sites(context: RequestContext, request: Request, rule: str) -> list[RuleSite]:
    """Sites where a rule applies, by title, with the thresholds that it uses."""
    subjects = list_subjects(context, request).get(rule, [])
    names = {site for site, _subject in subjects}
    titles = {row.name: row.title for row in queries_latest.list_sites(context.connection)}
    rows = queries_site.list_thresholds(context.connection, sorted(names), context.now())
    rule_in_force = read_rule((get_rule(context, rule).value) or None)
    names_used = (
        ()
        if rule_in_force is None
        else (*rule_in_force.thresholds, *rule_in_force.optional_thresholds)
    )
    thresholds_by_site: dict[str, list[tuple[str, str, str]]] = {}
    for threshold in rows:
        if threshold.name in names_used:
            thresholds_by_site.setdefault(threshold.site, []).append(
                (
                    f"{threshold.site}/{threshold.name}",
                    views_texts.threshold_label(threshold.name, context.catalogue),
                    views_texts.format_figure(threshold.value, threshold.unit),
                )
            )
    sites = [
        RuleSite(
            name=name,
            title=titles.get(name, name),
            thresholds=tuple(thresholds_by_site.get(name, ())),
        )
        for name in names
    ]
    return sorted(sites, key=lambda threshold: threshold.title)


def run_trial_at(
    context: RequestContext, request: Request, rule: Rule | None, site: str, span: str
) -> RuleTrial:
    """Trial of a drafted rule at a site, compared with the current rule."""
    place = queries_site.load_site(context.connection, site) if site else None
    if place is None or rule is None:
        problem = _("Correct the rule first.") if place is not None else ""
        return RuleTrial(
            place=None, spans=(), span="", shown=None, problem=problem, unit="", label=""
        )
    name = next(iter((*rule.thresholds, *rule.optional_thresholds)), "")
    rivers = [place.river] if place.river else []
    events = queries_past_events.standing(context.connection, sites=[site], rivers=rivers)
    spans = list_spans(context, place, name, events)
    chosen = next((choice for choice in spans if choice.key == span), spans[0])
    shown, problem = None, ""
    try:
        edit = build_edit(site, chosen.since, chosen.until, written=rule)
        shown = view_trial(context, run_trial(context, request, edit), name)
    except (BacktestError, RuleError) as error:
        problem = refusal(error)
    return RuleTrial(
        place=place,
        spans=spans,
        span=chosen.key,
        shown=shown,
        problem=problem,
        unit="" if shown is None else shown.tried.unit,
        label=views_texts.threshold_label(name, context.catalogue) if name else "",
    )


def list_domain_sites(context: RequestContext, domain: str) -> list[tuple[str, str]]:
    """Sites of a domain, for trials of a new rule."""
    return [
        (row.name, row.title)
        for row in queries_latest.list_sites(context.connection)
        if row.domain == domain
    ]
