"""What was tried, as it is shown, and the spans of time that it may be tried over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.access.context import RequestContext
from hypervisor.backtest.edits import Tried
from hypervisor.backtest.queries_past_events import NotedEvent
from hypervisor.base.translation import translate as _
from hypervisor.registry.queries_site import SitePlace
from hypervisor.rulebook import queries, views_strip, views_words
from hypervisor.rulebook.api_trials import YEAR
from hypervisor.rulebook.views_compared import ComparisonRow, Touched, rows, touched
from hypervisor.rulebook.views_strip import Drawn, Lane
from hypervisor.rulebook.views_words import Manner
from hypervisor.web.filters import duration, short_day

_CHIPS = 3  # events that have a button of their own
_BEFORE, _AFTER = timedelta(days=3), timedelta(days=2)
_HOUR = timedelta(hours=1)
_MANY = 14  # events and alarms that the table tells
WHOLE = "year"


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
    rows: list[ComparisonRow]
    touched: list[Touched]
    rest: int


def spans_of(
    context: RequestContext, place: SitePlace, name: str, events: Sequence[NotedEvent]
) -> tuple[SpanChoice, ...]:
    """A year, or all that there is; then the latest events, each with some days round it."""
    now = context.now()
    threshold = context.catalogue.thresholds.get(name)
    first = queries.first_reading(
        context.connection, place.name, threshold.quantity if threshold else ""
    )
    since, label = now - YEAR, _("12 months")
    if first is not None and first > since:
        since, label = (
            min(first, now - _HOUR),
            _("%(span)s recorded") % {"span": duration(now - first)},
        )
    span_choices = [SpanChoice(key=WHOLE, label=label, since=since, until=now)]
    past = [noted_event for noted_event in events if noted_event.begins <= now]
    span_choices += [
        SpanChoice(
            key=f"event-{one.id}",
            label=short_day(one.begins),
            since=one.begins - _BEFORE,
            until=min(one.ends + _AFTER, now),
        )
        for one in sorted(past, key=lambda one: one.begins, reverse=True)[:_CHIPS]
    ]
    return tuple(span_choices)


def drawn(context: RequestContext, found: Tried, name: str) -> Shown:
    """An answer as it is shown. `name`: of the threshold."""
    touched_sites = touched(found)
    side = found.edit or found.today
    return Shown(
        tried=found,
        title=views_words.title(found.rule),
        drawn=None
        if found.picture is None
        else views_strip.drawn(found.picture, (found.today, found.edit)),
        today=None if found.today is None else views_strip.lane(found, found.today),
        edit=None if found.edit is None else views_strip.lane(found, found.edit),
        events=views_strip.events(found),
        compared=""
        if found.compared is None
        else views_words.worked(found.compared.node, context.catalogue),
        manner=views_words.manner(
            found.rule, name, side.value if side else None, found.unit, found.compared
        ),
        rows=rows(found),
        touched=touched_sites[:_MANY],
        rest=max(0, len(touched_sites) - _MANY),
    )
