"""Shards of evaluation: each subject belongs to one of 32, for good; processes share them out."""

import hashlib
from collections.abc import Set as AbstractSet
from functools import lru_cache

from hypervisor.database import locks
from hypervisor.database.connect import Connection
from hypervisor.database.locks import Lock
from hypervisor.database.shares import Shares

COUNT = 32
ALL = frozenset(range(COUNT))


@lru_cache(maxsize=1_000_000)
def shard_of(subject: str) -> int:
    """The shard of a subject by its key; as `evaluation_shard` in SQL."""
    return hashlib.sha256(subject.encode()).digest()[0] % COUNT


class ShardHolder(Shares):
    """The shards that one process evaluates."""

    def __init__(self, connection: Connection, *, rest: float = 0.0) -> None:
        super().__init__(connection, ALL, work=Lock.WATCH, workers=Lock.EVALUATOR, rest=rest)

    def share_out(self) -> AbstractSet[int]:
        """Release what others are to have, and take what is free of one's own share.

        Only between two steps: nothing may be evaluated and not yet written.
        """
        if self.slot is None and locks.is_held(self._connection, Lock.WATCH):
            return self.held  # by a watch of a version before shards, which evaluates everything
        mine = self.find_share()
        self.release(self.held - mine)
        self.take(mine - self.held)
        return self.held
