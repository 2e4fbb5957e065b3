"""A long backtest in parts: which blocks are whose, and what was found in them."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from hypervisor.alarms.queries import Pair
from hypervisor.backtest.model import RaisedAlarm
from hypervisor.registry.model import Registry


@dataclass(frozen=True, kw_only=True)
class Part:
    """What was found in some of the blocks; `first` and `last` of their rows (µs)."""

    alarms: list[RaisedAlarm]
    judged: list[Pair]
    rows: int
    first: int
    last: int


class Helper(Protocol):
    """Somebody who judges some of the blocks meanwhile; `turns`: which are ours, one after one."""

    @property
    def turns(self) -> Iterator[int]: ...

    def part(self) -> Part:
        """What they found, once all blocks are done."""


class Share(Protocol):
    """Finds a helper, for as long as the context lasts."""

    def __call__(
        self,
        registry: Registry,
        span: tuple[int | None, int | None],
        retention: int,
        blocks: Sequence[Sequence[Pair]],
        *,
        closed: bool,
    ) -> AbstractContextManager[Helper]:
        """The same registry, span (µs), retention and blocks as whoever asks."""
