"""Follows the feed and makes anew the hours in which something changed."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from hypervisor.rollups import lighting
from hypervisor.store import feed, rollups
from hypervisor.store import instance as instance_store
from hypervisor.store.connect import Connection, StoreError, connect
from hypervisor.store.feed import HOUR, Entry
from hypervisor.store.rollups import Pair
from hypervisor.store.turn import translated
from sensors._domain import Catalogue, catalogue
from sensors._quantity import Kind

TICK = 5.0  # s between two looks: an hour that changes often is made anew seldom
_ENTRIES = 500
_SOON = 0.2  # s in which it hears that it is to stop

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Done:
    """What one step did. `more`: there is more to do at once."""

    hours: int
    more: bool


def run(url: str, known: Catalogue, *, stopping: Callable[[], bool], say: Say) -> None:
    """Roll up until told to stop. A lost database is waited for."""
    said = ""
    while not stopping():
        try:
            with translated(), connect(url, autocommit=True) as connection:
                _follow(connection, known, stopping=stopping, say=say)
        except StoreError as error:
            text = f"{error}; trying again"
            if text != said:
                say(text)
            said = text
            _pause(TICK, stopping)


def _follow(
    connection: Connection, known: Catalogue, *, stopping: Callable[[], bool], say: Say
) -> None:
    zone = _zone(connection)
    while not rollups.take(connection):
        if _pause(TICK, stopping):
            return
    say("rolling up")
    while not stopping():
        done = step(connection, known, zone=zone)
        if not done.more:
            _pause(TICK, stopping)


def _pause(seconds: float, stopping: Callable[[], bool]) -> bool:
    """Wait; whether it is to end."""
    until = time.monotonic() + seconds
    while not stopping() and time.monotonic() < until:
        time.sleep(_SOON)
    return stopping()


def catch_up(connection: Connection, known: Catalogue) -> int:
    """Roll up all that is to be done now; how many hours. `connection`: in autocommit."""
    zone, hours, more = _zone(connection), 0, True
    while more:
        done = step(connection, known, zone=zone)
        hours, more = hours + done.hours, done.more
    return hours


def step(connection: Connection, known: Catalogue, *, zone: str) -> Done:
    """One transaction: what the feed tells next, or the next chunk that was never rolled up."""
    with connection.transaction():
        counters = rollups.counters(connection, rising(known))
        state = rollups.state(connection)
        entries, cursor = feed.read(connection, state.cursor, most=_ENTRIES)
        pairs: Iterable[Pair] = changed(entries)
        fill = state.fill
        if fill is not None:
            chunk, fill = _next(connection, fill)
            pairs = {*pairs, *chunk}
        hours = rollups.refresh(connection, pairs, counters=counters, zone=zone)
        rollups.followed(connection, cursor, fill=fill)
    more = fill is not None or len(entries) >= _ENTRIES
    if not more:
        lighting.keep(connection, known, zone=zone)
    return Done(hours=hours, more=more)


def keep(connection: Connection, first: datetime, last: datetime) -> None:
    """Roll up what is about to be let go, and freeze it; in the caller's transaction."""
    rollups.state(connection)
    rollups.refresh(
        connection,
        rollups.hours_of(connection, first, last),
        counters=rollups.counters(connection, rising(catalogue())),
        zone=_zone(connection),
    )
    rollups.freeze(connection, last)


def changed(entries: Iterable[Entry]) -> set[Pair]:
    """Series and hours of the readings that entries of the feed tell."""
    found: set[Pair] = set()
    for entry in entries:
        if len(entry.rows):
            pairs = np.unique(
                np.stack([entry.rows["series"].astype(np.int64), entry.rows["time"] // HOUR]),
                axis=1,
            )
            found.update(zip(pairs[0].tolist(), pairs[1].tolist(), strict=True))
    return found


def rising(known: Catalogue) -> list[str]:
    """The quantities that are counters."""
    return [one.name for one in known.quantities.values() if one.kind is Kind.COUNTER]


def _next(connection: Connection, fill: datetime) -> tuple[list[Pair], datetime | None]:
    """The hours of the next chunk that ends after `fill`, and its end; None: it was the last."""
    chunks = rollups.chunks(connection, fill)
    if not chunks:
        return [], None
    first, last = chunks[0]
    return rollups.hours_of(connection, first, last), last


def _zone(connection: Connection) -> str:
    instance = instance_store.read(connection)
    if instance is None:
        raise StoreError("this database has not been said to be live or an exercise")
    return instance.timezone
