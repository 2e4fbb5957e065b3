"""After an event: what happened, when it was told, when somebody took it up, what was decided."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from hypervisor.alarms import viewing
from hypervisor.alarms.load import FLOOD_BEGINS, Raised, measure
from hypervisor.api.access import Access
from hypervisor.console.marks import priority
from hypervisor.console.views.log import Line, lines
from hypervisor.instants import micros
from hypervisor.store.alarms import timeline
from hypervisor.store.alarms.alarms import Selection
from hypervisor.store.alarms.timeline import Event, Span
from hypervisor.store.logbook import logbook
from hypervisor.store.logbook.logbook import Entry, Wanted

LONGEST = timedelta(days=60)
_CHARTS = 4


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Of which span, domain or incident; `alarms`: those of the incident."""

    begins: datetime
    ends: datetime
    domain: str = ""
    incident: int | None = None
    alarms: tuple[int, ...] | None = None
    maintenance: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """An alarm of the log as it was known at the end; `response`: from raised to acknowledged."""

    alarm: Mapping[str, Any]
    began: datetime
    ended: datetime | None
    worst: str
    raised: datetime | None
    acknowledged: datetime | None
    by: str | None

    @property
    def response(self) -> timedelta | None:
        if self.raised is None or self.acknowledged is None:
            return None
        return self.acknowledged - self.raised


@dataclass(frozen=True, kw_only=True)
class Report:
    """All that the page tells. `counts`: alarms by priority; `busiest`: raised in ten minutes."""

    asking: Asking
    rows: Sequence[Row]
    lines: Sequence[Line]
    decisions: Sequence[Entry]
    counts: Mapping[int, int]
    busiest: int
    median_response: timedelta | None
    unanswered: int
    sites: Sequence[str]

    @property
    def flooded(self) -> bool:
        return self.busiest > FLOOD_BEGINS


def report(asked: Access, asking: Asking) -> Report:
    """Read it, as far as the person sees."""
    numbers = asking.alarms
    span = Span(
        since=asking.begins,
        until=asking.ends,
        domains=(asking.domain,) if asking.domain else None,
        alarms=numbers,
        category=None if asking.maintenance else "hazard",
        limit=10_000,
    )
    happened = timeline.events(asked.connection, span)
    seen = {one.id: one for one in _entries(asked, asking, numbers)}
    rows = _rows(asked, asking, numbers, happened)
    answers = [one.response for one in rows if one.response is not None]
    return Report(
        asking=asking,
        rows=rows,
        lines=list(reversed(lines(seen.values(), happened))),
        decisions=[one for one in seen.values() if one.kind == "decision"],
        counts={rank: sum(priority(one.worst) == rank for one in rows) for rank in (1, 2, 3, 4)},
        busiest=_busiest(asking, happened),
        median_response=_median(answers),
        unanswered=sum(one.acknowledged is None for one in rows),
        sites=worst_sites(rows),
    )


def _median(answers: Sequence[timedelta]) -> timedelta | None:
    if not answers:
        return None
    return timedelta(seconds=median(one.total_seconds() for one in answers))


def _busiest(asking: Asking, happened: Iterable[Event]) -> int:
    """The most that were raised within ten minutes, as the operator's load counts them."""
    raised = [
        Raised(at=micros(one.at), rule="", subject="", title="", severity=one.severity)
        for one in happened
        if one.kind == "raised"
    ]
    return measure(raised, micros(asking.begins), micros(asking.ends)).peak


def worst_sites(rows: Iterable[Row]) -> list[str]:
    """Where a picture tells most: the sites of the worst alarms, the first to begin first."""
    ordered = sorted(rows, key=lambda one: (priority(one.worst), one.began))
    names = dict.fromkeys(one.alarm["site"] for one in ordered if one.alarm["site"])
    return list(names)[:_CHARTS]


def _entries(asked: Access, asking: Asking, numbers: tuple[int, ...] | None) -> list[Entry]:
    """The room's own lines of the span; of an incident those that name its alarms, or none."""
    span = Wanted(first=asking.begins, last=asking.ends, limit=5_000)
    return [
        one
        for one in logbook.listing(asked.connection, span)
        if numbers is None or one.alarm is None or one.alarm in numbers
    ]


def _rows(
    asked: Access, asking: Asking, numbers: tuple[int, ...] | None, happened: Iterable[Event]
) -> list[Row]:
    category = None if asking.maintenance else "hazard"
    known = viewing.known_at(asked.connection, asking.ends, Selection(domain=asking.domain or None))
    raised, taken = _firsts(happened)
    rows = [
        _row(one, raised.get(one["id"]), taken.get(one["id"]))
        for one in known
        if (numbers is None or one["id"] in numbers)
        and (category is None or one["category"] == category)
    ]
    inside = [
        one
        for one in rows
        if one.began < asking.ends and (one.ended is None or one.ended >= asking.begins)
    ]
    return sorted(inside, key=lambda one: (one.began, one.alarm["id"]))


def _firsts(happened: Iterable[Event]) -> tuple[dict[int, Event], dict[int, Event]]:
    raised: dict[int, Event] = {}
    taken: dict[int, Event] = {}
    for one in happened:
        if one.kind in {"raised", "retrospective"}:
            raised.setdefault(one.alarm, one)
        elif one.kind == "acknowledge":
            taken.setdefault(one.alarm, one)
    return raised, taken


def _row(alarm: Mapping[str, Any], raised: Event | None, taken: Event | None) -> Row:
    steps = [str(step[1]) for step in alarm["severity"]]
    return Row(
        alarm=alarm,
        began=datetime.fromisoformat(alarm["began"]),
        ended=None if alarm["ended"] is None else datetime.fromisoformat(alarm["ended"]),
        worst=min(steps, key=priority),
        raised=None if raised is None else raised.at,
        acknowledged=None if taken is None else taken.at,
        by=None if taken is None else taken.author,
    )
