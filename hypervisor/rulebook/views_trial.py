"""A trial as shown, and the periods to choose from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

from hypervisor.access.context import RequestContext
from hypervisor.backtest.edits import Tried
from hypervisor.backtest.queries_past_events import NotedEvent
from hypervisor.base.translation import translate as _
from hypervisor.registry.queries_site import SitePlace
from hypervisor.rulebook import queries, views_strip, views_texts
from hypervisor.rulebook.api_trials import YEAR
from hypervisor.rulebook.views_comparison import (
    AffectedRow,
    ComparisonRow,
    affected_rows,
    comparison_rows,
)
from hypervisor.rulebook.views_strip import Lane, StripDrawing
from hypervisor.rulebook.views_texts import RuleBehaviour
from hypervisor.web.filters import duration, short_day

_CHIPS = 3  # events offered as periods
_BEFORE, _AFTER = timedelta(days=3), timedelta(days=2)
_HOUR = timedelta(hours=1)
_MANY = 14  # table rows
WHOLE = "year"


@dataclass(frozen=True, kw_only=True)
class SpanChoice:
    """A period to choose; `key` is its query parameter."""

    key: str
    label: str
    since: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True)
class TrialView:
    """A trial as shown. `today`, `edit`: lanes; `rest`: number of rows not shown."""

    tried: Tried
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


def list_spans(
    context: RequestContext, place: SitePlace, name: str, events: Sequence[NotedEvent]
) -> tuple[SpanChoice, ...]:
    """A year (or the whole record), then the latest events with some days around each."""
    now = context.now()
    threshold = context.catalogue.thresholds.get(name)
    first = queries.get_first_reading_time(
        context.connection, place.name, threshold.quantity if threshold else ""
    )
    since, label = now - YEAR, _("12 months")
    if first is not None and first > since:
        since, label = (
            min(first, now - _HOUR),
            _("%(span)s recorded") % {"span": duration(now - first)},
        )
    span_choices = [SpanChoice(key=WHOLE, label=label, since=since, until=now)]
    past = [event for event in events if event.begins <= now]
    span_choices += [
        SpanChoice(
            key=f"event-{event.id}",
            label=short_day(event.begins),
            since=event.begins - _BEFORE,
            until=min(event.ends + _AFTER, now),
        )
        for event in sorted(past, key=attrgetter("begins"), reverse=True)[:_CHIPS]
    ]
    return tuple(span_choices)


def view_trial(context: RequestContext, result: Tried, name: str) -> TrialView:
    """A trial as shown. `name`: of the threshold."""
    affected = affected_rows(result)
    side = result.edit or result.today
    return TrialView(
        tried=result,
        title=views_texts.rule_title(result.rule),
        drawn=None
        if result.picture is None
        else views_strip.draw_strip(result.picture, (result.today, result.edit)),
        today=None if result.today is None else views_strip.draw_lane(result, result.today),
        edit=None if result.edit is None else views_strip.draw_lane(result, result.edit),
        events=views_strip.event_positions(result),
        compared=""
        if result.compared is None
        else views_texts.describe_node(result.compared.node, context.catalogue),
        manner=views_texts.rule_behaviour(
            result.rule, name, side.value if side else None, result.unit, result.compared
        ),
        rows=comparison_rows(result),
        touched=affected[:_MANY],
        rest=max(0, len(affected) - _MANY),
    )
