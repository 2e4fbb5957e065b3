"""The hand-over's page as templates read it: times as times, what it says by section."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hypervisor.base.translation import mark as _mark
from hypervisor.logbook.coming import HORIZONS

_TIMES = {
    "at",
    "began",
    "begins",
    "due",
    "earliest",
    "ends",
    "latest",
    "recorded_at",
    "scenario_at",
    "settled",
    "since",
    "time",
    "until",
}
_OTHERS = {"before", "value"}  # of an edit: the definition that was revised, as it is stored
HELD: Mapping[str, str] = {
    "shelved": _mark("shelved"),
    "out-of-service": _mark("out of service"),
    "inhibited": _mark("held back by another alarm"),
    "works": _mark("planned works"),
    "chattering": _mark("chattering"),
}
# What its sections are called, in the order of the page: key of the page -> title.
LOG: Mapping[str, str] = {
    "decisions": _mark("Decisions"),
    "calls": _mark("Calls"),
    "promises": _mark("Promised"),
    "closures": _mark("Closed roads and places"),
    "notes": _mark("Notes"),
}
_SECTIONS = (
    *LOG,
    *("unacknowledged", "returned", "acknowledged", "faulty", "held", "at_rest", "works"),
    *("edits", "expectations", "bulletins"),
)


class Part(dict[str, Any]):
    """A part of a stored page; what a page of another version does not say is None."""

    def __missing__(self, key: str) -> None:
        return None


def readable(page: Mapping[str, Any]) -> Part:
    """A stored page as its template reads it: times in place of their text, no section missing."""
    part = _part(page, times=True)
    part["outlook"] = part["outlook"] or Part()
    for name in _SECTIONS:
        part[name] = part[name] or []
    return part


def _part(values: Mapping[str, Any], *, times: bool) -> Part:
    return Part({key: _read(key, value, times=times) for key, value in values.items()})


def _read(key: str, value: Any, *, times: bool) -> Any:
    """`times`: whether it is ours; a rule or a threshold that was revised has keys of its own."""
    times = times and key not in _OTHERS
    if isinstance(value, Mapping):
        return _part(value, times=times)
    if isinstance(value, list):
        return [_read("", below, times=times) for below in value]
    return _time(value) if times and key in _TIMES else value


def _time(value: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return time if time.tzinfo else None


def words() -> dict[str, Any]:
    """What the template says things by."""
    return {"HELD": HELD, "LOG": LOG, "HORIZONS": HORIZONS}
