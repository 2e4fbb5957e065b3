"""Loops that live by themselves: each restarts after any error, and one that stands is noticed."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hypervisor.base.failures import describe_failure, wait_after
from hypervisor.base.process import pause
from hypervisor.database.connect import (
    Connection,
    StoreError,
    connect,
    has_standbys,
    store_errors,
)

_FIRST, _LONGEST = 1.0, 30.0  # s between two beginnings of a loop that fails
_AWAY = (0.5, 1.0, 2.0, 5.0, 10.0)  # the same while the database is away
_AWAY_CLUSTER = (0.2, 0.5, 1.0)  # another machine takes over within seconds
_WORKED = 30.0  # s after which a loop counts as a success: the next wait is short again
_STANDS = 90.0  # s without a turn after which the process gives no sign of life
_END = 10.0  # s that loops may take to end
_DOZE = 0.2  # s

Say = Callable[[str], None]
Stopping = Callable[[], bool]


def keep_working(
    name: str, url: str, work: Callable[[Connection], None], *, stopping: Stopping, say: Say
) -> None:
    """Run `work` on a connection until `stopping`; begin again after whatever it raises."""
    failures = 0
    away = _AWAY_CLUSTER if has_standbys(url) else _AWAY
    while not stopping():
        began = time.monotonic()
        try:
            with store_errors(), connect(url, autocommit=True) as connection:
                work(connection)
            continue
        except Exception as error:  # noqa: BLE001  a loop outlives any of them
            failures = 1 if time.monotonic() - began > _WORKED else failures + 1
            if isinstance(error, StoreError):
                rest = away[min(failures, len(away)) - 1]
                what = f"{error}; work goes on when the database does; trying again"
            else:
                rest = wait_after(failures, first=_FIRST, longest=_LONGEST)
                what = f"{name} failed ({describe_failure(error)}); it begins again"
        say(f"{what} in {rest:g} s")
        pause(rest, stopping)


@dataclass(kw_only=True)
class Loops:
    """Several loops of one process, each in a thread. `ticks`: monotonic clock in s.

    The process gives signs of life, by looking at `stopping`, only while every loop goes round.
    """

    loops: Mapping[str, Callable[[Stopping], None]]
    stopping: Stopping
    say: Say
    ticks: Callable[[], float] = time.monotonic
    _turns: dict[str, float] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Run them until `stopping`, then wait for their end, for a while."""
        threads = {}
        for name, loop in self.loops.items():
            self._turns[name] = self.ticks()
            run = threading.Thread(target=loop, args=(self._watch(name),), name=name, daemon=True)
            threads[name] = run
            run.start()
        standing: list[str] = []
        while standing or not self.stopping():
            time.sleep(_DOZE)
            before, standing = standing, self.list_standing()
            if standing != before and standing:
                self.say(f"{', '.join(standing)}: no turn for {_STANDS:g} s; no sign of life")
            if not any(thread.is_alive() for thread in threads.values()):
                break
        self._over.set()
        until = time.monotonic() + _END
        for name, thread in threads.items():
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                self.say(f"{name} did not end within {_END:g} s; what it had taken goes out later")

    def list_standing(self) -> list[str]:
        """The loops that have not gone round for too long."""
        return [name for name, at in self._turns.items() if self.ticks() - at > _STANDS]

    def _watch(self, name: str) -> Stopping:
        def is_over() -> bool:
            self._turns[name] = self.ticks()
            return self._over.is_set()

        return is_over
