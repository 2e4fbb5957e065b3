"""What was tried, as it is shown, and the spans of time that it may be tried over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.api.access import Access
from hypervisor.api.trials import YEAR
from hypervisor.backtest.editing import Tried
from hypervisor.console.formats import duration, short_day
from hypervisor.console.views import rules_strip, rules_words
from hypervisor.console.views.rules_compared import Row, Touched, rows, touched
from hypervisor.console.views.rules_strip import Drawn, Lane
from hypervisor.console.views.rules_words import Manner
from hypervisor.console.words import translate as _
from hypervisor.store.exercise.noted import NotedEvent
from hypervisor.store.pages.siting import SitePlace
from hypervisor.store.watch import authoring

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
    rows: list[Row]
    touched: list[Touched]
    rest: int


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
    found = [SpanChoice(key=WHOLE, label=label, since=since, until=now)]
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
