"""Chart of a trial: the series over the period, and lanes of alarms."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from babel.dates import format_date

from hypervisor.backtest.edits import TrialResult
from hypervisor.backtest.strip import Strip
from hypervisor.backtest.trial_side import Side
from hypervisor.base.instants import moment
from hypervisor.base.reader import current
from hypervisor.charts.scale import TimeScale, time_ticks
from hypervisor.web.filters import clock, number

LEFT, RIGHT = 120.0, 760.0
TOP, BOTTOM = 14.0, 196.0
_TICKS = 5
_APART = 46.0  # px between two names on the axis of time
_NARROW = 3.0  # px: the least width of a time in alarm
_SECOND = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A grid line with its label."""

    at: float
    word: str


@dataclass(frozen=True, kw_only=True)
class StripDrawing:
    """Coordinates for a template. `low`, `high`: limits of the scale in the threshold's unit.

    `gaps`: x and width; `step`: of an arrow key.
    """

    line: str
    gaps: tuple[tuple[float, float], ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    low: float
    high: float
    step: float

    def y(self, value: float) -> float:
        """Position of a value, clipped to the scale."""
        return _position(value, self.low, self.high)


@dataclass(frozen=True, kw_only=True)
class Lane:
    """Markers (x; `hit`, `miss` or `false`) and times in alarm (x, width)."""

    markers: tuple[tuple[float, str], ...]
    bars: tuple[tuple[float, float], ...]


def draw_strip(strip: Strip, sides: Sequence[Side | None]) -> StripDrawing:
    """The curve with a scale that includes both thresholds."""
    points = [value for _, value in strip.points if value is not None]
    limits = [side.value for side in sides if side is not None and side.value is not None]
    step, low, high = _scale([*points, *limits])
    places = len(f"{step:.9f}".rstrip("0").partition(".")[2])
    scale = _time_scale(strip.since, strip.until)
    values = [low + step * count for count in range(round((high - low) / step) + 1)]
    return StripDrawing(
        line=_curve_path(strip, scale, low, high),
        gaps=tuple(_gap_bars(strip, scale)),
        across=tuple(_time_ticks(scale)),
        up=tuple(
            Tick(at=_position(value, low, high), word=number(value, places)) for value in values
        ),
        low=low,
        high=high,
        step=float(f"{10.0 ** math.floor(math.log10((high - low) / 100)):g}"),
    )


def draw_lane(tried: TrialResult, side: Side) -> Lane:
    """Alarms of one side as a lane."""
    scale = _time_scale(tried.since, tried.until)
    markers = [
        (_x(scale, outcome.event.crossed), "miss" if outcome.alarm is None else "hit")
        for outcome in side.outcomes
    ]
    markers += [(_x(scale, alarm.began), "false") for alarm in side.false]
    bars = []
    for spell in side.spells:
        first = _x(scale, spell.began)
        last = _x(scale, tried.until if spell.ended is None else spell.ended)
        bars.append((first, round(max(last - first, _NARROW), 1)))
    return Lane(markers=tuple(markers), bars=tuple(bars))


def event_positions(tried: TrialResult) -> tuple[float, ...]:
    """Positions of reported events."""
    scale = _time_scale(tried.since, tried.until)
    side = tried.today or tried.edit
    outcomes = () if side is None else side.outcomes
    return tuple(_x(scale, outcome.event.crossed) for outcome in outcomes)


def _time_scale(since: int, until: int) -> TimeScale:
    last = max(until, since + 1) / _SECOND
    return TimeScale(first=since / _SECOND, last=last, left=LEFT, right=RIGHT, now=last)


def _x(scale: TimeScale, at: int) -> float:
    """Position of a time (µs), clipped to the period."""
    return scale.x(min(max(at / _SECOND, scale.first), scale.last))


def _position(value: float, low: float, high: float) -> float:
    part = (value - low) / (high - low)
    return round(BOTTOM - (BOTTOM - TOP) * min(max(part, 0.0), 1.0), 1)


def _scale(values: Sequence[float]) -> tuple[float, float, float]:
    """A round step, and limits at whole steps with a margin."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    room = (high - low) * 0.05
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    bottom = math.floor((low - room) / step) * step
    if low >= 0 > bottom:
        bottom = 0.0
    return step, round(bottom, 9), round(math.ceil((high + room) / step) * step, 9)


def _curve_path(strip: Strip, scale: TimeScale, low: float, high: float) -> str:
    parts: list[str] = []
    connected = False
    for at, value in strip.points:
        if value is not None:
            x, y = _x(scale, at + strip.bin // 2), _position(value, low, high)
            parts.append(f"{'L' if connected else 'M'}{x} {y}")
            if len(strip.points) == 1:
                parts.append("h1")
        connected = value is not None
    return "".join(parts)


def _gap_bars(strip: Strip, scale: TimeScale) -> Iterator[tuple[float, float]]:
    """Gaps as x and width; adjacent gaps are merged."""
    begun: int | None = None
    for at, value in (*strip.points, (strip.until, 0.0)):
        if value is None:
            begun = at if begun is None else begun
        elif begun is not None:
            first, last = _x(scale, begun), _x(scale, at)
            if last - first >= 1:
                yield first, round(last - first, 1)
            begun = None


def _time_ticks(scale: TimeScale) -> Iterator[Tick]:
    """Ticks of months, days or hours, where their labels fit."""
    reader = current()
    locale = "fr_FR" if reader.language == "fr" else "en_GB"
    for tick in time_ticks(scale, reader.zone, apart=_APART):
        x, at = scale.x(tick.at), reader.local(moment(round(tick.at * _SECOND)))
        if tick.month:
            word = format_date(at, "MMM yy" if at.month == 1 else "MMM", locale=locale)
        else:
            word = format_date(at, "d MMM", locale=locale) if tick.day else clock(at)
        if LEFT + 2 < x <= RIGHT - 8:
            yield Tick(at=x, word=word)
