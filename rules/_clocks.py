"""The clocks that run only while we were listening, and while a device had its supply."""

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rules._axis import Index
from rules._inputs import Device, Instants, Steps

Span = tuple[int, int]

_FAR = 2**61  # a time after all others: of a supply that does not come back


class Listening:
    """A clock that stands still in spans of time, ascending and disjoint."""

    def __init__(self, begins: Instants, ends: Instants) -> None:
        self._from, self._to = begins, ends
        self._lost = np.concatenate([[0], np.cumsum(ends - begins)])

    def heard(self, times: Instants) -> Instants:
        """Listening time up to each time (from a common origin)."""
        began = np.searchsorted(self._from, times, side="right")
        if len(self._from) == 0:
            return times
        last = np.maximum(began - 1, 0)
        overhang = np.where(began > 0, np.maximum(self._to[last] - times, 0), 0)
        return np.asarray(times - self._lost[began] + overhang)

    @functools.cached_property
    def _stands(self) -> Instants:
        """What the clock shows while it stands still."""
        return self.heard(self._from)

    def after(self, times: Instants, span: Instants | int) -> Instants:
        """The first times at which we have listened for `span` since each."""
        deadlines = self.heard(times) + span
        # The listening clock stands still from then on: what is wanted at or before it has
        # been reached without that span.
        past = np.searchsorted(self._stands, deadlines, side="left")
        return np.asarray(deadlines + self._lost[past])


class Clocks:
    """A clock for each subject of a block: mostly one for all."""

    def __init__(self, clocks: Sequence[Listening], which: Index) -> None:
        self.distinct = clocks
        self._which = which

    def after(self, times: Instants, owners: Index, span: Instants | int) -> Instants:
        """The first times at which each one's clock has run for `span` since each."""
        if len(self.distinct) == 1:
            return self.distinct[0].after(times, span)
        deadlines, spans = np.empty_like(times), np.broadcast_to(span, times.shape)
        which = self._which[owners]
        order = np.argsort(which, kind="stable")
        cuts = np.flatnonzero(np.diff(which[order])) + 1
        for rows in np.split(order, cuts):
            if len(rows):
                deadlines[rows] = self.distinct[which[rows[0]]].after(times[rows], spans[rows])
        return deadlines


class ClockFactory:
    """Makes the clocks, one for each supply, however many devices it feeds."""

    def __init__(self, gaps: Sequence[Span]) -> None:
        spans = [span for span in gaps if span[1] > span[0]]
        self._begins = np.array([start for start, _ in spans], dtype=np.int64)
        self._ends = np.array([stop for _, stop in spans], dtype=np.int64)
        self._always = Listening(self._begins, self._ends)
        # By the identity of the steps, which are held so that no other object takes it over.
        self._fed: dict[int, tuple[Steps, Listening]] = {}

    def clocks(self, devices: Sequence[Device | None]) -> Clocks:
        """The clocks of a block's devices, one a subject; None: it has no such device."""
        supplies = [None if device is None else device.fed for device in devices]
        if all(fed is None for fed in supplies):
            return Clocks([self._always], np.zeros(len(devices), dtype=np.intp))
        listenings = [self._always]
        places = {id(None): 0}
        for fed in supplies:
            if fed is not None and id(fed) not in places:
                places[id(fed)] = len(listenings)
                listenings.append(self._clock(fed))
        return Clocks(listenings, np.array([places[id(fed)] for fed in supplies], dtype=np.intp))

    def _clock(self, fed: Steps) -> Listening:
        if id(fed) not in self._fed:
            begins, ends = _without_supply(fed)
            begins = np.concatenate([begins, self._begins])
            ends = np.concatenate([ends, self._ends])
            self._fed[id(fed)] = fed, Listening(*_united(begins, ends))
        return self._fed[id(fed)][1]


def supply_ends(fed: Steps) -> int | None:
    """When a supply is last known to go, not to come back as far as one knows; None: it is on."""
    return int(fed.at[-1]) if len(fed.at) and fed.value[-1] == 0 else None


def _without_supply(fed: Steps) -> tuple[Instants, Instants]:
    off = fed.value == 0
    ends = np.append(fed.at[1:], _FAR)
    return fed.at[off], ends[off]


def _united(begins: Instants, ends: Instants) -> tuple[Instants, Instants]:
    """Spans in any order, that may overlap or touch, as ascending and disjoint ones."""
    if len(begins) == 0:
        return begins, ends
    order = np.argsort(begins, kind="stable")
    begins, reached = begins[order], np.maximum.accumulate(ends[order])
    first: NDArray[np.bool_] = np.concatenate([[True], begins[1:] > reached[:-1]])
    last = np.concatenate([np.flatnonzero(first)[1:] - 1, [len(begins) - 1]])
    return begins[first], reached[last]
