"""The log page: entries, and beside them what became of alarms, by day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.alarms import queries_timeline
from hypervisor.alarms.queries_timeline import TimelineEvent, TimelineFilter
from hypervisor.base.reader import Reader
from hypervisor.base.translation import mark as _mark
from hypervisor.logbook import queries
from hypervisor.logbook.model import NEEDS, OPEN, Kind
from hypervisor.logbook.queries import Entry, LogFilter

DAY = timedelta(days=1)
SPANS = {"12h": timedelta(hours=12), "1d": DAY, "3d": 3 * DAY, "7d": 7 * DAY}
USUAL = "1d"

KINDS: Mapping[Kind, str] = {
    Kind.NOTE: _mark("Note"),
    Kind.DECISION: _mark("Decision"),
    Kind.CALL: _mark("Call"),
    Kind.PROMISE: _mark("Promise"),
    Kind.CLOSURE: _mark("Closure"),
    Kind.EXPECTATION: _mark("Expected"),
    Kind.BULLETIN: _mark("Bulletin"),
    Kind.SETTLED: _mark("Settled"),
    Kind.CORRECTION: _mark("Correction"),
}
SETTLE: Mapping[Kind, str] = {
    Kind.PROMISE: _mark("Kept"),
    Kind.CLOSURE: _mark("Reopened"),
    Kind.EXPECTATION: _mark("Came about"),
    Kind.BULLETIN: _mark("Received"),
}
EVENTS: Mapping[str, str] = {
    "raised": _mark("Alarm raised"),
    "severity": _mark("Priority changed"),
    "stale": _mark("No longer heard"),
    "cleared": _mark("Over"),
    "retrospective": _mark("Found afterwards"),
    "revised": _mark("Revised"),
    "withdrawn": _mark("Withdrawn"),
    "acknowledge": _mark("Acknowledged"),
    "unacknowledge": _mark("Acknowledgement taken back"),
    "assign": _mark("Assigned"),
    "comment": _mark("Comment"),
    "shelve": _mark("Shelved"),
    "unshelve": _mark("Unshelved"),
    "out-of-service": _mark("Out of service"),
    "return-to-service": _mark("Back in service"),
    "close": _mark("Closed by hand"),
    "escalate": _mark("Escalated"),
    "remind": _mark("Reminded"),
}
WRITTEN = tuple(kind for kind in Kind if not NEEDS[kind].about)
DUE_WORDS: Mapping[Kind, str] = {
    Kind.PROMISE: _mark("to be kept by"),
    Kind.CLOSURE: _mark("until"),
    Kind.EXPECTATION: _mark("expected at"),
    Kind.BULLETIN: _mark("comes at"),
}


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What the address asks for. `until` None: now, and it goes on."""

    span: str = USUAL
    until: datetime | None = None
    kind: Kind | None = None
    author: str = ""
    site: str = ""
    text: str = ""
    alarms: bool = True

    @property
    def narrowed(self) -> bool:
        return bool(self.kind or self.author or self.site or self.text)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the log: an entry of ours, or what became of an alarm."""

    at: datetime
    entry: Entry | None = None
    event: TimelineEvent | None = None


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What the page shows: days, the latest first, each with its lines; and what stands open."""

    begins: datetime
    ends: datetime
    days: list[tuple[date, list[Line]]]
    standing: list[Entry]
    authors: list[str]


def sheet(context: RequestContext, reader: Reader, filters: Filters) -> Sheet:
    """Read it."""
    ends = filters.until or reader.now + timedelta(seconds=1)
    begins = ends - SPANS.get(filters.span, DAY)
    query = LogFilter(
        first=begins,
        last=ends,
        kinds=frozenset({filters.kind}) if filters.kind else None,
        author=filters.author or None,
        site=filters.site or None,
        text=filters.text or None,
        limit=2_000,
    )
    entries = queries.listing(context.connection, query)
    happened: list[TimelineEvent] = []
    if filters.alarms and not filters.narrowed:
        happened = queries_timeline.list_events(
            context.connection, TimelineFilter(since=begins, until=ends, limit=1_000)
        )
    return Sheet(
        begins=begins,
        ends=ends,
        days=by_day(lines(entries, happened), reader),
        standing=standing(context),
        authors=sorted({entry.author for entry in entries} | ({filters.author} - {""})),
    )


def standing(context: RequestContext) -> list[Entry]:
    """What stands open, the soonest due first."""
    entries = queries.listing(context.connection, LogFilter(open=True, limit=500))
    return sorted(entries, key=lambda entry: (entry.due is None, entry.due or entry.at))


def lines(entries: Iterable[Entry], happened: Iterable[TimelineEvent]) -> list[Line]:
    """Both on one axis, the latest first."""
    merged = [Line(at=entry.shown_at, entry=entry) for entry in entries]
    merged += [Line(at=event.at, event=event) for event in happened]
    return sorted(merged, key=lambda line: line.at, reverse=True)


def by_day(lines: Iterable[Line], reader: Reader) -> list[tuple[date, list[Line]]]:
    """By the local day."""
    grouped = groupby(lines, key=lambda line: reader.local(line.at).date())
    return [(day, list(group)) for day, group in grouped]


def words() -> dict[str, Any]:
    """What the templates say kinds by."""
    return {
        "KINDS": KINDS,
        "SETTLE": SETTLE,
        "EVENTS": EVENTS,
        "WRITTEN": WRITTEN,
        "DUE": DUE_WORDS,
        "OPEN": OPEN,
        "NEEDS_DUE": [kind for kind in WRITTEN if NEEDS[kind].due is not False],
        "MUST_BE_DUE": [kind for kind in WRITTEN if NEEDS[kind].due],
    }
