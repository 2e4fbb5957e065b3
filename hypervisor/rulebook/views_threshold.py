"""Page of a threshold: form, trial, proposed values, context."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request

from hypervisor.access.context import RequestContext
from hypervisor.backtest import queries_past_events
from hypervisor.backtest.past_events import parse_number
from hypervisor.base.errors import NotFoundError, RulebookError
from hypervisor.base.translation import mark as mark_word
from hypervisor.base.translation import translate as _
from hypervisor.forecast import queries as forecast_queries
from hypervisor.registry import queries_revisions, queries_site
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.registry.queries_site import SitePlace
from hypervisor.rulebook import gauge_records, queries, views_texts
from hypervisor.rulebook.model import last_recorded, mark_of, owner_of
from hypervisor.rulebook.proposal import Candidate, Proposal, ProposalOptions
from hypervisor.rulebook.views_share import make_link
from hypervisor.rulebook.views_texts import RuleBehaviour
from hypervisor.rulebook.views_trial import (
    LAST_YEAR,
    SpanChoice,
    TrialView,
    choose_span,
    list_events,
    try_out,
)
from hypervisor.rulebook.yaml_output import rule_text
from hypervisor.web.refusals import refusal
from rules._rule import Rule
from sensors._domain import Domain
from sensors._scalars import ScalarError
from sensors._units import UnitError, convert

_IN_YAML = ("id", "when", "clear", "for", "keep for", "severity", "steps")


@dataclass(frozen=True, kw_only=True)
class ThresholdPage:
    """The page. `problem`: why the trial failed; `value`: as entered; `seen`: reported peaks."""

    key: str
    owner: str
    name: str
    label: str
    place: SitePlace
    device: str | None
    unit: str
    peak_unit: str
    standing: float | None
    value: str
    last: RecordedRevision | None
    number: int
    subjects: int
    spans: Sequence[SpanChoice]
    span: str
    shown: TrialView | None
    problem: str
    assets: Sequence[tuple[str, float]]
    seen: tuple[float, float] | None
    text: str
    link: str

    @property
    def mark(self) -> str:
        return mark_of(self.last)

    @property
    def rule(self) -> Rule | None:
        return self.shown.tried.rule if self.shown else None

    @property
    def manner(self) -> RuleBehaviour | None:
        return self.shown.manner if self.shown else None


@dataclass(frozen=True, kw_only=True)
class TrialQuery:
    """Query parameters of the page."""

    value: str = ""
    span: str = LAST_YEAR
    rule: str = ""


def load_page(
    context: RequestContext, request: Request, key: str, query: TrialQuery
) -> ThresholdPage:
    """The page of one threshold; NotFoundError if there is no such site or threshold."""
    owner, name = owner_of(key), key.rpartition("/")[2]
    place, device = find_place(context, owner, name)
    revisions = queries_revisions.list_revisions(context.connection, "threshold", key)
    last = last_recorded(revisions)
    if name not in context.catalogue.thresholds and last is None:
        raise NotFoundError("there is no threshold {name!r}", name)
    unit = unit_of(context, key)
    events = list_events(context, place)
    threshold = context.catalogue.thresholds.get(name)
    quantity = threshold.quantity if threshold else ""
    spans, chosen = choose_span(context, place, quantity, events, query.span)
    value = query.value.strip() or None
    shown, problem = try_out(context, request, owner, chosen, name, value=value, rule=query.rule)
    rule = shown.tried.rule if shown else None
    peaks = [event.peak for event in events if event.peak is not None and event.unit == unit]
    return ThresholdPage(
        key=key,
        owner=owner,
        name=name,
        label=views_texts.threshold_label(name, context.catalogue),
        place=place,
        device=device,
        unit=unit,
        peak_unit=peak_unit(context, key),
        standing=float(last.value["value"]) if last is not None and last.value else None,
        value=query.value,
        last=last,
        number=len(revisions) + 1,
        subjects=_count_sites_sharing(context, rule) if rule else 0,
        spans=spans,
        span=chosen.key,
        shown=shown,
        problem=problem,
        assets=_list_assets(context, place.name, name),
        seen=(min(peaks), max(peaks)) if peaks else None,
        text=_rule_yaml(context, rule.id) if rule else "",
        link=make_link(
            f"/thresholds/{key}", chosen, value=query.value, rule=rule.id if rule else ""
        ),
    )


def find_place(context: RequestContext, owner: str, name: str) -> tuple[SitePlace, str | None]:
    """The site of an owner of thresholds, and the device if that is the owner."""
    device = owner.removeprefix("device/") if owner.startswith("device/") else None
    site = owner if device is None else queries.get_site_of_device(context.connection, device)
    place = None if site is None or not name else queries_site.load_site(context.connection, site)
    if place is None:
        raise NotFoundError("there is no site or device {owner!r}", owner)
    return place, device


def unit_of(context: RequestContext, key: str) -> str:
    """The unit of a threshold."""
    threshold = context.catalogue.thresholds.get(key.rpartition("/")[2])
    if threshold is not None:
        return threshold.unit
    revisions = queries_revisions.list_revisions(context.connection, "threshold", key)
    return str((revisions[-1].value or {}).get("unit", "")) if revisions else ""


def peak_unit(context: RequestContext, key: str) -> str:
    """The unit of what a threshold limits: of a rate that of the level itself."""
    threshold = context.catalogue.thresholds.get(key.rpartition("/")[2])
    if threshold is None:
        return unit_of(context, key)
    return context.catalogue.quantities[threshold.quantity].unit


def _list_assets(context: RequestContext, site: str, name: str) -> list[tuple[str, float]]:
    """Assets that a level (m) reaches here, the lowest first."""
    threshold = context.catalogue.thresholds.get(name)
    if threshold is None or (threshold.quantity, threshold.unit) != ("level", "m"):
        return []
    levels: list[tuple[str, float]] = []
    for asset in forecast_queries.assets(context.connection, context.now()):
        if asset.gauge == site:
            try:
                levels.append((asset.title, convert(asset.level, asset.unit, "m")))
            except UnitError:
                continue
    return sorted(levels, key=lambda pair: pair[1])


def _count_sites_sharing(context: RequestContext, rule: Rule) -> int:
    """Number of sites where the rule applies; 0 unless it is per site."""
    if rule.per != "site":
        return 0
    return queries.count_sites_sharing(context.connection, list(rule.plain), list(rule.thresholds))


def _rule_yaml(context: RequestContext, rule: str) -> str:
    """The conditions of the current rule in YAML; empty if withdrawn."""
    recorded = queries_revisions.load_latest(context.connection, "rule").get(rule)
    if recorded is None or recorded.value is None:
        return ""
    return rule_text({key: part for key, part in recorded.value.items() if key in _IN_YAML})


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """A concurrent change: the value seen, the current one, and its revision."""

    seen: str
    stands: str
    last: RecordedRevision


def find_conflict(context: RequestContext, key: str, seen: str) -> Conflict | None:
    """The value with the mark that the author saw, and the current one if it is another."""
    revisions = queries_revisions.list_revisions(context.connection, "threshold", key)
    last = last_recorded(revisions)
    if last is None or mark_of(last) == seen:
        return None
    before = next((revision for revision in revisions if mark_of(revision) == seen), None)
    return Conflict(
        seen=views_texts.format_revision(before),
        stands=views_texts.format_revision(last),
        last=last,
    )


@dataclass(frozen=True, kw_only=True)
class ThresholdProposal:
    """Candidates for one threshold; `problem`: why there are none."""

    of: Proposal | None = None
    candidates: Sequence[Candidate] = ()
    problem: str = ""


def propose_values(context: RequestContext, key: str) -> ThresholdProposal:
    """Candidates from the record of the threshold's quantity."""
    owner, name = owner_of(key).removeprefix("device/"), key.rpartition("/")[2]
    try:
        proposals = gauge_records.list_proposals(
            context.connection, owner, catalogue=context.catalogue, options=ProposalOptions()
        )
    except RulebookError as error:
        return ThresholdProposal(problem=refusal(error))
    for proposal in proposals:
        own = [candidate for candidate in proposal.candidates if candidate.threshold == name]
        if own:
            return ThresholdProposal(of=proposal, candidates=own)
    return ThresholdProposal(of=proposals[0])


def parse_value(text: str, unit: str) -> str:
    """A number as entered, with the field's unit if it has none; RulebookError if it is none."""
    try:
        return f"{parse_number(text, unit)!r} {unit}"
    except ScalarError as error:
        raise RulebookError(str(error)) from error


def format_error(error: Exception, key: str) -> str:
    """An error message without the page's own key."""
    return refusal(str(error).removeprefix(f"{key}: "))


def list_event_kinds(domain: Domain | None) -> list[tuple[str, str]]:
    """Kinds of events, the usual one of the domain first."""
    usual = Domain.event if domain is None else domain.event
    names = sorted(queries_past_events.KINDS, key=lambda kind: kind != usual)
    return [(name, _(_KINDS[name])) for name in names]


_KINDS = {
    "overflow": mark_word("Overflow"),
    "flood": mark_word("Flood"),
    "heavy-rain": mark_word("Heavy rain"),
    "frost": mark_word("Frost"),
    "heat": mark_word("Heat"),
    "storm": mark_word("Storm"),
    "outage": mark_word("Outage"),
    "jam": mark_word("Traffic jam"),
    "other": mark_word("Other"),
    "nothing": mark_word("Nothing happened"),
}
