"""What a backtest found: alarms that there would have been, and over what."""

from collections.abc import Mapping
from dataclasses import dataclass

from hypervisor.alarms.queries import Pair
from rules._rule import SEVERITIES
from rules._rule_state import Episode


@dataclass(frozen=True, kw_only=True)
class RaisedAlarm:
    """One alarm; `place`: the site where its subject stands."""

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
        """The highest severity that it reached."""
        return max((name for _, name in self.episode.severity), key=SEVERITIES.index)

    def reached(self, severity: str | None) -> int | None:
        """When (µs) it was first so severe; None: it never was."""
        least = 0 if severity is None else SEVERITIES.index(severity)
        times = (at for at, name in self.episode.severity if SEVERITIES.index(name) >= least)
        return next(times, None)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The alarms by when they began, and what was judged: pairs, rows, from when to when (µs).

    `places`: of each subject judged the site where it stands; `categories`: of each rule.
    """

    alarms: tuple[RaisedAlarm, ...]
    judged: tuple[Pair, ...]
    places: Mapping[str, str | None]
    categories: Mapping[str, str]
    since: int
    until: int
    rows: int
    subjects: int
