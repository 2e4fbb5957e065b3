"""Events and warnings: what is a crossing, a hit, a lead, a false alarm (docs/forecast.md).

Rows ascend by time (µs, UTC).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rules._inputs import Instants, Values

HOUR = 3_600_000_000
QUIET = 12 * HOUR  # below for that long before a crossing is a new event
_BLIND = 6 * HOUR  # a crossing after such a gap could not be seen coming
_RELEASE = 0.5  # a warning goes on while its chance is above that part of what it began at
Rows = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What warnings were worth. `leads`: µs of each event warned of, at most the horizon."""

    events: int = 0
    warnings: int = 0
    false_alarms: int = 0
    leads: tuple[int, ...] = field(default=())
    horizon: int = 0  # µs; the longest of those added

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            events=self.events + other.events,
            warnings=self.warnings + other.warnings,
            false_alarms=self.false_alarms + other.false_alarms,
            leads=self.leads + other.leads,
            horizon=max(self.horizon, other.horizon),
        )

    @property
    def detected(self) -> float | None:
        """POD: the share of events that were warned of."""
        return len(self.leads) / self.events if self.events else None

    @property
    def false_share(self) -> float | None:
        """FAR: the share of warnings after which nothing came."""
        return self.false_alarms / self.warnings if self.warnings else None

    @property
    def success(self) -> float | None:
        """CSI: events warned of among all events and false alarms."""
        every = self.events + self.false_alarms
        return len(self.leads) / every if every else None

    @property
    def lead(self) -> float | None:
        """The median lead (µs) of events that were warned of."""
        return float(np.median(self.leads)) if self.leads else None


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """What became of each judged event of a threshold, and of each warning. Times in µs.

    `leads`: of each event, None: without a warning. `false`: beginnings of false alarms.
    """

    events: tuple[int, ...] = ()
    leads: tuple[int | None, ...] = ()
    warnings: int = 0
    false: tuple[int, ...] = ()

    def count(self, horizon: int) -> Tally:
        """The same as numbers."""
        return Tally(
            events=len(self.events),
            warnings=self.warnings,
            false_alarms=len(self.false),
            leads=tuple(lead for lead in self.leads if lead is not None),
            horizon=horizon,
        )


def find_crossings(time: Instants, value: Values, threshold: float) -> Rows:
    """Rows at which an event begins: above, after `QUIET` below, and not out of a gap."""
    if not len(time):
        return np.empty(0, dtype=np.intp)
    above = value > threshold
    follows = np.append(False, np.diff(time) <= _BLIND)
    begins = above & np.append(True, ~above[:-1])
    begins &= follows & ~_was_above(time, above) & (time - time[0] >= HOUR)
    return np.flatnonzero(begins)


def find_ends(value: Values, begins: Rows, threshold: float) -> Rows:
    """The first row after each beginning that is not above, or the number of rows."""
    below = np.append(np.flatnonzero(~(value > threshold)), len(value))
    return np.asarray(below[np.searchsorted(below, begins)])


def find_peaks(time: Instants, value: Values, begins: Rows, threshold: float) -> Rows:
    """The row of the highest value of each event: until it was below for `QUIET`."""
    if not len(begins):
        return begins
    above = np.flatnonzero(value > threshold)
    ends = above[np.append(np.flatnonzero(np.diff(time[above]) >= QUIET), len(above) - 1)]
    last = ends[np.searchsorted(ends, begins)]
    rows = [
        begin + int(np.argmax(value[begin : end + 1]))
        for begin, end in zip(begins.tolist(), last.tolist(), strict=True)
    ]
    return np.array(rows, dtype=np.intp)


def _was_above(time: Instants, above: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a row before, less than `QUIET` ago, was above."""
    last = np.maximum.accumulate(np.where(above, np.arange(len(time)), -1))
    before = np.append(-1, last[:-1])
    return np.asarray((before >= 0) & (time - time[np.maximum(before, 0)] < QUIET))


@dataclass(frozen=True, kw_only=True)
class Watch:
    """A series and a threshold, prepared for many scorings. `rows`: those with a forecast."""

    time: Instants  # of the forecasts
    free: NDArray[np.bool_]  # not above, nor lately
    events: Instants

    @classmethod
    def of(cls, time: Instants, value: Values, threshold: float, rows: Instants) -> "Watch":
        """From a complete series and the times (ascending) at which forecasts were issued."""
        above = value > threshold
        busy = above | _was_above(time, above)
        place = np.searchsorted(time, rows, side="right") - 1
        return cls(
            time=rows, free=~busy[place], events=time[find_crossings(time, value, threshold)]
        )

    def score(self, chance: Values, level: float, horizon: int) -> Tally:
        """Warnings at chances of at least `level`, for a horizon (µs)."""
        return self.judge(chance, level, horizon).count(horizon)

    def judge(self, chance: Values, level: float, horizon: int) -> Outcomes:
        """The same, event by event."""
        usable = self.free & np.isfinite(chance)
        first, last = _find_warnings(self.time, chance, usable, level, horizon)
        events = self.events[self._judged(usable, horizon)]
        # The next event after a warning begins, and the warning before an event.
        following = np.searchsorted(self.events, first, side="right")
        arrives = np.append(self.events, np.iinfo(np.int64).max)[following]
        hit = arrives <= last + horizon
        leads: list[int | None] = []
        for event in events.tolist():
            mine = (first < event) & (last + horizon >= event)
            leads.append(int(min(event - first[mine].min(), horizon)) if mine.any() else None)
        return Outcomes(
            events=tuple(events.tolist()),
            leads=tuple(leads),
            warnings=len(first),
            false=tuple(first[~hit].tolist()),
        )

    def comes(self, horizon: int) -> NDArray[np.bool_]:
        """(n,) whether an event begins within the horizon (µs) after each forecast."""
        following = np.searchsorted(self.events, self.time, side="right")
        arrives = np.append(self.events, np.iinfo(np.int64).max)[following]
        return np.asarray(arrives <= self.time + horizon)

    def _judged(self, usable: NDArray[np.bool_], horizon: int) -> NDArray[np.bool_]:
        """Events before which a forecast was issued within the horizon."""
        times = self.time[usable]
        low = np.searchsorted(times, self.events - horizon)
        high = np.searchsorted(times, self.events)
        return np.asarray(high > low)


def _find_warnings(
    time: Instants, chance: Values, usable: NDArray[np.bool_], level: float, horizon: int
) -> tuple[Instants, Instants]:
    """First and last times of warnings; what flickers within the horizon counts once."""
    held = np.flatnonzero(usable & (np.nan_to_num(chance) >= level * _RELEASE))
    if not len(held):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    new = np.append(True, (np.diff(held) > 1) | (np.diff(time[held]) > _BLIND))
    run = np.cumsum(new) - 1
    strong = np.flatnonzero(chance[held] >= level)
    if not len(strong):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    runs, begin = np.unique(run[strong], return_index=True)
    first = time[held[strong[begin]]]
    ends = np.append(np.flatnonzero(new)[1:], len(held)) - 1
    last = time[held[ends[runs]]]
    apart = np.append(True, first[1:] > last[:-1] + horizon)
    return first[apart], last[np.append(np.flatnonzero(apart)[1:], len(first)) - 1]
