"""Follows the feed and makes anew the hours in which something changed."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from hypervisor.database import feed
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, StoreError, connect
from hypervisor.database.feed import HOUR, Entry
from hypervisor.database.listener import translated
from hypervisor.evaluation import lighting_plans
from hypervisor.readings import queries_rollups
from hypervisor.readings.queries_refresh import Pair, refresh
from sensors._domain import Catalogue, catalogue
from sensors._quantity import Kind

TICK = 5.0  # s between two looks: an hour that changes often is made anew seldom
LONGEST = 60.0
_ENTRIES = 250  # of the feed, held at once
_PAIRS = 100_000  # of series and hours, so that a transaction ends some time
_OLD = 1 << 31  # hours before the epoch are told by numbers above 0
_SOON = 0.2  # s in which it hears that it is to stop

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Done:
    """What one step did. `more`: there is more to do at once."""

    hours: int
    more: bool


def run(url: str, catalogue: Catalogue, *, stopping: Callable[[], bool], say: Say) -> None:
    """Roll up until told to stop. A lost database is waited for."""
    last_problem = ""
    while not stopping():
        try:
            with translated(), connect(url, autocommit=True) as connection:
                _follow(connection, catalogue, stopping=stopping, say=say)
        except StoreError as error:
            text = f"{error}; trying again"
            if text != last_problem:
                say(text)
            last_problem = text
            _pause(TICK, stopping)


def _follow(
    connection: Connection, catalogue: Catalogue, *, stopping: Callable[[], bool], say: Say
) -> None:
    zone = _zone(connection)
    while not queries_rollups.lock_rollups(connection):
        if _pause(TICK, stopping):
            return
    say("rolling up")
    while not stopping():
        began = time.monotonic()
        done = step(connection, catalogue, zone=zone)
        _pause(rest(time.monotonic() - began, more=done.more), stopping)


def rest(took: float, *, more: bool) -> float:
    """How long to rest after a step that took so long: ingest goes first.

    Mostly nine tenths of the time, and never so long that much is read from readings meanwhile;
    half of it while there is a backlog. Whatever changes an hour meanwhile, it is made anew once.
    """
    return took if more else min(max(TICK, 9 * took), LONGEST)


def _pause(seconds: float, stopping: Callable[[], bool]) -> bool:
    """Wait; whether it is to end."""
    until = time.monotonic() + seconds
    while not stopping() and time.monotonic() < until:
        time.sleep(_SOON)
    return stopping()


def catch_up(connection: Connection, catalogue: Catalogue) -> int:
    """Roll up all that is to be done now; how many hours. `connection`: in autocommit."""
    zone, hours, more = _zone(connection), 0, True
    while more:
        done = step(connection, catalogue, zone=zone)
        hours, more = hours + done.hours, done.more
    return hours


def step(connection: Connection, catalogue: Catalogue, *, zone: str) -> Done:
    """One transaction: what the feed tells next, or the next chunk that was never rolled up."""
    with connection.transaction():
        queries_rollups.set_counters(connection, counters(catalogue))
        state = queries_rollups.lock_state(connection)
        pairs, cursor, more = _read_changes(connection, state.cursor)
        whole, fill = _next(connection, state.fill)
        hours = refresh(connection, pairs, whole=whole, frozen=state.frozen, zone=zone)
        queries_rollups.save_state(connection, cursor, fill=fill)
    more = more or fill is not None
    if not more:
        lighting_plans.keep(connection, catalogue, zone=zone)
    return Done(hours=hours, more=more)


def keep(connection: Connection, first: datetime, last: datetime) -> None:
    """Roll up what is about to be let go, and freeze it; in the caller's transaction."""
    queries_rollups.set_counters(connection, counters(catalogue()))
    frozen, zone = queries_rollups.lock_state(connection).frozen, _zone(connection)
    refresh(connection, (), whole=(first, last), frozen=frozen, zone=zone)
    queries_rollups.freeze(connection, last)


def _read_changes(connection: Connection, cursor: str) -> tuple[list[Pair], str, bool]:
    """Series and hours of which the feed tells from the cursor on; the next one; whether of more.

    However often an hour is told of, it is made anew once.
    """
    pairs = np.empty(0, dtype=np.int64)
    while True:
        entries, upto = feed.read(connection, cursor, most=_ENTRIES)
        pairs = np.union1d(pairs, changed(entries))
        cursor, more = upto, len(entries) >= _ENTRIES
        if not more or len(pairs) >= _PAIRS:
            return pairs_of(pairs), cursor, more


def changed(entries: Iterable[Entry]) -> NDArray[np.int64]:
    """Series and hours of the readings that entries of the feed tell, each pair one number."""
    keys = [
        np.unique((entry.rows["series"].astype(np.int64) << 32) + entry.rows["time"] // HOUR + _OLD)
        for entry in entries
        if len(entry.rows)
    ]
    return np.unique(np.concatenate(keys)) if keys else np.empty(0, dtype=np.int64)


def pairs_of(keys: NDArray[np.int64]) -> list[Pair]:
    """The same as pairs, ascending."""
    return list(zip((keys >> 32).tolist(), ((keys & 0xFFFF_FFFF) - _OLD).tolist(), strict=True))


def counters(catalogue: Catalogue) -> list[str]:
    """The quantities that are counters."""
    return [
        quantity.name for quantity in catalogue.quantities.values() if quantity.kind is Kind.COUNTER
    ]


def _next(
    connection: Connection, fill: datetime | None
) -> tuple[tuple[datetime, datetime] | None, datetime | None]:
    """The next chunk that ends after `fill`, and its end; None: there is none any more."""
    if fill is None:
        return None, None
    chunks = queries_rollups.list_chunks(connection, fill)
    return (chunks[0], chunks[0][1]) if chunks else (None, None)


def _zone(connection: Connection) -> str:
    instance = instance_store.read(connection)
    if instance is None:
        raise StoreError("this database has not been said to be live or an exercise")
    return instance.timezone
