"""Parts of a work that processes share out among themselves, held by locks of their sessions."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from hypervisor.database import locks
from hypervisor.database.connect import Connection
from hypervisor.database.locks import Lock


class Shares:
    """The parts that one process holds, by locks of its own database session.

    What it writes goes over the same session: a process that loses a part can no longer write.
    `work`: the lock of the parts; `workers`: of the processes, each of which has a slot. `slot` is
    None while there are as many processes as parts.
    """

    def __init__(
        self, connection: Connection, parts: AbstractSet[int], *, work: Lock, workers: Lock
    ) -> None:
        self.slot: int | None = None
        self.held: AbstractSet[int] = frozenset()
        self._connection, self._parts = connection, parts
        self._work, self._workers = work, workers

    def find_share(self) -> AbstractSet[int]:
        """The parts that this process should hold, by how many processes there are now."""
        if self.slot is None:
            self.slot = self._take_slot()
        if self.slot is None:
            return self.held
        slots = sorted(locks.list_held_parts(self._connection, self._workers) | {self.slot})
        return {part for part in self._parts if slots[part % len(slots)] == self.slot}

    def take(self, parts: Iterable[int]) -> AbstractSet[int]:
        """Take the parts that are free; the numbers of those taken."""
        taken = locks.take_parts(self._connection, self._work, parts)
        self.held |= taken
        return taken

    def release(self, parts: AbstractSet[int]) -> None:
        locks.release_parts(self._connection, self._work, parts)
        self.held -= parts

    def _take_slot(self) -> int | None:
        free = sorted(self._parts - locks.list_held_parts(self._connection, self._workers))
        for slot in free:
            if locks.take_parts(self._connection, self._workers, [slot]):
                return slot
        return None
