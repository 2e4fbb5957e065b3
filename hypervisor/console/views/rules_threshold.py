"""A threshold on its page: the form, what it would have meant, what is known of the place."""

from dataclasses import dataclass

from fastapi import Request

from hypervisor.api.access import Access
from hypervisor.api.problems import NotFoundError
from hypervisor.api.thresholds import owner_of
from hypervisor.api.trials import edit_of, tried
from hypervisor.backtest.errors import BacktestError
from hypervisor.backtest.numbers import number
from hypervisor.console.formats import value
from hypervisor.console.refusals import refusal
from hypervisor.console.views import rules_around as around
from hypervisor.console.views import rules_words
from hypervisor.console.views.rules_tried import WHOLE, Shown, SpanChoice, drawn, spans_of
from hypervisor.console.views.rules_words import Manner
from hypervisor.console.words import mark as mark_word
from hypervisor.console.words import translate as _
from hypervisor.registry.scalars import ScalarError
from hypervisor.rulebook import thresholds
from hypervisor.rulebook.errors import RulebookError
from hypervisor.rulebook.stamping import mark
from hypervisor.store.exercise import noted
from hypervisor.store.pages import siting
from hypervisor.store.pages.siting import SitePlace
from hypervisor.store.watch import authoring, rulebook
from hypervisor.store.watch.rulebook import Recorded
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
    last: Recorded | None
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
class Asking:
    """What the address asks for."""

    value: str = ""
    span: str = WHOLE
    rule: str = ""


def sheet(asked: Access, request: Request, key: str, asking: Asking) -> Sheet:
    """The page of one threshold.

    Raises:
        NotFoundError: no such site, or a threshold that nobody knows.
    """
    owner, name = owner_of(key), key.rpartition("/")[2]
    place, device = _place(asked, owner, name)
    revisions = rulebook.history(asked.connection, "threshold", key)
    last = max(revisions, key=lambda one: one.id, default=None)
    known = asked.catalogue.thresholds.get(name)
    if known is None and last is None:
        raise NotFoundError(f"there is no threshold {name!r}")
    unit = known.unit if known else str((last.value or {}).get("unit", "")) if last else ""
    standing = float(last.value["value"]) if last is not None and last.value else None
    events = around.events(asked, place)
    spans = spans_of(asked, place, name, events)
    chosen = next((one for one in spans if one.key == asking.span), spans[0])
    shown, problem = _attempt(asked, request, key, asking, chosen)
    rule = None if shown is None else shown.tried.rule
    return Sheet(
        key=key,
        owner=owner,
        name=name,
        label=rules_words.label(name, asked.catalogue),
        place=place,
        device=device,
        unit=unit,
        standing=standing,
        value=asking.value,
        last=last,
        mark=thresholds.marked(revisions),
        number=len(revisions) + 1,
        rule=rule,
        manner=None if shown is None else shown.manner,
        subjects=0 if rule is None else around.sharing(asked, rule),
        spans=spans,
        span=chosen.key,
        shown=shown,
        problem=problem,
        assets=around.assets(asked, place.name, known.quantity if known else "", unit),
        seen=around.peaks(events, unit),
        text="" if rule is None else around.text(asked, rule.id),
    )


def _attempt(
    asked: Access, request: Request, key: str, asking: Asking, chosen: SpanChoice
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
        return drawn(asked, tried(asked, request, edit), name), ""
    except (BacktestError, RuleError, ScalarError) as error:
        return None, refusal(error)


def _place(asked: Access, owner: str, name: str) -> tuple[SitePlace, str | None]:
    device = owner.removeprefix("device/") if owner.startswith("device/") else None
    site = owner if device is None else authoring.site_of(asked.connection, device)
    place = None if site is None or not name else siting.place(asked.connection, site)
    if place is None:
        raise NotFoundError(f"there is no site or device {owner!r}")
    return place, device


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """Somebody changed it meanwhile: what was seen, what stands now, and by whom."""

    seen: str
    stands: str
    last: Recorded


def conflict(asked: Access, key: str, seen: str) -> Conflict | None:
    """What the author saw beside what stands by now."""
    revisions = rulebook.history(asked.connection, "threshold", key)
    last = max(revisions, key=lambda one: one.id, default=None)
    if last is None:
        return None
    before = next((one for one in revisions if mark(one) == seen), None)
    return Conflict(seen=shown_value(before), stands=shown_value(last), last=last)


def since(asked: Access, key: str, seen: str) -> Recorded | None:
    """The latest revision, where it is another than the one that was seen."""
    revisions = rulebook.history(asked.connection, "threshold", key)
    last = max(revisions, key=lambda one: one.id, default=None)
    return None if thresholds.marked(revisions) == seen else last


def shown_value(one: Recorded | None) -> str:
    """A revision's value for people."""
    if one is None or one.value is None:
        return _("not set")
    return value(
        float(one.value["value"]),
        str(one.value["unit"]),
        rules_words.places(float(one.value["value"])),
    )


def site_of(asked: Access, owner: str, name: str) -> str:
    """Where an owner of thresholds stands.

    Raises:
        NotFoundError: there is none.
    """
    return _place(asked, owner, name)[0].name


def unit_of(asked: Access, key: str) -> str:
    """In which a threshold is kept."""
    known = asked.catalogue.thresholds.get(key.rpartition("/")[2])
    if known is not None:
        return known.unit
    found = rulebook.history(asked.connection, "threshold", key)
    return str((found[-1].value or {}).get("unit", "")) if found else ""


def with_unit(text: str, unit: str) -> str:
    """A number as it was typed, with the unit that stands beside the field where it has none.

    Raises:
        RulebookError: it is no number.
    """
    try:
        return f"{number(text, unit)!r} {unit}"
    except ScalarError as error:
        raise RulebookError(str(error)) from error


def plainly(error: Exception, key: str) -> str:
    """An error without the key that the page is about anyway."""
    return refusal(str(error).removeprefix(f"{key}: "))


def notes_kinds(domain: str) -> list[tuple[str, str]]:
    """What may be noted, the usual of a domain first."""
    usual = {"flood": "overflow", "weather": "storm", "lighting": "outage", "mobility": "jam"}
    names = sorted(noted.KINDS, key=lambda one: one != usual.get(domain))
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
