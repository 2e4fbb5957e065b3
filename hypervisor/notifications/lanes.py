"""A lane for each channel, so that a hanging channel delays only itself.

Each delivery runs in its own thread. An overdue one counts as failed; if it succeeds after all,
that counts too.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from hypervisor.base.failures import describe_failure
from hypervisor.notifications.queries_deliveries import ClaimedDelivery, Lane

_WIDE = 4  # messages of one channel at a time
_MOST = 3  # overdue threads of a lane; with more, it pauses until one ends


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of a delivery; `error` None: delivered."""

    delivery: ClaimedDelivery
    error: str | None


@dataclass(kw_only=True)
class _Run:
    delivery: ClaimedDelivery
    deadline: float
    overdue: bool = False


@dataclass(kw_only=True)
class Lanes:
    """Runs deliveries in threads. `ticks`: monotonic clock in s; `wake`: called when one ends."""

    seconds: float
    ticks: Callable[[], float]
    wake: Callable[[], None]
    _runs: dict[int, _Run] = field(default_factory=dict)
    _done: deque[tuple[int, str | None]] = field(default_factory=deque)
    _rest: dict[Lane, float] = field(default_factory=dict)
    _number: int = 0

    def free(self, lane: Lane, *, wide: bool = True) -> bool:
        """Whether a lane may take a message now; `wide`: in parallel with others."""
        mine = [run for run in self._runs.values() if _lane_of(run) == lane]
        lost = sum(run.overdue for run in mine)
        if lost > _MOST or len(mine) - lost >= (_WIDE if wide else 1):
            return False
        return self._rest.get(lane, 0.0) <= self.ticks()

    def rest(self, lane: Lane, seconds: float) -> None:
        """Pause a failing channel."""
        self._rest[lane] = self.ticks() + seconds

    @property
    def busy(self) -> bool:
        return any(not run.overdue for run in self._runs.values())

    def start(self, delivery: ClaimedDelivery, work: Callable[[], object]) -> None:
        """Run a delivery in a thread."""
        self._number += 1
        number = self._number
        self._runs[number] = _Run(delivery=delivery, deadline=self.ticks() + self.seconds)
        name = f"{delivery.route}/{delivery.channel}"
        threading.Thread(target=self._run, args=(number, work), name=name, daemon=True).start()

    def _run(self, number: int, work: Callable[[], object]) -> None:
        error: str | None = None
        try:
            work()
        except Exception as wrong:  # noqa: BLE001  whatever a library throws is a failed try
            error = describe_failure(wrong)
        self._done.append((number, error))
        self.wake()

    def finished(self) -> list[Result]:
        """The deliveries that ended or became overdue since the last call."""
        results: list[Result] = []
        while self._done:
            number, error = self._done.popleft()
            run = self._runs.pop(number)
            if not run.overdue or error is None:
                results.append(Result(delivery=run.delivery, error=error))
        now = self.ticks()
        for run in self._runs.values():
            if not run.overdue and run.deadline < now:
                run.overdue = True
                overdue = f"no answer within {self.seconds:g} s"
                results.append(Result(delivery=run.delivery, error=overdue))
        return results


def _lane_of(run: _Run) -> Lane:
    return run.delivery.route, run.delivery.channel
