"""A lane for each channel: a channel that hangs holds up nobody but itself, and not for long.

What is sent runs in a thread of its own. One that is overdue counts as failed and is left behind;
if it comes back after all with good news, that counts, too.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from hypervisor.notifications.errors import ChannelError
from hypervisor.notifications.queries_deliveries import Lane, Parcel

_WIDE = 4  # messages of one channel at a time: a flood has many, a mail takes a second
_MOST = 3  # threads left behind in a lane; with more of them it rests until one is back


@dataclass(frozen=True, kw_only=True)
class Result:
    """`error` None: it was taken."""

    parcel: Parcel
    error: str | None


@dataclass(kw_only=True)
class _Run:
    parcel: Parcel
    deadline: float
    overdue: bool = False


@dataclass(kw_only=True)
class Lanes:
    """`ticks`: a steady clock in seconds. `ring`: called when something is done."""

    seconds: float
    ticks: Callable[[], float]
    ring: Callable[[], None]
    _runs: dict[int, _Run] = field(default_factory=dict)
    _done: deque[tuple[int, str | None]] = field(default_factory=deque)
    _rest: dict[Lane, float] = field(default_factory=dict)
    _number: int = 0

    def free(self, lane: Lane, *, wide: bool = True) -> bool:
        """Whether it may take a message now; `wide`: beside a few others."""
        mine = [run for run in self._runs.values() if _lane(run) == lane]
        lost = sum(run.overdue for run in mine)
        if lost > _MOST or len(mine) - lost >= (_WIDE if wide else 1):
            return False
        return self._rest.get(lane, 0.0) <= self.ticks()

    def rest(self, lane: Lane, seconds: float) -> None:
        """Let a channel that fails be for a while."""
        self._rest[lane] = self.ticks() + seconds

    @property
    def busy(self) -> bool:
        return any(not run.overdue for run in self._runs.values())

    def start(self, parcel: Parcel, work: Callable[[], object]) -> None:
        """Do the work in the lane's thread."""
        self._number += 1
        number = self._number
        self._runs[number] = _Run(parcel=parcel, deadline=self.ticks() + self.seconds)
        name = f"{parcel.route}/{parcel.channel}"
        threading.Thread(target=self._run, args=(number, work), name=name, daemon=True).start()

    def _run(self, number: int, work: Callable[[], object]) -> None:
        error: str | None = None
        try:
            work()
        except ChannelError as wrong:
            error = str(wrong)
        except Exception as wrong:  # noqa: BLE001  whatever a library throws is a failed try
            error = f"{type(wrong).__name__}: {wrong}"
        self._done.append((number, error))
        self.ring()

    def finished(self) -> list[Result]:
        """What came to its end, or is overdue, since the last time."""
        results: list[Result] = []
        while self._done:
            number, error = self._done.popleft()
            run = self._runs.pop(number)
            if not run.overdue or error is None:
                results.append(Result(parcel=run.parcel, error=error))
        now = self.ticks()
        for run in self._runs.values():
            if not run.overdue and run.deadline < now:
                run.overdue = True
                overdue = f"no answer within {self.seconds:g} s"
                results.append(Result(parcel=run.parcel, error=overdue))
        return results


def _lane(run: _Run) -> Lane:
    return run.parcel.route, run.parcel.channel
