"""Sums over the members of groups, that change at instants of the members' own."""

import numpy as np
from numpy.typing import NDArray

from rules._axis import Index
from rules._inputs import Instants, Values
from rules._interval import Interval, Mask, Truths
from rules._track import fixed, floating

Sums = NDArray[np.int64]  # a row a key, a column for each thing that is summed


class Tally:
    """What the members of each group add up to, at any key."""

    def __init__(self, owners: Index, at: Instants, parts: Sums, origins: Instants) -> None:
        """`owners`: the member of each row; `at`: its key in its group; `parts`: what it adds."""
        heads = np.ones(len(at), dtype=np.bool_)
        np.not_equal(owners[1:], owners[:-1], out=heads[1:])
        changed = heads.copy()
        changed[1:] |= (parts[1:] != parts[:-1]).any(axis=1)
        rows = np.flatnonzero(changed)
        before = np.where(heads[rows, None], 0, parts[np.maximum(rows - 1, 0)])
        order = np.argsort(at[rows], kind="stable")
        self._at = at[rows][order]
        self._sums = np.zeros((len(rows) + 1, parts.shape[1]), dtype=np.int64)
        np.cumsum((parts[rows] - before)[order], axis=0, out=self._sums[1:])
        self._begun = np.searchsorted(self._at, origins)

    def sums(self, keys: Instants, owners: Index) -> Sums:
        """One row a key of a group."""
        rows = np.searchsorted(self._at, keys, side="right")
        return np.asarray(self._sums[rows] - self._sums[self._begun[owners]])


def answers(truths: Truths) -> Sums:
    """One in the column of what each member answers: false, unknown, true; left out: nowhere."""
    return np.asarray(truths[:, None] == np.arange(3), dtype=np.int64)


def amounts(value: Interval, saying: Mask) -> Sums:
    """What each member adds to a total, if it has a say."""
    columns: list[Instants] = [saying.astype(np.int64)]
    for side in value:
        finite = saying & np.isfinite(side)
        columns += [(saying & ~finite).astype(np.int64), fixed(np.where(finite, side, 0.0))]
    return np.stack(columns, axis=1)


def total(sums: Sums) -> Interval:
    """The sum of amounts: unknown to a side on which one is, and of no member at all."""
    none = sums[:, 0] == 0
    lo: Values = np.where(none | (sums[:, 1] > 0), -np.inf, floating(sums[:, 2]))
    hi: Values = np.where(none | (sums[:, 3] > 0), np.inf, floating(sums[:, 4]))
    return Interval(lo, hi)
