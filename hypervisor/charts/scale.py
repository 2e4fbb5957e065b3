"""Scales of a chart: time across, values up, and their ticks. Pure."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

MINUTE, HOUR, DAY = 60, 3_600, 86_400
_STEPS = (1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 720, 1_440, 2_160, 4_320)  # hours
_MONTHLY = 720
_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, kw_only=True)
class TimeScale:
    """Time (s since the epoch) to pixels; `now` may lie outside. `narrow`: no room beside it."""

    first: float
    last: float
    left: float
    right: float
    now: float
    narrow: bool = False

    @property
    def end(self) -> float:
        """The present, if it lies within, else the end."""
        return min(self.now, self.last)

    def x(self, at: float) -> float:
        share = (at - self.first) / (self.last - self.first)
        return round(self.left + share * (self.right - self.left), 1)

    def inside(self, at: float) -> bool:
        return self.first <= at <= self.last


@dataclass(frozen=True, kw_only=True)
class ValueScale:
    """Values to pixels: `low` at `bottom`, `high` at `top`; hanging bars have them swapped."""

    low: float
    high: float
    top: float
    bottom: float

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.bottom - share * (self.bottom - self.top), 1)


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A tick of the time axis; `day`, `month`: labelled with it instead of the hour."""

    at: float
    day: bool
    month: bool = False


def time_ticks(across: TimeScale, zone: tzinfo, *, apart: float = 72) -> list[Tick]:
    """Round local hours, days or months, at least `apart` pixels from each other."""
    pixels = (across.right - across.left) / (across.last - across.first)
    step = next((h for h in _STEPS if h * HOUR * pixels >= apart), _STEPS[-1])
    if (across.last - across.first) < 3 * HOUR:
        return list(_minutes(across, zone, apart / pixels))
    if step >= _MONTHLY:
        return list(_months(across, zone, max(1, step // _MONTHLY)))
    return list(_hours(across, zone, step))


def _minutes(across: TimeScale, zone: tzinfo, least: float) -> Iterator[Tick]:
    step = next((m * MINUTE for m in (1, 5, 10, 15, 30) if m * MINUTE >= least), HOUR)
    at = math.ceil(across.first / step) * step
    while at <= across.last:
        local = datetime.fromtimestamp(at, UTC).astimezone(zone)
        yield Tick(at=at, day=(local.hour, local.minute) == (0, 0))
        at += step


def _hours(across: TimeScale, zone: tzinfo, step: int) -> Iterator[Tick]:
    """On the local clock, so that days of 23 and 25 hours have their midnights too."""
    start = datetime.fromtimestamp(across.first, UTC).astimezone(zone)
    day = start.replace(hour=0, minute=0, second=0, microsecond=0)
    days = max(1, step // 24)
    if days > 1:
        day -= timedelta(days=day.toordinal() % days)
    while day.timestamp() <= across.last:
        for hour in range(0, 24, min(step, 24)):
            at = day.replace(hour=hour).timestamp()
            if across.inside(at):
                yield Tick(at=at, day=hour == 0)
        day = (day + timedelta(days=days, hours=2)).replace(hour=0)


def _months(across: TimeScale, zone: tzinfo, step: int) -> Iterator[Tick]:
    start = datetime.fromtimestamp(across.first, UTC).astimezone(zone)
    month = start.year * 12 + start.month - 1
    while True:
        year, index = divmod(month, 12)
        at = datetime(year, index + 1, 1, tzinfo=zone).timestamp()
        if at > across.last:
            return
        if at >= across.first and index % step == 0:
            yield Tick(at=at, day=True, month=True)
        month += 1


def value_ticks(low: float, high: float, most: int) -> list[float]:
    """Round values between `low` and `high`, at most `most`."""
    span = high - low
    if span <= 0 or most < 1:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * nice for nice in _NICE if power * nice * most >= span * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 9) for number in range(first, last + 1)]


def count_decimals(ticks: list[float], most: int) -> int:
    """The decimals that ticks need, at most `most`."""
    needed = (
        next((n for n in range(most) if round(value, n) == round(value, 6)), most)
        for value in ticks
    )
    return max(needed, default=0)


def pad_range(values: list[float], *, floor: float | None, least: float) -> tuple[float, float]:
    """A range around all values with a margin, at least `least` high and never below `floor`."""
    low, high = (min(values), max(values)) if values else (0.0, least)
    if high - low < least:
        middle = (low + high) / 2
        low, high = middle - least / 2, middle + least / 2
    air = (high - low) * 0.08
    low, high = low - air, high + air
    if floor is not None and low < floor:
        low = floor
    return low, high


def choose_bin_seconds(seconds: float, pixels: float, interval: float) -> float | None:
    """Seconds of a bin, so that a pixel or two show one; None: each reading can be drawn."""
    shortest = seconds / max(pixels, 1) * 1.5
    if shortest <= interval:
        return None
    nice = (600, 900, 1_800, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 7 * DAY)
    return float(next((length for length in nice if length >= shortest), nice[-1]))
