"""Instants as requests say them: with an offset, and within what a database and a year can hold."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, Field

if TYPE_CHECKING:
    from hypervisor.access.context import RequestContext


FIRST = datetime(1800, 1, 1, tzinfo=UTC)
LAST = datetime(2200, 1, 1, tzinfo=UTC)


def _within(at: datetime) -> datetime:
    # Comparing two aware datetimes never overflows, converting one near year 1 or 9999 does.
    if not FIRST <= at <= LAST:
        raise ValueError(f"lies outside {FIRST.year} … {LAST.year}")
    return at.astimezone(UTC)


Instant = Annotated[
    AwareDatetime,
    AfterValidator(_within),
    Field(examples=["2024-10-10T06:00:00Z"]),
]


def text(at: datetime) -> str:
    """RFC 3339 in UTC with Z, as an address or a line of CSV says it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def local(text: str, context: "RequestContext") -> datetime | None:
    """What a browser's field for day and time says, on the clock of the instance's zone."""
    return parse_local(text, ZoneInfo(context.instance.timezone))


def parse(text: str) -> datetime | None:
    """An instant as we wrote it; None: it has no offset, or is none within the years we take."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo and FIRST <= at <= LAST else None


def parse_local(text: str, zone: ZoneInfo) -> datetime | None:
    """None: it is no time, or not within the years that we take."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not FIRST.year <= at.year < LAST.year:
        return None
    return at if at.tzinfo else at.replace(tzinfo=zone)


def parse_day(text: str, zone: ZoneInfo, *, after: int = 0) -> datetime | None:
    """When the day of a field begins in the zone, or the day `after` days later."""
    at = parse_local(text[:10], zone)
    return None if at is None else (at + timedelta(days=after)).astimezone(UTC)
