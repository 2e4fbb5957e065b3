"""One bound over the tails of all series: what was not needed for longest is shortened first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

_LEAST = 64  # rows that a series keeps however little memory there is
_FEWEST_BYTES = 8_192  # for each series: what it keeps, with room to grow
_WORK = 256  # bytes of a reading that is being evaluated
_SHARE = 0.8  # of the bound to which tails are shortened


class Shortened(Protocol):
    """What the budget needs of a tail. `order`: in which they are shortened."""

    @property
    def order(self) -> tuple[int, int]: ...

    def count_in(self, budget: "TailBudget") -> int: ...

    def shorten(self, most: int, *, keep_arrived: bool) -> bool: ...


@dataclass(kw_only=True)
class TailBudget:
    """How many bytes the tails of all series may hold together, and how many they do.

    `turn`: grows with each batch; a tail notes when it was last needed.
    """

    most: int
    held: int = 0
    turn: int = 0
    tails: Mapping[int, Shortened] = field(default_factory=dict)

    @property
    def rows_at_once(self) -> int:
        """How many readings may be evaluated together: some copies of each are made."""
        return self.most // _WORK

    def watch(self, tails: Mapping[int, Shortened]) -> None:
        """Count these tails from now on, and no others."""
        self.tails = tails
        self.most = max(self.most, len(tails) * _FEWEST_BYTES)
        self.held = sum(tail.count_in(self) for tail in tails.values())

    def shorten(self) -> list[int]:
        """Shorten those that were not needed for longest, until the rest fits; which.

        What rules on silence need is dropped last: it would be read from the store by arrival.
        """
        shortened: list[int] = []
        self.turn += 1
        for arrived in (True, False):
            if self.held <= self.most:
                break
            for series in sorted(self.tails, key=lambda key: self.tails[key].order):
                if self.held <= _SHARE * self.most:
                    break
                if self.tails[series].shorten(_LEAST, keep_arrived=arrived):
                    shortened.append(series)
        return shortened
