"""Data of the report after an event."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.alarms import queries_timeline, service_list
from hypervisor.alarms.load import FLOOD_BEGINS, Raised, measure
from hypervisor.alarms.queries import Selection
from hypervisor.alarms.queries_timeline import TimelineEvent, TimelineFilter
from hypervisor.base.instants import micros
from hypervisor.commands import queries as command_queries
from hypervisor.commands.queries import CommandFilter
from hypervisor.interventions import queries_photos
from hypervisor.interventions.model import InterventionHistory
from hypervisor.interventions.queries import Selection as OrderSelection
from hypervisor.interventions.service import list_histories
from hypervisor.logbook import queries as log_queries
from hypervisor.logbook.model import LogEntry
from hypervisor.logbook.queries import LogFilter
from hypervisor.logbook.views import merge_lines
from hypervisor.overview.views_report_acts import (
    GivenCommand,
    ReportLine,
    build_timeline,
    group_commands,
)
from hypervisor.web.marks import priority

LONGEST = timedelta(days=60)
_CHARTS = 4
_MOST_COMMANDS = 2_000


@dataclass(frozen=True, kw_only=True)
class ReportQuery:
    """The span, domain or incident of a report; `alarms`: those of the incident."""

    begins: datetime
    ends: datetime
    domain: str = ""
    incident: int | None = None
    alarms: tuple[int, ...] | None = None
    maintenance: bool = False

    @property
    def category(self) -> str | None:
        """The category of its alarms; None: all."""
        return None if self.maintenance else "hazard"


@dataclass(frozen=True, kw_only=True)
class ReportRow:
    """An alarm as known at the end of the span; `taken`: its first acknowledgement."""

    alarm: Mapping[str, Any]
    began: datetime
    ended: datetime | None
    worst: str
    raised: datetime | None
    taken: TimelineEvent | None

    @property
    def acknowledged(self) -> datetime | None:
        return self.taken.at if self.taken else None

    @property
    def by(self) -> str | None:
        return self.taken.author if self.taken else None

    @property
    def response(self) -> timedelta | None:
        """From raised to acknowledged."""
        if self.raised is None or self.acknowledged is None:
            return None
        return self.acknowledged - self.raised


@dataclass(frozen=True, kw_only=True)
class Report:
    """The report. `counts`: alarms by priority; `busiest`: most alarms raised in ten minutes."""

    asking: ReportQuery
    rows: Sequence[ReportRow]
    lines: Sequence[ReportLine]
    decisions: Sequence[LogEntry]
    counts: Mapping[int, int]
    busiest: int
    median_response: timedelta | None
    unanswered: int
    sites: Sequence[str]
    commands: Sequence[GivenCommand]
    orders: Sequence[InterventionHistory]

    @property
    def flooded(self) -> bool:
        return self.busiest > FLOOD_BEGINS


def build_report(context: RequestContext, asking: ReportQuery) -> Report:
    """Read the report as far as the account may see."""
    span = TimelineFilter(
        since=asking.begins,
        until=asking.ends,
        domains=(asking.domain,) if asking.domain else None,
        alarms=asking.alarms,
        category=asking.category,
        limit=10_000,
    )
    happened = queries_timeline.list_events(context.connection, span)
    entries = _entries(context, asking)
    rows = _rows(context, asking, happened)
    commands = _list_commands(context, asking)
    orders = _list_orders(context, asking)
    photos = queries_photos.list_photos(
        context.connection, [history.order.id for history in orders]
    )
    answers = [row.response.total_seconds() for row in rows if row.response is not None]
    return Report(
        asking=asking,
        rows=rows,
        lines=build_timeline(
            reversed(merge_lines(entries, happened)),
            commands,
            orders,
            frozenset((photo.order, photo.number) for photo in photos),
        ),
        decisions=[entry for entry in entries if entry.kind == "decision"],
        counts={rank: sum(priority(row.worst) == rank for row in rows) for rank in (1, 2, 3, 4)},
        busiest=_busiest(asking, happened),
        median_response=timedelta(seconds=median(answers)) if answers else None,
        unanswered=sum(row.acknowledged is None for row in rows),
        sites=worst_sites(rows),
        commands=commands,
        orders=orders,
    )


def _list_commands(context: RequestContext, asking: ReportQuery) -> list[GivenCommand]:
    """What was ordered in the span; of an incident, what was ordered on its alarms."""
    selection = CommandFilter(
        drafted_since=asking.begins, drafted_until=asking.ends, alarms=asking.alarms
    )
    return group_commands(
        command_queries.list_histories(context.connection, selection, limit=_MOST_COMMANDS)
    )


def _list_orders(context: RequestContext, asking: ReportQuery) -> list[InterventionHistory]:
    """Work orders made in the span; of an incident, those about its alarms."""
    selection = OrderSelection(since=asking.begins, until=asking.ends, alarms=asking.alarms)
    return list_histories(context.connection, selection)[::-1]


def _busiest(asking: ReportQuery, happened: Iterable[TimelineEvent]) -> int:
    """The most alarms raised within ten minutes."""
    raised = [
        Raised(at=micros(event.at), rule="", subject="", title="", severity=event.severity)
        for event in happened
        if event.kind == "raised"
    ]
    return measure(raised, micros(asking.begins), micros(asking.ends)).peak


def worst_sites(rows: Iterable[ReportRow]) -> list[str]:
    """The sites of the worst alarms, earliest first."""
    ordered = sorted(rows, key=lambda row: (priority(row.worst), row.began))
    names = dict.fromkeys(row.alarm["site"] for row in ordered if row.alarm["site"])
    return list(names)[:_CHARTS]


def _entries(context: RequestContext, asking: ReportQuery) -> list[LogEntry]:
    """The log entries of the span; of an incident, those about it, its alarms or about none."""
    span = LogFilter(first=asking.begins, last=asking.ends, limit=5_000)
    entries = log_queries.list_entries(context.connection, span)
    if asking.alarms is None:
        return entries
    own = {*asking.alarms, asking.incident, None}
    return [entry for entry in entries if {entry.alarm, entry.incident} <= own]


def _rows(
    context: RequestContext, asking: ReportQuery, happened: Iterable[TimelineEvent]
) -> list[ReportRow]:
    log = service_list.list_alarms_as_known(
        context.connection, asking.ends, Selection(domain=asking.domain or None)
    )
    raised: dict[int, TimelineEvent] = {}
    taken: dict[int, TimelineEvent] = {}
    for event in happened:
        if event.kind in {"raised", "retrospective"}:
            raised.setdefault(event.alarm, event)
        elif event.kind == "acknowledge":
            taken.setdefault(event.alarm, event)
    rows = [
        _row(alarm, raised.get(alarm["id"]), taken.get(alarm["id"]))
        for alarm in log
        if (asking.alarms is None or alarm["id"] in asking.alarms)
        and asking.category in {None, alarm["category"]}
    ]
    inside = [
        row
        for row in rows
        if row.began < asking.ends and (row.ended is None or row.ended >= asking.begins)
    ]
    return sorted(inside, key=lambda row: (row.began, row.alarm["id"]))


def _row(
    alarm: Mapping[str, Any], raised: TimelineEvent | None, taken: TimelineEvent | None
) -> ReportRow:
    return ReportRow(
        alarm=alarm,
        began=datetime.fromisoformat(alarm["began"]),
        ended=None if alarm["ended"] is None else datetime.fromisoformat(alarm["ended"]),
        worst=min((str(severity) for _at, severity in alarm["severity"]), key=priority),
        raised=raised.at if raised else None,
        taken=taken,
    )
