"""The clocks that run only while we were listening, and while a device was within reach."""

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
    """Makes the clocks, one for each supply or service, however many devices it has."""

    def __init__(self, gaps: Sequence[Span]) -> None:
        spans = [span for span in gaps if span[1] > span[0]]
        self._begins = np.array([start for start, _ in spans], dtype=np.int64)
        self._ends = np.array([stop for _, stop in spans], dtype=np.int64)
        self._always = Listening(self._begins, self._ends)
        # By the identity of the steps, which are held so that no other object takes it over.
        self._limited: dict[tuple[int, ...], tuple[tuple[Steps, ...], Listening]] = {}

    def clocks(self, devices: Sequence[Device | None]) -> Clocks:
        """The clocks of a block's devices, one a subject; None: it has no such device."""
        limits = [() if device is None else device.reachable for device in devices]
        if not any(limits):
            return Clocks([self._always], np.zeros(len(devices), dtype=np.intp))
        listenings = [self._always]
        places: dict[tuple[int, ...], int] = {(): 0}
        for reachable in limits:
            if _key(reachable) not in places:
                places[_key(reachable)] = len(listenings)
                listenings.append(self._clock(reachable))
        which = np.array([places[_key(reachable)] for reachable in limits], dtype=np.intp)
        return Clocks(listenings, which)

    def _clock(self, reachable: tuple[Steps, ...]) -> Listening:
        key = _key(reachable)
        if key not in self._limited:
            spans = [(self._begins, self._ends), *(_unreachable(steps) for steps in reachable)]
            begins, ends = (np.concatenate(edges) for edges in zip(*spans, strict=True))
            self._limited[key] = reachable, Listening(*_united(begins, ends))
        return self._limited[key][1]


def _key(reachable: tuple[Steps, ...]) -> tuple[int, ...]:
    return tuple(id(steps) for steps in reachable)


def reach_ends(steps: Steps) -> int | None:
    """When a device is last known to fall out of reach, for as long as one knows; None: never."""
    return int(steps.at[-1]) if len(steps.at) and steps.value[-1] == 0 else None


def _unreachable(steps: Steps) -> tuple[Instants, Instants]:
    off = steps.value == 0
    ends = np.append(steps.at[1:], _FAR)
    return steps.at[off], ends[off]


def _united(begins: Instants, ends: Instants) -> tuple[Instants, Instants]:
    """Spans in any order, that may overlap or touch, as ascending and disjoint ones."""
    if len(begins) == 0:
        return begins, ends
    order = np.argsort(begins, kind="stable")
    begins, reached = begins[order], np.maximum.accumulate(ends[order])
    first: NDArray[np.bool_] = np.concatenate([[True], begins[1:] > reached[:-1]])
    last = np.concatenate([np.flatnonzero(first)[1:] - 1, [len(begins) - 1]])
    return begins[first], reached[last]
