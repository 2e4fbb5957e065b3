"""Where the readings of a backtest come from: the database, or a recording."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hypervisor.alarms.log import Pair
from hypervisor.base.instants import BEGINNING
from hypervisor.database.connect import Connection
from hypervisor.evaluation import queries as evaluation_queries
from hypervisor.evaluation.memory import union
from hypervisor.readings import importing, queries_columnar, queries_history
from hypervisor.readings.queries_columnar import Copy
from hypervisor.registry.model import Registry
from rules._inputs import Closing
from sensors._domain import Catalogue
from sensors._row import NEVER, Rows

if TYPE_CHECKING:
    import pandas as pd

Spans = tuple[tuple[int, int], ...]
Closings = Mapping[Pair, Sequence[Closing]]
FOREVER = 2**62  # an `until` that is none


class Source(Protocol):
    """Readings; how far ingest listened (`floor`, µs; NEVER: not at all), with `gaps`; `closings`.

    Closings: where operators closed alarms by hand.
    """

    @property
    def floor(self) -> int: ...

    @property
    def gaps(self) -> Spans: ...

    @property
    def closings(self) -> Closings: ...

    def rows(self, series: Sequence[int], since: int, until: int) -> Mapping[int, Rows]:
        """Each series' rows from `since` to `until` (included), ascending by time.

        With the last good row before, whose value may still hold.
        """


@dataclass(frozen=True, kw_only=True)
class StoredSource:
    """Stored readings; long periods are read from the columnar `copy`."""

    connection: Connection
    floor: int
    gaps: Spans
    closings: Closings
    copy: Copy | None = None

    @classmethod
    def of(cls, connection: Connection, folder: Path | None = None) -> "StoredSource":
        """A snapshot, for all of the connection's transaction, which must be new.

        `folder`: where the columnar copy is, if there is one.
        """
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        state = evaluation_queries.load_state(connection)
        copy = None if folder is None else queries_columnar.find_copy(connection, folder)
        return cls(
            connection=connection,
            floor=NEVER if state is None else state.watermark,
            gaps=union(evaluation_queries.load_gaps(connection)),
            closings={
                pair: [Closing(at=at, reason=reason) for at, reason in closings]
                for pair, closings in evaluation_queries.load_closings(connection).items()
            },
            copy=copy if copy is not None and copy.parts else None,
        )

    def rows(self, series: Sequence[int], since: int, until: int) -> Mapping[int, Rows]:
        before = None if until == FOREVER else until + 1
        since = max(since, BEGINNING)
        if self.copy is None:
            spans = [(number, since, before) for number in series]
            return queries_history.split_by_series(
                queries_history.read_spans(self.connection, spans)
            )
        rows = queries_columnar.read_rows(
            self.connection, self.copy, series, since, before or FOREVER
        )
        if since == BEGINNING:
            return rows
        held = queries_history.read_spans(
            self.connection, [(number, since, since) for number in series]
        )
        for number, row in queries_history.split_by_series(held).items():
            rows[number] = np.concatenate([row, rows[number]]) if number in rows else row
        return rows


@dataclass(frozen=True, kw_only=True)
class RecordedSource:
    """A recording, as if each reading had arrived when it was measured; before it, a gap."""

    by_series: Mapping[int, Rows]
    floor: int
    gaps: Spans
    closings: Closings = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, rows: "pd.DataFrame", registry: Registry, catalogue: Catalogue) -> "RecordedSource":
        rows_read, account = importing.check_recording(
            rows, registry, catalogue, until=np.iinfo(np.int64).max
        )
        rows_read = rows_read[np.lexsort((rows_read["time"], rows_read["series"]))]
        rows_read["received"] = rows_read["time"]
        times = rows_read["time"]
        first, last = (int(times.min()), int(times.max())) if len(rows_read) else (NEVER, NEVER)
        return cls(
            by_series=queries_history.split_by_series(rows_read),
            floor=last,
            gaps=((BEGINNING, first),) if len(rows_read) else (),
            notes=tuple(f"{count:,} rows: {why}" for why, count in account.rejected.items()),
        )

    def rows(self, series: Sequence[int], since: int, until: int) -> Mapping[int, Rows]:
        rows_by_series: dict[int, Rows] = {}
        for number in series:
            if number in self.by_series:
                rows = self.by_series[number]
                first = max(int(np.searchsorted(rows["time"], since)) - 1, 0)
                last = int(np.searchsorted(rows["time"], until, side="right"))
                rows_by_series[number] = rows[first:last]
        return rows_by_series


class WrappedSource:
    """A source that changes how another gives its rows, and nothing else of it."""

    source: Source

    @property
    def floor(self) -> int:
        return self.source.floor

    @property
    def gaps(self) -> Spans:
        return self.source.gaps

    @property
    def closings(self) -> Closings:
        return self.source.closings


@dataclass(frozen=True, kw_only=False)
class CachedSource(WrappedSource):
    """A source that keeps what it has read, for evaluating the same readings again."""

    source: Source
    _read: dict[tuple[tuple[int, ...], int, int], Mapping[int, Rows]] = field(default_factory=dict)

    def rows(self, series: Sequence[int], since: int, until: int) -> Mapping[int, Rows]:
        key = tuple(series), since, until
        if key not in self._read:
            self._read[key] = self.source.rows(series, since, until)
        return self._read[key]
