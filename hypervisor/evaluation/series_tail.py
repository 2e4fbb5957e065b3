"""The recent readings of every series in memory, so that rows in order need no query.

A tail holds every stored row of its series from `complete_from` on. Of older rows it keeps the last
good one (values hold until their stale limit) and those that arrived lately (for silence).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules._inputs import Instants
from sensors._row import NEVER, ROW, Rows, believed

Mask = NDArray[np.bool_]

_MOST = 20_000  # rows of one series; older ones are read from the store
_TOGETHER = 16  # single rows that wait until they are appended together


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """What a late batch changes in one series. Times in µs.

    `first`: the earliest time whose value or quality is new, None without any. `arrived`: the
    earliest arrival that appeared or vanished. `newest_before`: NEVER where it had no row.
    `overwritten`: times at which a row got another value; the store decides which is in force.
    """

    first: int | None
    arrived: int | None
    newest_before: int
    overwritten: tuple[int, ...] = ()


@dataclass(kw_only=True)
class WaitingRows:
    """Single rows in order, by place of their series, until its tail is read or has no more room.

    `room`: how many may wait; `ahead_to`: as of the tail.
    """

    rows: Rows
    count: Instants
    room: Instants
    ahead_to: Instants

    @classmethod
    def of(cls, size: int) -> "WaitingRows":
        return cls(
            rows=np.empty((size, _TOGETHER), dtype=ROW),
            count=np.zeros(size, dtype=np.int64),
            room=np.zeros(size, dtype=np.int64),
            ahead_to=np.zeros(size, dtype=np.int64),
        )

    def admits(self, places: Instants, *, cursor: int) -> Mask:
        """Where a row of series in order may wait."""
        room: Mask = (self.count[places] < self.room[places]) & (self.ahead_to[places] <= cursor)
        return room

    def add(self, places: Instants, rows: Rows) -> None:
        """One row for each place."""
        self.rows[places, self.count[places]] = rows
        self.count[places] += 1


class SeriesTail:
    """One series. It grows at its end; rows that do not fit there are merged.

    Filled from the store, it holds rows that the feed delivers only later: until the feed's cursor
    has passed `ahead_to`, even a row that it holds counts as new.
    """

    __slots__ = (
        *("_place", "_rows", "_size", "_waiting"),
        *("ahead_to", "complete_from", "keep", "older"),
    )

    def __init__(self, *, keep: int) -> None:
        """Keep rows no older than `keep` µs before the newest."""
        self.keep = keep
        self.complete_from = NEVER
        self.ahead_to = 0
        self.older = np.empty(0, dtype=ROW)
        self._rows = np.empty(16, dtype=ROW)
        self._size = 0
        self._waiting: WaitingRows | None = None
        self._place = 0

    @property
    def rows(self) -> Rows:
        """Complete from `complete_from` on, ascending by time."""
        if self._waiting is not None and (count := self._waiting.count[self._place]):
            self._waiting.count[self._place] = 0
            self._join(self._waiting.rows[self._place, :count])
        return self._rows[: self._size]

    @property
    def newest(self) -> int:
        rows = self.rows
        return int(rows["time"][-1]) if len(rows) else NEVER

    def fill(self, rows: Rows, *, complete_from: int) -> None:
        """Start with all stored rows from `complete_from` on, and some older ones."""
        self.complete_from = complete_from
        self.older, recent = _split(rows, complete_from)
        self._replace(recent)

    def absorb(self, rows: Rows, *, cursor: int) -> Fresh | None:
        """Merge rows that the feed delivered from `cursor` on, ascending; None: nothing new."""
        if cursor < self.ahead_to:
            return self._confirm(rows)
        return self._merge(rows, self.newest)

    def _confirm(self, rows: Rows) -> Fresh:
        """Merge rows that may be here already; they were not evaluated yet."""
        others = np.setdiff1d(self.rows["time"], rows["time"])
        fresh = self._merge(rows, self.newest)
        candidates = (_earliest(rows["received"]), fresh.arrived if fresh is not None else None)
        arrivals = [at for at in candidates if at is not None]
        return Fresh(
            first=int(rows["time"][0]),
            arrived=min(arrivals, default=None),
            newest_before=int(others[-1]) if len(others) else NEVER,
            overwritten=fresh.overwritten if fresh is not None else (),
        )

    def overwrite(self, rows: Rows) -> None:
        """Replace rows by what the store has."""
        older, recent = _split(rows, self.complete_from)
        self.older = merge(self.older, older)
        self._replace(merge(self.rows, recent))

    def since(self, time: int) -> Rows:
        """Rows from `time` on, the last good one before, and those that arrived lately."""
        rows = self.rows
        cut = int(np.searchsorted(rows["time"], time)) if time > self.complete_from else 0
        while cut > 0:
            cut -= 1
            if is_good(rows[cut : cut + 1])[0]:
                break
        return np.concatenate([self.older, rows[cut:]]) if len(self.older) else rows[cut:]

    def arrivals_from(self) -> int:
        """From when on (µs) every arrival is held here, however old the row."""
        if self.complete_from == NEVER:
            return NEVER
        latest = int(self.rows["received"].max(initial=NEVER))
        return latest - self.keep if latest > NEVER + self.keep else latest

    def wait_in(self, waiting: WaitingRows, place: int) -> None:
        """Let rows wait at a place of `waiting` from now on."""
        _ = self.rows
        self._waiting, self._place = waiting, place
        waiting.ahead_to[place] = self.ahead_to
        self._measure()

    def append(self, rows: Rows) -> bool:
        """Append rows that all lie behind the others, ascending; whether old ones were dropped."""
        before = self.rows
        trimmed = False
        if len(before) + len(rows) > len(self._rows):
            trimmed = self._trim(int(rows["time"][-1]))
        self._join(rows)
        return trimmed

    def _join(self, rows: Rows) -> None:
        needed = self._size + len(rows)
        if needed > len(self._rows):
            grown = np.empty(2 * needed, dtype=ROW)
            grown[: self._size] = self._rows[: self._size]
            self._rows = grown
        self._rows[self._size : needed] = rows
        self._size = needed
        self._measure()

    def _measure(self) -> None:
        if self._waiting is not None:
            self._waiting.room[self._place] = min(len(self._rows) - self._size, _TOGETHER)

    def _merge(self, rows: Rows, newest: int) -> Fresh | None:
        stored = np.concatenate([self.older, self.rows])
        new, moved, overwritten, arrivals = _compare(stored, rows)
        if not (new | moved).any():
            return None
        older, recent = _split(rows, self.complete_from)
        if len(recent):
            self._replace(merge(self.rows, recent))
        if len(older):
            self.older = self._lately(merge(self.older, older))
        return Fresh(
            first=int(rows["time"][new].min()) if new.any() else None,
            arrived=_earliest(arrivals),
            newest_before=newest,
            overwritten=tuple(sorted(set(rows["time"][overwritten].tolist()))),
        )

    def _replace(self, rows: Rows) -> None:
        if self._waiting is not None:
            self._waiting.count[self._place] = 0
        self._rows = np.empty(max(2 * len(rows), 16), dtype=ROW)
        self._rows[: len(rows)] = rows
        self._size = len(rows)
        self._measure()

    def _trim(self, newest: int) -> bool:
        """Drop rows that are too old, if they are at least a quarter."""
        rows = self.rows
        cut = int(np.searchsorted(rows["time"], newest - self.keep))
        cut = max(cut, len(rows) - _MOST)
        if cut < len(rows) // 4 or cut == 0:
            return False
        self.complete_from = int(rows["time"][cut - 1]) + 1
        older: Rows = np.concatenate([self.older, rows[:cut]])
        self._replace(rows[cut:])
        self.older = self._lately(older)
        return True

    def _lately(self, older: Rows) -> Rows:
        """The last good row, the last arrived, and those that arrived within `keep` of now."""
        arrived = older["received"]
        latest = max(int(arrived.max()), int(self.rows["received"].max(initial=NEVER)))
        kept = (arrived != NEVER) & (arrived >= max(latest, NEVER + self.keep) - self.keep)
        kept[np.argmax(arrived)] = True
        kept[np.flatnonzero(is_good(older))[-1:]] = True
        lately: Rows = older[kept]
        return lately


def is_good(rows: Rows) -> Mask:
    """Which rows have a value that conditions use."""
    return believed(rows["value"], rows["quality"])


def merge(old: Rows, new: Rows) -> Rows:
    """Both, ascending; of rows with equal times the last of `new`."""
    both = np.concatenate([old, new])
    both = both[np.argsort(both["time"], kind="stable")]
    if not len(both):
        return both
    standing: Rows = both[np.append(both["time"][1:] != both["time"][:-1], True)]
    return standing


def _split(rows: Rows, at: int) -> tuple[Rows, Rows]:
    """The rows before a time, and those from it on."""
    recent = rows["time"] >= at
    return rows[~recent], rows[recent]


def _compare(stored: Rows, rows: Rows) -> tuple[Mask, Mask, Mask, Instants]:
    """Masks over `rows` (new or another value; another arrival only; overwritten); arrivals."""
    at = np.searchsorted(stored["time"], rows["time"])
    at = np.minimum(at, max(len(stored) - 1, 0))
    again = np.append(False, rows["time"][1:] == rows["time"][:-1])
    if not len(stored):
        everything = np.ones(len(rows), dtype=bool)
        return everything, ~everything, again, rows["received"]
    stood = stored[at]
    hit = stood["time"] == rows["time"]
    same = (stood["quality"] == rows["quality"]) & (
        (stood["value"] == rows["value"]) | (np.isnan(stood["value"]) & np.isnan(rows["value"]))
    )
    new = ~hit | ~same
    moved = hit & same & (stood["received"] != rows["received"])
    changed = new | moved
    arrivals = np.concatenate([rows["received"][changed], stood["received"][changed & hit]])
    return new, moved, (hit & changed) | again, arrivals


def _earliest(received: Instants) -> int | None:
    arrived = received[received != NEVER]
    return int(arrived.min()) if len(arrived) else None
