"""Days and times as fields of a page say them, in the instance's zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from hypervisor.web.times import parse_day, parse_local

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2024-10-17T08:30", datetime(2024, 10, 17, 6, 30, tzinfo=UTC)),
        ("2024-12-17T08:30", datetime(2024, 12, 17, 7, 30, tzinfo=UTC)),
        ("2024-10-17T08:30Z", datetime(2024, 10, 17, 8, 30, tzinfo=UTC)),
        ("1800-01-01T00:00Z", datetime(1800, 1, 1, tzinfo=UTC)),
        ("2199-12-31T23:59Z", datetime(2199, 12, 31, 23, 59, tzinfo=UTC)),
        ("1799-12-31T23:59Z", None),
        ("2200-01-01T00:00Z", None),
        ("", None),
        ("at noon", None),
    ],
)
def test_a_time(text: str, at: datetime | None) -> None:
    assert parse_local(text, PARIS) == at


@pytest.mark.parametrize(
    ("text", "after", "at"),
    [
        ("2024-03-31", 0, datetime(2024, 3, 30, 23, tzinfo=UTC)),
        ("2024-03-31", 1, datetime(2024, 3, 31, 22, tzinfo=UTC)),  # of 23 hours
        ("2024-03-31T15:20", 0, datetime(2024, 3, 30, 23, tzinfo=UTC)),
        ("2199-12-31", 1, datetime(2199, 12, 31, 23, tzinfo=UTC)),
        ("2200-01-01", 0, None),
        ("9999-12-31", 1, None),
        ("", 1, None),
        ("yesterday", 0, None),
    ],
)
def test_a_day(text: str, after: int, at: datetime | None) -> None:
    assert parse_day(text, PARIS, after=after) == at
