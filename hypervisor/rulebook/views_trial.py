"""A trial as shown: periods to choose from, figures, events and alarms with each threshold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Literal

from fastapi import Request

from hypervisor.access.context import RequestContext
from hypervisor.backtest import queries_past_events, what_if
from hypervisor.backtest.edits import TrialResult
from hypervisor.backtest.model import BacktestError
from hypervisor.backtest.queries_past_events import PastEvent
from hypervisor.backtest.scoring import Outcome
from hypervisor.backtest.trial_side import Side, Spell
from hypervisor.base.instants import moment, moment_if
from hypervisor.base.translation import translate as _
from hypervisor.registry.queries_site import SitePlace
from hypervisor.rulebook import queries, views_strip, views_texts
from hypervisor.rulebook.service_trials import YEAR, build_edit, run_trial
from hypervisor.rulebook.views_strip import Lane, StripDrawing
from hypervisor.rulebook.views_texts import RuleBehaviour
from hypervisor.web import times
from hypervisor.web.filters import MINUS, NOTHING, duration, iso, number, short_day, signed
from hypervisor.web.refusals import refusal
from rules._errors import RuleError
from rules._lateness import at_first_reading
from rules._rule import Rule
from sensors._scalars import ScalarError

LAST_YEAR = "year"
_CHIPS = 3  # events offered as periods
_BEFORE, _AFTER = timedelta(days=3), timedelta(days=2)
_HOUR = timedelta(hours=1)
_LAID = timedelta(microseconds=what_if.BEFORE + what_if.AFTER) + timedelta(days=1)
_MANY = 14  # table rows
_SECOND = 1_000_000
_FOREVER = 2**62


@dataclass(frozen=True, kw_only=True)
class SpanChoice:
    """A period to choose; `key` is its query parameter. `flood`: laid over the gauge."""

    key: str
    label: str
    since: datetime
    until: datetime
    flood: str = ""

    @property
    def fixed(self) -> str:
        """A key that is the same period for everyone, at any time."""
        period = f"{iso(self.since)}/{iso(self.until)}"
        return f"{period}/{self.flood}" if self.flood else period


@dataclass(frozen=True, kw_only=True)
class ComparisonRow:
    """One table row of texts. `change` is empty if there is nothing to compare."""

    name: str
    today: str
    tried: str
    change: str


@dataclass(frozen=True, kw_only=True)
class AffectedRow:
    """An event, or an alarm without one. `before`, `after`: lead time or duration, as text."""

    at: datetime
    until: datetime
    name: str
    peak: float | None
    before: str
    after: str
    what: Literal["hit", "miss", "false", "alarm"]
    effect: str


@dataclass(frozen=True, kw_only=True)
class TrialView:
    """A trial as shown. `today`, `edit`: lanes; `rest`: number of rows not shown.

    `begun`: evaluated from then on. `second`: how long an alarm waits for the second reading, if
    long; `instead`: what a rule may compare to do without it.
    """

    tried: TrialResult
    begun: datetime | None
    second: str
    instead: str | None
    title: str
    drawn: StripDrawing | None
    today: Lane | None
    edit: Lane | None
    events: tuple[float, ...]
    compared: str
    manner: RuleBehaviour
    rows: list[ComparisonRow]
    touched: list[AffectedRow]
    rest: int


def list_events(context: RequestContext, place: SitePlace) -> list[PastEvent]:
    """Reported events at the site or on its river."""
    rivers = [place.river] if place.river else []
    return queries_past_events.list_events(context.connection, sites=[place.name], rivers=rivers)


def choose_span(
    context: RequestContext, place: SitePlace, quantity: str, events: Sequence[PastEvent], key: str
) -> tuple[Sequence[SpanChoice], SpanChoice]:
    """Periods, and the one chosen: a year (or the complete record), or around the latest events."""
    now = context.now()
    first = queries.get_first_reading_time(context.connection, place.name, quantity)
    since, label = now - YEAR, _("12 months")
    if first is not None and first > since:
        since = min(first, now - _HOUR)
        label = _("%(span)s recorded") % {"span": duration(now - first)}
    past = [event for event in events if event.begins <= now]
    choices = [SpanChoice(key=LAST_YEAR, label=label, since=since, until=now)]
    choices += [
        SpanChoice(
            key=f"event-{event.id}",
            label=short_day(event.begins),
            since=event.begins - _BEFORE,
            until=min(event.ends + _AFTER, now),
        )
        for event in sorted(past, key=attrgetter("begins"), reverse=True)[:_CHIPS]
    ]
    if quantity == what_if.QUANTITY:
        choices += [
            SpanChoice(key=f"flood-{name}", label=title, since=now - _LAID, until=now, flood=name)
            for name, title in what_if.list_floods()
        ]
    return choose_key(choices, key)


def choose_key(choices: Sequence[SpanChoice], key: str) -> tuple[Sequence[SpanChoice], SpanChoice]:
    """The choices and the one of a key, the first without one; a fixed period becomes a choice."""
    fixed = _parse_span(key)
    if fixed is not None:
        since, until, flood = fixed
        label = f"{short_day(since)} \N{EN DASH} {short_day(until)}"
        shared = SpanChoice(key=key, label=label, since=since, until=until, flood=flood)
        choices = [*choices, shared]
    return choices, next((choice for choice in choices if choice.key == key), choices[0])


def _parse_span(key: str) -> tuple[datetime, datetime, str] | None:
    """The period and flood of `SpanChoice.fixed`; None: it is another key."""
    first, slash, last = key.partition("/")
    last, _slash, flood = last.partition("/")
    since, until = times.parse(first), times.parse(last)
    if not slash or since is None or until is None or since >= until:
        return None
    return since, until, flood


def try_out(  # noqa: PLR0913  what is tried, and where
    context: RequestContext,
    request: Request,
    owner: str,
    span: SpanChoice,
    name: str,
    *,
    value: str | None = None,
    rule: str | None = None,
    written: Rule | None = None,
) -> tuple[TrialView | None, str]:
    """A trial of a value of the threshold `name` or of a written rule, or why it failed."""
    tested = {"written": written} if written else {"name": name, "value": value, "rule": rule}
    try:
        edit = build_edit(owner, span.since, span.until, flood=span.flood, **tested)
        return _view(context, run_trial(context, request, edit), name), ""
    except (BacktestError, RuleError, ScalarError) as error:
        return None, refusal(error)


def _view(context: RequestContext, tried: TrialResult, name: str) -> TrialView:
    today, edit, picture, compared = tried.today, tried.edit, tried.picture, tried.compared
    affected = _affected_rows(tried)
    side = edit or today
    return TrialView(
        tried=tried,
        begun=moment_if(tried.begun),
        second=duration(tried.second / _SECOND) if tried.second else "",
        instead=at_first_reading(tried.rule),
        title=views_texts.rule_title(tried.rule),
        drawn=views_strip.draw_strip(picture, (today, edit)) if picture else None,
        today=views_strip.draw_lane(tried, today) if today else None,
        edit=views_strip.draw_lane(tried, edit) if edit else None,
        events=views_strip.event_positions(tried),
        compared=views_texts.describe_node(compared.node, context.catalogue) if compared else "",
        manner=views_texts.rule_behaviour(
            tried.rule, name, side.value if side else None, tried.unit, compared
        ),
        rows=_comparison_rows(tried),
        touched=affected[:_MANY],
        rest=max(0, len(affected) - _MANY),
    )


def _comparison_rows(tried: TrialResult) -> list[ComparisonRow]:
    """Table rows: hits and misses first if there are events."""
    sides = [side for side in (tried.today, tried.edit) if side]
    has_events = any(side.outcomes for side in sides)
    evaluated = any(spell.false is not None for side in sides for spell in side.spells)

    def row(
        name: str, value_of: Callable[[Side], float | None], *, time: bool = False
    ) -> ComparisonRow:
        today = None if tried.today is None else value_of(tried.today)
        edit = None if tried.edit is None else value_of(tried.edit)
        words = [
            NOTHING if value is None else format_span(value) if time else number(value)
            for value in (today, edit)
        ]
        change = None if today is None or edit is None else edit - today
        if time and change:
            difference = ("+" if change > 0 else MINUS) + duration(abs(change) / _SECOND)
        else:
            difference = "" if change is None else signed(change)
        return ComparisonRow(name=name, today=words[0], tried=words[1], change=difference)

    table: list[ComparisonRow] = []
    if has_events:
        hits = row(_("Events detected"), lambda side: side.hits)
        today, edit = (
            NOTHING if side is None else f"{side.hits} / {len(side.outcomes)}"
            for side in (tried.today, tried.edit)
        )
        table.append(ComparisonRow(name=hits.name, today=today, tried=edit, change=hits.change))
        table.append(row(_("Events missed"), lambda side: side.misses))
    if has_events or evaluated:
        table.append(row(_("False alarms"), lambda side: len(side.false)))
    if has_events:
        table += [
            row(_("Median lead time"), lambda side: side.lead, time=True),
            row(_("Shortest lead time"), lambda side: side.shortest, time=True),
        ]
    return [
        *table,
        row(_("Alarms"), lambda side: len(side.spells)),
        row(_("Time in alarm"), lambda side: side.in_alarm, time=True),
        row(_("Worst load in 10 min"), lambda side: side.busiest),
    ]


def format_span(value: float) -> str:
    """A lead time or a time in alarm (µs)."""
    if value < 0:
        return _("%(span)s late") % {"span": duration(-value / _SECOND)}
    return duration(value / _SECOND) if value else "0"


def _affected_rows(tried: TrialResult) -> list[AffectedRow]:
    """Events and alarms without event, the latest first."""
    before, after = (
        {outcome.event: outcome for outcome in side.outcomes} if side else {}
        for side in (tried.today, tried.edit)
    )
    affected = [_event_row(tried, before.get(event), after.get(event)) for event in before | after]
    has_events = bool(affected)
    spells = [
        [spell for spell in side.spells if spell.false or not has_events] if side else []
        for side in (tried.today, tried.edit)
    ]
    affected += [_alarm_row(tried, *pair) for pair in _pair_spells(*spells)]
    return sorted(affected, key=attrgetter("at"), reverse=True)


def _event_row(tried: TrialResult, before: Outcome | None, after: Outcome | None) -> AffectedRow:
    outcome = after or before
    assert outcome is not None  # noqa: S101  one of them is there
    detected = outcome.alarm is not None
    effect = _("detected in time") if detected else _("missed")
    if before is not None and after is not None:
        effect = {
            (True, True): _("useful"),
            (False, True): _("gained"),
            (True, False): _("lost"),
            (False, False): _("missed"),
        }[before.alarm is not None, detected]
    leads = [
        NOTHING if side is None else _("missed") if side.lead is None else format_span(side.lead)
        for side in (before, after)
    ]
    return AffectedRow(
        at=moment(outcome.event.crossed),
        until=moment(outcome.event.until),
        name=outcome.event.name,
        peak=tried.peaks.get(outcome.event.crossed),
        before=leads[0],
        after=leads[1],
        what="hit" if detected else "miss",
        effect=effect,
    )


def _pair_spells(
    before: Sequence[Spell], after: Sequence[Spell]
) -> list[tuple[Spell | None, Spell | None]]:
    """Pair overlapping alarms of the same subject."""
    rest = list(after)
    pairs: list[tuple[Spell | None, Spell | None]] = []
    for spell in before:
        other = next((candidate for candidate in rest if _overlap(spell, candidate)), None)
        if other is not None:
            rest.remove(other)
        pairs.append((spell, other))
    return pairs + [(None, spell) for spell in rest]


def _overlap(first: Spell, second: Spell) -> bool:
    return (
        first.subject == second.subject
        and first.began <= (second.ended or _FOREVER)
        and second.began <= (first.ended or _FOREVER)
    )


def _alarm_row(tried: TrialResult, before: Spell | None, after: Spell | None) -> AffectedRow:
    spell = after or before
    assert spell is not None  # noqa: S101  one of them is there
    false = bool(spell.false)
    effect = _("false alarm") if false else _("as today")
    if tried.edit is not None:
        if before is None:
            effect = _("false, new") if false else _("new alarm")
        elif after is None:
            effect = _("false, avoided") if false else _("alarm gone")
    durations = [
        NOTHING
        if part is None
        else format_span((part.ended or tried.until) - max(part.began, tried.since))
        for part in (before, after)
    ]
    peaks = [tried.peaks.get(part.began) for part in (before, after) if part is not None]
    return AffectedRow(
        at=moment(spell.began),
        until=moment(tried.until if spell.ended is None else spell.ended),
        name="",
        peak=next((peak for peak in peaks if peak is not None), None),
        before=durations[0],
        after=durations[1],
        what="false" if false else "alarm",
        effect=effect,
    )
