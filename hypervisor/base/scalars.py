"""Texts of an inventory as values: numbers, times, durations and measures with their unit."""

import re
from datetime import UTC, date, datetime, timedelta

from sensors import _units as units
from sensors._errors import MessageError

_MEASURE = re.compile(
    r"\s*(?P<number>[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?)\s*(?P<unit>.*)"
)
_TRUTHS = {"true": True, "yes": True, "oui": True, "false": False, "no": False, "non": False}
_FIRST_YEAR, _LAST_YEAR = 1800, 2200
_MOST = 2_000_000_000
_LONGEST = timedelta(days=366)
_SHORTEST = 0.001  # s
_LARGEST = 1e15


class ScalarError(MessageError, ValueError):
    """A text that is not what its field wants; says what it wants."""


def number(text: str) -> float:
    """A plain number."""
    value, unit = _split(text)
    if unit:
        raise ScalarError("{text!r}: expected a plain number, without a unit", text)
    return value


def whole(text: str) -> int:
    """A whole number of people or things."""
    try:
        value = int(text)
    except ValueError:
        raise ScalarError("{text!r}: expected a whole number", text) from None
    if not 0 <= value <= _MOST:
        raise ScalarError("{text!r}: expected a whole number between 0 and {most}", text, _MOST)
    return value


def truth(text: str) -> bool:
    """Yes or no."""
    value = _TRUTHS.get(text.strip().lower())
    if value is None:
        raise ScalarError("{text!r}: expected true or false", text)
    return value


def instant(text: str) -> datetime:
    """A time with its offset, or a date (its midnight, UTC)."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            text = f"{date.fromisoformat(text)}T00:00Z"
        value = datetime.fromisoformat(text)
    except ValueError:
        raise ScalarError(
            "{text!r}: expected a date such as 2024-10-29 or a time with its offset such "
            "as 2024-10-29T15:10:00Z",
            text,
        ) from None
    if value.tzinfo is None:
        raise ScalarError("{text!r} says no offset: write {text}Z for UTC or {text}+01:00", text)
    if not _FIRST_YEAR < value.year < _LAST_YEAR:
        raise ScalarError(
            "{text!r}: expected a year between {first_year} and {last_year}",
            text,
            _FIRST_YEAR,
            _LAST_YEAR,
        )
    return value.astimezone(UTC)


def measure(text: str, unit: str) -> float:
    """A number with its unit, converted into `unit`."""
    value, written = _split(text)
    if not written and unit == "1":
        return value
    if not written:
        raise ScalarError("{text!r} has no unit: write {number} {unit}", text, text.strip(), unit)
    try:
        converted = round(units.convert(value, written, unit), 9)
    except units.UnitError as error:
        raise ScalarError(
            "{text!r}: expected a value in {unit}; {error}", text, unit, error
        ) from None
    if not abs(converted) <= _LARGEST:
        raise ScalarError("{text!r}: expected a value between -1e15 and 1e15 {unit}", text, unit)
    if converted == 0 != value:
        raise ScalarError("{text!r}: too small to be told from 0 {unit}", text, unit)
    return converted


def duration(text: str) -> float:
    """A duration in seconds, written with its unit: 15 min, 14 h, 1 d."""
    value, written = _split(text)
    if not written:
        raise ScalarError(
            "{text!r} has no unit: write for example {number} min", text, text.strip()
        )
    try:
        seconds = round(units.convert(value, written, "s"), 6)
    except units.UnitError as error:
        raise ScalarError(
            "{text!r}: expected a duration such as 15 min; {error}", text, error
        ) from None
    if not 0 <= seconds <= _LONGEST.total_seconds() or (seconds < _SHORTEST and value):
        raise ScalarError(
            "{text!r}: expected a duration from 1 ms to {days} days, or 0", text, _LONGEST.days
        )
    return seconds


def _split(text: str) -> tuple[float, str]:
    match = _MEASURE.fullmatch(text)
    if match is None:
        raise ScalarError("{text!r}: expected a number", text)
    value = float(match["number"].replace(",", "."))
    if not abs(value) <= _LARGEST:
        raise ScalarError("{text!r}: expected a number between -1e15 and 1e15", text)
    return value, match["unit"].strip()
