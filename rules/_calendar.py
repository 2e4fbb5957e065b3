"""What a place's calendar and sun say, as steps: local hours, days, holidays and nights.

A day is not always 24 hours long: hours and midnights are those of the local clock, found between
the changes of its offset. The night is from sunset to sunrise (sensors._plan, as lighting plans
have it).
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from rules._axis import Axis, Fact
from rules._duration import HOUR, SECOND
from rules._inputs import Calendar, Instants, Steps, Subject, Values
from rules._vocabulary import PLANNED
from sensors._calendar import public_holidays, school_holiday
from sensors._plan import micros_of, moment_of, night

DAY = 24 * HOUR
_FIRST_DAY = date(1970, 1, 1)
_WITHIN = {"hour": 2 * DAY, "night": 3 * DAY, "weekday": 3 * DAY}  # where its next turn surely is
_LONG = 400 * DAY


def turns_within(word: str) -> int:
    """How far (µs) one must look for the next turn of a word."""
    return _WITHIN.get(word, _LONG)


def word_steps(word: str, calendar: Calendar, first: int, last: int) -> Steps:
    """What a word says from `first` to `last` (µs): its value there, then where it turns."""
    years = range(moment_of(first).year, moment_of(last).year + 1)
    if word == "night":
        place = round(calendar.lon, 2), round(calendar.lat, 2)
        days = range(first // DAY - 2, last // DAY + 2)
        return between(_nights(*place, days), first, last)
    parts = [_of_year(word, calendar.zone, year) for year in (years[0] - 1, *years, years[-1] + 1)]
    steps = Steps(
        at=np.concatenate([part.at for part in parts]),
        value=np.concatenate([part.value for part in parts]),
    )
    return between(steps, first, last)


def between(steps: Steps, first: int, last: int) -> Steps:
    """The value in force at `first`, then the turns up to `last`; before all steps it is nan."""
    begins = int(np.searchsorted(steps.at, first, side="right"))
    ends = int(np.searchsorted(steps.at, last, side="right"))
    before = steps.value[begins - 1] if begins else np.nan
    at = np.concatenate([[first], steps.at[begins:ends]])
    value = np.concatenate([[before], steps.value[begins:ends]])
    return _changes(at, value)


def _changes(at: Instants, value: Values) -> Steps:
    """The steps without those that repeat the value before; unknown after unknown is a repeat."""
    differs = (value[1:] != value[:-1]) & ~(np.isnan(value[1:]) & np.isnan(value[:-1]))
    turns = np.concatenate([[True], differs])
    return Steps(at=at[turns], value=value[turns])


def _nights(lon: float, lat: float, days: range) -> Steps:
    at: list[int] = []
    for day in days:
        at += _night(lon, lat, day)
    return Steps(at=np.array(at, dtype=np.int64), value=np.tile([1.0, 0.0], len(days)))


@functools.lru_cache(maxsize=65_536)
def _night(lon: float, lat: float, day: int) -> tuple[int, int]:
    """Sunset of a day (counted from 1970) and the sunrise after it."""
    dusk, dawn = night(lon, lat, _FIRST_DAY + timedelta(days=day))
    return micros_of(dusk), micros_of(dawn)


@functools.lru_cache(maxsize=256)
def _of_year(word: str, zone: str, year: int) -> Steps:
    """A word's steps over one year of UTC, the first at its beginning."""
    at, days, hours = _hours(zone, year)
    value = hours if word == "hour" else _DAYS[word](days)
    return _changes(at, value)


@functools.lru_cache(maxsize=64)
def _hours(zone: str, year: int) -> tuple[Instants, Instants, Values]:
    """Where the local hour or day turns in a year of UTC: when, which day (of 1970), which hour."""
    at: list[Instants] = []
    local: list[Instants] = []
    for first, stop, offset in clock_offsets(zone, year):
        hour = -(-(first + offset) // HOUR) * HOUR - offset
        times = np.arange(hour, stop, HOUR, dtype=np.int64)
        if hour > first:
            times = np.concatenate([[first], times])
        at.append(times)
        local.append(times + offset)
    clock = np.concatenate(local)
    return np.concatenate(at), clock // DAY, (clock % DAY // HOUR).astype(np.float64)


@functools.lru_cache(maxsize=64)
def clock_offsets(zone: str, year: int) -> list[tuple[int, int, int]]:
    """Spans of a year of UTC in which the local clock keeps its offset: from, to, offset (µs)."""
    begins, ends = (micros_of(datetime(y, 1, 1, tzinfo=UTC)) for y in (year, year + 1))
    offsets: list[tuple[int, int, int]] = []
    first, offset = begins, _offset(zone, begins)
    for noon in range(begins + DAY, ends + DAY, DAY):
        now = min(noon, ends)
        if _offset(zone, now - 1) != offset:
            low, high = now - DAY, now - 1
            while high - low > SECOND:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
            turn = high // SECOND * SECOND
            offsets.append((first, turn, offset))
            first, offset = turn, _offset(zone, now - 1)
    return [*offsets, (first, ends, offset)]


def _offset(zone: str, time: int) -> int:
    offset = moment_of(time).astimezone(ZoneInfo(zone)).utcoffset()
    return 0 if offset is None else offset // timedelta(microseconds=1)


def _each(days: Instants, of: Callable[[date], float]) -> Values:
    distinct, which = np.unique(days, return_inverse=True)
    values = [of(_FIRST_DAY + timedelta(days=day)) for day in distinct.tolist()]
    return np.array(values, dtype=np.float64)[which]


def _on_school_holiday(day: date) -> float:
    """1 or 0; nan where no school calendar is published."""
    holiday = school_holiday(day)
    return np.nan if holiday is None else float(holiday)


_DAYS: dict[str, Callable[[Instants], Values]] = {
    "weekday": lambda days: _each(days, lambda day: day.isoweekday()),
    "month": lambda days: _each(days, lambda day: day.month),
    "holiday": lambda days: _each(days, lambda day: day in public_holidays(day.year)),
    "school_holiday": lambda days: _each(days, _on_school_holiday),
}


@dataclass(frozen=True, kw_only=True)
class CalendarInput:
    """A word as a fact, and the keys at which it turns: there a rule that names it is judged."""

    fact: Fact
    turns: Instants


def calendar_input(
    word: str, axis: Axis, subjects: Sequence[Subject], spans: Sequence[tuple[int, int]]
) -> CalendarInput:
    """What a word says of each subject, in the span (µs) in which it is asked of that one."""
    steps = [
        list_steps(word, subject.calendar, subject.plan, *span) if span[0] <= span[1] else None
        for subject, span in zip(subjects, spans, strict=True)
    ]
    turns = [
        _EMPTY if part is None else axis.keys(part.at[1:], [len(part.at) - 1]) + i * axis.stride
        for i, part in enumerate(steps)
    ]
    return CalendarInput(fact=Fact(axis, steps), turns=np.concatenate(turns) if turns else _EMPTY)


def list_steps(
    word: str, calendar: Calendar | None, plan: Steps | None, first: int, last: int
) -> Steps | None:
    """What a word says from `first` to `last` (µs), of a place and its lighting plan."""
    if word not in PLANNED:
        return None if calendar is None else word_steps(word, calendar, first, last)
    if plan is None:
        return None
    if word == "planned_on":
        lit = np.where(np.isnan(plan.value), np.nan, plan.value > 0)
        plan = Steps(at=plan.at, value=lit)
    return between(plan, first, last)


_EMPTY = np.empty(0, dtype=np.int64)
