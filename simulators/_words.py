"""How people write speeds, durations, instants and spans on a command line."""

import difflib
import re
from datetime import UTC, datetime

from sensors._errors import TerritoryError
from simulators._faults import KINDS
from simulators._publications import instant_of
from simulators._story import Happening, Where
from simulators._yaml import LONGEST, hours_in

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
    """`90 s`, `15min`, `6h`, `2 d`: seconds, ten years at most."""
    match = DURATION.fullmatch(text.strip())
    if match is None:
        raise WordError(f"duration {text!r}: expected a number and s, min, h or d, such as 6h")
    seconds = float(match["number"]) * SECONDS[match["unit"]]
    if seconds > LONGEST * 3600.0:
        raise WordError(f"duration {text!r}: expected at most ten years")
    return seconds


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


def fault(text: str) -> Happening:
    """`drop-out:orge-arpajon:30h..36h`, `spike:air-probe*20%:1d..2d:quantity=humidity,by=30`.

    What fails, to whom (a name; or a model or domain, and how many of it or which part), from when
    to when in the scenario, and how.
    """
    parts = [part.strip() for part in text.split(":", 3)]
    if len(parts) < 3:
        raise WordError(f"fault {text!r}: expected KIND:WHO:FROM..TO such as {_FAULT}")
    kind, who, when = parts[:3]
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, sorted(KINDS), n=1) or sorted(KINDS)
        raise WordError(f"fault {text!r}: no fault is called {kind!r}; there is {', '.join(near)}")
    start, end = (hours_in(edge) for edge in [*when.split("..", 1), ""][:2])
    if start is None or end is None or start >= end:
        raise WordError(f"fault {text!r}: {when!r} is no span such as 30h..36h")
    return Happening(
        kind=kind, at=start, until=end, where=_who(who, text), parameters=_how(parts[3:], text)
    )


_FAULT = "drop-out:orge-arpajon:30h..36h"


def _who(word: str, text: str) -> Where:
    name, star, amount = word.partition("*")
    if not star:
        return Where(names=(name,))
    try:
        number = float(amount.removesuffix("%"))
    except ValueError as error:
        raise WordError(f"fault {text!r}: after * comes a number such as 3, or 20%") from error
    if amount.endswith("%"):
        return Where(any=name, share=number / 100)
    return Where(any=name, count=int(number))


def _how(words: list[str], text: str) -> dict[str, str]:
    found = {}
    for word in (part for each in words for part in each.split(",")):
        name, equals, value = word.partition("=")
        if not equals:
            raise WordError(f"fault {text!r}: {word!r} is no parameter such as by=90min")
        found[name.strip()] = value.strip()
    return found
