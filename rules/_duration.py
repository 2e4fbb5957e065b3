"""Durations, in µs. They are written with their unit: `10 min`, `1 h`."""

from rules._errors import RuleError
from sensors._errors import Place
from sensors._scalars import TIME_UNITS, ScalarError, duration_micros, to_micros

SECOND = 1_000_000
HOUR = 3_600 * SECOND


def microseconds(value: float, unit: str | None, place: Place) -> int:
    """A duration as written.

    Raises:
        RuleError: the unit is none of time, there is none, or it is out of bounds.
    """
    try:
        return to_micros(value, unit)
    except ScalarError as error:
        raise RuleError(place, str(error)) from error


def parse_duration(text: str, place: Place) -> int:
    """`10 min` in µs.

    Raises:
        RuleError: it is not a number and a unit of time, or out of bounds.
    """
    try:
        return duration_micros(text)
    except ScalarError as error:
        raise RuleError(place, str(error)) from error


def duration_text(span: int) -> str:
    """A duration as a person writes it."""
    for unit in ("d", "h", "min", "s"):
        if span and span % TIME_UNITS[unit] == 0:
            return f"{span // TIME_UNITS[unit]} {unit}"
    return f"{span / SECOND:g} s"
