"""Deliveries in threads, by destination: what hangs delays only itself, what raises fails alone.

An overdue delivery counts as failed; if it succeeds after all, that counts too. A destination that
answers none of many deliveries in a row rests, and is then tried by a few.
"""

import select
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Generic, TypeVar

from hypervisor.base.failures import describe_failure, wait_after

Item = TypeVar("Item")
_FIRST_REST, _LONGEST_REST = 1.0, 30.0  # s of a destination that does not answer


@dataclass(frozen=True, kw_only=True)
class Result(Generic[Item]):
    """The result of a delivery. `error` None: delivered; `cause` None with an error: overdue."""

    delivery: Item
    error: str | None
    cause: Exception | None = field(default=None, compare=False)


@dataclass(kw_only=True)
class _Run(Generic[Item]):
    delivery: Item
    deadline: float
    overdue: bool = False


@dataclass(kw_only=True)
class Senders(Generic[Item]):
    """Runs deliveries. `ticks`: monotonic clock in s; `wake`: called when one ends.

    `seconds`: after which one is overdue; `wide`: at a time to a destination; `most`: to all;
    `lost`: overdue threads of a destination, with more of which it pauses; `patience`: silences in
    a row after which it rests.
    """

    seconds: float
    lane_of: Callable[[Item], Hashable]
    wake: Callable[[], None]
    ticks: Callable[[], float] = monotonic
    wide: int = 4
    most: int = 1_000
    lost: int = 3
    patience: int = 32
    _runs: dict[int, _Run[Item]] = field(default_factory=dict)
    _done: deque[tuple[int, Exception | None]] = field(default_factory=deque)
    _rest: dict[Hashable, float] = field(default_factory=dict)
    _silences: Counter[Hashable] = field(default_factory=Counter)
    _number: int = 0

    def free(self, lane: Hashable, *, wide: bool = True) -> bool:
        """Whether a destination may take one now; `wide`: in parallel with others."""
        mine = [run for run in self._runs.values() if self.lane_of(run.delivery) == lane]
        lost = sum(run.overdue for run in mine)
        width = self.wide if wide else 1
        if self._silences[lane] >= self.patience:
            width = min(width, max(1, self.patience // 4))
        if lost > self.lost or len(mine) - lost >= width:
            return False
        return self._rest.get(lane, 0.0) <= self.ticks()

    def rest(self, lane: Hashable, seconds: float) -> None:
        """Pause a destination."""
        self._rest[lane] = self.ticks() + seconds

    def note_answer(self, lane: Hashable) -> None:
        """The destination answered, whatever it said."""
        self._silences.pop(lane, None)
        self._rest.pop(lane, None)

    def note_silence(self, lane: Hashable) -> None:
        """The destination did not answer; after many in a row it rests."""
        self._silences[lane] += 1
        excess = self._silences[lane] - self.patience
        if excess >= 0:
            turns = 1 + excess // max(1, self.patience // 4)
            self.rest(lane, wait_after(turns, first=_FIRST_REST, longest=_LONGEST_REST))

    def list_full(self) -> list[Hashable]:
        """The destinations that may take none now."""
        lanes = {self.lane_of(run.delivery) for run in self._runs.values()} | self._rest.keys()
        return [lane for lane in lanes if not self.free(lane)]

    @property
    def room(self) -> int:
        """How many more may be on their way."""
        return self.most - sum(not run.overdue for run in self._runs.values())

    @property
    def busy(self) -> bool:
        return any(not run.overdue for run in self._runs.values())

    def list_running(self) -> Iterator[Item]:
        """What is on its way, and not overdue."""
        return (run.delivery for run in self._runs.values() if not run.overdue)

    def start(self, delivery: Item, work: Callable[[], object]) -> None:
        """Run a delivery in a thread."""
        self._number += 1
        number = self._number
        self._runs[number] = _Run(delivery=delivery, deadline=self.ticks() + self.seconds)
        name = f"to {self.lane_of(delivery)}"
        threading.Thread(target=self._run, args=(number, work), name=name, daemon=True).start()

    def _run(self, number: int, work: Callable[[], object]) -> None:
        cause: Exception | None = None
        try:
            work()
        except Exception as error:  # noqa: BLE001  whatever a library throws is a failed try
            cause = error
        self._done.append((number, cause))
        self.wake()

    def finished(self) -> list[Result[Item]]:
        """The deliveries that ended or became overdue since the last call."""
        results: list[Result[Item]] = []
        while self._done:
            number, cause = self._done.popleft()
            run = self._runs.pop(number)
            if not run.overdue or cause is None:
                error = None if cause is None else describe_failure(cause)
                results.append(Result(delivery=run.delivery, error=error, cause=cause))
        now = self.ticks()
        for run in self._runs.values():
            if not run.overdue and run.deadline < now:
                run.overdue = True
                overdue = f"no answer within {self.seconds:g} s"
                results.append(Result(delivery=run.delivery, error=overdue))
        return results


class Waker:
    """Lets threads wake a loop that waits for a connection."""

    def __init__(self) -> None:
        self._sender, self._receiver = socket.socketpair()
        self._sender.settimeout(0)
        self._receiver.settimeout(0)

    def wake(self) -> None:
        with suppress(OSError):  # already woken, or closed
            self._sender.send(b"\0")

    def wait(self, seconds: float, *files: int) -> None:
        """Wait until woken, until one of these can be read, or so long."""
        select.select([self._receiver.fileno(), *files], [], [], max(0.0, seconds))
        with suppress(BlockingIOError):
            self._receiver.recv(4096)

    def close(self) -> None:
        self._sender.close()
        self._receiver.close()
