"""One series of every subject of a block, laid on their common axis, and when it was known."""

import functools
from collections.abc import Callable, Sequence

import numpy as np

from rules._axis import BEFORE, Axis, Fact, Index, lying_in, merged, rows_where
from rules._inputs import Instants, SeriesColumns, Values
from rules._interval import Interval, Mask
from sensors._quality import Quality
from sensors._quantity import Kind, Reporting
from sensors._row import NEVER, believed

_FIXED_POINT = 1e9  # sums are of whole 1e-9 parts: exact in any order, whatever came before
_NO_KEYS = np.empty(0, dtype=np.int64)
_LARGEST = 9.0e9  # beyond which a sum would not fit


Signs = tuple[Instants, Instants]  # times of rows, ascending, and when each was received


class Track:
    """Good readings and spans of knowledge of one series, all subjects together.

    `good`, `lo`, `hi`: keys and intervals of the good readings; row 0 is a sentinel before all
    zones, so that a search backwards always finds a row. `known_from`, `known_to`: spans in which
    the series was known, both ends included, likewise. `breaks`: keys at which it becomes another
    one, where every span ends. Arrays by subject: `present`; `gauge`, it reports periodically;
    `amounts`, it is of increments; `counters`; `nonnegative`.
    """

    def __init__(
        self,
        axis: Axis,
        columns: Sequence[SeriesColumns | None],
        heard: Callable[[int], Signs],
    ) -> None:
        self.axis = axis
        self.columns = columns
        self.present: Mask = np.array([part is not None for part in columns], dtype=np.bool_)
        lengths = [0 if part is None else len(part.time) for part in columns]
        values = _joined([c.value for c in columns if c is not None], np.float64)
        quality = _joined([c.quality for c in columns if c is not None], np.int16)
        keep = believed(values, quality)
        times = axis.keys(_joined([c.time for c in columns if c is not None], np.int64), lengths)
        self._kept = keep
        self.good: Instants = np.concatenate([[BEFORE], times[keep]])
        self.lo: Values = np.concatenate([[-np.inf], values[keep]])
        saturated = (quality[keep] & int(Quality.SATURATED)) != 0
        self.saturated: Mask = np.concatenate([[False], saturated])
        self.any_saturated = bool(saturated.any())
        self.hi = np.where(self.saturated, np.inf, self.lo) if self.any_saturated else self.lo
        self.gauge: Mask = self._flag(lambda c: c.reporting is Reporting.PERIODIC)
        self.nonnegative: Mask = self._flag(lambda c: c.nonnegative)
        self.amounts: Mask = self._flag(lambda c: c.kind is Kind.INCREMENT)
        self.counters: Mask = self._flag(lambda c: c.kind is Kind.COUNTER)
        self.stale = Fact(
            axis, [None if c is None else c.stale_after for c in columns], reaches_back=True
        )
        self.breaks = self._broken()
        self._heard = heard
        self.known_from, self.known_to = self._known_spans()

    def _flag(self, says: Callable[[SeriesColumns], bool]) -> Mask:
        return np.array([part is not None and says(part) for part in self.columns], dtype=np.bool_)

    def _broken(self) -> Instants:
        lengths = [0 if part is None else len(part.breaks) for part in self.columns]
        if not any(lengths):
            return _NO_KEYS
        times = _joined([c.breaks for c in self.columns if c is not None], np.int64)
        return self.axis.keys(times, lengths)

    def broke(self, keys: Instants) -> Instants:
        """The last break at or before each key; long before all zones when there is none."""
        if len(self.breaks) == 0:
            return np.full(len(keys), BEFORE)
        padded = np.concatenate([[BEFORE], self.breaks])
        return np.asarray(padded[self.breaks.searchsorted(keys, side="right")])

    def _known_spans(self) -> tuple[Instants, Instants]:
        """Spans of knowledge.

        A gauge is known from each good reading to its stale limit; what is sent on change while
        its device is heard, from its first reading on (an amount: without one, too).
        """
        good = self.good[1:]
        if self.gauge.all():
            return _spans(good, self.stale, self.breaks)
        owners = self.axis.subjects(good)
        first, last = _spans(good[self.gauge[owners]], self.stale, self.breaks)
        sent, _ = self.signs
        on_from, on_to = _spans(sent[1:], self.stale, self.breaks)
        on_from = on_from[1:]
        on_to = on_to[1:]
        on_from = np.maximum(on_from, self._spoken_from(on_from))
        some = on_from <= on_to
        all_from = np.concatenate([first, on_from[some]])
        order = np.argsort(all_from, kind="stable")
        return all_from[order], np.concatenate([last, on_to[some]])[order]

    @functools.cached_property
    def signs(self) -> tuple[Instants, Instants]:
        """Signs of life of what is sent on change: keys of their times, and of their arrivals.

        A sentinel first. Imported history counts as always there.
        """
        heard = [
            (_NO_KEYS, _NO_KEYS) if self.gauge[i] or not self.present[i] else self._heard(i)
            for i in range(self.axis.count)
        ]
        lengths = [len(times) for times, _ in heard]
        sent = self.axis.keys(np.concatenate([times for times, _ in heard]), lengths)
        received = np.concatenate([got for _, got in heard])
        received = np.where(received == NEVER, self.axis.base, received)
        got = self.axis.keys(received, lengths)
        return np.concatenate([[BEFORE], sent]), np.concatenate([[BEFORE], got])

    def _spoken_from(self, keys: Instants) -> Instants:
        """The first good reading since the break before each key, or of all; of amounts any key."""
        owners = self.axis.subjects(keys)
        since = np.maximum(owners * self.axis.stride, self.broke(keys))
        padded = np.append(self.good, np.iinfo(np.int64).max)
        spoken_from = padded[self.good.searchsorted(since)]
        return np.where(self.amounts[owners], BEFORE, spoken_from)

    def position(self, keys: Instants) -> Index:
        """The last good reading at or before each key; 0, the sentinel, when there is none."""
        return self.good.searchsorted(keys, side="right") - 1

    def span(self, keys: Instants) -> Index:
        """The last span of knowledge that begins at or before each key."""
        return self.known_from.searchsorted(keys, side="right") - 1

    def interval(self, rows: Index) -> Interval:
        """The readings in these rows."""
        lo = self.lo[rows]
        return Interval(lo, self.hi[rows] if self.any_saturated else lo)

    @functools.cached_property
    def ceased(self) -> Instants:
        """Where knowledge ends by a stale limit, and not by a break."""
        ends = self.known_to[1:]
        return ends[~lying_in(self.breaks, ends + 1)] if len(self.breaks) else ends

    def expiries(self, signs: Instants) -> Instants:
        """The last key until which each sign of life holds."""
        return _limits(signs, self.stale)

    @functools.cached_property
    def usual(self) -> Fact:
        """The expected interval, µs."""
        return Fact(
            self.axis,
            [None if part is None else part.interval for part in self.columns],
            reaches_back=True,
        )

    @functools.cached_property
    def sums(self) -> Instants:
        """Running sum of the readings, in fixed point; wrapping does no harm to differences."""
        return np.cumsum(fixed(self.lo))

    @functools.cached_property
    def saturations(self) -> Instants:
        """Running count of the saturated readings."""
        return np.cumsum(self.saturated, dtype=np.int64)

    @functools.cached_property
    def gained(self) -> Instants:
        """What a counter gained since the reading before, fixed point; after a restart from 0."""
        step = fixed(self.lo)
        gain = step.copy()
        gain[1:] -= step[:-1]
        restarted = gain < 0
        gain[restarted] = np.maximum(step[restarted], 0)
        return gain

    @functools.cached_property
    def received(self) -> Instants:
        """When each good reading arrived; imported history counts as always there."""
        lengths = [0 if part is None else len(part.time) for part in self.columns]
        times = _joined([c.received_at for c in self.columns if c is not None], np.int64)
        times = np.where(times == NEVER, self.axis.base, times)
        return np.concatenate([[BEFORE], self.axis.keys(times, lengths)[self._kept]])

    @functools.cached_property
    def came(self) -> Mask:
        """Whether each good reading arrived at all, and was not imported."""
        times = _joined([c.received_at for c in self.columns if c is not None], np.int64)
        return np.concatenate([[False], (times != NEVER)[self._kept]])

    @functools.cached_property
    def arrivals(self) -> Instants:
        """The keys at which good readings arrived, ascending."""
        return merged([self.received[self.came]])


