"""What is usual: the median of a series in the same local hour of the last weeks.

Days compare with days of their kind: an ordinary one with the same weekday, a public holiday with
Sundays, and never with a holiday. Like all windows, an hour ends with the time that it is named by
and does not contain its beginning.
"""

import functools
from collections.abc import Sequence
from datetime import date

import numpy as np

from rules._axis import Index
from rules._calendar import DAY, clock_offsets
from rules._duration import HOUR
from rules._functions import FEWEST_WEEKS
from rules._inputs import Instants, Values
from rules._interval import Interval, Mask
from rules._track import Track
from rules._window import Window, look
from rules._windows import increase, mean, total
from sensors._calendar import public_holidays
from sensors._plan import moment_of

WEEK = 7 * DAY
AROUND = 2 * HOUR  # beyond its weeks: the hour itself, and one by which the clock may have changed
_MONDAY = 3  # 1 January 1970 was a Thursday
_EPOCH = date(1970, 1, 1).toordinal()


def weeks_needed(weeks: int) -> int:
    """How many of the weeks must be known: half of them, two at least."""
    return max(FEWEST_WEEKS, -(-weeks // 2))


def shortest_history(weeks: int) -> int:
    """For less time (µs) before a reading nothing is usual: the nearest Sunday may be yesterday."""
    return (7 * weeks_needed(weeks) - 6) * DAY - AROUND


def usual_values(track: Track, rows: Index, zones: Sequence[str | None], weeks: int) -> Interval:
    """What was usual when each of these rows was read; row 0 is no reading. `zones`: by subject."""
    lo, hi = np.full(len(rows), -np.inf), np.full(len(rows), np.inf)
    owners = track.axis.subjects(track.good[rows])
    for zone in {zone for zone in zones if zone is not None}:
        here = np.array([each == zone for each in zones], dtype=np.bool_)
        some = np.flatnonzero((rows > 0) & here[np.where(rows > 0, owners, 0)])
        if len(some):
            lo[some], hi[some] = _medians(track, track.good[rows[some]], zone, weeks)
    return Interval(lo, hi)


def _medians(track: Track, keys: Instants, zone: str, weeks: int) -> Interval:
    times = track.axis.times(keys)
    ends, comparable = past_hours(zone, times, weeks)
    past = (keys - times + ends).ravel()
    owners = np.tile(track.axis.subjects(keys), weeks)
    window = look(track, past, HOUR, owners)
    value = _of_hours(window)
    counts = comparable.ravel() & window.covered & (value.lo > -np.inf)
    if len(track.breaks):
        counts &= np.tile(track.broke(keys), weeks) <= past - HOUR
    counts = counts.reshape(weeks, -1)
    sizes = counts.sum(axis=0)
    lo = _median(value.lo, counts, sizes)
    hi = lo if value.exact else _median(value.hi, counts, sizes)
    enough = sizes >= weeks_needed(weeks)
    return Interval(np.where(enough, lo, -np.inf), np.where(enough, hi, np.inf))


def _of_hours(window: Window) -> Interval:
    """Of an amount the sum, of a counter the increase, of anything else the mean."""
    track = window.track
    amounts, counters = track.amounts[window.owners], track.counters[window.owners]
    if amounts.all():
        return total(window)
    if counters.all():
        return increase(window)
    value = mean(window)
    for kind, of in ((amounts, total), (counters, increase)):
        if kind.any():
            other = of(window)
            value = Interval(np.where(kind, other.lo, value.lo), np.where(kind, other.hi, value.hi))
    return value


def _median(values: Values, counts: Mask, sizes: Index) -> Values:
    """By column, of those that count."""
    ranked = np.sort(np.where(counts, values.reshape(counts.shape), np.nan), axis=0)
    columns = np.arange(counts.shape[1])
    below, above = np.maximum(sizes - 1, 0) // 2, sizes // 2
    return np.asarray((ranked[below, columns] + ranked[above % len(ranked), columns]) / 2)


def past_hours(zone: str, times: Instants, weeks: int) -> tuple[Instants, Mask]:
    """By week back and time (µs): the end of the hour to compare with, and whether there is one.

    An hour that the clock leaves out is none; of one that it shows twice the first counts. A time
    belongs to what it ends: midnight to the day before.
    """
    begins, offsets, holidays = _clock(zone, *_years(times))
    local = times + offsets[np.searchsorted(begins, times, side="left") - 1]
    day = (local - 1) // DAY
    weekday = (day + _MONDAY) % 7
    sunday = np.where(np.isin(day, holidays), weekday + 1 - 7, 0)  # days on to the next Sunday
    back = 7 * np.arange(1, weeks + 1)[:, np.newaxis] + sunday
    past = local - back * DAY
    ends = np.append(begins[1:], np.iinfo(np.int64).max - DAY) + offsets  # by the local clock
    span = np.searchsorted(ends, past, side="left")
    shown = past > begins[span] + offsets[span]
    return past - offsets[span], shown & ~np.isin(day - back, holidays)


def _years(times: Instants) -> tuple[int, int]:
    """From the year before the first to the year after the last."""
    return moment_of(int(times.min())).year - 1, moment_of(int(times.max())).year + 1


@functools.lru_cache(maxsize=64)
def _clock(zone: str, first: int, last: int) -> tuple[Instants, Instants, Instants]:
    """When (µs) the offset of a local clock changes, its offsets (µs); holidays as days of 1970."""
    years = range(first, last + 1)
    spans = [span for year in years for span in clock_offsets(zone, year)]
    holidays = [day.toordinal() - _EPOCH for year in years for day in public_holidays(year)]
    return (
        np.array([begins for begins, _, _ in spans], dtype=np.int64),
        np.array([offset for _, _, offset in spans], dtype=np.int64),
        np.array(holidays, dtype=np.int64),
    )
