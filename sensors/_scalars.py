"""Texts as values: numbers, times, durations and measures with their unit."""

import re
from datetime import UTC, date, datetime

from sensors import _units as units
from sensors._errors import MessageError
from sensors._nearest import did_you_mean

_MEASURE = re.compile(
    r"\s*(?P<number>[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?)\s*(?P<unit>.*)"
)
_TRUTHS = {"true": True, "yes": True, "oui": True, "false": False, "no": False, "non": False}
_FIRST_YEAR, _LAST_YEAR = 1800, 2200
_MOST = 2_000_000_000
_LARGEST = 1e15
_DIGITS = 20  # Python refuses to read some thousands
_SECOND = 1_000_000  # µs
_SHORTEST = 1_000  # µs
LONGEST = 366 * 86_400 * _SECOND  # µs of a duration
_NUMBER = r"([0-9]+(?:[.,][0-9]+)?)"
_DURATION_PART = re.compile(_NUMBER + r"\s*([^\W\d_]+)\s*")
_DURATION = re.compile(rf"(?:{_DURATION_PART.pattern})+")
TIME_UNITS = {
    "ms": 1_000,
    **dict.fromkeys(("s", "sec", "second", "seconds", "seconde", "secondes"), _SECOND),
    **dict.fromkeys(("min", "mn", "minute", "minutes"), 60 * _SECOND),
    **dict.fromkeys(("h", "hour", "hours", "heure", "heures"), 3_600 * _SECOND),
    **dict.fromkeys(("d", "day", "days", "j", "jour", "jours"), 86_400 * _SECOND),
    **dict.fromkeys(("week", "weeks"), 7 * 86_400 * _SECOND),
}  # in µs


class ScalarError(MessageError, ValueError):
    """A text that is not what its field wants; says what it wants."""


def number(text: str) -> float:
    """A plain number."""
    value, unit = _split(text)
    if unit:
        raise ScalarError("{text!r}: expected a plain number, without a unit", text)
    return value


def count(text: str) -> int:
    """A whole number of people or things."""
    try:
        value = int(text)
    except ValueError:
        raise ScalarError("{text!r}: expected a whole number", text) from None
    if not 0 <= value <= _MOST:
        raise ScalarError("{text!r}: expected a whole number between 0 and {most}", text, _MOST)
    return value


def parse_whole(text: str, *, below: int = 2**63) -> int | None:
    """A number in ASCII digits, from 0 on and less than `below`; None: anything else."""
    digits = text.isascii() and text.isdigit() and len(text) < _DIGITS
    return value if digits and (value := int(text)) < below else None


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
        raise ScalarError("{text!r} has no UTC offset: write {text}Z for UTC or {text}+01:00", text)
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
        raise ScalarError("{text!r}: too small to distinguish from 0 {unit}", text, unit)
    return converted


def duration(text: str) -> float:
    """A duration in seconds, written with its unit: 15 min, 14 h, 1 d, 1 d 6 h."""
    return duration_micros(text) / _SECOND


def duration_micros(text: str, *, longest: int = LONGEST) -> int:
    """A duration in µs, in one or several parts.

    Raises:
        ScalarError: it is none, or shorter than a millisecond and not 0, or too long.
    """
    text = text.strip()
    if re.fullmatch(_NUMBER, text):
        to_micros(float(text.replace(",", ".")), None)  # raises
    if not _DURATION.fullmatch(text):
        raise ScalarError(
            "{text!r} is not a duration; expected a number and a unit such as 10 min", text
        )
    span = sum(
        to_micros(float(number.replace(",", ".")), unit, longest=longest)
        for number, unit in _DURATION_PART.findall(text)
    )
    if span > longest:
        raise _too_long(text, longest)
    return span


def to_micros(value: float, unit: str | None, *, longest: int = LONGEST) -> int:
    """A number of a unit of time in µs, whole.

    Raises:
        ScalarError: as `duration_micros`.
    """
    if unit is None:
        raise ScalarError("{value:g} has no unit; a duration is written like {value:g} min", value)
    if unit not in TIME_UNITS:
        raise ScalarError(
            "{unit!r} is not a unit of time; expected a duration such as 10 min{hint}",
            unit,
            did_you_mean(unit, ("s", "min", "h", "d")),
        )
    span = value * TIME_UNITS[unit]
    if not span <= longest:
        raise _too_long(f"{value:g} {unit}", longest)
    if 0 < span < _SHORTEST:
        text = f"{value:g} {unit}"
        raise ScalarError("{text} is too short; a duration lasts at least 1 ms", text)
    return round(span)


def _too_long(text: str, longest: int) -> ScalarError:
    days = longest // (86_400 * _SECOND)
    return ScalarError("{text} is too long; a duration lasts at most {days} d", text, days)


def _split(text: str) -> tuple[float, str]:
    match = _MEASURE.fullmatch(text)
    if match is None:
        raise ScalarError("{text!r}: expected a number", text)
    value = float(match["number"].replace(",", "."))
    if not abs(value) <= _LARGEST:
        raise ScalarError("{text!r}: expected a number between -1e15 and 1e15", text)
    return value, match["unit"].strip()
