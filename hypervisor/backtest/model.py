"""What a backtest gives: the alarms that would have been raised, and over what."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hypervisor.alarms.log import Pair
from hypervisor.base.instants import moment
from rules._rule import SEVERITIES
from rules._rule_state import Episode
from sensors._errors import TerritoryError


class BacktestError(TerritoryError):
    """A backtest that cannot be run: says what is wrong, where, and what was expected."""


def clock(instant: int) -> str:
    """A time to the minute, UTC."""
    return f"{moment(instant):%Y-%m-%d %H:%M}"


@dataclass(frozen=True, kw_only=True)
class Span:
    """A period of event time, both ends included (µs); None: as far as there are readings."""

    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, kw_only=True)
class RaisedAlarm:
    """An alarm; `place`: the site of its subject."""

    episode: Episode
    place: str | None
    title: str
    category: str
    domain: str

    @property
    def pair(self) -> Pair:
        return self.episode.rule, self.episode.subject

    @property
    def highest(self) -> str:
        return max((name for _, name in self.episode.severity), key=SEVERITIES.index)

    def reached(self, severity: str | None) -> int | None:
        """When (µs) it first had this severity; None: never."""
        least = 0 if severity is None else SEVERITIES.index(severity)
        times = (at for at, name in self.episode.severity if SEVERITIES.index(name) >= least)
        return next(times, None)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Alarms in order of their beginning, and what was evaluated: pairs, rows, period (µs).

    `places`: the site of each subject; `categories`: of each rule. `begun`: from when on (µs) a
    pair is evaluated, where the period or its readings begin before: until then its rule, or a
    threshold that it needs, was not in force. `notes`: what could not be, otherwise.
    """

    alarms: tuple[RaisedAlarm, ...]
    evaluated: tuple[Pair, ...]
    places: Mapping[str, str | None]
    categories: Mapping[str, str]
    since: int
    until: int
    rows: int
    subjects: int
    notes: tuple[str, ...] = ()
    begun: Mapping[Pair, int] = field(default_factory=dict)

    def time_in(self, began: int, ended: int | None) -> int:
        """How much of the period lies between two times (µs); None: no end."""
        ended = self.until if ended is None else min(ended, self.until)
        return max(0, ended - max(began, self.since))
