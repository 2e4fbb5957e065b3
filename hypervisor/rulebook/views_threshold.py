"""A threshold on its page: the form, what it would have meant, what is known of the place."""

from dataclasses import dataclass

from fastapi import Request

from hypervisor.access.context import RequestContext
from hypervisor.backtest import queries_past_events
from hypervisor.backtest.errors import BacktestError
from hypervisor.backtest.numbers import parse_number
from hypervisor.base.errors import NotFoundError, RulebookError
from hypervisor.base.scalars import ScalarError
from hypervisor.base.translation import mark as mark_word
from hypervisor.base.translation import translate as _
from hypervisor.registry import queries_revisions, queries_site
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.registry.queries_site import SitePlace
from hypervisor.rulebook import queries, service_thresholds, views_words
from hypervisor.rulebook import views_around as around
from hypervisor.rulebook.api_thresholds import owner_of
from hypervisor.rulebook.api_trials import edit_of, tried
from hypervisor.rulebook.stamps import mark
from hypervisor.rulebook.views_tried import WHOLE, Shown, SpanChoice, drawn, spans_of
from hypervisor.rulebook.views_words import Manner
from hypervisor.web.filters import value
from hypervisor.web.refusals import refusal
from rules._errors import RuleError
from rules._rule import Rule


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """All of the page. `problem`: why nothing can be tried, in words; `value`: what is typed."""

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
    manner: Manner | None
    subjects: int
    spans: tuple[SpanChoice, ...]
    span: str
    shown: Shown | None
    problem: str
    assets: tuple[tuple[str, float], ...]
    seen: tuple[float, float] | None
    text: str


@dataclass(frozen=True, kw_only=True)
class TrialQuery:
    """What the address asks for."""

    value: str = ""
    span: str = WHOLE
    rule: str = ""


def sheet(context: RequestContext, request: Request, key: str, asking: TrialQuery) -> Sheet:
    """The page of one threshold.

    Raises:
        NotFoundError: no such site, or a threshold that nobody knows.
    """
    owner, name = owner_of(key), key.rpartition("/")[2]
    place, device = _place(context, owner, name)
    revisions = queries_revisions.list_revisions(context.connection, "threshold", key)
    last = max(revisions, key=lambda one: one.id, default=None)
    threshold = context.catalogue.thresholds.get(name)
    if threshold is None and last is None:
        raise NotFoundError(f"there is no threshold {name!r}")
    unit = threshold.unit if threshold else str((last.value or {}).get("unit", "")) if last else ""
    standing = float(last.value["value"]) if last is not None and last.value else None
    events = around.events(context, place)
    spans = spans_of(context, place, name, events)
    chosen = next((span for span in spans if span.key == asking.span), spans[0])
    shown, problem = _attempt(context, request, key, asking, chosen)
    rule = None if shown is None else shown.tried.rule
    return Sheet(
        key=key,
        owner=owner,
        name=name,
        label=views_words.label(name, context.catalogue),
        place=place,
        device=device,
        unit=unit,
        standing=standing,
        value=asking.value,
        last=last,
        mark=service_thresholds.marked(revisions),
        number=len(revisions) + 1,
        rule=rule,
        manner=None if shown is None else shown.manner,
        subjects=0 if rule is None else around.sharing(context, rule),
        spans=spans,
        span=chosen.key,
        shown=shown,
        problem=problem,
        assets=around.assets(context, place.name, threshold.quantity if threshold else "", unit),
        seen=around.peaks(events, unit),
        text="" if rule is None else around.text(context, rule.id),
    )


def _attempt(
    context: RequestContext, request: Request, key: str, asking: TrialQuery, chosen: SpanChoice
) -> tuple[Shown | None, str]:
    """What it would have meant; else why that cannot be said."""
    owner, name = owner_of(key), key.rpartition("/")[2]
    try:
        edit = edit_of(
            owner,
            chosen.since,
            chosen.until,
            name=name,
            value=asking.value.strip() or None,
            rule=asking.rule,
        )
        return drawn(context, tried(context, request, edit), name), ""
    except (BacktestError, RuleError, ScalarError) as error:
        return None, refusal(error)


def _place(context: RequestContext, owner: str, name: str) -> tuple[SitePlace, str | None]:
    device = owner.removeprefix("device/") if owner.startswith("device/") else None
    site = owner if device is None else queries.site_of(context.connection, device)
    place = None if site is None or not name else queries_site.load_site(context.connection, site)
    if place is None:
        raise NotFoundError(f"there is no site or device {owner!r}")
    return place, device


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """Somebody changed it meanwhile: what was seen, what stands now, and by whom."""

    seen: str
    stands: str
    last: RecordedRevision


def conflict(context: RequestContext, key: str, seen: str) -> Conflict | None:
    """What the author saw beside what stands by now."""
    revisions = queries_revisions.list_revisions(context.connection, "threshold", key)
    last = max(revisions, key=lambda one: one.id, default=None)
    if last is None:
        return None
    before = next((revision for revision in revisions if mark(revision) == seen), None)
    return Conflict(seen=shown_value(before), stands=shown_value(last), last=last)


def since(context: RequestContext, key: str, seen: str) -> RecordedRevision | None:
    """The latest revision, where it is another than the one that was seen."""
    revisions = queries_revisions.list_revisions(context.connection, "threshold", key)
    last = max(revisions, key=lambda one: one.id, default=None)
    return None if service_thresholds.marked(revisions) == seen else last


def shown_value(recorded: RecordedRevision | None) -> str:
    """A revision's value for people."""
    if recorded is None or recorded.value is None:
        return _("not set")
    return value(
        float(recorded.value["value"]),
        str(recorded.value["unit"]),
        views_words.places(float(recorded.value["value"])),
    )


def site_of(context: RequestContext, owner: str, name: str) -> str:
    """Where an owner of thresholds stands.

    Raises:
        NotFoundError: there is none.
    """
    return _place(context, owner, name)[0].name


def unit_of(context: RequestContext, key: str) -> str:
    """In which a threshold is kept."""
    known = context.catalogue.thresholds.get(key.rpartition("/")[2])
    if known is not None:
        return known.unit
    revisions = queries_revisions.list_revisions(context.connection, "threshold", key)
    return str((revisions[-1].value or {}).get("unit", "")) if revisions else ""


def with_unit(text: str, unit: str) -> str:
    """A number as it was typed, with the unit that stands beside the field where it has none.

    Raises:
        RulebookError: it is no number.
    """
    try:
        return f"{parse_number(text, unit)!r} {unit}"
    except ScalarError as error:
        raise RulebookError(str(error)) from error


def plainly(error: Exception, key: str) -> str:
    """An error without the key that the page is about anyway."""
    return refusal(str(error).removeprefix(f"{key}: "))


def notes_kinds(domain: str) -> list[tuple[str, str]]:
    """What may be noted, the usual of a domain first."""
    usual = {"flood": "overflow", "weather": "storm", "lighting": "outage", "mobility": "jam"}
    names = sorted(queries_past_events.KINDS, key=lambda one: one != usual.get(domain))
    return [(name, _(_KINDS[name])) for name in names]


_KINDS = {
    "overflow": mark_word("Water over its banks"),
    "flood": mark_word("Flood"),
    "heavy-rain": mark_word("Heavy rain"),
    "frost": mark_word("Frost"),
    "heat": mark_word("Heat"),
    "storm": mark_word("Storm"),
    "outage": mark_word("Outage"),
    "jam": mark_word("Traffic jam"),
    "other": mark_word("Something else"),
    "nothing": mark_word("Nothing happened"),
}
