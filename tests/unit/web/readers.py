"""Readers of pages, for tests of what is made for them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypervisor.base.reader import Reader


def reader(language: str, *, now: datetime = datetime(2024, 10, 10, 4, tzinfo=UTC)) -> Reader:
    """In Paris."""
    return Reader(language=language, zone=ZoneInfo("Europe/Paris"), now=now)
