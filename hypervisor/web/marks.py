"""Priorities and their marks, trends and sparklines: what shapes show what alarms say."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hypervisor.base.translation import mark as _mark
from hypervisor.base.translation import translate as _

PRIORITIES = {"critical": 1, "major": 2, "minor": 3, "info": 4}
_NAMES = {
    1: _mark("Critical"),
    2: _mark("Major"),
    3: _mark("Minor"),
    4: _mark("Notice"),
}
_STATES = {
    "un": _mark("to acknowledge"),
    "ack": _mark("acknowledged"),
    "rtn": _mark("over, to acknowledge"),
    "shv": _mark("shelved"),
    "off": _mark("over"),
}


def priority(severity: str | int | None) -> int:
    """1 to 4; also of a number that is one already."""
    if isinstance(severity, int):
        return severity
    return PRIORITIES.get(severity or "", 4)


def priority_name(severity: str | int | None) -> str:
    return _(_NAMES[priority(severity)])


def state(alarm: Mapping[str, Any]) -> str:
    """How the mark of an alarm looks: un, ack, rtn, shv, off."""
    if alarm.get("hold"):
        return "shv"
    return of_base(str(alarm.get("state", "")))


def of_base(base: str) -> str:
    """The same, of the state alone."""
    return {
        "unacknowledged": "un",
        "acknowledged": "ack",
        "closing": "ack",
        "returned": "rtn",
        "shelved": "shv",
    }.get(base, "off")


def words(severity: str | int | None, how: str) -> str:
    """Critical, to acknowledge: the accessible name of a mark."""
    return f"{priority_name(severity)}, {_(_STATES[how])}"


def slope(rate: float | None, steep: float = 5.0) -> int:
    """Degrees that an arrow turns: 0 level, up to 60 at `steep` per hour; upwards is negative."""
    if rate is None or abs(rate) < steep / 20:
        return 0
    size = 60 if abs(rate) >= steep * 0.6 else 30
    return -size if rate > 0 else size


def spark(  # noqa: PLR0913  what a drawing is made of
    points: Sequence[tuple[datetime, float]],
    *,
    begins: datetime,
    now: datetime,
    ends: datetime | None = None,
    limit: float | None = None,
    projected: float | None = None,
    width: int = 150,
    height: int = 30,
) -> dict[str, Any] | None:
    """A sparkline's paths: the line, its limit, its projection, and the hatch of what is unknown.

    `projected`: the value expected at `ends`, by the present rate.
    """
    if not points:
        return None
    last = ends or now
    span = max((last - begins).total_seconds(), 1.0)
    values = [value for _, value in points if math.isfinite(value)]
    values += [level for level in (limit, projected) if level is not None]
    if not values:
        return None
    low, high = min(values), max(values)
    scale = (height - 7.6) / (high - low) if high > low else 0.0

    def x(at: datetime) -> float:
        return round(2 + (width - 4) * (at - begins).total_seconds() / span, 1)

    def y(value: float) -> float:
        middle = height / 2 if scale == 0 else height - 3.8 - (value - low) * scale
        return round(middle, 1)

    at, value = points[-1]
    drawn = {
        "width": width,
        "height": height,
        "line": "M" + "L".join(f"{x(time)} {y(reading)}" for time, reading in points),
        "limit": None if limit is None else y(limit),
        "projection": None,
        "last": (x(at), y(value)),
        "unknown": None,
    }
    if projected is not None and ends is not None:
        drawn["projection"] = f"M{x(at)} {y(value)}L{x(ends)} {y(projected)}"
    if now - at > timedelta(minutes=20) and x(now) - x(at) > 2:
        drawn["unknown"] = (x(at), round(x(now) - x(at), 1))
    return drawn
