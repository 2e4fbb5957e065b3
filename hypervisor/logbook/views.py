"""The log page: entries and events of alarms, by day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.alarms import queries_list, queries_timeline
from hypervisor.alarms.queries_timeline import TimelineEvent, TimelineFilter
from hypervisor.base.reader import Reader
from hypervisor.base.translation import mark as _mark
from hypervisor.logbook import queries
from hypervisor.logbook.model import NEEDS, EntryKind, LogEntry
from hypervisor.logbook.queries import LogFilter

DAY = timedelta(days=1)
SPANS = {"12h": timedelta(hours=12), "1d": DAY, "3d": 3 * DAY, "7d": 7 * DAY}
USUAL = "1d"

KINDS: Mapping[EntryKind, str] = {
    EntryKind.NOTE: _mark("Note"),
    EntryKind.DECISION: _mark("Decision"),
    EntryKind.CALL: _mark("Call"),
    EntryKind.PROMISE: _mark("Promise"),
    EntryKind.TASK: _mark("Task"),
    EntryKind.CLOSURE: _mark("Closure"),
    EntryKind.EXPECTATION: _mark("Expected"),
    EntryKind.BULLETIN: _mark("Bulletin"),
    EntryKind.SETTLED: _mark("Settled"),
    EntryKind.CORRECTION: _mark("Correction"),
}
SETTLE: Mapping[EntryKind, str] = {
    EntryKind.PROMISE: _mark("Kept"),
    EntryKind.TASK: _mark("Done"),
    EntryKind.CLOSURE: _mark("Reopened"),
    EntryKind.EXPECTATION: _mark("Happened"),
    EntryKind.BULLETIN: _mark("Received"),
}
EVENTS: Mapping[str, str] = {
    "raised": _mark("Alarm raised"),
    "severity": _mark("Priority changed"),
    "stale": _mark("No data"),
    "cleared": _mark("Over"),
    "retrospective": _mark("Detected retrospectively"),
    "revised": _mark("Revised"),
    "withdrawn": _mark("Withdrawn"),
    "acknowledge": _mark("Acknowledged"),
    "unacknowledge": _mark("Acknowledgement withdrawn"),
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
FORM_KINDS = tuple(kind for kind in EntryKind if not (NEEDS[kind].about or NEEDS[kind].owner))
NOTICES: Mapping[str, str] = {
    **EVENTS,
    "reminder": EVENTS["remind"],
    "escalation": EVENTS["escalate"],
}
DELIVERED: Mapping[str, str] = {
    "waiting": _mark("is waiting"),
    "sent": _mark("was sent"),
    "dead": _mark("was given up"),
    "dropped": _mark("was dropped"),
}
DUE_WORDS: Mapping[EntryKind, str] = {
    EntryKind.PROMISE: _mark("due by"),
    EntryKind.TASK: _mark("due by"),
    EntryKind.CLOSURE: _mark("until"),
    EntryKind.EXPECTATION: _mark("expected at"),
    EntryKind.BULLETIN: _mark("due at"),
}


@dataclass(frozen=True, kw_only=True)
class Filters:
    """The filter of the page. `until` None: now, updated live."""

    span: str = USUAL
    until: datetime | None = None
    kind: EntryKind | None = None
    author: str = ""
    site: str = ""
    text: str = ""
    alarms: bool = True

    @property
    def narrowed(self) -> bool:
        return bool(self.kind or self.author or self.site or self.text)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the log: an entry or an event of an alarm."""

    at: datetime
    entry: LogEntry | None = None
    event: TimelineEvent | None = None


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """The page: lines by local day, latest first; open entries, soonest due first."""

    begins: datetime
    ends: datetime
    days: list[tuple[date, list[Line]]]
    open: list[LogEntry]
    authors: list[str]


def build_sheet(context: RequestContext, reader: Reader, filters: Filters) -> Sheet:
    """Read the page."""
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
    entries = queries.list_entries(context.connection, query)
    events: list[TimelineEvent] = []
    if filters.alarms and not filters.narrowed:
        events = queries_timeline.list_events(
            context.connection, TimelineFilter(since=begins, until=ends, limit=1_000)
        )
    days = groupby(merge_lines(entries, events), key=lambda line: reader.local(line.at).date())
    open_entries = queries.list_entries(context.connection, LogFilter(open=True, limit=500))
    return Sheet(
        begins=begins,
        ends=ends,
        days=[(day, list(lines)) for day, lines in days],
        open=sorted(open_entries, key=lambda entry: (entry.due is None, entry.due or entry.at)),
        authors=sorted({entry.author for entry in entries} | ({filters.author} - {""})),
    )


def merge_lines(entries: Iterable[LogEntry], events: Iterable[TimelineEvent]) -> list[Line]:
    """Entries and events merged, latest first."""
    merged = [Line(at=entry.shown_at, entry=entry) for entry in entries]
    merged += [Line(at=event.at, event=event) for event in events]
    return sorted(merged, key=lambda line: line.at, reverse=True)


def template_words(context: RequestContext) -> dict[str, Any]:
    """Labels for the templates; `names`: what people are called, by their account."""
    with context.owning() as owner:
        names = queries_list.read_account_titles(owner)
    return {
        "names": names,
        "KINDS": KINDS,
        "SETTLE": SETTLE,
        "EVENTS": EVENTS,
        "FORM_KINDS": FORM_KINDS,
        "DUE": DUE_WORDS,
        "NOTICES": NOTICES,
        "DELIVERED": DELIVERED,
        "NEEDS_DUE": [kind for kind in FORM_KINDS if NEEDS[kind].due is not False],
    }
