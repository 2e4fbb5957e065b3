"""Step functions of time: what holds from one instant to the next, and what it adds up to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Instants = NDArray[np.int64]
Column = NDArray[np.float64]

EVER = -(2**62)  # µs: before everything
SECOND = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Steps:
    """`value[i]` holds from `at[i]` (µs, ascending) until the next; `at[0]` is EVER."""

    at: Instants
    value: Column

    def of(self, times: Instants) -> Column:
        """The value at each time."""
        return np.asarray(self.value[np.searchsorted(self.at, times, side="right") - 1])

    def integral(self, since: int, times: Instants) -> Column:
        """Exactly what `value` adds up to, in its unit times seconds, from `since` to each time."""
        begins = np.maximum(self.at, since)
        done = np.concatenate([[0.0], np.cumsum(self.value[:-1] * np.diff(begins))])
        place = np.searchsorted(self.at, times, side="right") - 1
        rest = self.value[place] * np.maximum(times - begins[place], 0)
        return np.asarray((done[place] + rest) / SECOND)

    def changes(self, begins: int, ends: int) -> Instants:
        """When it changes, `begins` left out, `ends` included."""
        return self.at[(self.at > begins) & (self.at <= ends)]

    def spans(self, begins: int, ends: int) -> list[tuple[int, int]]:
        """Where it is not zero, within `begins` and `ends`."""
        edges = np.clip(np.append(self.at, ends), begins, ends)
        on = (self.value != 0) & (edges[1:] > edges[:-1])
        spans: list[tuple[int, int]] = []
        for start, end in zip(edges[:-1][on].tolist(), edges[1:][on].tolist(), strict=True):
            if spans and spans[-1][1] == start:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((start, end))
        return spans

    def first(self, since: int) -> int | None:
        """The first time from `since` on at which it is not zero."""
        ends = np.append(self.at[1:], np.iinfo(np.int64).max)
        place = np.flatnonzero((self.value != 0) & (ends > since))
        return max(int(self.at[place[0]]), since) if place.size else None


def constant(value: float) -> Steps:
    """The same for ever."""
    return Steps(at=np.array([EVER], dtype=np.int64), value=np.array([value]))


def steps_from(at: Instants, value: Column, before: float = 0.0) -> Steps:
    """From each time (ascending) its value; `before` the first."""
    return Steps(
        at=np.concatenate([np.array([EVER], dtype=np.int64), at]),
        value=np.concatenate([[before], value]),
    )


def indicator(spans: Iterable[tuple[int, int]]) -> Steps:
    """1 within any of the spans, which may overlap, else 0."""
    edges = np.array(sorted(spans), dtype=np.int64).reshape(-1, 2)
    at = edges.ravel()
    order = np.argsort(at, kind="stable")
    depth = np.cumsum(np.tile([1.0, -1.0], len(edges))[order])
    return combine(lambda value: (value > 0).astype(float), steps_from(at[order], depth))


def combine(how: Callable[..., Column], *parts: Steps) -> Steps:
    """What `how` makes of the values of several, wherever one of them changes."""
    at = np.unique(np.concatenate([part.at for part in parts]))
    value = np.asarray(how(*(part.of(at) for part in parts)), dtype=np.float64)
    moved = np.concatenate([[True], value[1:] != value[:-1]])
    return Steps(at=at[moved], value=value[moved])
