"""Where the readings of a backtest come from: the store, or a recording that nobody stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from hypervisor import importing
from hypervisor.instants import BEGINNING
from hypervisor.registry.model import Registry
from hypervisor.store import history, judgement
from hypervisor.store.connect import Connection
from hypervisor.watch.heard import union
from sensors._domain import Catalogue
from sensors._row import NEVER, Rows

Spans = tuple[tuple[int, int], ...]
FOREVER = 2**62  # an `until` that is none


class Source(Protocol):
    """Readings, and how far was listened: `floor` (µs; NEVER: nobody did), `deaf` spans."""

    @property
    def floor(self) -> int: ...

    @property
    def deaf(self) -> Spans: ...

    def rows(self, series: Sequence[int], since: int, until: int) -> Mapping[int, Rows]:
        """Each series' rows from `since` up to and with `until`, ascending by time.

        With them the last good row before, whose value may still hold.
        """


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What is in the store, as the watch has heard it."""

    connection: Connection
    floor: int
    deaf: Spans

    @classmethod
    def of(cls, connection: Connection) -> "Stored":
        state = judgement.state(connection)
        return cls(
            connection=connection,
            floor=NEVER if state is None else state.heard_to,
            deaf=union(judgement.deaf_spans(connection)),
        )

    def rows(self, series: Sequence[int], since: int, until: int) -> Mapping[int, Rows]:
        before = None if until == FOREVER else until + 1
        spans = [(one, max(since, BEGINNING), before) for one in series]
        return history.by_series(history.between(self.connection, spans))


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A recording, as if each reading had arrived when it was measured; nobody listened before."""

    by_series: Mapping[int, Rows]
    floor: int
    deaf: Spans
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, rows: pd.DataFrame, registry: Registry, known: Catalogue) -> "Recorded":
        found, account = importing.checked(rows, registry, known, until=np.iinfo(np.int64).max)
        found = found[np.lexsort((found["time"], found["series"]))]
        found["received"] = found["time"]
        times = found["time"]
        first, last = (int(times.min()), int(times.max())) if len(found) else (NEVER, NEVER)
        return cls(
            by_series=history.by_series(found),
            floor=last,
            deaf=((BEGINNING, first),) if len(found) else (),
            notes=tuple(f"{count:,} rows: {why}" for why, count in account.rejected.items()),
        )

    def rows(self, series: Sequence[int], since: int, until: int) -> Mapping[int, Rows]:
        found: dict[int, Rows] = {}
        for one in series:
            if one in self.by_series:
                rows = self.by_series[one]
                first = max(int(np.searchsorted(rows["time"], since)) - 1, 0)
                last = int(np.searchsorted(rows["time"], until, side="right"))
                found[one] = rows[first:last]
        return found
