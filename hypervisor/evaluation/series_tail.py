"""The recent readings of every series in memory, so that rows in order need no query.

A tail holds every stored row of its series from `complete_from` on. Of older rows it keeps the last
good one (values hold until their stale limit) and those that arrived lately (for silence). A budget
bounds what the tails of all series hold together; what it drops is read from the store when needed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hypervisor.base.instants import BEGINNING
from hypervisor.evaluation.tail_budget import TailBudget
from rules._inputs import Instants, Values
from sensors._quality import Quality
from sensors._row import NEVER, ROW, Rows, believed

Mask = NDArray[np.bool_]

_MOST = 20_000  # rows of one series; older ones are read from the store
_SATURATED = int(Quality.SATURATED)
_TURNS = 1_000  # batches after the last late reading in which what it asked for is held
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


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What is known of good rows that are not in memory; `until`: the time (µs) of the newest.

    `low`, `high`: between which their values lie; `rise`, `fall`: sums of those above and below 0.
    """

    until: int = NEVER
    low: float = np.inf
    high: float = -np.inf
    rise: float = 0.0
    fall: float = 0.0

    def and_of(self, rows: Rows) -> "Bounds":
        """With the good ones of these rows."""
        good = rows[is_good(rows)]
        if not len(good):
            return self
        high = highest(good)
        return Bounds(
            until=max(self.until, int(good["time"].max())),
            low=min(self.low, float(good["value"].min())),
            high=max(self.high, float(high.max())),
            rise=self.rise + float(np.maximum(high, 0.0).sum()),
            fall=self.fall + float(np.minimum(good["value"], 0.0).sum()),
        )


