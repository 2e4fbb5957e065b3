"""The latest good readings of every series, in arrays: values in force, changes, standstills."""

from dataclasses import dataclass

import numpy as np

from hypervisor.evaluation.series_tail import Mask
from rules._inputs import Instants, Values
from sensors._row import NEVER

LATER = np.iinfo(np.int64).max  # a time that has not come
KEPT = 8  # readings of a series: enough for a change over a few intervals

Span = tuple[Values, Values]


@dataclass(frozen=True, kw_only=True)
class GoodReadings:
    """Good readings of series at `places`, `sizes` of each (at least one), by time; in µs."""

    places: Instants
    sizes: Instants
    time: Instants
    low: Values
    high: Values

    @classmethod
    def of(  # noqa: PLR0913, PLR0917  one argument a column
        cls,
        places: Instants,
        starts: Instants,
        good: Mask,
        time: Instants,
        low: Values,
        high: Values,
    ) -> "GoodReadings":
        """Of rows by place; `starts`: of the rows of each place."""
        sizes = np.add.reduceat(good.astype(np.int64), starts)
        some = sizes > 0
        return cls(
            places=places[some], sizes=sizes[some], time=time[good], low=low[good], high=high[good]
        )


@dataclass(kw_only=True)
class RecentValues:
    """Arrays by place of the series (see `SeriesStats`); of its latest readings the newest is last.

    `fresh`: how many came with the latest batch. `low`, `high`: bounds of the values in force since
    the reading before it. `turned`: when the value last changed (µs), NEVER if that is not in
    memory. `stood`: for how long at most it had not changed when it changed in the latest batch.
    """

    time: Instants
    lowest: Values
    highest: Values
    fresh: Instants
    low: Values
    high: Values
    turned: Instants
    stood: Instants

    @classmethod
    def empty(cls, size: int) -> "RecentValues":
        return cls(
            time=np.full((size, KEPT), NEVER, dtype=np.int64),
            lowest=np.full((size, KEPT), np.inf),
            highest=np.full((size, KEPT), -np.inf),
            fresh=np.zeros(size, dtype=np.int64),
            low=np.full(size, np.inf),
            high=np.full(size, -np.inf),
            turned=np.full(size, NEVER, dtype=np.int64),
            stood=np.zeros(size, dtype=np.int64),
        )

    def begin_batch(self) -> None:
        """Only the latest value of each series is in force."""
        self.fresh[:] = 0
        self.stood[:] = 0
        self.low = self.lowest[:, -1].copy()
        self.high = self.highest[:, -1].copy()

    def take(self, readings: GoodReadings) -> None:
        """Take readings that lie behind those of their series."""
        places, sizes = readings.places, readings.sizes
        if not len(places):
            return
        starts = np.cumsum(sizes) - sizes
        self._turn(readings, starts)
        low, high = self.low, self.high
        low[places] = np.minimum(low[places], np.minimum.reduceat(readings.low, starts))
        high[places] = np.maximum(high[places], np.maximum.reduceat(readings.high, starts))
        shifted = np.arange(KEPT) + sizes[:, np.newaxis]  # in those kept, followed by the new ones
        new, kept = shifted >= KEPT, np.minimum(shifted, KEPT - 1)
        rows = np.maximum(starts[:, np.newaxis] + shifted - KEPT, 0)
        for column, taken in (
            (self.time, readings.time),
            (self.lowest, readings.low),
            (self.highest, readings.high),
        ):
            before = np.take_along_axis(column[places], kept, axis=1)
            column[places] = np.where(new, taken[np.where(new, rows, 0)], before)
        self.fresh[places] = sizes

    def forget(self, places: Instants) -> None:
        """Forget all of some series."""
        nothing = RecentValues.empty(len(places))
        for name, column in vars(self).items():
            column[places] = getattr(nothing, name)

    def forget_batch(self, places: Instants, complete_from: Instants) -> None:
        """What the latest batch did to these series is not known, after all was read again.

        `complete_from`: before which (µs) readings may be missing.
        """
        self.turned[places] = np.where(
            self.turned[places] < complete_from, NEVER, self.turned[places]
        )
        self.fresh[places] = KEPT
        self.stood[places] = LATER

    def span(self, places: Instants) -> Span:
        """Bounds of the values in force since the reading before the latest batch."""
        return self.low[places], self.high[places]

    def unchanged(self, places: Instants, upto: Instants) -> Instants:
        """For how long at most (µs) a value stood, in the latest batch and up to a time."""
        turned = self.turned[places]
        now = np.where(turned == NEVER, LATER, upto - np.where(turned == NEVER, 0, turned))
        silent = self.time[places, -1] == NEVER
        return np.where(silent, 0, np.maximum(self.stood[places], now))

    def unchanged_until(self, places: Instants, length: int, upto: Instants) -> Instants:
        """When, after `upto`, a value will not have changed for a length (µs); else LATER."""
        turned = self.turned[places]
        until = np.where(turned == NEVER, NEVER, np.where(turned == NEVER, 0, turned) + length)
        return np.where(until > upto, until, LATER)

    def change(self, places: Instants, length: int) -> Span:
        """Bounds of the change over a length (µs) at the readings of the latest batch."""
        time, fresh = self.time[places], self.fresh[places]
        low, high = np.full(len(places), np.inf), np.full(len(places), -np.inf)
        each = np.arange(len(places))
        for back in range(1, min(int(fresh.max(initial=0)), KEPT) + 1):
            new = np.flatnonzero(fresh >= back)
            opens = time[new, -back] - length
            base = (time[new] <= opens[:, np.newaxis]).sum(axis=1) - 1
            held = (base >= 0) & (time[new, base] != NEVER)
            at = places[each[new]]
            with np.errstate(invalid="ignore"):
                least = self.lowest[at, -back] - self.highest[at, base]
                most = self.highest[at, -back] - self.lowest[at, base]
            low[new] = np.minimum(low[new], np.where(held, least, -np.inf))
            high[new] = np.maximum(high[new], np.where(held, most, np.inf))
        return low, high

    def _turn(self, readings: GoodReadings, starts: Instants) -> None:
        """Record where values change; the first reading of a series counts as a change."""
        places = readings.places
        first = self.time[places, -1] == NEVER
        before = np.empty_like(readings.low)
        before[1:] = readings.low[:-1]
        before[starts] = self.lowest[places, -1]
        turns = readings.low != before
        turns[starts] |= first
        rows = np.flatnonzero(turns)
        if not len(rows):
            return
        owners = np.repeat(np.arange(len(places)), readings.sizes)[rows]
        time = readings.time[rows]
        heads = np.flatnonzero(np.diff(owners, prepend=-1))
        some, which = owners[heads], places[owners[heads]]
        since = np.empty_like(time)
        since[1:] = time[:-1]
        since[heads] = np.where(first[some], time[heads], self.turned[which])
        unknown = since == NEVER
        stood = np.where(unknown, LATER, time - np.where(unknown, 0, since))
        self.stood[which] = np.maximum.reduceat(stood, heads)
        self.turned[which] = time[np.append(heads[1:], len(rows)) - 1]