def fixed(values: Values) -> Instants:
    """In fixed point, without a rounding that depends on its neighbours."""
    finite = np.nan_to_num(values, nan=0.0, posinf=_LARGEST, neginf=0.0)
    scaled = np.rint(np.clip(finite, -_LARGEST, _LARGEST) * _FIXED_POINT)
    return scaled.astype(np.int64)


def floating(sums: Instants) -> Values:
    """Back from fixed point."""
    return sums / _FIXED_POINT


def _joined(parts: Sequence[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate(parts) if parts else np.empty(0, dtype=kind)


def _spans(sent: Instants, stale: Fact, breaks: Instants) -> tuple[Instants, Instants]:
    """Where signs of life follow each other within their limits: from, to; a sentinel first."""
    if len(sent) == 0:
        nothing = np.array([BEFORE], dtype=np.int64)
        return nothing, nothing
    ends = _limits(sent, stale)
    if len(breaks):
        following = np.append(breaks, np.iinfo(np.int64).max)
        ends = np.minimum(ends, following[breaks.searchsorted(sent, side="right")] - 1)
    begins = rows_where(np.concatenate([[True], sent[1:] > ends[:-1]]))
    closes = np.concatenate([begins[1:] - 1, [len(sent) - 1]])
    return np.concatenate([[BEFORE], sent[begins]]), np.concatenate([[BEFORE], ends[closes]])


def _limits(sent: Instants, stale: Fact) -> Instants:
    """Until when each sign of life holds."""
    if stale.constant is not None:
        return sent + int(stale.constant)
    return sent + np.nan_to_num(stale.at(sent), nan=0.0).astype(np.int64)
