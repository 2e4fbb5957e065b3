"""What a batch says that is new, in arrays by place of the series; most of it comes in order."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hypervisor.evaluation.recent_values import LATER, GoodReadings
from hypervisor.evaluation.series_stats import SeriesStats
from hypervisor.evaluation.series_tail import Fresh, Mask, SeriesTail, highest, is_good
from rules._inputs import Instants
from sensors._row import NEVER, Rows


@dataclass(kw_only=True)
class Arrived:
    """What is new of each series, in arrays by its place (see `SeriesStats`); times in µs.

    `first`: the earliest new time, `arrived`: the earliest arrival; LATER without any. `before`:
    the newest time until now; `late`: not everything lies behind that. `longest`: the longest time
    without an arrival of a good row, from the last one before on, which is `heard_before`.
    """

    first: Instants
    arrived: Instants
    before: Instants
    late: Mask
    longest: Instants
    heard_before: Instants
    fresh: dict[int, Fresh] = field(default_factory=dict)  # of late rows, by place
    trimmed: list[int] = field(default_factory=list)  # series whose statistics must be read again
    acts: dict[int, tuple[str, str]] = field(default_factory=dict)  # a person's, with its reason

    @classmethod
    def nothing(cls, stats: SeriesStats) -> "Arrived":
        size = len(stats.newest)
        return cls(
            first=np.full(size, LATER, dtype=np.int64),
            arrived=np.full(size, LATER, dtype=np.int64),
            before=stats.newest.copy(),
            late=np.zeros(size, dtype=np.bool_),
            longest=np.zeros(size, dtype=np.int64),
            heard_before=stats.arrived.copy(),
        )


def record_pauses(news: Arrived, stats: SeriesStats, *, watermark: int) -> None:
    """Record the pauses between arrivals; those that ended before the watermark are evaluated."""
    stats.paused[news.heard_before <= watermark] = 0
    stats.paused = np.maximum(stats.paused, news.longest)
    stats.paused[news.late] = LATER  # arrivals may have gone, too


def take_rows(
    rows: Rows, tails: Mapping[int, SeriesTail], stats: SeriesStats, *, cursor: int
) -> Arrived:
    """Put the batch's rows (by series and time) into the tails; return what is new."""
    news = Arrived.nothing(stats)
    stats.recent.begin_batch()
    series = stats.numbers
    rows = rows[np.isin(rows["series"], series)]  # others: of quantities that this version lacks
    if not len(rows):
        return news
    starts = np.flatnonzero(np.diff(rows["series"], prepend=-1))
    places = np.searchsorted(series, rows["series"][starts]) + 1
    orderly = _in_order(rows, starts, stats.newest[places])
    _survey(rows, starts, places, news, stats)
    ends = np.append(starts[1:], len(rows))
    wait = orderly & (ends - starts == 1) & stats.waiting.admits(places, cursor=cursor)
    stats.waiting.add(places[wait], rows[starts[wait]])
    rest = ~wait
    owners, ordered = rows["series"][starts[rest]].tolist(), orderly[rest].tolist()
    for owner, start, end, place, good in zip(
        *(owners, starts[rest].tolist(), ends[rest].tolist(), places[rest].tolist(), ordered),
        strict=True,
    ):
        tail = tails[owner]
        part = rows[start:end]
        if good and cursor >= tail.ahead_to:
            if tail.append(part):
                news.trimmed.append(owner)
        else:
            _absorb_late(part, tail, place, news, cursor=cursor)
    late = [int(series) for series in rows["series"][starts][news.late[places]]]
    stats.read(tails, late)
    return news


def _in_order(rows: Rows, starts: Instants, newest: Instants) -> Mask:
    """Which series' rows all lie behind what was there, ascending."""
    ascending = np.diff(rows["time"], prepend=NEVER) > 0
    ascending[starts] = rows["time"][starts] > newest
    orderly: Mask = np.logical_and.reduceat(ascending, starts)
    return orderly


def _survey(
    rows: Rows, starts: Instants, places: Instants, news: Arrived, stats: SeriesStats
) -> None:
    """Fill in what holds for rows in order; series with late rows are read again afterwards."""
    good = is_good(rows)
    received = rows["received"]
    arrival = np.where(received == NEVER, LATER, received)
    news.first[places] = rows["time"][starts]
    news.arrived[places] = np.minimum.reduceat(arrival, starts)
    news.longest[places] = _longest(rows, good, starts, stats.arrived[places])
    last = np.append(starts[1:], len(rows)) - 1
    stats.oldest[places] = np.minimum(stats.oldest[places], rows["time"][starts])
    stats.newest[places] = np.maximum(stats.newest[places], rows["time"][last])
    low = np.where(good, rows["value"], np.inf)
    high = np.where(good, highest(rows), -np.inf)
    least, most = np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
    stats.low[places] = np.minimum(stats.low[places], least)
    stats.high[places] = np.maximum(stats.high[places], most)
    inside = (least >= stats.guard_low[places]) & (most <= stats.guard_high[places])
    stats.outside[places] |= ~inside
    stats.guard(places[~inside])
    stats.rise[places] += np.add.reduceat(np.maximum(high, 0.0), starts)
    stats.fall[places] += np.add.reduceat(np.minimum(low, 0.0), starts)
    stats.recent.take(GoodReadings.of(places, starts, good, rows["time"], low, high))
    latest = np.maximum.reduceat(np.where(good, received, NEVER), starts)
    stats.arrived[places] = np.maximum(stats.arrived[places], latest)


def _longest(rows: Rows, good: Mask, starts: Instants, before: Instants) -> Instants:
    """An upper bound of the time between arrivals in any order; LATER where a row is not good."""
    received = rows["received"]
    gaps = np.abs(np.diff(received.astype(np.float64), prepend=0.0))
    gaps[starts] = np.abs(received[starts].astype(np.float64) - before.astype(np.float64))
    gaps[~good | (received == NEVER)] = float(LATER)
    instants: Instants = np.minimum(np.maximum.reduceat(gaps, starts), 9e18).astype(np.int64)
    return instants


def _absorb_late(rows: Rows, tail: SeriesTail, place: int, news: Arrived, *, cursor: int) -> None:
    fresh = tail.absorb(rows, cursor=cursor)
    news.late[place] = True
    if fresh is None:
        news.first[place] = news.arrived[place] = LATER
        return
    news.first[place] = LATER if fresh.first is None else fresh.first
    news.arrived[place] = LATER if fresh.arrived is None else fresh.arrived
    news.before[place] = fresh.newest_before
    news.fresh[place] = fresh
