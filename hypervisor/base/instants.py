"""Instants: µs since the epoch (what columns hold), datetimes in UTC, and RFC 3339 text."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
POSTGRES_EPOCH = 946_684_800_000_000  # µs from 1970 to the year 2000, where its binary time starts

# No gauge is older: from here on holds what has always been so.
BEGINNING = int((datetime(1800, 1, 1, tzinfo=UTC) - EPOCH) / _MICROSECOND)


def micros(moment: datetime) -> int:
    """µs since the epoch of an aware datetime, exactly."""
    return (moment - EPOCH) // _MICROSECOND


def moment(instant: int) -> datetime:
    """The datetime in UTC of µs since the epoch, exactly."""
    return EPOCH + timedelta(microseconds=instant)


def text(instant: int) -> str:
    """RFC 3339 in UTC with Z; a fraction only where there is one."""
    return moment(instant).isoformat().replace("+00:00", "Z")


def parse(written: str) -> int:
    """µs since the epoch of RFC 3339 text with an offset."""
    return micros(datetime.fromisoformat(written))


def micros_if(stored: datetime | None) -> int | None:
    """`micros` of what may be missing."""
    return None if stored is None else micros(stored)


def moment_if(instant: int | None) -> datetime | None:
    """`moment` of what may be missing."""
    return None if instant is None else moment(instant)


def text_if(instant: int | None) -> str | None:
    """`text` of what may be missing."""
    return None if instant is None else text(instant)


def _to_micros(value: Any) -> Any:
    """µs of a datetime or of RFC 3339 text; anything else as it is."""
    moment_of = datetime.fromisoformat(value) if isinstance(value, str) else value
    return micros(moment_of) if isinstance(moment_of, datetime) else moment_of


# A field of pydantic in µs: rows fill it with a datetime, JSON has it as RFC 3339.
Micros = Annotated[
    int,
    BeforeValidator(_to_micros),
    PlainSerializer(text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
