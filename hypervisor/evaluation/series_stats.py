"""A few statistics of every series, in arrays: the input of the prefilter."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hypervisor.evaluation.recent_values import LATER, GoodReadings, RecentValues, Span
from hypervisor.evaluation.series_tail import (
    Bounds,
    Mask,
    SeriesTail,
    WaitingRows,
    highest,
    is_good,
)
from rules._inputs import Instants, Values
from sensors._row import NEVER, Rows


@dataclass(kw_only=True)
class SeriesStats:
    """Arrays by place; place 0 is no series. `low` and `high` bound the good values that count.

    `rise` and `fall`: the sums of those above and below zero. `newest`: the latest time, `arrived`:
    the latest arrival of a good row. `paused`: an upper bound of the time (µs) between two arrivals
    that ended after the watermark; LATER: unknown. `oldest`: no reading that counts lies before it;
    NEVER: some are not in memory.

    `tails`: by place. `guard_low`, `guard_high`: wider bounds, for proofs that outlast many
    readings. `outside`: where they were widened, `renewed`: where statistics were read again, since
    the plans last looked.
    """

    place: dict[int, int]
    newest: Instants
    oldest: Instants
    low: Values
    high: Values
    rise: Values
    fall: Values
    arrived: Instants
    paused: Instants
    guard_low: Values
    guard_high: Values
    outside: Mask
    renewed: Mask
    recent: RecentValues
    waiting: WaitingRows
    tails: Sequence[SeriesTail | None]

    @classmethod
    def of(cls, tails: Mapping[int, SeriesTail]) -> "SeriesStats":
        size = len(tails) + 1
        stats = cls(
            place={series: number for number, series in enumerate(sorted(tails), start=1)},
            newest=np.full(size, NEVER, dtype=np.int64),
            oldest=np.full(size, LATER, dtype=np.int64),
            low=np.full(size, np.inf),
            high=np.full(size, -np.inf),
            rise=np.zeros(size),
            fall=np.zeros(size),
            arrived=np.full(size, NEVER, dtype=np.int64),
            paused=np.full(size, LATER, dtype=np.int64),
            guard_low=np.full(size, np.inf),
            guard_high=np.full(size, -np.inf),
            outside=np.zeros(size, dtype=np.bool_),
            renewed=np.zeros(size, dtype=np.bool_),
            recent=RecentValues.empty(size),
            waiting=WaitingRows.of(size),
            tails=[None, *(tails[series] for series in sorted(tails))],
        )
        for series, place in stats.place.items():
            tails[series].wait_in(stats.waiting, place)
        stats.read(tails, tails)
        return stats

    def span(self, places: Instants) -> tuple[Values, Values]:
        """Bounds of the good values of series."""
        return self.low[places], self.high[places]

    def guarded(self, places: Instants) -> tuple[Values, Values]:
        """Bounds that also hold of readings to come, until `outside` says otherwise."""
        return self.guard_low[places], self.guard_high[places]

    def sums(self, places: Instants) -> tuple[Values, Values]:
        """Bounds of the sum of any of their values."""
        return self.fall[places], self.rise[places]

    def windows(self, places: Instants, opens: Instants, some: Mask) -> tuple[Span, Span]:
        """Bounds of the values, and of any sum of them, in windows that open at these times (µs).

        Of some of the places; with the value held where a window opens. Also for windows that open
        later, until the next reading.
        """
        (low, high), (fall, rise) = self.span(places), self.sums(places)
        numbers, parts = list[int](), list[Rows]()
        narrower = some & (opens > self.oldest[places])  # else the window is all that there is
        for number in np.flatnonzero(narrower).tolist():
            tail = self.tails[places[number]]
            rows = None if tail is None else tail.from_held(int(opens[number]))
            if rows is not None:
                numbers.append(number)
                parts.append(rows)
        lengths = np.array([len(part) for part in parts], dtype=np.int64)
        at, filled = np.array(numbers, dtype=np.int64), lengths > 0
        low[at], high[at], fall[at], rise[at] = np.inf, -np.inf, 0.0, 0.0
        if filled.any():
            rows, at = np.concatenate(parts), at[filled]
            starts = (np.cumsum(lengths) - lengths)[filled]
            good = is_good(rows)
            least = np.where(good, rows["value"], np.inf)
            most = np.where(good, highest(rows), -np.inf)
            low[at] = np.minimum.reduceat(least, starts)
            high[at] = np.maximum.reduceat(most, starts)
            within = rows["time"] > np.repeat(opens[at], lengths[filled])  # a sum holds nothing
            rise[at] = np.add.reduceat(np.where(within, np.maximum(most, 0.0), 0.0), starts)
            fall[at] = np.add.reduceat(np.where(within, np.minimum(least, 0.0), 0.0), starts)
        return (low, high), (fall, rise)

    @cached_property
    def numbers(self) -> Instants:
        """The series, ascending, in the order of their places."""
        return np.fromiter(self.place, dtype=np.int64)

    def read(self, tails: Mapping[int, SeriesTail], series: Iterable[int]) -> None:
        """Compute the statistics of these series again from their tails."""
        chosen = [(self.place[number], tails[number]) for number in series]
        if not chosen:
            return
        places = np.array([place for place, _ in chosen], dtype=np.int64)
        lengths = np.array([len(t.older) + len(t.rows) for _, t in chosen], dtype=np.int64)
        self.newest[places] = [tail.newest for _, tail in chosen]
        self.renewed[places] = True
        for facts, nothing in (
            (self.low, np.inf),
            (self.high, -np.inf),
            (self.rise, 0.0),
            (self.fall, 0.0),
            (self.arrived, NEVER),
            (self.oldest, LATER),
        ):
            facts[places] = nothing
        self.recent.forget(places)
        some = lengths > 0
        if some.any():
            self._fill(chosen, places, lengths, some)
        self.guard(places)

    def guard(self, places: Instants) -> None:
        """Set wider bounds around the values: as far again as they lie apart, a tenth at least."""
        low, high = self.low[places], self.high[places]
        with np.errstate(invalid="ignore"):
            size = np.maximum(np.abs(low), np.abs(high))
            margin = np.where(low <= high, np.maximum(high - low, 0.1 * size), 0.0)
        self.guard_low[places], self.guard_high[places] = low - margin, high + margin

    def _fill(
        self,
        chosen: Sequence[tuple[int, SeriesTail]],
        places: Instants,
        lengths: Instants,
        some: Mask,
    ) -> None:
        parts = [part for _, tail in chosen for part in (tail.older, tail.rows) if len(part)]
        rows = np.concatenate(parts)
        at = (np.cumsum(lengths) - lengths)[some]
        good, places = is_good(rows), places[some]
        complete_from = np.array([t.complete_from for _, t in chosen], dtype=np.int64)[some]
        self.oldest[places] = np.minimum.reduceat(rows["time"], at)
        low = np.where(good, rows["value"], np.inf)
        high = np.where(good, highest(rows), -np.inf)
        self.low[places] = np.minimum.reduceat(low, at)
        self.high[places] = np.maximum.reduceat(high, at)
        self.rise[places] = np.add.reduceat(np.maximum(high, 0.0), at)
        self.fall[places] = np.add.reduceat(np.minimum(low, 0.0), at)
        self._add_hidden(
            [(place, tail.hidden) for place, tail in chosen if tail.hidden.until > NEVER]
        )
        self.arrived[places] = np.maximum.reduceat(np.where(good, rows["received"], NEVER), at)
        self.recent.take(GoodReadings.of(places, at, good, rows["time"], low, high))
        self.recent.forget_batch(places, complete_from)

    def _add_hidden(self, hidden: Sequence[tuple[int, Bounds]]) -> None:
        """Widen bounds by what rules may look back to, though it is not in memory."""
        for place, bounds in hidden:
            self.oldest[place] = NEVER
            self.low[place] = min(self.low[place], bounds.low)
            self.high[place] = max(self.high[place], bounds.high)
            self.rise[place] += bounds.rise
            self.fall[place] += bounds.fall
