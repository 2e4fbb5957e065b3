"""Panes of lines: scale, thresholds named at right, gaps, quality marks, where the rate leads."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from hypervisor.charts.marks import draw_extrapolation, draw_last_value, draw_quality_marks
from hypervisor.charts.model import Chart, Labels, Limit, LinePane, Trace
from hypervisor.charts.scale import TimeScale, ValueScale, pad_range, value_ticks
from hypervisor.charts.shapes import (
    Drawn,
    Mark,
    area,
    horizontal,
    line,
    path,
    rect,
    staircase,
    text,
)
from sensors._quantity import Kind

_ROW = 16  # letters of a threshold with its value
_BESIDE = 15  # letters of a line's name beside a chart
_CUT = "\N{HORIZONTAL ELLIPSIS}"
_DASHES = ("2 3", "7 4", "")  # the lowest threshold dotted, the next dashed, the others solid
_APART = 17  # px between two names at the right
_LETTER = 6.4  # px, of 12 px Plex
_TITLE = 16  # px above the scale


def draw_lines(
    pane: LinePane, chart: Chart, over: TimeScale, top: float, words: Labels
) -> Iterator[Drawn]:
    """The shapes of a pane whose upper edge is at `top`."""
    up = _value_scale(pane, top)
    digits = max((trace.digits for trace in pane.traces), default=0)
    yield from _draw_grid(up, over, digits, words)
    yield from _draw_limits(pane, up, over, chart, words)
    for trace in pane.traces:
        yield from _draw_gaps(trace, over, up, chart, words)
        yield from _draw_trace(trace, over, up, chart)
    yield text("halo", over.left + 6, top + 13, pane.title)
    if pane.ahead is not None and not pane.ahead.at > over.last:
        lines = [up.y(limit.value) for limit in pane.limits]
        yield from draw_extrapolation(pane.ahead, over, up, lines, words)
    for trace in pane.traces:
        if not trace.soft:
            yield from draw_quality_marks(trace, over, up, words)
            yield from draw_last_value(trace, over, up)


def _value_scale(pane: LinePane, top: float) -> ValueScale:
    values = [
        value for trace in pane.traces for bin_ in trace.bins for value in (bin_.low, bin_.high)
    ]
    values += [trace.before[1] for trace in pane.traces if trace.before and not trace.bins]
    limits = [limit.value for limit in pane.limits]
    least = max((trace.least for trace in pane.traces), default=1.0)
    if values and limits:
        # A threshold far from all that was measured is named at the edge instead of flattening it.
        spread = max(max(values) - min(values), least)
        near = [
            limit
            for limit in limits
            if min(values) - 40 * spread < limit < max(values) + 40 * spread
        ]
        limits = near or limits[:1]
    if pane.highest and values and pane.highest[1] <= max([*values, *limits]) * 1.35:
        limits = [*limits, pane.highest[1]]
    floors = [trace.floor for trace in pane.traces]
    floor = (
        None
        if None in floors or not floors
        else min(lowest for lowest in floors if lowest is not None)
    )
    if pane.ahead is not None and values:
        leads = pane.ahead.value + pane.ahead.rate * (pane.ahead.until - pane.ahead.at)
        spread = max(values) - min(values)
        limits = [*limits, min(max(leads, min(values) - spread / 2), max(values) + spread / 2)]
    low, high = pad_range([*values, *limits], floor=floor, least=least)
    return ValueScale(low=low, high=high, top=top + _TITLE, bottom=top + pane.height)


def _draw_grid(up: ValueScale, over: TimeScale, digits: int, words: Labels) -> Iterator[Drawn]:
    ticks = value_ticks(up.low, up.high, max(3, int((up.bottom - up.top) // 46)))
    places = max((_count_decimals(value, digits) for value in ticks), default=0)
    for value in ticks:
        y = up.y(value)
        yield horizontal("g", over.left, over.right, y)
        yield text("", over.left - 8, y + 4, words.number(value, places), "end")


def _count_decimals(value: float, digits: int) -> int:
    """So many decimals that a tick is told whole, and no more than the quantity has."""
    return next((n for n in range(digits + 1) if round(value, n) == round(value, 6)), digits)


def _draw_limits(
    pane: LinePane, up: ValueScale, over: TimeScale, chart: Chart, words: Labels
) -> Iterator[Drawn]:
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
    digits = max((trace.digits for trace in pane.traces), default=0)
    named: list[tuple[float, str, int | str | None]] = [
        (
            up.y(limit.value),
            fit_label(limit.label, words.number(limit.value, digits)),
            limit.priority,
        )
        for limit in shown
    ]
    if pane.highest and up.low <= pane.highest[1] <= up.high:
        y = up.y(pane.highest[1])
        yield horizontal("ref", over.left, over.right, y, "1 3")
        named.append((y, f"{pane.highest[0]} {words.number(pane.highest[1], digits)}", None))
    named += _list_keys(pane, up, words)
    named.sort(key=lambda entry: -entry[0])
    places = spread_labels([entry[0] for entry in named], up.top, up.bottom)
    for (_, words_of, key), y in zip(named, places, strict=True):
        if isinstance(key, str):
            yield from _draw_key(words_of, key, y, over, chart)
        else:
            yield from _draw_limit_name(words_of, key, y, over, chart)


def _list_keys(
    pane: LinePane, up: ValueScale, words: Labels
) -> list[tuple[float, str, int | str | None]]:
    """Where and how the lines of a pane are named, if there is more than one."""
    several = [trace for trace in pane.traces if not trace.soft and trace.bins]
    plans = [trace for trace in pane.traces if trace.soft and trace.bins]
    keys: list[tuple[float, str, int | str | None]] = [
        (up.y(up.low), plan.label, plan.css) for plan in plans
    ]
    if len(several) > 1:
        cut = count_shared_letters([trace.label for trace in several])
        keys += [(up.y(trace.bins[-1].last), trace.label[cut:], trace.css) for trace in several]
    elif plans:
        keys += [(up.y(trace.bins[-1].last), words.say("measured"), trace.css) for trace in several]
    return keys


def fit_label(name: str, value: str) -> str:
    """A name with its value, the name cut where both are too long to stand beside a chart."""
    room = _ROW - len(value) - 1
    cut = name if len(name) <= room else f"{name[: max(room - 1, 3)].rstrip()}{_CUT}"
    return f"{cut} {value}"


def count_shared_letters(names: Sequence[str]) -> int:
    """How many letters at the head of all names tell them not apart: whole words."""
    if len(names) < 2:
        return 0
    first, last = min(names), max(names)
    same = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0)
    return first[:same].rfind(" ") + 1


def _draw_priority_strip(
    raising: Sequence[Limit], up: ValueScale, over: TimeScale
) -> Iterator[Drawn]:
    """Beside the scale, in which priority each height lies."""
    edges = [*(limit.value for limit in raising), up.high]
    for limit, (below, above) in zip(raising, pairwise(edges), strict=True):
        top, bottom = up.y(above), up.y(below)
        yield rect(f"strip p{limit.priority}", over.right + 1, top, 5, bottom - top)


def _draw_limit_name(
    words_of: str, priority: int | None, y: float, over: TimeScale, chart: Chart
) -> Iterator[Drawn]:
    css = "" if priority is None else "hl"
    if chart.narrow:
        x = over.right - 4
        yield text(f"{css} halo", x, y - 4, words_of, "end")
        if priority is not None:
            size = 13
            left = x - len(words_of) * _LETTER - size - 6
            yield Mark(priority=priority, state="ack", x=left, y=y - 15, size=size)
        return
    x = over.right + 14
    if priority is not None:
        yield Mark(priority=priority, state="ack", x=x, y=y - 7.5, size=15)
        x += 21
    yield text(css, x, y + 4, words_of)


def _draw_key(words_of: str, css: str, y: float, over: TimeScale, chart: Chart) -> Iterator[Drawn]:
    """Which of several lines is which: a piece of it, and its name."""
    if chart.narrow:
        return
    yield path(css, f"M{over.right + 14} {y}h14")
    cut = words_of if len(words_of) <= _BESIDE else f"{words_of[: _BESIDE - 1]}{_CUT}"
    yield text("tiny", over.right + 33, y + 4, cut)


def spread_labels(heights: Sequence[float], top: float, bottom: float) -> list[float]:
    """Places from the bottom up, as near as can be to those wanted and never one on another."""
    placed: list[float] = []
    for y in heights:
        placed.append(min(y, placed[-1] - _APART) if placed else min(y, bottom - 4))
    if placed and placed[-1] < top + 4:
        placed[-1] = top + 4
        for place in range(len(placed) - 2, -1, -1):
            placed[place] = max(placed[place], placed[place + 1] + _APART)
    return placed


def list_gaps(trace: Trace, over: TimeScale) -> list[tuple[float, float]]:
    """Where a series said nothing for longer than it may; up to now at most."""
    if trace.stale_s is None or trace.soft or not trace.hatched:
        return []
    limit = max(trace.stale_s, 2 * (trace.piece or 0))
    end = min(over.now, over.last)
    times = [bin_.at for bin_ in trace.bins]
    if trace.before:
        times.insert(0, max(trace.before[0], over.first - limit))
    times.append(end)
    piece = trace.piece or 0
    return [
        (max(a + piece, over.first), b)
        for a, b in pairwise(times)
        if b - a > limit and b > over.first
    ]


def _draw_gaps(
    trace: Trace, over: TimeScale, up: ValueScale, chart: Chart, words: Labels
) -> Iterator[Drawn]:
    for first, last in list_gaps(trace, over):
        left, right = over.x(first), over.x(last)
        yield rect("no", left, up.top, right - left, up.bottom - up.top)
        if right - left > (34 if chart.narrow else 46):
            words_of = words.say("missing")
            yield text("halo", (left + right) / 2, up.bottom - 44, words_of, "middle")


def split_at_gaps(trace: Trace, over: TimeScale) -> list[list[tuple[float, float, float, float]]]:
    """Runs of (x, low, mean, high) without a gap between."""
    limit = None if trace.stale_s is None else max(trace.stale_s, 2 * (trace.piece or 0))
    half = (trace.piece or 0) / 2
    runs: list[list[tuple[float, float, float, float]]] = []
    previous: float | None = None
    for bin_ in trace.bins:
        if previous is None or (limit is not None and bin_.at - previous > limit):
            runs.append([])
        runs[-1].append((over.x(min(bin_.at + half, over.last)), bin_.low, bin_.mean, bin_.high))
        previous = bin_.at
    return runs


def _draw_trace(trace: Trace, over: TimeScale, up: ValueScale, chart: Chart) -> Iterator[Drawn]:
    steps = trace.soft or trace.kind is Kind.STATE
    for run in split_at_gaps(trace, over):
        points = [(x, up.y(mean)) for x, _, mean, _ in run]
        if trace.piece is not None and not steps and len(run) > 1:
            upper = [(x, up.y(high)) for x, _, _, high in run]
            lower = [(x, up.y(low)) for x, low, _, _ in run]
            yield area("env", upper, lower)
        if steps:
            end = over.last if trace.soft else over.x(min(over.now, over.last))
            points = staircase(points, over.right if trace.soft else end)
        yield line(trace.css if not chart.narrow else f"{trace.css} thin", points)
