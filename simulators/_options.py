"""Speeds, durations, instants, spans and faults as written on a command line."""

import re
from datetime import UTC, datetime

from sensors._errors import TerritoryError
from sensors._nearest import did_you_mean
from simulators._faults import KINDS
from simulators._publications import instant_of
from simulators._story import ScheduledEvent, Where
from simulators._yaml import LONGEST, parse_hours

DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>s|min|h|d)")
SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


class OptionError(TerritoryError):
    """An option of the command line that cannot be read; the message says what was expected."""


def parse_speed(text: str) -> float | None:
    """`600`, `x600` or `600x`: scenario seconds a wall second; `max`: None."""
    if text.strip().lower() == "max":
        return None
    try:
        factor = float(text.strip().lower().strip("x"))
    except ValueError as error:
        raise OptionError("speed {text!r}: expected a number such as 600, or max", text) from error
    if not 0 < factor < float("inf"):
        raise OptionError("speed {text!r}: expected a number above 0, or max", text)
    return factor


def parse_duration(text: str) -> float:
    """`90 s`, `15min`, `6h`, `2 d`: seconds, ten years at most."""
    match = DURATION.fullmatch(text.strip())
    if match is None:
        raise OptionError(f"duration {text!r}: expected a number and s, min, h or d, such as 6h")
    seconds = float(match["number"]) * SECONDS[match["unit"]]
    if seconds > LONGEST * 3600.0:
        raise OptionError(f"duration {text!r}: expected at most ten years")
    return seconds


def parse_instant(text: str) -> datetime:
    """ISO 8601; without an offset it is UTC, as recordings are."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise OptionError(
            f"instant {text!r}: expected ISO 8601 such as 2022-01-10T06:00Z"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_span(text: str) -> tuple[int, int]:
    """`FROM..TO`: two instants, in µs since the epoch."""
    start, dots, end = text.partition("..")
    if not dots:
        raise OptionError(f"span {text!r}: expected FROM..TO, two instants")
    ends = instant_of(parse_instant(start)), instant_of(parse_instant(end))
    if ends[0] > ends[1]:
        raise OptionError(f"span {text!r}: its end comes before its beginning")
    return ends


def parse_fault(text: str) -> ScheduledEvent:
    """`drop-out:orge-arpajon:30h..36h`, `spike:air-probe*20%:1d..2d:quantity=humidity,by=30`.

    Kind, where (a name; or a model or domain, and how many of it or which share), from when to when
    in the scenario, and parameters.
    """
    parts = [part.strip() for part in text.split(":", 3)]
    if len(parts) < 3:
        raise OptionError(f"fault {text!r}: expected KIND:WHO:FROM..TO such as {_FAULT}")
    kind, who, when = parts[:3]
    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS)
        raise OptionError(f"fault {text!r}: no fault is called {kind!r}{hint}")
    start, end = (parse_hours(edge) for edge in [*when.split("..", 1), ""][:2])
    if start is None or end is None or start >= end:
        raise OptionError(f"fault {text!r}: {when!r} is no span such as 30h..36h")
    return ScheduledEvent(
        kind=kind,
        at=start,
        until=end,
        where=_parse_where(who, text),
        parameters=_parse_parameters(parts[3:], text),
    )


_FAULT = "drop-out:orge-arpajon:30h..36h"


def _parse_where(word: str, text: str) -> Where:
    name, star, amount = word.partition("*")
    if not star:
        return Where(names=(name,))
    try:
        number = float(amount.removesuffix("%"))
    except ValueError as error:
        raise OptionError(f"fault {text!r}: after * comes a number such as 3, or 20%") from error
    if amount.endswith("%"):
        return Where(any=name, share=number / 100)
    return Where(any=name, count=int(number))


def _parse_parameters(words: list[str], text: str) -> dict[str, str]:
    parameters = {}
    for word in (part for text_part in words for part in text_part.split(",")):
        name, equals, value = word.partition("=")
        if not equals:
            raise OptionError(f"fault {text!r}: {word!r} is no parameter such as by=90min")
        parameters[name.strip()] = value.strip()
    return parameters
