"""Forecasts of others as their files have them: of which gauge, from when, with what ranges."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sensors._errors import Message, TerritoryError

LARGEST = 32 * 2**20  # bytes of a file
QUANTITIES = {"H": ("level", "surface_elevation"), "Q": ("discharge",)}
# The tendencies of the French flood forecasters: the low one is exceeded nine times of ten.
TENDENCIES = {
    "min": 0.1,
    "basse": 0.1,
    "moy": 0.5,
    "centrale": 0.5,
    "max": 0.9,
    "haute": 0.9,
}
_NUMBERED = re.compile(r"_(\d{1,2}(?:\.\d+)?)$")


class ExpertFileError(TerritoryError):
    """A forecast file cannot be read: says where, what stands there, and what was expected."""


@dataclass(frozen=True, kw_only=True)
class ExpertForecast:
    """A forecast as its file has it. `code`: Sandre's, of a site (8 characters) or a station (10).

    `issued`: the last observation it knows, else when it was made. `labels`: of each course, with
    the probability that it is not exceeded in `levels`; None: a member, or the only run.
    `values`: by time, then by course, in m or m³/s.
    """

    code: str
    grandeur: str
    model: str
    issued: datetime
    produced: datetime | None
    labels: Sequence[str]
    levels: Sequence[float | None]
    times: Sequence[datetime]
    values: Sequence[Sequence[float | None]]
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class ExpertFile:
    """What a file holds. `issuer` "": it names none. `notes`: what of it was left out."""

    issuer: str
    forecasts: Sequence[ExpertForecast]
    notes: Sequence[Message] = ()
    name: str = ""


def level_of(label: str) -> float | None:
    """The probability in a tendency's name, such as `haute_90`; None: it names none."""
    numbered = _NUMBERED.search(label)
    if numbered:
        return round(float(numbered[1]) / 100, 4)
    return TENDENCIES.get(label.casefold())
