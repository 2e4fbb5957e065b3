"""Parts of a work that processes share out among themselves, held by locks of their sessions."""

from collections.abc import Callable, Collection
from collections.abc import Set as AbstractSet
from time import monotonic

from hypervisor.database import locks
from hypervisor.database.connect import Connection, has_standbys
from hypervisor.database.locks import Lock

_REST_SECONDS = 10.0


def rest_seconds(url: str) -> float:
    """How long a process keeps what it took, though others come.

    In a cluster all come back within seconds when the primary database has moved: the first takes
    everything, and works off what has waited before it hands anything on.
    """
    return _REST_SECONDS if has_standbys(url) else 0.0


class Shares:
    """The parts that one process holds, by locks of its own database session.

    What it writes goes over the same session: a process that loses a part can no longer write.
    `work`: the lock of the parts; `workers`: of the processes, each of which has a slot. `slot` is
    None while there are as many processes as parts. `rest`: see `rest_seconds`.
    """

    def __init__(  # noqa: PLR0913
        self,
        connection: Connection,
        parts: AbstractSet[int],
        *,
        work: Lock,
        workers: Lock,
        rest: float = 0.0,
        ticks: Callable[[], float] = monotonic,
    ) -> None:
        self.slot: int | None = None
        self.held: AbstractSet[int] = frozenset()
        self._connection, self._parts = connection, parts
        self._work, self._workers = work, workers
        self._rest, self._ticks = rest, ticks
        self._rests_until = 0.0

    def find_share(self) -> AbstractSet[int]:
        """The parts that this process should hold, by how many processes there are now."""
        if self.slot is None:
            self.slot = self._take_slot()
        if self.slot is None:
            return self.held
        slots = sorted(locks.list_held_parts(self._connection, self._workers) | {self.slot})
        mine = {part for part in self._parts if slots[part % len(slots)] == self.slot}
        return mine | self.held if self._ticks() < self._rests_until else mine

    def take(self, parts: Collection[int]) -> AbstractSet[int]:
        """Take the parts that are free; the numbers of those taken."""
        taken = locks.take_parts(self._connection, self._work, parts) if parts else set()
        self.held |= taken
        if taken:
            self._rests_until = self._ticks() + self._rest
        return taken

    def release(self, parts: AbstractSet[int]) -> None:
        if parts:
            locks.release_parts(self._connection, self._work, parts)
        self.held -= parts

    def _take_slot(self) -> int | None:
        free = sorted(self._parts - locks.list_held_parts(self._connection, self._workers))
        for slot in free:
            if locks.take_parts(self._connection, self._workers, [slot]):
                return slot
        return None
