"""Follows the feed and recomputes the hours and days whose readings changed."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hypervisor.base.process import pause
from hypervisor.database import feed, locks
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection
from hypervisor.database.feed import HOUR, Entry
from hypervisor.database.locks import Lock
from hypervisor.database.worker import keep_working
from hypervisor.readings import queries_compression, queries_rollups
from hypervisor.readings.queries_rollups import Pair, refresh
from sensors._domain import Catalogue
from sensors._domain import catalogue as load_catalogue
from sensors._quantity import Kind

TICK = 5.0  # s between two steps, so that an hour that changes often is recomputed seldom
LONGEST = 60.0
_ENTRIES = 250  # of the feed, read at once
_PAIRS = 100_000  # series and hours of one transaction
_HURRY = 3  # hours of a series that change within a step; live it is one, or two at the hour
_OLD = 1 << 31  # keeps the numbers of hours before the epoch positive

Say = Callable[[str], None]


class IdleWork(Protocol):
    """Work for the moments without a backlog; 0: nothing waits. `zone`: the instance's."""

    def __call__(self, connection: Connection, catalogue: Catalogue, /, *, zone: str) -> int: ...


@dataclass(frozen=True, kw_only=True)
class Step:
    """The hours recomputed by a step. `more`: the next step need not wait long."""

    hours: int
    more: bool


def run(
    url: str,
    catalogue: Catalogue,
    *,
    stopping: Callable[[], bool],
    say: Say,
    idle_work: IdleWork | None = None,
) -> None:
    """Roll up until `stopping`; connect again when the database is unavailable."""

    def work(connection: Connection) -> None:
        zone = _zone(connection)
        if not locks.stand_by(connection, Lock.ROLLING_UP, stopping, say):
            return
        say("rolling up")
        while not stopping():
            began = time.monotonic()
            done = step(connection, catalogue, zone=zone, idle_work=idle_work)
            pause(pause_after(time.monotonic() - began, more=done.more), stopping)

    keep_working("the roll-up", url, work, stopping=stopping, say=say)


def pause_after(took: float, *, more: bool) -> float:
    """Seconds to pause after a step of `took` seconds: ingest goes first.

    Nine tenths of the time, at most `LONGEST`; half of it while there is a backlog.
    """
    return took if more else min(max(TICK, 9 * took), LONGEST)


def catch_up(
    connection: Connection, catalogue: Catalogue, *, idle_work: IdleWork | None = None
) -> int:
    """Roll up everything due now; return the number of hours. `connection`: in autocommit."""
    zone, hours, more = _zone(connection), 0, True
    while more:
        done = step(connection, catalogue, zone=zone, idle_work=idle_work)
        hours, more = hours + done.hours, done.more
    return hours


def step(
    connection: Connection, catalogue: Catalogue, *, zone: str, idle_work: IdleWork | None = None
) -> Step:
    """One transaction: the next entries of the feed, or the next chunk never rolled up."""
    with connection.transaction():
        queries_rollups.set_counters(connection, list_counters(catalogue))
        state = queries_rollups.lock_state(connection)
        pairs, cursor, more = _read_changes(connection, state.cursor)
        chunk, fill = _find_next_chunk(connection, state.fill)
        hours = refresh(connection, pairs, span=chunk, frozen=state.frozen, zone=zone)
        with connection.pipeline():
            queries_rollups.mark_forecasts(connection, frozen=state.frozen)
            queries_rollups.save_state(connection, cursor, fill=fill)
    more = more or fill is not None
    if not more and idle_work is not None:
        more = bool(idle_work(connection, catalogue, zone=zone))
    return Step(hours=hours, more=more or hurries(pairs))


def hurries(pairs: Sequence[Pair]) -> bool:
    """Whether the readings' time outruns the clock, as in a fast replay: several hours a series."""
    return len(pairs) > _HURRY * len({series for series, _hour in pairs})


def freeze(connection: Connection, first: datetime, last: datetime) -> None:
    """Roll up readings that the caller's transaction deletes, for the last time."""
    queries_rollups.set_counters(connection, list_counters(load_catalogue()))
    frozen, zone = queries_rollups.lock_state(connection).frozen, _zone(connection)
    refresh(connection, (), span=(first, last), frozen=frozen, zone=zone)
    queries_rollups.freeze(connection, last)


def _read_changes(connection: Connection, cursor: str) -> tuple[list[Pair], str, bool]:
    """Series and hours that changed since the cursor, the next cursor, and whether more wait."""
    keys = np.empty(0, dtype=np.int64)
    while True:
        with connection.pipeline():
            receive = feed.request(connection, cursor, most=_ENTRIES)
        entries, cursor, more = receive()
        keys = np.union1d(keys, pack_changed_hours(entries))
        if not more or len(keys) >= _PAIRS:
            return unpack_pairs(keys), cursor, more


def pack_changed_hours(entries: Iterable[Entry]) -> NDArray[np.int64]:
    """Series and hour of each reading in the entries, packed into one number and distinct."""
    keys = [
        np.unique((entry.rows["series"].astype(np.int64) << 32) + entry.rows["time"] // HOUR + _OLD)
        for entry in entries
        if len(entry.rows)
    ]
    return np.unique(np.concatenate(keys)) if keys else np.empty(0, dtype=np.int64)


def unpack_pairs(keys: NDArray[np.int64]) -> list[Pair]:
    """Packed numbers as ascending (series, hour)."""
    return list(zip((keys >> 32).tolist(), ((keys & 0xFFFF_FFFF) - _OLD).tolist(), strict=True))


def list_counters(catalogue: Catalogue) -> list[str]:
    """The quantities that are counters."""
    return [
        quantity.name for quantity in catalogue.quantities.values() if quantity.kind is Kind.COUNTER
    ]


def _find_next_chunk(
    connection: Connection, fill: datetime | None
) -> tuple[tuple[datetime, datetime] | None, datetime | None]:
    """The next chunk that ends after `fill`, and its end; None: there is none."""
    if fill is None:
        return None, None
    chunks = queries_compression.list_chunks(connection, after=fill)
    return (chunks[0], chunks[0][1]) if chunks else (None, None)


def _zone(connection: Connection) -> str:
    return instance_store.require(connection).timezone
