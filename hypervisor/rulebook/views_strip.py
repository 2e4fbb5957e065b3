"""The picture of a threshold that is tried: a year as a strip, and lanes of what alarmed."""

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
    """A line of the grid and its name; `word` empty: the line alone."""

    at: float
    word: str


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Numbers for a template. `low`, `high`: the scale's ends, in the threshold's unit."""

    line: str
    gaps: tuple[tuple[float, float], ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    low: float
    high: float
    step: float

    def y(self, value: float) -> float:
        """Where a value lies; one outside of the scale, at its edge."""
        part = (value - self.low) / (self.high - self.low)
        return round(BOTTOM - (BOTTOM - TOP) * min(max(part, 0.0), 1.0), 1)


@dataclass(frozen=True, kw_only=True)
class Marker:
    """What became of an event, or a false alarm: `hit`, `miss` or `false`."""

    x: float
    what: str


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One line of markers, with the times in alarm as bars (x, width)."""

    markers: tuple[Marker, ...] = ()
    bars: tuple[tuple[float, float], ...] = field(default_factory=tuple)


class Scale:
    """Times of a span on the axis."""

    def __init__(self, since: int, until: int) -> None:
        """From and to, µs."""
        self.since, self.until = since, max(until, since + 1)

    def x(self, at: int) -> float:
        part = (at - self.since) / (self.until - self.since)
        return round(LEFT + (RIGHT - LEFT) * min(max(part, 0.0), 1.0), 1)


def drawn(strip: Strip, sides: Sequence[Side | None]) -> Drawn:
    """The strip with its scale, in which both thresholds lie."""
    points = [value for _, value in strip.points if value is not None]
    limits = [side.value for side in sides if side is not None and side.value is not None]
    step, low, high = _scale([*points, *limits])
    made = Drawn(line="", gaps=(), across=(), up=(), low=low, high=high, step=_nudge(high - low))
    scale = Scale(strip.since, strip.until)
    count = round((high - low) / step)
    places = len(f"{step:.9f}".rstrip("0").partition(".")[2])
    return Drawn(
        line=_line(strip, scale, made),
        gaps=_gaps(strip, scale),
        across=tuple(_across(strip, scale)),
        up=tuple(
            Tick(at=made.y(low + n * step), word=number(low + n * step, places))
            for n in range(count + 1)
        ),
        low=low,
        high=high,
        step=made.step,
    )


def lane(tried: Tried, side: Side) -> Lane:
    """What one side would have told."""
    scale = Scale(tried.since, tried.until)
    markers = [
        Marker(x=scale.x(outcome.event.crossed), what="miss" if outcome.alarm is None else "hit")
        for outcome in side.worth.outcomes
    ]
    markers += [Marker(x=scale.x(one.began), what="false") for one in side.worth.false]
    bars = []
    for spell in side.worth.spells:
        first = scale.x(spell.began)
        last = scale.x(tried.until if spell.ended is None else spell.ended)
        bars.append((first, round(max(last - first, _NARROW), 1)))
    return Lane(markers=tuple(markers), bars=tuple(bars))


def events(tried: Tried) -> tuple[float, ...]:
    """Where something was noted."""
    scale = Scale(tried.since, tried.until)
    side = tried.today or tried.edit
    outcomes = () if side is None else side.worth.outcomes
    return tuple(scale.x(outcome.event.crossed) for outcome in outcomes)


def _scale(values: Sequence[float]) -> tuple[float, float, float]:
    """A step that people count in, and ends that are whole steps, with a little room."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    room = (high - low) * 0.05
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * one for one in (1, 2, 2.5, 5, 10) if power * one >= rough)
    bottom = math.floor((low - room) / step) * step
    if low >= 0 > bottom:
        bottom = 0.0
    return step, round(bottom, 9), round(math.ceil((high + room) / step) * step, 9)


def _nudge(size: float) -> float:
    """By how much an arrow key moves the handle: about half a percent, a round number."""
    return float(f"{10.0 ** math.floor(math.log10(size / 100)):g}")


def _line(strip: Strip, scale: Scale, made: Drawn) -> str:
    parts: list[str] = []
    open_ = False
    for at, value in strip.points:
        if value is None:
            open_ = False
            continue
        middle = at + strip.bin // 2
        parts.append(f"{'L' if open_ else 'M'}{scale.x(middle)} {made.y(value)}")
        if not open_ and len(strip.points) == 1:
            parts.append("h1")
        open_ = True
    return "".join(parts)


def _gaps(strip: Strip, scale: Scale) -> tuple[tuple[float, float], ...]:
    """Where nothing is known: x and width, neighbours together."""
    found: list[tuple[float, float]] = []
    begun: int | None = None
    for at, value in (*strip.points, (strip.until, 0.0)):
        if value is None:
            begun = at if begun is None else begun
        elif begun is not None:
            first, last = scale.x(begun), scale.x(at)
            if last - first >= 1:
                found.append((first, round(last - first, 1)))
            begun = None
    return tuple(found)


def _across(strip: Strip, scale: Scale) -> Sequence[Tick]:
    """Months of a year, days of a flood, hours of a day; a name where there is room for it."""
    length = strip.until - strip.since
    first = current().local(moment(strip.since))
    marks = _months(first, strip.until) if length > 70 * 86_400_000_000 else _days(first, strip)
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


def _months(first: datetime, until: int) -> list[tuple[datetime, str]]:
    from babel.dates import format_date  # noqa: PLC0415  only pictures of years want names

    locale = "fr_FR" if current().language == "fr" else "en_GB"
    at = first.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    found: list[tuple[datetime, str]] = []
    while micros(at) < until:
        word = format_date(at, "MMM yy" if at.month == 1 else "MMM", locale=locale)
        found.append((at, word))
        at = (at + timedelta(days=32)).replace(day=1)
    return found


def _days(first: datetime, strip: Strip) -> list[tuple[datetime, str]]:
    from babel.dates import format_date  # noqa: PLC0415  as above

    locale = "fr_FR" if current().language == "fr" else "en_GB"
    hours = 24 if strip.until - strip.since > 4 * 86_400_000_000 else 6
    at = first.replace(hour=0, minute=0, second=0, microsecond=0)
    found: list[tuple[datetime, str]] = []
    while micros(at) < strip.until:
        whole = at.hour == 0
        found.append((at, format_date(at, "d MMM", locale=locale) if whole else clock(at)))
        at += timedelta(hours=hours)
    return found
