"""A threshold on its page: the form, what it would have meant, what is known of the place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request

from hypervisor.api.access import Access
from hypervisor.api.problems import NotFoundError
from hypervisor.api.thresholds import owner_of
from hypervisor.api.trials import YEAR, edit_of, tried
from hypervisor.backtest.editing import Tried
from hypervisor.backtest.errors import BacktestError
from hypervisor.backtest.numbers import number
from hypervisor.console.formats import duration, short_day, value
from hypervisor.console.refusals import refusal
from hypervisor.console.views import rules_around as around
from hypervisor.console.views import rules_strip, rules_words
from hypervisor.console.views.rules_compared import Row, Touched, rows, touched
from hypervisor.console.views.rules_strip import Drawn, Lane
from hypervisor.console.views.rules_words import Manner
from hypervisor.console.words import mark as mark_word
from hypervisor.console.words import translate as _
from hypervisor.registry.scalars import ScalarError
from hypervisor.rulebook import thresholds
from hypervisor.rulebook.errors import RulebookError
from hypervisor.rulebook.stamping import mark
from hypervisor.store import authoring, noted, rulebook, siting
from hypervisor.store.noted import NotedEvent
from hypervisor.store.rulebook import Recorded
from hypervisor.store.siting import SitePlace
from rules._errors import RuleError
from rules._rule import Rule

_CHIPS = 3  # events that have a button of their own
_BEFORE, _AFTER = timedelta(days=3), timedelta(days=2)
_HOUR = timedelta(hours=1)
_MANY = 14  # events and alarms that the table tells
_WHOLE = "year"


@dataclass(frozen=True, kw_only=True)
class SpanChoice:
    """A span that may be looked at; `key` stands in the address."""

    key: str
    label: str
    since: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What was tried, drawn. `lanes`: today's and the edit's; `rest`: rows that are not told."""

    tried: Tried
    title: str
    drawn: Drawn | None
    today: Lane | None
    edit: Lane | None
    events: tuple[float, ...]
    compared: str
    manner: Manner
    rows: list[Row]
    touched: list[Touched]
    rest: int


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
    span: str = _WHOLE
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


def drawn(asked: Access, found: Tried, name: str) -> Shown:
    """An answer as it is shown. `name`: of the threshold."""
    told = touched(found)
    side = found.edit or found.today
    return Shown(
        tried=found,
        title=rules_words.title(found.rule),
        drawn=None
        if found.picture is None
        else rules_strip.drawn(found.picture, (found.today, found.edit)),
        today=None if found.today is None else rules_strip.lane(found, found.today),
        edit=None if found.edit is None else rules_strip.lane(found, found.edit),
        events=rules_strip.events(found),
        compared=""
        if found.compared is None
        else rules_words.worked(found.compared.node, asked.catalogue),
        manner=rules_words.manner(
            found.rule, name, side.value if side else None, found.unit, found.compared
        ),
        rows=rows(found),
        touched=told[:_MANY],
        rest=max(0, len(told) - _MANY),
    )


def _place(asked: Access, owner: str, name: str) -> tuple[SitePlace, str | None]:
    device = owner.removeprefix("device/") if owner.startswith("device/") else None
    site = owner if device is None else authoring.site_of(asked.connection, device)
    place = None if site is None or not name else siting.place(asked.connection, site)
    if place is None:
        raise NotFoundError(f"there is no site or device {owner!r}")
    return place, device


def spans_of(
    asked: Access, place: SitePlace, name: str, events: Sequence[NotedEvent]
) -> tuple[SpanChoice, ...]:
    """A year, or all that there is; then the latest events, each with some days round it."""
    now = asked.now()
    known = asked.catalogue.thresholds.get(name)
    first = authoring.first_reading(asked.connection, place.name, known.quantity if known else "")
    since, label = now - YEAR, _("12 months")
    if first is not None and first > since:
        since, label = (
            min(first, now - _HOUR),
            _("%(span)s recorded") % {"span": duration(now - first)},
        )
    found = [SpanChoice(key=_WHOLE, label=label, since=since, until=now)]
    past = [one for one in events if one.begins <= now]
    found += [
        SpanChoice(
            key=f"event-{one.id}",
            label=short_day(one.begins),
            since=one.begins - _BEFORE,
            until=min(one.ends + _AFTER, now),
        )
        for one in sorted(past, key=lambda one: one.begins, reverse=True)[:_CHIPS]
    ]
    return tuple(found)


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
