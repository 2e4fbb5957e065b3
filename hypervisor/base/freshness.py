"""Whether calm may be said: only where each input that could contradict it is present and fresh.

Pages, feeds, notifications and dashboards say calm by this one function, and by none of their own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

AHEAD = timedelta(minutes=5)  # of our clock, and still believed
State = Literal["calm", "worsening", "unknown"]


class Lack(StrEnum):
    """Why an input does not support calm."""

    NEVER = "never"
    EMPTY = "empty"
    LATE = "late"
    AHEAD = "ahead"
    SUSPECT = "suspect"
    RESTING = "resting"
    TREND = "trend"
    UNREAD = "unread"
    BEYOND = "beyond"
    ASIDE = "aside"


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input that could contradict calm. `name`: as people read it.

    `worse` None: it says nothing. `time`: of what it says, None: never; `until`: how long that
    holds, None: not at all. `lack`: why it is not believed although it is there.
    """

    name: str
    worse: bool | None
    time: datetime | None
    until: datetime | None
    lack: Lack | None = None


@dataclass(frozen=True, kw_only=True)
class Gap:
    """An input that is missing: which, why, and since when if that is known."""

    name: str
    lack: Lack
    since: datetime | None


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """What follows from all inputs. `worse`: names of those that say so; `gaps`: what lacks."""

    state: State
    worse: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def is_calm(self) -> bool:
        return self.state == "calm"


UNKNOWN = Assessment(state="unknown")  # nothing is watched that could contradict calm


def assess(inputs: Iterable[Input], now: datetime) -> Assessment:
    """Calm, worsening or not assessable. One input that says worse outweighs all others."""
    every = tuple(inputs)
    worse = tuple(each.name for each in every if each.worse)
    gaps = tuple(gap for each in every if (gap := find_gap(each, now)) is not None)
    state: State = "worsening" if worse else "unknown" if gaps or not every else "calm"
    return Assessment(state=state, worse=worse, gaps=gaps)


def find_gap(given: Input, now: datetime) -> Gap | None:
    """Why an input does not support calm at a time; None: it is present and fresh."""
    lack = given.lack
    if lack is None:
        if given.time is None:
            lack = Lack.NEVER
        elif given.time > now + AHEAD:
            lack = Lack.AHEAD
        elif given.worse is None:
            lack = Lack.EMPTY
        elif given.until is None or given.until <= now:
            lack = Lack.LATE
    return None if lack is None else Gap(name=given.name, lack=lack, since=given.time)


def combine(*parts: Assessment) -> Assessment:
    """Calm only where each part is."""
    worse = tuple(name for part in parts for name in part.worse)
    gaps = tuple(gap for part in parts for gap in part.gaps)
    calm = bool(parts) and all(part.is_calm for part in parts)
    state: State = "worsening" if worse else "calm" if calm else "unknown"
    return Assessment(state=state, worse=worse, gaps=gaps)
