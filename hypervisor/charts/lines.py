"""Panes of lines: scale, thresholds with their names, gaps, quality marks, extrapolated rate."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from hypervisor.base.translation import translate as _
from hypervisor.charts.model import Extrapolation, Fan, Limit, LinePane, Trace
from hypervisor.charts.scale import TimeScale, ValueScale, count_decimals, pad_range, value_ticks
from hypervisor.charts.shapes import (
    Drawn,
    Mark,
    area,
    circle,
    cut,
    horizontal,
    line,
    path,
    rect,
    staircase,
    text,
)
from hypervisor.charts.words import clock
from hypervisor.web import filters
from sensors._quality import Quality
from sensors._quantity import Kind

_ROW = 16  # letters of a threshold and its value
_BESIDE = 15  # letters of a line's name beside a chart
_DASHES = ("2 3", "7 4", "")  # the lowest threshold dotted, the next dashed, the others solid
_APART = 17  # px between two names at the right
_LETTER = 6.4  # px, of 12 px Plex
_TITLE = 16  # px above the scale
_Named = tuple[float, str, Limit | Trace | None]  # height, words, what they name


def draw_lines(pane: LinePane, over: TimeScale, top: float) -> Iterator[Drawn]:
    """The shapes of a pane; `top`: its upper edge."""
    up = _value_scale(pane, top)
    digits = max((trace.digits for trace in pane.traces), default=0)
    yield from _draw_grid(up, over, digits)
    if pane.fan is not None:
        yield from _draw_fan(pane.fan, over, up)
    yield from _draw_limits(pane, up, over, digits)
    for trace in pane.traces:
        yield from _draw_gaps(trace, over, up)
        yield from _draw_trace(trace, over, up)
    letters = int((over.right - over.left) / _LETTER)
    yield text("halo", over.left + 6, top + 13, cut(pane.title, letters))
    if pane.ahead is not None and not pane.ahead.at > over.last:
        lines = [up.y(limit.value) for limit in pane.limits]
        yield from _draw_extrapolation(pane.ahead, over, up, lines)
    for trace in pane.traces:
        if not trace.soft:
            yield from _draw_quality_marks(trace, over, up)
            yield from _draw_last_value(trace, over, up)


def _value_scale(pane: LinePane, top: float) -> ValueScale:
    values = [
        value for trace in pane.traces for bin_ in trace.bins for value in (bin_.low, bin_.high)
    ]
    if pane.fan is not None:
        values += [value for band in pane.fan.bands for edge in band for value in edge]
    values += [trace.before[1] for trace in pane.traces if trace.before and not trace.bins]
    limits = [limit.value for limit in pane.limits]
    least = max((trace.least for trace in pane.traces), default=1.0)
    if values and limits:
        # A threshold far from all values would flatten them.
        spread = max(max(values) - min(values), least)
        low, high = min(values) - 40 * spread, max(values) + 40 * spread
        limits = [limit for limit in limits if low < limit < high] or limits[:1]
    if pane.highest and values and pane.highest[1] <= max([*values, *limits]) * 1.35:
        limits = [*limits, pane.highest[1]]
    floors = [trace.floor for trace in pane.traces if trace.floor is not None]
    floor = min(floors) if floors and len(floors) == len(pane.traces) else None
    if pane.ahead is not None and values:
        leads = pane.ahead.value + pane.ahead.rate * (pane.ahead.until - pane.ahead.at)
        spread = max(values) - min(values)
        limits = [*limits, min(max(leads, min(values) - spread / 2), max(values) + spread / 2)]
    low, high = pad_range([*values, *limits], floor=floor, least=least)
    return ValueScale(low=low, high=high, top=top + _TITLE, bottom=top + pane.height)


def _draw_fan(fan: Fan, over: TimeScale, up: ValueScale) -> Iterator[Drawn]:
    def points(values: Sequence[float]) -> list[tuple[float, float]]:
        return [(over.x(at), up.y(value)) for at, value in zip(fan.times, values, strict=True)]

    for lower, upper in fan.bands:
        yield area("fc", points(upper), points(lower))
    yield line("fm", points(fan.median))
    if fan.note:
        yield text("halo", over.x(fan.times[-1]), up.bottom - 10, fan.note, "end")


def _draw_grid(up: ValueScale, over: TimeScale, digits: int) -> Iterator[Drawn]:
    ticks = value_ticks(up.low, up.high, max(3, int((up.bottom - up.top) // 46)))
    places = count_decimals(ticks, digits)
    for value in ticks:
        y = up.y(value)
        yield horizontal("g", over.left, over.right, y)
        yield text("", over.left - 8, y + 4, filters.number(value, places), "end")


def _draw_limits(pane: LinePane, up: ValueScale, over: TimeScale, digits: int) -> Iterator[Drawn]:
    shown = sorted(
        (limit for limit in pane.limits if up.low <= limit.value <= up.high),
        key=lambda limit: limit.value,
    )
    raising = [limit for limit in shown if limit.priority is not None]
    for number, limit in enumerate(shown):
        dashes = _DASHES[min(number, 2)] if limit.priority is not None else "1 3"
        css = "th" if limit.priority is not None else "ref"
        yield horizontal(css, over.left, over.right, up.y(limit.value), dashes)
    if pane.main:
        yield from _draw_priority_strip(raising, up, over)
    named: list[_Named] = [
        (up.y(limit.value), fit_label(limit.label, filters.number(limit.value, digits)), limit)
        for limit in shown
    ]
    if pane.highest and up.low <= pane.highest[1] <= up.high:
        y = up.y(pane.highest[1])
        yield horizontal("ref", over.left, over.right, y, "1 3")
        named.append((y, f"{pane.highest[0]} {filters.number(pane.highest[1], digits)}", None))
    named += _list_keys(pane, up)
    named.sort(key=lambda entry: -entry[0])
    places = spread_labels([entry[0] for entry in named], up.top, up.bottom)
    for (_y, words, of), y in zip(named, places, strict=True):
        if isinstance(of, Trace):
            yield from _draw_key(words, of.css, y, over)
        else:
            yield from _draw_limit_name(words, of.priority if of else None, y, over)


def _list_keys(pane: LinePane, up: ValueScale) -> list[_Named]:
    """The names of the lines of a pane, if there is more than one."""
    drawn = [trace for trace in pane.traces if not trace.soft and trace.bins]
    plans = [trace for trace in pane.traces if trace.soft and trace.bins]
    keys: list[_Named] = [(up.y(up.low), plan.label, plan) for plan in plans]
    if len(drawn) > 1:
        shared = count_shared_letters([trace.label for trace in drawn])
        keys += [(up.y(trace.bins[-1].last), trace.label[shared:], trace) for trace in drawn]
    elif plans:
        keys += [(up.y(trace.bins[-1].last), _("measured"), trace) for trace in drawn]
    return keys


def fit_label(name: str, value: str) -> str:
    """A name with its value; the name is cut if both are too long for the space beside a chart."""
    return f"{cut(name, max(_ROW - len(value) - 1, 4))} {value}"


def count_shared_letters(names: Sequence[str]) -> int:
    """The length of the words that all names begin with."""
    if len(names) < 2:
        return 0
    first, last = min(names), max(names)
    same = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0)
    return first[:same].rfind(" ") + 1


def _draw_priority_strip(
    raising: Sequence[Limit], up: ValueScale, over: TimeScale
) -> Iterator[Drawn]:
    """The priority of each range of values, as a strip beside the scale."""
    edges = [*(limit.value for limit in raising), up.high]
    for limit, (below, above) in zip(raising, pairwise(edges), strict=True):
        top, bottom = up.y(above), up.y(below)
        yield rect(f"strip p{limit.priority}", over.right + 1, top, 5, bottom - top)


def _draw_limit_name(
    words: str, priority: int | None, y: float, over: TimeScale
) -> Iterator[Drawn]:
    css = "" if priority is None else "hl"
    if over.narrow:
        x = over.right - 4
        yield text(f"{css} halo", x, y - 4, words, "end")
        if priority is not None:
            size = 13
            left = x - len(words) * _LETTER - size - 6
            yield Mark(priority=priority, state="ack", x=left, y=y - 15, size=size)
        return
    x = over.right + 14
    if priority is not None:
        yield Mark(priority=priority, state="ack", x=x, y=y - 7.5, size=15)
        x += 21
    yield text(css, x, y + 4, words)


def _draw_key(words: str, css: str, y: float, over: TimeScale) -> Iterator[Drawn]:
    """A piece of a line and its name."""
    if over.narrow:
        return
    yield path(css, f"M{over.right + 14} {y}h14")
    yield text("tiny", over.right + 33, y + 4, cut(words, _BESIDE))


def spread_labels(heights: Sequence[float], top: float, bottom: float) -> list[float]:
    """Heights of labels from the bottom up, near the given ones and without overlaps."""
    placed: list[float] = []
    for y in heights:
        placed.append(min(y, placed[-1] - _APART) if placed else min(y, bottom - 4))
    if placed and placed[-1] < top + 4:
        placed[-1] = top + 4
        for place in range(len(placed) - 2, -1, -1):
            placed[place] = max(placed[place], placed[place + 1] + _APART)
    return placed


def list_gaps(trace: Trace, over: TimeScale) -> list[tuple[float, float]]:
    """(begin, end) of silences longer than allowed; up to the present at most."""
    limit = trace.gap_s
    if limit is None or trace.soft or not trace.hatched:
        return []
    times = [bin_.at for bin_ in trace.bins]
    if trace.before:
        times.insert(0, max(trace.before[0], over.first - limit))
    times.append(over.end)
    piece = trace.piece or 0
    return [
        (max(a + piece, over.first), b)
        for a, b in pairwise(times)
        if b - a > limit and b > over.first
    ]


def _draw_gaps(trace: Trace, over: TimeScale, up: ValueScale) -> Iterator[Drawn]:
    for first, last in list_gaps(trace, over):
        left, right = over.x(first), over.x(last)
        yield rect("no", left, up.top, right - left, up.bottom - up.top)
        if right - left > (34 if over.narrow else 46):
            yield text("halo", (left + right) / 2, up.bottom - 44, _("missing"), "middle")


def split_at_gaps(trace: Trace, over: TimeScale) -> list[list[tuple[float, float, float, float]]]:
    """Runs of (x, low, mean, high) without a gap between."""
    limit = trace.gap_s
    half = (trace.piece or 0) / 2
    runs: list[list[tuple[float, float, float, float]]] = []
    previous: float | None = None
    for bin_ in trace.bins:
        if previous is None or (limit is not None and bin_.at - previous > limit):
            runs.append([])
        runs[-1].append((over.x(min(bin_.at + half, over.last)), bin_.low, bin_.mean, bin_.high))
        previous = bin_.at
    return runs


def _draw_trace(trace: Trace, over: TimeScale, up: ValueScale) -> Iterator[Drawn]:
    steps = trace.soft or trace.kind is Kind.STATE
    for run in split_at_gaps(trace, over):
        points = [(x, up.y(mean)) for x, _low, mean, _high in run]
        if trace.piece is not None and not steps and len(run) > 1:
            upper = [(x, up.y(high)) for x, _low, _mean, high in run]
            lower = [(x, up.y(low)) for x, low, _mean, _high in run]
            yield area("env", upper, lower)
        if steps:
            points = staircase(points, over.right if trace.soft else over.x(over.end))
        yield line(trace.css if not over.narrow else f"{trace.css} thin", points)


def _draw_last_value(trace: Trace, over: TimeScale, up: ValueScale) -> Iterator[Drawn]:
    if trace.bins and over.inside(trace.bins[-1].at) and over.inside(over.now):
        at = min(trace.bins[-1].at + (trace.piece or 0), over.now)
        yield circle("pt", over.x(at), min(max(up.y(trace.bins[-1].last), up.top), up.bottom), 4.5)


def _draw_quality_marks(trace: Trace, over: TimeScale, up: ValueScale) -> Iterator[Drawn]:
    """A cross for each suspect reading, a diamond for each manual one; the last of each named."""
    suspect = [marked for marked in trace.marked if marked.quality & Quality.SUSPECT]
    manual = [
        marked
        for marked in trace.marked
        if not marked.quality & Quality.SUSPECT and marked.value is not None
    ]
    x, y = over.left, up.bottom
    for marked in suspect:
        x, y = over.x(marked.at), up.bottom - 8
        if marked.value is not None:
            y = min(max(up.y(marked.value), up.top + 5), up.bottom - 5)
        yield path("x", f"M{x - 4} {y - 4}l8 8m0-8l-8 8")
    if suspect:
        words = _("%(count)s set aside or suspect") % {"count": len(suspect)}
        yield _draw_beside(words, x, 10, y + 4, over)
    for marked in manual:
        x, y = over.x(marked.at), up.y(marked.value or 0.0)
        yield path("q", f"M{x} {round(y - 6, 1)}l6 6-6 6-6-6Z")
    if manual:
        words = _("manual reading %(clock)s") % {"clock": clock(manual[-1].at)}
        yield _draw_beside(words, x, 11, y + 18, over)


def _draw_beside(words: str, x: float, apart: float, y: float, over: TimeScale) -> Drawn:
    """A text right of a mark at `x`, or left of it if there is no room."""
    if x + apart + len(words) * _LETTER > over.right:
        return text("halo", x - apart, y, words, "end")
    return text("halo", x + apart, y, words)


def _draw_extrapolation(
    ahead: Extrapolation, over: TimeScale, up: ValueScale, lines: Sequence[float]
) -> Iterator[Drawn]:
    """The dotted line, its error, and the time at which it reaches each asset."""
    until = min(ahead.until, over.last)
    if until <= ahead.at:
        return

    def at(rate: float) -> tuple[float, float]:
        """Its end, or the point at which it leaves the scale."""
        edge = up.high if rate > 0 else up.low
        leaves = (edge - ahead.value) / rate if rate else until
        seconds = min(until - ahead.at, max(leaves, 0.0))
        return over.x(ahead.at + seconds), up.y(ahead.value + rate * seconds)

    start = (over.x(ahead.at), up.y(ahead.value))
    yield area("fan", [start, at(ahead.rate + ahead.slack)], [at(ahead.rate - ahead.slack)])
    yield line("pr", [start, at(ahead.rate)])
    x = over.x(until)
    yield text("halo", x, up.bottom - 10, _("at the present rate, no forecast"), "end")
    for number, reach in enumerate(crossing for crossing in ahead.reaches if crossing.at <= until):
        yield circle("q", over.x(reach.at), up.y(reach.value), 3.6, reach.label)
        words = f"{clock(reach.at)} {reach.label}"
        right = over.x(ahead.at) + 6 + len(words) * _LETTER > over.right
        x = over.right - 4 if right else over.x(ahead.at) + 6
        y = up.y(ahead.value) + 22 + number * 15
        if any(abs(y - 4 - level) < 9 for level in lines):
            y += 14
        if y < up.bottom - 24:
            yield text("halo", x, y, words, "end" if right else "start")
