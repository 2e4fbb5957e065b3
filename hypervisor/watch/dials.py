"""A few numbers of every series, in arrays: what the cheap look at a batch is made of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hypervisor.watch.tail import SeriesTail, is_good
from rules._inputs import Instants, Values
from sensors._quality import Quality
from sensors._row import NEVER, Rows

LATER = np.iinfo(np.int64).max  # of a time that has not come
_SATURATED = int(Quality.SATURATED)


@dataclass(kw_only=True)
class Dials:
    """By place; place 0 is nobody's. `low` and `high` span the good values in memory.

    `rise` and `fall` are the sums of those above and below zero. `newest`: the latest time.
    `arrived`: the latest arrival of a good row.
    """

    place: dict[int, int]
    newest: Instants
    low: Values
    high: Values
    rise: Values
    fall: Values
    arrived: Instants

    @classmethod
    def of(cls, tails: Mapping[int, SeriesTail]) -> "Dials":
        size = len(tails) + 1
        dials = cls(
            place={series: number for number, series in enumerate(sorted(tails), start=1)},
            newest=np.full(size, NEVER, dtype=np.int64),
            low=np.full(size, np.inf),
            high=np.full(size, -np.inf),
            rise=np.zeros(size),
            fall=np.zeros(size),
            arrived=np.full(size, NEVER, dtype=np.int64),
        )
        dials.read(tails, tails)
        return dials

    def span(self, places: Instants) -> tuple[Values, Values]:
        """Between what and what the good values of series lie."""
        return self.low[places], self.high[places]

    def sums(self, places: Instants) -> tuple[Values, Values]:
        """Between what and what any of the values of series sum up."""
        return self.fall[places], self.rise[places]

    @cached_property
    def known(self) -> Instants:
        """The series, ascending, as their places are."""
        return np.fromiter(self.place, dtype=np.int64)

    def read(self, tails: Mapping[int, SeriesTail], series: Iterable[int]) -> None:
        """Read these series again from what is in memory of them."""
        for one in series:
            place, tail = self.place[one], tails[one]
            rows = np.concatenate([tail.older, tail.rows]) if len(tail.older) else tail.rows
            good = rows[is_good(rows)]
            self.newest[place] = tail.newest
            self.low[place] = good["value"].min(initial=np.inf)
            self.high[place] = highest(good).max(initial=-np.inf)
            self.rise[place] = np.maximum(highest(good), 0.0).sum()
            self.fall[place] = np.minimum(good["value"], 0.0).sum()
            self.arrived[place] = good["received"].max(initial=NEVER)


def highest(good: Rows) -> Values:
    """What each good row may mean at most: a saturated one has no bound."""
    saturated = (good["quality"] & _SATURATED) != 0
    return np.where(saturated, np.inf, good["value"])
