"""Readings rolled up by hour and day: exact while the readings are there, frozen beyond.

Whoever follows the feed says which hours changed; these are made anew out of `reading`, and the
days that hold them out of the hours (store.readings.refreshing). So nothing that comes late, twice,
corrected or invalidated is counted wrongly, whatever the order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.base.instants import BEGINNING, micros, moment
from hypervisor.database import locks
from hypervisor.database.connect import Connection
from hypervisor.database.feed import HOUR
from hypervisor.database.locks import Lock


@dataclass(frozen=True, kw_only=True)
class RollupState:
    """`cursor` of the feed; `fill`: from when on all is to be rolled up anew; None: done."""

    cursor: str
    fill: datetime | None
    frozen: datetime


def lock_rollups(connection: Connection) -> bool:
    """Be the only one that rolls up, as long as the connection lives."""
    return locks.take(connection, Lock.ROLLING_UP)


def lock_state(connection: Connection) -> RollupState:
    """How far it is, in the caller's transaction; whoever refreshes has it to themselves."""
    row = connection.execute(
        "SELECT cursor::text, CASE WHEN fill = '-infinity' THEN %(old)s ELSE fill END,"
        " GREATEST(frozen, %(old)s) FROM rollup_state FOR UPDATE",
        {"old": moment(BEGINNING)},
    ).fetchone()
    if row is None:
        raise AssertionError("the migration made its row")
    return RollupState(cursor=row[0], fill=row[1], frozen=row[2])


def save_state(connection: Connection, cursor: str, *, fill: datetime | None) -> None:
    """Remember how far it is, in the caller's transaction."""
    connection.execute(
        "UPDATE rollup_state SET cursor = %s::xid8, fill = %s, seen_at = clock_timestamp()",
        [cursor, fill],
    )


def list_chunks(connection: Connection, since: datetime) -> list[tuple[datetime, datetime]]:
    """The spans in which readings lie together, those that end after `since`, oldest first."""
    rows = connection.execute(
        "SELECT range_start, range_end FROM timescaledb_information.chunks"
        " WHERE hypertable_schema = 'public' AND hypertable_name = 'reading'"
        " AND range_end > %s ORDER BY range_start",
        [since],
    )
    return [(first, last) for first, last in rows]


def freeze(connection: Connection, upto: datetime) -> None:
    """From now on what is rolled up before `upto` stays: its readings go with this transaction."""
    connection.execute("UPDATE rollup_state SET frozen = GREATEST(frozen, %s)", [upto])


def set_counters(connection: Connection, quantities: Sequence[str]) -> None:
    """Say which quantities are counters, to whoever makes roll-ups and whoever reads them.

    Where others rise than did, all is to be rolled up anew.
    """
    connection.execute(
        "UPDATE rollup_state SET counters = %(quantities)s, fill = CASE WHEN counters = '{}'"
        " THEN fill ELSE '-infinity' END WHERE counters <> %(quantities)s",
        {"quantities": sorted(quantities)},
    )


@dataclass(frozen=True, kw_only=True)
class Rollup:
    """What a series said in an hour or a day."""

    begins: datetime
    count: int
    sum: float
    min: float
    max: float
    last: float
    last_at: datetime
    increase: float | None

    @property
    def mean(self) -> float:
        return self.sum / self.count


def read_rollups(
    connection: Connection, series: Sequence[int], span: tuple[datetime, datetime], *, days: bool
) -> dict[int, list[Rollup]]:
    """Pieces that begin within first <= begins < last, ascending; none: the series is absent."""
    table = "rollup_day" if days else "rollup_hour"
    rows = connection.execute(
        "SELECT series_id, begins, count, sum, min, max, last, last_at, increase"  # noqa: S608
        f" FROM {table} WHERE series_id = ANY(%s) AND begins >= %s AND begins < %s"
        " ORDER BY series_id, begins",
        [list(series), *span],
    )
    pieces_by_series: dict[int, list[Rollup]] = {}
    for series_id, *values in rows:
        piece = Rollup(**dict(zip(Rollup.__dataclass_fields__, values, strict=True)))
        pieces_by_series.setdefault(series_id, []).append(piece)
    return pieces_by_series


def hour_of(at: datetime) -> int:
    """The number of the hour that an instant lies in."""
    return micros(at) // HOUR
