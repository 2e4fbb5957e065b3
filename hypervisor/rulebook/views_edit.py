"""A rule on its page: the draft beside what stands, where it applies, what it would have meant."""

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
from hypervisor.registry.formatting import describe_revision
from hypervisor.registry.queries_revisions import RecordedRevision, load_rule_histories
from hypervisor.registry.queries_site import SitePlace
from hypervisor.rulebook import service, views_draft, views_words
from hypervisor.rulebook.api_trials import edit_of, tried
from hypervisor.rulebook.differing import Difference, differences
from hypervisor.rulebook.stamps import NONE, mark
from hypervisor.rulebook.views_draft import Draft
from hypervisor.rulebook.views_list import domain_of, read_rule
from hypervisor.rulebook.views_places import places
from hypervisor.rulebook.views_tried import Shown, SpanChoice, drawn, spans_of
from hypervisor.web.refusals import refusal
from rules._errors import RuleError
from rules._pack import packs
from rules._rule import Rule


@dataclass(frozen=True, kw_only=True)
class Stands:
    """A rule as it was recorded last; `value` None: it is withdrawn, or new."""

    id: str
    domain: str
    value: Mapping[str, Any] | None
    rule: Rule | None
    last: RecordedRevision | None
    mark: str
    number: int


@dataclass(frozen=True, kw_only=True)
class RuleTrial:
    """As the page of a threshold has it, of a whole rule at one site."""

    place: SitePlace | None
    spans: Sequence[SpanChoice]
    span: str
    shown: Shown | None
    problem: str
    unit: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Place:
    """A site where it applies, with the thresholds that it asks for."""

    name: str
    title: str
    thresholds: tuple[tuple[str, str, str], ...]  # key, label, value


def stands(context: RequestContext, rule: str) -> Stands:
    """What stands of a rule.

    Raises:
        UnknownError: there is no such rule.
    """
    revisions = service.of(load_rule_histories(context.connection), rule)
    last = max(revisions, key=lambda one: one.id)
    return Stands(
        id=rule,
        domain=domain_of(rule, context),
        value=last.value,
        rule=read_rule(last.value),
        last=last,
        mark=mark(last),
        number=len(revisions) + 1,
    )


def new(context: RequestContext, domain: str) -> Stands:
    """A rule that is to be.

    Raises:
        UnknownError: there is no such domain.
    """
    if domain not in context.catalogue.domains:
        raise UnknownError(f"no domain {domain!r}")
    return Stands(id="", domain=domain, value=None, rule=None, last=None, mark=NONE, number=1)


def template(context: RequestContext, domain: str) -> Draft:
    """A rule to begin with: the first of the domain's pack, else of its first quantity."""
    pack = next((one for one in packs() if one.domain == domain and one.rules), None)
    if pack is not None:
        made = {**pack.rules[0].written, "id": f"{domain}-my-rule", "tests": []}
        return views_draft.of_value(made, domain)
    quantity = context.catalogue.domains[domain].quantities[0]
    return views_draft.of_value(
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


def draft_of(found: Stands) -> Draft:
    """What stands, to be edited."""
    return views_draft.of_value(found.value or {}, found.domain)


def changes(found: Stands, draft: Draft) -> list[Difference]:
    """What saving would change."""
    if draft.rule is None or found.value is None:
        return []
    return differences(found.value, draft.rule.to_json())


def since(
    context: RequestContext, rule: str, seen: str
) -> tuple[RecordedRevision | None, list[Difference]]:
    """Who changed it since an author saw it, and what."""
    revisions = service.of(load_rule_histories(context.connection), rule)
    last = max(revisions, key=lambda one: one.id)
    before = next((revision for revision in revisions if mark(revision) == seen), None)
    return last, [] if before is None else differences(before.value, last.value)


def applies(context: RequestContext, request: Request, rule: str) -> list[Place]:
    """Where a rule applies, by title; with the thresholds that it asks for there."""
    subjects = places(context, request).get(rule, [])
    names = {site for site, _subject in subjects}
    titles = {row.name: row.title for row in queries_latest.list_sites(context.connection)}
    rows = queries_site.list_thresholds(context.connection, sorted(names), context.now())
    stood = read_rule((stands(context, rule).value) or None)
    wanted = () if stood is None else (*stood.thresholds, *stood.optional_thresholds)
    found: dict[str, list[tuple[str, str, str]]] = {}
    for one in rows:
        if one.name in wanted:
            found.setdefault(one.site, []).append(
                (
                    f"{one.site}/{one.name}",
                    views_words.label(one.name, context.catalogue),
                    views_words.figure(one.value, one.unit),
                )
            )
    made = [
        Place(name=name, title=titles.get(name, name), thresholds=tuple(found.get(name, ())))
        for name in names
    ]
    return sorted(made, key=lambda one: one.title)


def trial(
    context: RequestContext, request: Request, rule: Rule | None, site: str, span: str
) -> RuleTrial:
    """The rule as it is drafted at a site, beside what stands."""
    place = queries_site.load_site(context.connection, site) if site else None
    if place is None or rule is None:
        problem = _("The rule must be understood first.") if place is not None else ""
        return RuleTrial(
            place=None, spans=(), span="", shown=None, problem=problem, unit="", label=""
        )
    name = next(iter((*rule.thresholds, *rule.optional_thresholds)), "")
    rivers = [place.river] if place.river else []
    events = queries_past_events.standing(context.connection, sites=[site], rivers=rivers)
    spans = spans_of(context, place, name, events)
    chosen = next((one for one in spans if one.key == span), spans[0])
    shown, problem = None, ""
    try:
        edit = edit_of(site, chosen.since, chosen.until, written=rule)
        shown = drawn(context, tried(context, request, edit), name)
    except (BacktestError, RuleError) as error:
        problem = refusal(error)
    return RuleTrial(
        place=place,
        spans=spans,
        span=chosen.key,
        shown=shown,
        problem=problem,
        unit="" if shown is None else shown.tried.unit,
        label=views_words.label(name, context.catalogue) if name else "",
    )


def told(last: RecordedRevision) -> str:
    """Who said it, when and why."""
    return describe_revision(last)


def everywhere(context: RequestContext, domain: str) -> list[tuple[str, str]]:
    """The sites of a domain that a new rule may be tried at."""
    return [
        (row.name, row.title)
        for row in queries_latest.list_sites(context.connection)
        if row.domain == domain
    ]
