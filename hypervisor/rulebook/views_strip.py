"""Chart of a trial: the series over the period, and lanes of alarms."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypervisor.backtest.edits import Side, Tried
from hypervisor.backtest.strip import Strip
from hypervisor.base.instants import micros, moment
from hypervisor.base.reader import current
from hypervisor.web.filters import clock, number

LEFT, RIGHT, WIDE = 120.0, 760.0, 856.0
TOP, BOTTOM, HIGH = 14.0, 196.0, 218.0
_TICKS = 5
_APART = 46.0  # px between two names on the axis of time
_NARROW = 3.0  # px: the least that a time in alarm is drawn


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A grid line with its label; an empty `word` draws the line alone."""

    at: float
    word: str


@dataclass(frozen=True, kw_only=True)
class StripDrawing:
    """Coordinates for a template. `low`, `high`: limits of the scale in the threshold's unit."""

    line: str
    gaps: tuple[tuple[float, float], ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    low: float
    high: float
    step: float

    def y(self, value: float) -> float:
        """Position of a value, clipped to the scale."""
        part = (value - self.low) / (self.high - self.low)
        return round(BOTTOM - (BOTTOM - TOP) * min(max(part, 0.0), 1.0), 1)


@dataclass(frozen=True, kw_only=True)
class Marker:
    """Marker of an event or a false alarm: `hit`, `miss` or `false`."""

    x: float
    what: str


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A lane of markers, with times in alarm as bars (x, width)."""

    markers: tuple[Marker, ...] = ()
    bars: tuple[tuple[float, float], ...] = field(default_factory=tuple)


class Scale:
    """Time axis of a period."""

    def __init__(self, since: int, until: int) -> None:
        """From and to, µs."""
        self.since, self.until = since, max(until, since + 1)

    def x(self, at: int) -> float:
        part = (at - self.since) / (self.until - self.since)
        return round(LEFT + (RIGHT - LEFT) * min(max(part, 0.0), 1.0), 1)


def draw_strip(strip: Strip, sides: Sequence[Side | None]) -> StripDrawing:
    """The curve with a scale that includes both thresholds."""
    points = [value for _, value in strip.points if value is not None]
    limits = [side.value for side in sides if side is not None and side.value is not None]
    step, low, high = _scale([*points, *limits])
    drawing = StripDrawing(
        line="", gaps=(), across=(), up=(), low=low, high=high, step=_key_step(high - low)
    )
    scale = Scale(strip.since, strip.until)
    count = round((high - low) / step)
    places = len(f"{step:.9f}".rstrip("0").partition(".")[2])
    return StripDrawing(
        line=_curve_path(strip, scale, drawing),
        gaps=_gap_bars(strip, scale),
        across=tuple(_time_ticks(strip, scale)),
        up=tuple(
            Tick(at=drawing.y(low + n * step), word=number(low + n * step, places))
            for n in range(count + 1)
        ),
        low=low,
        high=high,
        step=drawing.step,
    )


def draw_lane(tried: Tried, side: Side) -> Lane:
    """Alarms of one side as a lane."""
    scale = Scale(tried.since, tried.until)
    markers = [
        Marker(x=scale.x(outcome.event.crossed), what="miss" if outcome.alarm is None else "hit")
        for outcome in side.worth.outcomes
    ]
    markers += [Marker(x=scale.x(alarm.began), what="false") for alarm in side.worth.false]
    bars = []
    for spell in side.worth.spells:
        first = scale.x(spell.began)
        last = scale.x(tried.until if spell.ended is None else spell.ended)
        bars.append((first, round(max(last - first, _NARROW), 1)))
    return Lane(markers=tuple(markers), bars=tuple(bars))


def event_positions(tried: Tried) -> tuple[float, ...]:
    """Positions of reported events."""
    scale = Scale(tried.since, tried.until)
    side = tried.today or tried.edit
    outcomes = () if side is None else side.worth.outcomes
    return tuple(scale.x(outcome.event.crossed) for outcome in outcomes)


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


def _key_step(size: float) -> float:
    """Step of an arrow key: about half a percent of the scale, rounded."""
    return float(f"{10.0 ** math.floor(math.log10(size / 100)):g}")


def _curve_path(strip: Strip, scale: Scale, drawing: StripDrawing) -> str:
    parts: list[str] = []
    open_ = False
    for at, value in strip.points:
        if value is None:
            open_ = False
            continue
        middle = at + strip.bin // 2
        parts.append(f"{'L' if open_ else 'M'}{scale.x(middle)} {drawing.y(value)}")
        if not open_ and len(strip.points) == 1:
            parts.append("h1")
        open_ = True
    return "".join(parts)


def _gap_bars(strip: Strip, scale: Scale) -> tuple[tuple[float, float], ...]:
    """Gaps as x and width; adjacent gaps are merged."""
    gaps: list[tuple[float, float]] = []
    begun: int | None = None
    for at, value in (*strip.points, (strip.until, 0.0)):
        if value is None:
            begun = at if begun is None else begun
        elif begun is not None:
            first, last = scale.x(begun), scale.x(at)
            if last - first >= 1:
                gaps.append((first, round(last - first, 1)))
            begun = None
    return tuple(gaps)


def _time_ticks(strip: Strip, scale: Scale) -> Sequence[Tick]:
    """Ticks of months, days or hours; labels where they fit."""
    length = strip.until - strip.since
    first = current().local(moment(strip.since))
    marks = (
        _month_ticks(first, strip.until)
        if length > 70 * 86_400_000_000
        else _day_ticks(first, strip)
    )
    ticks: list[Tick] = []
    last = -1_000.0
    for at, word in marks:
        x = scale.x(micros(at))
        if x <= LEFT + 2:
            continue
        fits = x - last >= _APART and x <= RIGHT - 8
        ticks.append(Tick(at=x, word=word if fits else ""))
        last = x if fits else last
    return ticks


def _month_ticks(first: datetime, until: int) -> list[tuple[datetime, str]]:
    from babel.dates import format_date  # noqa: PLC0415  only pictures of years want names

    locale = "fr_FR" if current().language == "fr" else "en_GB"
    at = first.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    ticks: list[tuple[datetime, str]] = []
    while micros(at) < until:
        word = format_date(at, "MMM yy" if at.month == 1 else "MMM", locale=locale)
        ticks.append((at, word))
        at = (at + timedelta(days=32)).replace(day=1)
    return ticks


def _day_ticks(first: datetime, strip: Strip) -> list[tuple[datetime, str]]:
    from babel.dates import format_date  # noqa: PLC0415  as above

    locale = "fr_FR" if current().language == "fr" else "en_GB"
    hours = 24 if strip.until - strip.since > 4 * 86_400_000_000 else 6
    at = first.replace(hour=0, minute=0, second=0, microsecond=0)
    ticks: list[tuple[datetime, str]] = []
    while micros(at) < strip.until:
        whole = at.hour == 0
        ticks.append((at, format_date(at, "d MMM", locale=locale) if whole else clock(at)))
        at += timedelta(hours=hours)
    return ticks
