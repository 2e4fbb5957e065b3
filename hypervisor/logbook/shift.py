"""What a hand-over says: all that whoever comes must know, put together from what is stored."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from hypervisor.alarms import listing, queries_lifecycle
from hypervisor.alarms.queries import Selection
from hypervisor.base.instants import micros, text
from hypervisor.database.connect import Connection
from hypervisor.logbook import queries, queries_shifts
from hypervisor.logbook.model import Kind
from hypervisor.logbook.queries import Entry, LogFilter
from hypervisor.registry import queries_works
from rules._rule import SEVERITIES

_TOLD = frozenset({Kind.NOTE, Kind.DECISION, Kind.CALL, Kind.CORRECTION})
_MOST = 500
_SOON = timedelta(days=1)
_BY_HAND = ("shelved", "out-of-service")


def page(
    connection: Connection,
    *,
    since: datetime,
    wall: datetime,
    outlook: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The page as plain values. `since`: of the wall, the hand-over before.

    `outlook`: what the console knows of rivers and what comes next, put in as it is.
    """
    clock = queries_lifecycle.read_clock(connection, wall) or wall
    active = listing.list_alarms(connection, Selection(active=True), wall=wall)
    over = listing.list_alarms(connection, Selection(), wall=wall, shown="returned")
    held = [alarm for alarm in active if alarm["suppressed"]]
    speaking = [alarm for alarm in active if not alarm["suppressed"]]
    standing = queries.listing(connection, LogFilter(open=True, limit=_MOST))
    entries = queries.listing(connection, LogFilter(since=since, kinds=_TOLD, limit=_MOST))
    return {
        "since": text_of(since),
        "at": text_of(clock),
        "outlook": dict(outlook or {}),
        "unacknowledged": _alarms(speaking, _is("unacknowledged")),
        "returned": worst_first(_alarm(alarm) for alarm in over),
        "acknowledged": _alarms(speaking, _is_not("unacknowledged", category="hazard")),
        "faulty": _alarms(speaking, _is_not("unacknowledged", category="maintenance")),
        "held": worst_first(_held(alarm) for alarm in held),
        "at_rest": [
            _plain(asdict(at_rest)) for at_rest in queries_shifts.at_rest(connection, clock)
        ],
        "works": _works(connection, clock),
        "edits": [_plain(asdict(edit)) for edit in queries_shifts.edits(connection, since)],
        **{_PLURAL[kind]: _entries(standing, {kind}) for kind in _STANDING},
        "decisions": _entries(entries, {Kind.DECISION}),
        "calls": _entries(entries, {Kind.CALL}),
        "notes": _entries(entries, {Kind.NOTE, Kind.CORRECTION}),
    }


_PLURAL: Mapping[Kind, str] = {
    Kind.PROMISE: "promises",
    Kind.CLOSURE: "closures",
    Kind.EXPECTATION: "expectations",
    Kind.BULLETIN: "bulletins",
}
_STANDING = tuple(_PLURAL)


def text_of(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return text(micros(at))


def _is(state: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda alarm: alarm["state"] == state


def _is_not(state: str, *, category: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda alarm: alarm["state"] != state and alarm["category"] == category


def _alarms(
    alarms: Iterable[Mapping[str, Any]], include: Callable[[Mapping[str, Any]], bool]
) -> list[dict[str, Any]]:
    return worst_first(_alarm(alarm) for alarm in alarms if include(alarm))


def worst_first(alarms: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """By severity, then the latest to begin."""
    latest = sorted(alarms, key=lambda alarm: str(alarm["began"]), reverse=True)
    return sorted(latest, key=lambda alarm: SEVERITIES.index(alarm["severity"]), reverse=True)


def _alarm(alarm: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": alarm["id"],
        "severity": alarm["severity"][-1][1],
        "title": alarm["title"],
        "title_fr": alarm.get("title_fr"),
        "site": alarm["site"],
        "domain": alarm["domain"],
        "began": alarm["began"],
        "state": alarm["state"],
        "assignee": alarm.get("assignee"),
        "stale": bool(alarm["stale"]) and alarm["stale"][-1][1] is None,
        "last_value": alarm["last_value"],
    }


def _held(alarm: Mapping[str, Any]) -> dict[str, Any]:
    """By hand before by design: somebody answers for it."""
    why = min(alarm["suppressed"], key=lambda reason: reason["kind"] not in _BY_HAND)
    return {**_alarm(alarm), "why": dict(why)}


def _works(connection: Connection, clock: datetime) -> list[dict[str, Any]]:
    """Those that last, and those of the next day."""
    soon = micros(clock + _SOON)
    return [
        {
            "name": window.name,
            "begins": text(window.begins),
            "ends": text(window.ends),
            "reason": window.reason,
            "at": sorted(window.sites | window.devices | window.groups),
        }
        for window in queries_works.load_works(connection)
        if window.begins <= soon and window.ends >= micros(clock)
    ]


def _entries(entries: Sequence[Entry], kinds: set[Kind]) -> list[dict[str, Any]]:
    return [_plain(asdict(entry)) for entry in entries if entry.kind in kinds]


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: text_of(value) if isinstance(value, datetime) else value
        for key, value in values.items()
    }
