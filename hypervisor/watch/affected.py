"""A batch of the feed -> what is new of each series -> which judgements it may change."""

from collections.abc import Mapping, Sequence

import numpy as np

from hypervisor.instants import micros, text
from hypervisor.store import history
from hypervisor.store.connect import Connection
from hypervisor.store.feed import ROW, Entry
from hypervisor.store.history import Rows
from hypervisor.watch.memory import Memory
from hypervisor.watch.quiet import Quiet
from hypervisor.watch.tail import Fresh
from rules._inputs import NEVER


def rows_of(entries: Sequence[Entry], *, oldest: int) -> Rows:
    """All rows of the batch by series and time, those of one time in the order committed.

    Rows measured before `oldest` (µs) are stored but not judged; imported ones know no horizon.
    """
    parts = [entry.rows for entry in entries if entry.kind == "readings"]
    if not parts:
        return np.empty(0, dtype=ROW)
    rows = np.concatenate(parts)
    if oldest > NEVER:
        rows = rows[(rows["time"] >= oldest) | (rows["received"] == NEVER)]
    return rows[np.lexsort((rows["time"], rows["series"]))]


def absorb(connection: Connection, memory: Memory, rows: Rows) -> dict[int, Fresh]:
    """Take the rows into memory; what is new, by series."""
    fresh: dict[int, Fresh] = {}
    for series, part in history.by_series(rows).items():
        if series not in memory.tails:
            continue  # of a quantity that this version does not know
        found = memory.tails[series].absorb(part, cursor=int(memory.state.cursor))
        if found is not None:
            fresh[series] = found
    _settle(connection, memory, fresh)
    return fresh


def _settle(connection: Connection, memory: Memory, fresh: Mapping[int, Fresh]) -> None:
    """Where a row says something else than before, the store knows which stands."""
    points = [(series, time) for series, one in fresh.items() for time in one.doubted]
    if not points:
        return
    rows = history.at(connection, points)
    for series in {series for series, _ in points}:
        memory.tails[series].stands(rows[rows["series"] == series])


def mark(memory: Memory, fresh: Mapping[int, Fresh], quiet: Quiet) -> None:
    """Bring forward every judgement that the new rows may change."""
    for pair in quiet.may_change(memory, fresh):
        standing = memory.standings[pair]
        silence = memory.territory.rules[pair[0]].silence
        for series in memory.territory.listens[pair]:
            one = fresh.get(series)
            time = None if one is None else (one.arrived if silence else one.first)
            if one is not None and time is not None:
                standing.bring_forward(time, _why(memory, series, one, silence=silence))


def newest_before(memory: Memory, fresh: Mapping[int, Fresh], series: Sequence[int]) -> int:
    """The newest time (µs) that these series had reached before the batch."""
    return max(
        (fresh[one].newest_before if one in fresh else memory.tails[one].newest for one in series),
        default=NEVER,
    )


def hear(memory: Memory, entries: Sequence[Entry]) -> bool:
    """Take the batch's heartbeats; whether there were any."""
    beats = [entry for entry in entries if entry.kind == "heartbeat" and entry.at is not None]
    for entry in beats:
        if entry.at is not None:
            memory.ears.beat(entry.worker, micros(entry.at))
    return bool(beats)


def _why(memory: Memory, series: int, one: Fresh, *, silence: bool) -> str:
    """The reason that a revision will carry; empty where nothing of the past is touched."""
    quantity = memory.territory.quantity_of.get(series, "?")
    time = one.arrived if silence else one.first
    if time is None or (not silence and time > one.newest_before):
        return ""
    if one.doubted:
        return f"correction of {quantity} at {text(min(one.doubted))}"
    if silence:
        return f"reading of {quantity} that arrived at {text(time)} and was committed later"
    return f"late reading of {quantity} at {text(time)}"
