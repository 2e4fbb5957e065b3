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
    clock = queries_lifecycle.clock(connection, wall) or wall
    active = listing.views(connection, Selection(active=True), wall=wall)
    over = listing.views(connection, Selection(), wall=wall, shown="returned")
    held = [one for one in active if one["suppressed"]]
    speaking = [one for one in active if not one["suppressed"]]
    standing = queries.listing(connection, LogFilter(open=True, limit=_MOST))
    told = queries.listing(connection, LogFilter(since=since, kinds=_TOLD, limit=_MOST))
    return {
        "since": text_of(since),
        "at": text_of(clock),
        "outlook": dict(outlook or {}),
        "unacknowledged": _alarms(speaking, _is("unacknowledged")),
        "returned": worst_first(_alarm(one) for one in over),
        "acknowledged": _alarms(speaking, _is_not("unacknowledged", category="hazard")),
        "faulty": _alarms(speaking, _is_not("unacknowledged", category="maintenance")),
        "held": worst_first(_held(one) for one in held),
        "at_rest": [
            _plain(asdict(at_rest)) for at_rest in queries_shifts.at_rest(connection, clock)
        ],
        "works": _works(connection, clock),
        "edits": [_plain(asdict(edit)) for edit in queries_shifts.edits(connection, since)],
        **{_PLURAL[kind]: _entries(standing, {kind}) for kind in _STANDING},
        "decisions": _entries(told, {Kind.DECISION}),
        "calls": _entries(told, {Kind.CALL}),
        "notes": _entries(told, {Kind.NOTE, Kind.CORRECTION}),
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
    return lambda one: one["state"] == state


def _is_not(state: str, *, category: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda one: one["state"] != state and one["category"] == category


def _alarms(
    found: Iterable[Mapping[str, Any]], wanted: Callable[[Mapping[str, Any]], bool]
) -> list[dict[str, Any]]:
    return worst_first(_alarm(one) for one in found if wanted(one))


def worst_first(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """By severity, then the latest to begin."""
    latest = sorted(found, key=lambda one: str(one["began"]), reverse=True)
    return sorted(latest, key=lambda one: SEVERITIES.index(one["severity"]), reverse=True)


def _alarm(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": one["id"],
        "severity": one["severity"][-1][1],
        "title": one["title"],
        "title_fr": one.get("title_fr"),
        "site": one["site"],
        "domain": one["domain"],
        "began": one["began"],
        "state": one["state"],
        "assignee": one.get("assignee"),
        "stale": bool(one["stale"]) and one["stale"][-1][1] is None,
        "last_value": one["last_value"],
    }


def _held(one: Mapping[str, Any]) -> dict[str, Any]:
    """By hand before by design: somebody answers for it."""
    why = min(one["suppressed"], key=lambda each: each["kind"] not in _BY_HAND)
    return {**_alarm(one), "why": dict(why)}


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
        for window in queries_works.works(connection)
        if window.begins <= soon and window.ends >= micros(clock)
    ]


def _entries(found: Sequence[Entry], kinds: set[Kind]) -> list[dict[str, Any]]:
    return [_plain(asdict(entry)) for entry in found if entry.kind in kinds]


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: text_of(value) if isinstance(value, datetime) else value
        for key, value in values.items()
    }
