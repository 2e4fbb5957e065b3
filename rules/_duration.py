"""Durations, in µs. They are written with their unit: `10 min`, `1 h`."""

import re

from rules._bounds import bounded_duration
from rules._errors import RuleError
from sensors._errors import Place
from sensors._nearest import did_you_mean

SECOND = 1_000_000
HOUR = 3_600 * SECOND

_UNITS = {
    "ms": 1_000,
    "s": SECOND,
    "sec": SECOND,
    "second": SECOND,
    "seconds": SECOND,
    "min": 60 * SECOND,
    "minute": 60 * SECOND,
    "minutes": 60 * SECOND,
    "h": HOUR,
    "hour": HOUR,
    "hours": HOUR,
    "d": 24 * HOUR,
    "day": 24 * HOUR,
    "days": 24 * HOUR,
    "week": 7 * 24 * HOUR,
    "weeks": 7 * 24 * HOUR,
}
_TEXT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([^\W\d_]+)\s*")


def microseconds(value: float, unit: str | None, place: Place) -> int:
    """A duration as written.

    Raises:
        RuleError: the unit is none of time, there is none, or it is out of bounds (rules._bounds).
    """
    if unit is None:
        raise RuleError(
            place, "{value:g} has no unit; a duration is written like {value:g} min", value
        )
    if unit not in _UNITS:
        raise RuleError(
            place,
            "{unit!r} is no unit of time; expected a duration such as 10 min{hint}",
            unit,
            did_you_mean(unit, ("s", "min", "h", "d")),
        )
    return bounded_duration(value * _UNITS[unit], f"{value:g} {unit}", place)


def parse_duration(text: str, place: Place) -> int:
    """`10 min` in µs.

    Raises:
        RuleError: it is not a number and a unit of time.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        if re.fullmatch(r"\s*[0-9]+(?:\.[0-9]+)?\s*", text):
            return microseconds(float(text), None, place)
        raise RuleError(
            place, "{text!r} is no duration; expected a number and a unit, as 10 min", text
        )
    return microseconds(float(match[1]), match[2], place)


def duration_text(span: int) -> str:
    """A duration as a person writes it."""
    for unit in ("d", "h", "min", "s"):
        if span and span % _UNITS[unit] == 0:
            return f"{span // _UNITS[unit]} {unit}"
    return f"{span / SECOND:g} s"
