"""How people write speeds, durations, instants and spans on a command line."""

import re
from datetime import UTC, datetime

from sensors._errors import TerritoryError
from simulators._publications import instant_of

DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>s|min|h|d)")
SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


class WordError(TerritoryError):
    """Something on the command line cannot be read: says what and what was expected."""


def speed(text: str) -> float | None:
    """`600`, `x600` or `600x`: scenario seconds a wall second; `max`: None."""
    if text.strip().lower() == "max":
        return None
    try:
        found = float(text.strip().lower().strip("x"))
    except ValueError as error:
        raise WordError(f"speed {text!r}: expected a number such as 600, or max") from error
    if not 0 < found < float("inf"):
        raise WordError(f"speed {text!r}: expected a number above 0, or max")
    return found


def duration(text: str) -> float:
    """`90 s`, `15min`, `6h`, `2 d`: seconds."""
    found = DURATION.fullmatch(text.strip())
    if found is None:
        raise WordError(f"duration {text!r}: expected a number and s, min, h or d, such as 6h")
    return float(found["number"]) * SECONDS[found["unit"]]


def instant(text: str) -> datetime:
    """ISO 8601; without an offset it is UTC, as recordings are."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise WordError(f"instant {text!r}: expected ISO 8601 such as 2022-01-10T06:00Z") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def span(text: str) -> tuple[int, int]:
    """`FROM..TO`: two instants, in µs since the epoch."""
    start, dots, end = text.partition("..")
    if not dots:
        raise WordError(f"span {text!r}: expected FROM..TO, two instants")
    found = instant_of(instant(start)), instant_of(instant(end))
    if found[0] > found[1]:
        raise WordError(f"span {text!r}: its end comes before its beginning")
    return found
