"""Shards of evaluation: each subject belongs to one of 32, for good; processes share them out."""

import hashlib
from collections.abc import Set as AbstractSet
from functools import lru_cache

from hypervisor.database import locks
from hypervisor.database.connect import Connection
from hypervisor.database.locks import Lock

COUNT = 32
ALL = frozenset(range(COUNT))


@lru_cache(maxsize=1_000_000)
def shard_of(subject: str) -> int:
    """The shard of a subject by its key; as `evaluation_shard` in SQL."""
    return hashlib.sha256(subject.encode()).digest()[0] % COUNT


class ShardHolder:
    """The shards that one process evaluates, held by locks of its own database session.

    What it writes goes over the same session: a process that loses a shard can no longer write.
    `slot`: its number among the processes; None while there are as many of them as shards.
    """

    def __init__(self, connection: Connection) -> None:
        self.slot: int | None = None
        self.shards: AbstractSet[int] = frozenset()
        self._connection = connection

    def share_out(self) -> AbstractSet[int]:
        """Release what others are to have, and take what is free of one's own share.

        Only between two steps: nothing may be evaluated and not yet written.
        """
        if self.slot is None:
            self.slot = self._take_slot()
        if self.slot is None:
            return self.shards
        slots = sorted(locks.list_held_parts(self._connection, Lock.EVALUATOR) | {self.slot})
        mine = {shard for shard in ALL if slots[shard % len(slots)] == self.slot}
        locks.release_parts(self._connection, Lock.WATCH, self.shards - mine)
        kept = self.shards & mine
        self.shards = kept | locks.take_parts(self._connection, Lock.WATCH, mine - kept)
        return self.shards

    def _take_slot(self) -> int | None:
        if locks.is_held(self._connection, Lock.WATCH):
            return None  # by a watch of a version before shards, which evaluates everything
        free = sorted(ALL - locks.list_held_parts(self._connection, Lock.EVALUATOR))
        for slot in free:
            if locks.take_parts(self._connection, Lock.EVALUATOR, [slot]):
                return slot
        return None
