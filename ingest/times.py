"""Times as they are written to us: RFC 3339 with an offset, in the years that are believed."""

import re
from datetime import UTC, datetime, timedelta

import msgspec

from ingest.message import AwareTime
from sensors._errors import Message
from sensors._row import EARLIEST, LATEST

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LEAP = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d):60(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_LAST_SECOND = (23, 59, 59)


def parse_time(given: object) -> datetime:
    """An RFC 3339 text as a datetime.

    A leap second (23:59:60 UTC) is the first second of the next day, as in PostgreSQL: nothing that
    counts seconds since 1970 has a place of its own for it.

    Raises:
        ValueError: it is none, or has no offset.
    """
    try:
        return msgspec.convert(given, AwareTime)
    except ValueError:
        match = _LEAP.fullmatch(given) if isinstance(given, str) else None
        if match is None:
            raise ValueError(_explain_error(given)) from None
        return _after_leap(match)


def _explain_error(given: object) -> Message:
    try:
        msgspec.convert(given, datetime)
    except ValueError:
        return Message("it is no RFC 3339 time")
    return Message("it has no offset from UTC")


def _after_leap(match: re.Match[str]) -> datetime:
    minute, fraction, offset = match.groups("")
    try:
        utc = msgspec.convert(f"{minute}:59{offset}", AwareTime).astimezone(UTC)
        after = msgspec.convert(f"{minute}:59{fraction}{offset}", AwareTime) + timedelta(seconds=1)
    except OverflowError:
        raise ValueError(Message("it lies at the end of time")) from None
    if (utc.hour, utc.minute, utc.second) != _LAST_SECOND:
        raise ValueError(Message("a leap second is 23:59:60 in UTC"))
    return after


def parse_micros(text: str) -> int:
    """RFC 3339 as µs since the epoch.

    Raises:
        ValueError: it is none, has no offset, or lies outside the years that are believed.
    """
    micros = (parse_time(text) - _EPOCH) // _MICROSECOND
    if not EARLIEST <= micros < LATEST:
        raise ValueError(f"{text!r} lies outside the years 1800 to 2199")
    return micros
