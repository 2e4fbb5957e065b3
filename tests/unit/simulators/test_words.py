"""What people write on the player's command line."""

from datetime import UTC, datetime

import pytest

from simulators import _options
from simulators._publications import instant_of


@pytest.mark.parametrize(
    ("text", "seconds"), [("600", 600.0), ("x3600", 3600.0), ("0.5x", 0.5), ("max", None)]
)
def test_speeds(text: str, seconds: float | None) -> None:
    assert _options.parse_speed(text) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"), [("90 s", 90), ("15min", 900), ("6h", 21_600), ("1.5 d", 129_600)]
)
def test_durations(text: str, seconds: float) -> None:
    assert _options.parse_duration(text) == seconds


def test_instants_without_an_offset_are_utc() -> None:
    assert _options.parse_instant("2022-01-10") == datetime(2022, 1, 10, tzinfo=UTC)
    assert _options.parse_instant("2022-01-10T01:00+01:00") == datetime(2022, 1, 10, tzinfo=UTC)


def test_spans() -> None:
    start = instant_of(datetime(2022, 1, 10, tzinfo=UTC))
    assert _options.parse_span("2022-01-10..2022-01-10T01:00Z") == (start, start + 3_600_000_000)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (_options.parse_speed, "fast"),
        (_options.parse_speed, "0"),
        (_options.parse_speed, "nan"),
        (_options.parse_duration, "6"),
        (_options.parse_duration, "six hours"),
        (_options.parse_instant, "tomorrow"),
        (_options.parse_span, "2022-01-10"),
        (_options.parse_span, "2022-01-11..2022-01-10"),
    ],
)
def test_what_cannot_be_read_is_told(read: object, text: str) -> None:
    assert callable(read)
    with pytest.raises(_options.OptionError, match=r"expected|before"):
        read(text)
