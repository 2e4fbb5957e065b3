"""Alarms that operators closed by hand: where they end, and until when they may not begin again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rules._axis import lying_in
from rules._block import Block
from rules._inputs import Closing, Instants
from rules._interval import FALSE, Mask, Truths
from rules._scan import Rows, last


@dataclass(frozen=True, kw_only=True)
class Closed:
    """The keys at which alarms of a block were closed, and with what reason; None: none was."""

    keys: Instants | None = None
    reasons: Mapping[int, str] = field(default_factory=dict)

    def at(self, keys: Instants) -> Mask:
        """Where one was closed."""
        if self.keys is None:
            return np.zeros(len(keys), dtype=np.bool_)
        return lying_in(self.keys, keys)


def closed_by(closings: Mapping[str, Sequence[Closing]], block: Block) -> Closed:
    """The closings of a block's subjects."""
    if not any(closings.values()):
        return Closed()
    reasons = {
        block.axis.key(i, closing.at): closing.reason
        for i, subject in enumerate(block.subjects)
        for closing in closings.get(subject.key, ())
    }
    return Closed(keys=np.array(sorted(reasons), dtype=np.int64), reasons=reasons)


def barred(closed: Mask, when: Truths, rows: Rows, seeds: Mask) -> Mask:
    """Where an alarm may not begin, nor be pending: closed, and `when` not false since.

    `seeds`: of the subjects for which that was so before their first row.
    """
    if not closed.any() and not seeds.any():
        return closed
    shut, freed = last(closed, rows), last(when == FALSE, rows)
    untouched = (shut < 0) & (freed < 0)
    return np.where(untouched, seeds[rows.owners], shut > freed)
