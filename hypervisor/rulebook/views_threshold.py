"""Page of a threshold: form, trial, context."""

from dataclasses import dataclass

from fastapi import Request

from hypervisor.access.context import RequestContext
from hypervisor.backtest import queries_past_events
from hypervisor.backtest.errors import BacktestError
from hypervisor.backtest.numbers import parse_number
from hypervisor.base.errors import NotFoundError, RulebookError
from hypervisor.base.translation import mark as mark_word
from hypervisor.base.translation import translate as _
from hypervisor.registry import queries_revisions, queries_site
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.registry.queries_site import SitePlace
from hypervisor.rulebook import queries, service_thresholds, views_texts
from hypervisor.rulebook import views_context as around
from hypervisor.rulebook.api_thresholds import owner_of
from hypervisor.rulebook.api_trials import build_edit, run_trial
from hypervisor.rulebook.stamps import mark_of
from hypervisor.rulebook.timeline import last_recorded
from hypervisor.rulebook.views_texts import RuleBehaviour
from hypervisor.rulebook.views_trial import WHOLE, SpanChoice, TrialView, list_spans, view_trial
from hypervisor.web.filters import value
from hypervisor.web.refusals import refusal
from rules._errors import RuleError
from rules._rule import Rule
from sensors._scalars import ScalarError


@dataclass(frozen=True, kw_only=True)
class ThresholdPage:
    """The page. `problem`: why the trial failed; `value`: as entered."""

    key: str
    owner: str
    name: str
    label: str
    place: SitePlace
    device: str | None
    unit: str
    standing: float | None
    value: str
    last: RecordedRevision | None
    mark: str
    number: int
    rule: Rule | None
    manner: RuleBehaviour | None
    subjects: int
    spans: tuple[SpanChoice, ...]
    span: str
    shown: TrialView | None
    problem: str
    assets: tuple[tuple[str, float], ...]
    seen: tuple[float, float] | None
    text: str


@dataclass(frozen=True, kw_only=True)
class TrialQuery:
    """Query parameters of the page."""

    value: str = ""
    span: str = WHOLE
    rule: str = ""


def load_page(
    context: RequestContext, request: Request, key: str, query: TrialQuery
) -> ThresholdPage:
    """The page of one threshold.

    Raises:
        NotFoundError: no such site or threshold.
    """
    owner, name = owner_of(key), key.rpartition("/")[2]
    place, device = _find_place(context, owner, name)
    revisions = queries_revisions.list_revisions(context.connection, "threshold", key)
    last = last_recorded(revisions)
    threshold = context.catalogue.thresholds.get(name)
    if threshold is None and last is None:
        raise NotFoundError(f"there is no threshold {name!r}")
    unit = threshold.unit if threshold else str((last.value or {}).get("unit", "")) if last else ""
    standing = float(last.value["value"]) if last is not None and last.value else None
    events = around.list_events(context, place)
    spans = list_spans(context, place, name, events)
    chosen = next((span for span in spans if span.key == query.span), spans[0])
    shown, problem = _run_trial(context, request, key, query, chosen)
    rule = None if shown is None else shown.tried.rule
    return ThresholdPage(
        key=key,
        owner=owner,
        name=name,
        label=views_texts.threshold_label(name, context.catalogue),
        place=place,
        device=device,
        unit=unit,
        standing=standing,
        value=query.value,
        last=last,
        mark=service_thresholds.mark_of_last(revisions),
        number=len(revisions) + 1,
        rule=rule,
        manner=None if shown is None else shown.manner,
        subjects=0 if rule is None else around.count_sites_sharing(context, rule),
        spans=spans,
        span=chosen.key,
        shown=shown,
        problem=problem,
        assets=around.list_assets(
            context, place.name, threshold.quantity if threshold else "", unit
        ),
        seen=around.peak_range(events, unit),
        text="" if rule is None else around.rule_yaml(context, rule.id),
    )


def _run_trial(
    context: RequestContext, request: Request, key: str, query: TrialQuery, chosen: SpanChoice
) -> tuple[TrialView | None, str]:
    """The trial, or the reason why it failed."""
    owner, name = owner_of(key), key.rpartition("/")[2]
    try:
        edit = build_edit(
            owner,
            chosen.since,
            chosen.until,
            name=name,
            value=query.value.strip() or None,
            rule=query.rule,
        )
        return view_trial(context, run_trial(context, request, edit), name), ""
    except (BacktestError, RuleError, ScalarError) as error:
        return None, refusal(error)


def _find_place(context: RequestContext, owner: str, name: str) -> tuple[SitePlace, str | None]:
    device = owner.removeprefix("device/") if owner.startswith("device/") else None
    site = owner if device is None else queries.get_site_of_device(context.connection, device)
    place = None if site is None or not name else queries_site.load_site(context.connection, site)
    if place is None:
        raise NotFoundError(f"there is no site or device {owner!r}")
    return place, device


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """A concurrent change: the value seen, the current one, and its revision."""

    seen: str
    stands: str
    last: RecordedRevision


def find_conflict(context: RequestContext, key: str, seen: str) -> Conflict | None:
    """The value that the author saw and the current one."""
    revisions = queries_revisions.list_revisions(context.connection, "threshold", key)
    last = last_recorded(revisions)
    if last is None:
        return None
    before = next((revision for revision in revisions if mark_of(revision) == seen), None)
    return Conflict(seen=format_revision(before), stands=format_revision(last), last=last)


def changed_since(context: RequestContext, key: str, seen: str) -> RecordedRevision | None:
    """The latest revision if it is not the one that was seen."""
    revisions = queries_revisions.list_revisions(context.connection, "threshold", key)
    last = last_recorded(revisions)
    return None if service_thresholds.mark_of_last(revisions) == seen else last


def format_revision(recorded: RecordedRevision | None) -> str:
    """A revision's value as text."""
    if recorded is None or recorded.value is None:
        return _("not set")
    return value(
        float(recorded.value["value"]),
        str(recorded.value["unit"]),
        views_texts.decimals(float(recorded.value["value"])),
    )


def site_of(context: RequestContext, owner: str, name: str) -> str:
    """The site of an owner of thresholds.

    Raises:
        NotFoundError: there is none.
    """
    return _find_place(context, owner, name)[0].name


def unit_of(context: RequestContext, key: str) -> str:
    """The unit of a threshold."""
    threshold = context.catalogue.thresholds.get(key.rpartition("/")[2])
    if threshold is not None:
        return threshold.unit
    revisions = queries_revisions.list_revisions(context.connection, "threshold", key)
    return str((revisions[-1].value or {}).get("unit", "")) if revisions else ""


def parse_value(text: str, unit: str) -> str:
    """A number as entered, with the field's unit if it has none.

    Raises:
        RulebookError: not a number.
    """
    try:
        return f"{parse_number(text, unit)!r} {unit}"
    except ScalarError as error:
        raise RulebookError(str(error)) from error


def format_error(error: Exception, key: str) -> str:
    """An error message without the page's own key."""
    return refusal(str(error).removeprefix(f"{key}: "))


def list_event_kinds(domain: str) -> list[tuple[str, str]]:
    """Kinds of events, the usual one of the domain first."""
    usual = {"flood": "overflow", "weather": "storm", "lighting": "outage", "mobility": "jam"}
    names = sorted(queries_past_events.KINDS, key=lambda kind: kind != usual.get(domain))
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
