"""Last-event scans over rows that stand sorted by (subject, time)."""

from dataclasses import dataclass

import numpy as np

from rules._axis import BEFORE, Index
from rules._inputs import Instants
from rules._interval import Mask

NONE = BEFORE  # of an optional key


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The keys judged, ascending, with the subject that owns each and that one's first row."""

    keys: Instants
    owners: Index
    heads: Mask
    head: Index


def rows_of(keys: Instants, owners: Index) -> Rows:
    """Find where each subject begins."""
    heads = np.ones(len(keys), dtype=np.bool_)
    np.not_equal(owners[1:], owners[:-1], out=heads[1:])
    head = np.maximum.accumulate(np.where(heads, np.arange(len(keys)), 0))
    return Rows(keys=keys, owners=owners, heads=heads, head=head)


def last(marks: Mask, rows: Rows) -> Index:
    """The last marked row of the same subject at or before each row; -1 when there is none."""
    places = np.maximum.accumulate(np.where(marks, np.arange(len(marks)), -1))
    return np.where(places >= rows.head, places, -1)


def before(marks: Mask, rows: Rows, seeds: Mask) -> Mask:
    """What held at the row before; at a subject's first row what its seed says."""
    previous = np.empty_like(marks)
    previous[1:] = marks[:-1]
    previous[rows.heads] = seeds[rows.owners[rows.heads]]
    return previous


def run_starts(on: Mask, rows: Rows, seeds: Instants, *, cut: Mask | None = None) -> Instants:
    """The key at which the run that each row is in began; NONE where `on` does not hold.

    `seeds`: by subject, the start of a run that was under way; NONE: none was. At rows of `cut`
    a new run begins whatever went before.
    """
    under_way = seeds != NONE
    begins = on & ~before(on, rows, under_way)
    starts = rows.keys.copy()
    carried = rows.heads & on & under_way[rows.owners]
    if cut is not None:
        begins |= on & cut
        carried &= ~cut
    begins |= carried
    starts[carried] = seeds[rows.owners[carried]]
    return np.where(on, starts[np.maximum(last(begins, rows), 0)], NONE)


def carried(values: Instants, marks: Mask, rows: Rows, seeds: Instants) -> Instants:
    """The value at the last marked row, else the subject's seed."""
    places = last(marks, rows)
    return np.where(places >= 0, values[np.maximum(places, 0)], seeds[rows.owners])
