"""The hand-over's page as templates read it: times as times, what it says by section."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hypervisor.console.words import mark as _mark
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


def readable(said: Any) -> Any:
    """The stored page with datetimes in place of their text."""
    if isinstance(said, Mapping):
        return {key: _time(key, value) for key, value in said.items()}
    if isinstance(said, list):
        return [readable(one) for one in said]
    return said


def _time(key: str, value: Any) -> Any:
    if key in _TIMES and isinstance(value, str):
        return datetime.fromisoformat(value)
    return readable(value)


def words() -> dict[str, Any]:
    """What the template says things by."""
    return {"HELD": HELD, "LOG": LOG, "HORIZONS": HORIZONS}
