"""A stored hand-over page for its template."""

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
_OTHERS = {"before", "value"}  # of an edit: definitions, kept as stored
HELD: Mapping[str, str] = {
    "shelved": _mark("shelved"),
    "out-of-service": _mark("out of service"),
    "inhibited": _mark("suppressed by another alarm"),
    "works": _mark("planned works"),
    "chattering": _mark("chattering"),
}
# Titles of the log's sections, in the order of the page.
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
    """A part of a stored page; keys missing in older versions are None."""

    def __missing__(self, key: str) -> None:
        return None


def parse_page(page: Mapping[str, Any]) -> Part:
    """A stored page with times parsed and every section present."""
    part = _parse_part(page, times=True)
    part["outlook"] = part["outlook"] or Part()
    for name in _SECTIONS:
        part[name] = part[name] or []
    return part


def _parse_part(values: Mapping[str, Any], *, times: bool) -> Part:
    return Part({key: _parse_value(key, value, times=times) for key, value in values.items()})


def _parse_value(key: str, value: Any, *, times: bool) -> Any:
    """`times`: parse times; not within definitions of rules and thresholds."""
    times = times and key not in _OTHERS
    if isinstance(value, Mapping):
        return _parse_part(value, times=times)
    if isinstance(value, list):
        return [_parse_value("", below, times=times) for below in value]
    return _parse_time(value) if times and key in _TIMES else value


def _parse_time(value: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return time if time.tzinfo else None


def template_words() -> dict[str, Any]:
    """Labels for the template."""
    return {"HELD": HELD, "LOG": LOG, "HORIZONS": HORIZONS}
