"""Texts of an inventory as values: numbers, times, durations and measures with their unit."""

import re
from datetime import UTC, date, datetime, timedelta

from sensors import _units as units

_MEASURE = re.compile(
    r"\s*(?P<number>[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?)\s*(?P<unit>.*)"
)
_TRUTHS = {"true": True, "yes": True, "oui": True, "false": False, "no": False, "non": False}
_FIRST_YEAR, _LAST_YEAR = 1800, 2200
_MOST = 2_000_000_000
_LONGEST = timedelta(days=366)
_SHORTEST = 0.001  # s
_LARGEST = 1e15


class ScalarError(ValueError):
    """A text that is not what its field wants; says what it wants."""


def number(text: str) -> float:
    """A plain number."""
    value, unit = _split(text)
    if unit:
        raise ScalarError(f"{text!r}: expected a plain number, without a unit")
    return value


def whole(text: str) -> int:
    """A whole number of people or things."""
    try:
        value = int(text)
    except ValueError:
        raise ScalarError(f"{text!r}: expected a whole number") from None
    if not 0 <= value <= _MOST:
        raise ScalarError(f"{text!r}: expected a whole number between 0 and {_MOST}")
    return value


def truth(text: str) -> bool:
    """Yes or no."""
    value = _TRUTHS.get(text.strip().lower())
    if value is None:
        raise ScalarError(f"{text!r}: expected true or false")
    return value


def instant(text: str) -> datetime:
    """A time with its offset, or a date (its midnight, UTC)."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            text = f"{date.fromisoformat(text)}T00:00Z"
        value = datetime.fromisoformat(text)
    except ValueError:
        raise ScalarError(
            f"{text!r}: expected a date such as 2024-10-29"
            " or a time with its offset such as 2024-10-29T15:10:00Z"
        ) from None
    if value.tzinfo is None:
        raise ScalarError(f"{text!r} says no offset: write {text}Z for UTC or {text}+01:00")
    if not _FIRST_YEAR < value.year < _LAST_YEAR:
        raise ScalarError(f"{text!r}: expected a year between {_FIRST_YEAR} and {_LAST_YEAR}")
    return value.astimezone(UTC)


def measure(text: str, unit: str) -> float:
    """A number with its unit, converted into `unit`."""
    value, written = _split(text)
    if not written and unit == "1":
        return value
    if not written:
        raise ScalarError(f"{text!r} has no unit: write {text.strip()} {unit}")
    try:
        converted = round(units.convert(value, written, unit), 9)
    except units.UnitError as error:
        raise ScalarError(f"{text!r}: expected a value in {unit}; {error}") from None
    if not abs(converted) <= _LARGEST:
        raise ScalarError(f"{text!r}: expected a value between -1e15 and 1e15 {unit}")
    if converted == 0 != value:
        raise ScalarError(f"{text!r}: too small to be told from 0 {unit}")
    return converted


def duration(text: str) -> float:
    """A duration in seconds, written with its unit: 15 min, 14 h, 1 d."""
    value, written = _split(text)
    if not written:
        raise ScalarError(f"{text!r} has no unit: write for example {text.strip()} min")
    try:
        seconds = round(units.convert(value, written, "s"), 6)
    except units.UnitError as error:
        raise ScalarError(f"{text!r}: expected a duration such as 15 min; {error}") from None
    if not 0 <= seconds <= _LONGEST.total_seconds() or (seconds < _SHORTEST and value):
        raise ScalarError(f"{text!r}: expected a duration from 1 ms to {_LONGEST.days} days, or 0")
    return seconds


def _split(text: str) -> tuple[float, str]:
    match = _MEASURE.fullmatch(text)
    if match is None:
        raise ScalarError(f"{text!r}: expected a number")
    value = float(match["number"].replace(",", "."))
    if not abs(value) <= _LARGEST:
        raise ScalarError(f"{text!r}: expected a number between -1e15 and 1e15")
    return value, match["unit"].strip()
