"""The hand-over page: all that the next shift must know."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from hypervisor.alarms import queries_lifecycle, service_list
from hypervisor.alarms.queries import Selection
from hypervisor.base.instants import micros, text
from hypervisor.database.connect import Connection
from hypervisor.logbook import queries, queries_shifts
from hypervisor.logbook.model import EntryKind, LogEntry
from hypervisor.logbook.queries import LogFilter
from hypervisor.registry import queries_works
from rules._rule import SEVERITIES

_NOTED_KINDS = frozenset({EntryKind.NOTE, EntryKind.DECISION, EntryKind.CALL, EntryKind.CORRECTION})
_MOST = 500
_SOON = timedelta(days=1)
_BY_HAND = ("shelved", "out-of-service")


def build_page(
    connection: Connection,
    *,
    since: datetime,
    wall: datetime,
    outlook: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The page as plain values. `since`: the previous hand-over (wall clock).

    `outlook`: the forecast section, included as it is.
    """
    clock = queries_lifecycle.read_clock(connection, wall) or wall
    active = _read_alarms(connection, Selection(active=True), wall)
    over = _read_alarms(connection, Selection(state="returned"), wall)
    held = [alarm for alarm in active if alarm["suppressed"]]
    speaking = [alarm for alarm in active if not alarm["suppressed"]]
    standing = queries.list_entries(connection, LogFilter(open=True, limit=_MOST))
    entries = queries.list_entries(
        connection, LogFilter(since=since, kinds=_NOTED_KINDS, limit=_MOST)
    )
    return {
        "since": format_time(since),
        "at": format_time(clock),
        "outlook": dict(outlook or {}),
        "unacknowledged": _list_alarms(speaking, _has_state("unacknowledged")),
        "returned": sort_by_severity(_describe_alarm(alarm) for alarm in over),
        "acknowledged": _list_alarms(speaking, _is_known("unacknowledged", category="hazard")),
        "faulty": _list_alarms(speaking, _is_known("unacknowledged", category="maintenance")),
        "held": sort_by_severity(_describe_held(alarm) for alarm in held),
        "at_rest": [
            _as_plain(asdict(at_rest))
            for at_rest in queries_shifts.list_out_of_service(connection, clock)
        ],
        "works": _list_works(connection, clock),
        "edits": [_as_plain(asdict(edit)) for edit in queries_shifts.list_edits(connection, since)],
        **{_PLURAL[kind]: _list_entries(standing, {kind}) for kind in _STANDING},
        "decisions": _list_entries(entries, {EntryKind.DECISION}),
        "calls": _list_entries(entries, {EntryKind.CALL}),
        "notes": _list_entries(entries, {EntryKind.NOTE, EntryKind.CORRECTION}),
    }


_PLURAL: Mapping[EntryKind, str] = {
    EntryKind.PROMISE: "promises",
    EntryKind.CLOSURE: "closures",
    EntryKind.EXPECTATION: "expectations",
    EntryKind.BULLETIN: "bulletins",
}
_STANDING = tuple(_PLURAL)


def _read_alarms(
    connection: Connection, selection: Selection, wall: datetime
) -> list[dict[str, Any]]:
    alarms = service_list.list_alarms(connection, selection, wall=wall)
    return [alarm.model_dump(mode="json") for alarm in alarms]


def format_time(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return text(micros(at))


def _has_state(state: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda alarm: alarm["state"] == state


def _is_known(state: str, *, category: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda alarm: alarm["state"] != state and alarm["category"] == category


def _list_alarms(
    alarms: Iterable[Mapping[str, Any]], include: Callable[[Mapping[str, Any]], bool]
) -> list[dict[str, Any]]:
    return sort_by_severity(_describe_alarm(alarm) for alarm in alarms if include(alarm))


def sort_by_severity(alarms: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """By severity, highest first; then latest first."""
    latest = sorted(alarms, key=lambda alarm: str(alarm["began"]), reverse=True)
    return sorted(latest, key=lambda alarm: SEVERITIES.index(alarm["severity"]), reverse=True)


def _describe_alarm(alarm: Mapping[str, Any]) -> dict[str, Any]:
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


def _describe_held(alarm: Mapping[str, Any]) -> dict[str, Any]:
    """An alarm with one suppression: holds by hand come first."""
    why = min(alarm["suppressed"], key=lambda reason: reason["kind"] not in _BY_HAND)
    return {**_describe_alarm(alarm), "why": dict(why)}


def _list_works(connection: Connection, clock: datetime) -> list[dict[str, Any]]:
    """Works in progress, and those of the next day."""
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


def _list_entries(entries: Sequence[LogEntry], kinds: set[EntryKind]) -> list[dict[str, Any]]:
    return [_as_plain(asdict(entry)) for entry in entries if entry.kind in kinds]


def _as_plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: format_time(value) if isinstance(value, datetime) else value
        for key, value in values.items()
    }