NOTHING_HIDDEN = Bounds()


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
        *("_arrivals_from", "_budget", "_counted", "_needed", "_place", "_reach", "_reached"),
        *("_rows", "_size", "_waiting", "ahead_to", "complete_from", "hidden", "keep"),
        *("listen", "older"),
    )

    def __init__(self, *, keep: int, listen: int | None = None) -> None:
        """Keep rows no older than `keep` µs before the newest.

        `listen`: and those that arrived as late before the latest arrival; None: as `keep`.
        """
        self.keep = keep
        self.listen = keep if listen is None else listen
        self.hidden = NOTHING_HIDDEN  # of rows within `keep` that are not here
        self._arrivals_from = NEVER
        self._budget: TailBudget | None = None
        self._counted = self._needed = 0
        self._reach = self._reached = 0  # what late readings asked for (µs), and the last turn
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

    @property
    def order(self) -> tuple[int, int]:
        """In which order tails are shortened: when it was last needed, then the largest."""
        return self._needed, -self._counted

    def count_in(self, budget: TailBudget) -> int:
        """Tell a budget what this holds, from now on; how many bytes now."""
        self._budget, self._counted = budget, self.nbytes
        return self._counted

    @property
    def nbytes(self) -> int:
        """What its rows take, with the room to grow."""
        return int(self._rows.nbytes + self.older.nbytes)

    def fill(self, rows: Rows, *, complete_from: int, hidden: Bounds = NOTHING_HIDDEN) -> None:
        """Start with all stored rows from `complete_from` on, and some older ones."""
        self.complete_from = complete_from
        self.hidden = hidden
        self.older, recent = _split(rows, complete_from)
        self._replace(recent)

    def extend(self, rows: Rows, *, since: int, ahead_to: int) -> None:
        """Hold all rows from `since` on, which the store has, while late readings ask for them.

        Not where they are too many. `ahead_to`: as of what is read from the store.
        """
        size = self._size + len(rows)
        full = self._budget is not None and (
            self._budget.held + 2 * size * ROW.itemsize > self._budget.most
        )
        if since >= self.complete_from or size > _MOST or full:
            return
        self.older, recent = _split(merge(self.older, rows), since)
        self._replace(merge(recent, self.rows))
        self.complete_from = since
        self._reach = self.newest - since
        self._reached = self._needed
        self.ahead_to = max(self.ahead_to, ahead_to)
        if self._waiting is not None:
            self._waiting.ahead_to[self._place] = self.ahead_to

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
        self._trim(self.newest)

    def since(self, time: int) -> Rows:
        """Rows from `time` on, the last good one before, and those that arrived lately."""
        rows = self.rows
        self._needed = 0 if self._budget is None else self._budget.turn
        if self._reach and time < self.newest - self.keep:
            self._reached = self._needed
        cut = int(rows["time"].searchsorted(time)) if time > self.complete_from else 0
        while cut > 0:
            cut -= 1
            if is_good(rows[cut : cut + 1])[0]:
                break
        return np.concatenate([self.older, rows[cut:]]) if len(self.older) else rows[cut:]

    def from_held(self, time: int) -> Rows | None:
        """Rows from `time` on, and from the last good one before; None: some may not be here."""
        rows = self.rows
        if time < self.complete_from:
            return None
        cut = int(rows["time"].searchsorted(time))
        while cut > 0:
            cut -= 1
            if is_good(rows[cut : cut + 1])[0]:
                return rows[cut:]
        return np.concatenate([self.older, rows]) if len(self.older) else rows

    def count_since(self, time: int) -> int:
        """About how many rows there are from a time (µs) on, those in the store included."""
        if time >= self.complete_from or not self._size:
            return self._size
        missing = max(self.complete_from - max(time, BEGINNING), 0)
        span = max(int(self._rows["time"][self._size - 1]) - self.complete_from, 1)
        return self._size + self._size * missing // span

    def arrivals_from(self) -> int:
        """From when on (µs) every arrival is held here, however old the row."""
        if self.complete_from == NEVER:
            return NEVER
        latest = int(self.rows["received"].max(initial=NEVER))
        held = latest - self.listen if latest > NEVER + self.listen else latest
        return max(held, self._arrivals_from)

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
            self._count()
        self._rows[self._size : needed] = rows
        self._size = needed
        self._measure()

    def _measure(self) -> None:
        if self._waiting is not None:
            self._waiting.room[self._place] = min(len(self._rows) - self._size, _TOGETHER)

    def _count(self) -> None:
        if self._budget is not None:
            before = self._counted
            self._budget.held += self.count_in(self._budget) - before

    def _merge(self, rows: Rows, newest: int) -> Fresh | None:
        stored = np.concatenate([self.older, self.rows])
        new, moved, overwritten, arrivals = _compare(stored, rows)
        if not (new | moved).any():
            return None
        older, recent = _split(rows, self.complete_from)
        if len(recent):
            self._replace(merge(self.rows, recent))
            self._trim(self.newest)
        if len(older):
            self._keep_lately(merge(self.older, older))
            self._count()
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
        self._count()

    def shorten(self, most: int, *, keep_arrived: bool) -> bool:
        """Keep `most` rows, and of older ones what `keep_arrived` wants; whether any were dropped.

        The others count as hidden while a rule may look back to them.
        """
        rows = self.rows
        self._reach = 0
        before = len(rows) + len(self.older)
        cut = max(len(rows) - most, 0)
        if cut:
            self.complete_from = int(rows["time"][cut - 1]) + 1
        older = np.concatenate([self.older, rows[:cut]]) if cut else self.older
        if len(older):
            self._replace(rows[cut:])  # a copy: what was dropped is free
            self._keep_lately(older, arrived_too=keep_arrived)
            self._count()
        return len(self._rows[: self._size]) + len(self.older) < before

    def _trim(self, newest: int) -> bool:
        """Drop rows that are too old, if they are at least a quarter."""
        rows = self.rows
        turn = 0 if self._budget is None else self._budget.turn
        if turn - self._reached > _TURNS:
            self._reach = 0
        cut = int(np.searchsorted(rows["time"], newest - max(self.keep, self._reach)))
        cut = max(cut, len(rows) - _MOST)
        if cut < len(rows) // 4 or cut == 0:
            return False
        self.complete_from = int(rows["time"][cut - 1]) + 1
        older: Rows = np.concatenate([self.older, rows[:cut]])
        self._replace(rows[cut:])
        self._keep_lately(older)
        self._count()
        return True

    def _keep_lately(self, older: Rows, *, arrived_too: bool = True) -> None:
        """Of older rows the last good one, the last arrived, and what arrived within `listen`."""
        listen = self.listen
        arrived, good = older["received"], is_good(older)
        latest = max(int(arrived.max()), int(self.rows["received"].max(initial=NEVER)))
        kept = (arrived != NEVER) & (arrived >= max(latest, NEVER + listen) - listen)
        kept &= arrived_too
        kept[np.argmax(arrived)] = True
        kept[np.argmax(np.where(good, arrived, NEVER))] = True
        kept[np.flatnonzero(good)[-1:]] = True
        dropped = older[~kept]
        within = max(self.newest, NEVER + self.keep) - self.keep
        self.hidden = self.hidden if self.hidden.until >= within else NOTHING_HIDDEN
        self.hidden = self.hidden.and_of(dropped[dropped["time"] >= within])
        if not arrived_too:
            lost = int(dropped["received"].max(initial=NEVER))
            self._arrivals_from = max(self._arrivals_from, lost + 1 if lost > NEVER else NEVER)
        self.older = older[kept]


def is_good(rows: Rows) -> Mask:
    """Which rows have a value that conditions use."""
    return believed(rows["value"], rows["quality"])


def highest(good: Rows) -> Values:
    """The upper bound of each good row: none of a saturated one."""
    saturated = (good["quality"] & _SATURATED) != 0
    return np.where(saturated, np.inf, good["value"])


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
