"""Most batches change no alarm: which judgements may be left as they are, told cheaply."""

from collections.abc import Mapping
from dataclasses import dataclass

from hypervisor.store.judgement import Pair
from hypervisor.watch.memory import Memory
from hypervisor.watch.tail import Fresh


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """Stub until the engine is there."""

    def may_change(self, memory: Memory, fresh: Mapping[int, Fresh]) -> set[Pair]:
        """The judgements that new rows of these series may change."""
        return {pair for series in fresh for pair in memory.territory.heard_by.get(series, ())}
