"""Panes of lines: scale, thresholds named at right, gaps, quality marks, where the rate leads."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from hypervisor.charts.marks import last_dot, lead, quality_marks
from hypervisor.charts.model import Chart, Limit, LinePane, Trace, Words
from hypervisor.charts.scale import Across, Up, padded, value_ticks
from hypervisor.charts.shapes import Drawn, Mark, across, area, line, path, rect, staircase, text
from sensors._quantity import Kind

_ROW = 16  # letters of a threshold with its value
_BESIDE = 15  # letters of a line's name beside a chart
_CUT = "\N{HORIZONTAL ELLIPSIS}"
_DASHES = ("2 3", "7 4", "")  # the lowest threshold dotted, the next dashed, the others solid
_APART = 17  # px between two names at the right
_LETTER = 6.4  # px, of 12 px Plex
_TITLE = 16  # px above the scale


def line_pane(
    pane: LinePane, chart: Chart, over: Across, top: float, words: Words
) -> Iterator[Drawn]:
    """The shapes of a pane whose upper edge is at `top`."""
    up = _scale(pane, top)
    digits = max((one.digits for one in pane.traces), default=0)
    yield from _grid(up, over, digits, words)
    yield from _limits(pane, up, over, chart, words)
    for trace in pane.traces:
        yield from _gaps(trace, over, up, chart, words)
        yield from _trace(trace, over, up, chart)
    yield text("halo", over.left + 6, top + 13, pane.title)
    if pane.ahead is not None and not pane.ahead.at > over.last:
        lines = [up.y(limit.value) for limit in pane.limits]
        yield from lead(pane.ahead, over, up, lines, words)
    for trace in pane.traces:
        if not trace.soft:
            yield from quality_marks(trace, over, up, words)
            yield from last_dot(trace, over, up)


def _scale(pane: LinePane, top: float) -> Up:
    values = [value for trace in pane.traces for one in trace.bins for value in (one.low, one.high)]
    values += [trace.before[1] for trace in pane.traces if trace.before and not trace.bins]
    limits = [limit.value for limit in pane.limits]
    least = max((one.least for one in pane.traces), default=1.0)
    if values and limits:
        # A threshold far from all that was measured is named at the edge instead of flattening it.
        spread = max(max(values) - min(values), least)
        near = [
            limit
            for limit in limits
            if min(values) - 40 * spread < limit < max(values) + 40 * spread
        ]
        limits = near or limits[:1]
    if pane.known and values and pane.known[1] <= max([*values, *limits]) * 1.35:
        limits = [*limits, pane.known[1]]
    floors = [one.floor for one in pane.traces]
    floor = None if None in floors or not floors else min(one for one in floors if one is not None)
    if pane.ahead is not None and values:
        leads = pane.ahead.value + pane.ahead.rate * (pane.ahead.until - pane.ahead.at)
        spread = max(values) - min(values)
        limits = [*limits, min(max(leads, min(values) - spread / 2), max(values) + spread / 2)]
    low, high = padded([*values, *limits], floor=floor, least=least)
    return Up(low=low, high=high, top=top + _TITLE, bottom=top + pane.height)


def _grid(up: Up, over: Across, digits: int, words: Words) -> Iterator[Drawn]:
    ticks = value_ticks(up.low, up.high, max(3, int((up.bottom - up.top) // 46)))
    places = max((_needed(value, digits) for value in ticks), default=0)
    for value in ticks:
        y = up.y(value)
        yield across("g", over.left, over.right, y)
        yield text("", over.left - 8, y + 4, words.number(value, places), "end")


def _needed(value: float, digits: int) -> int:
    """So many decimals that a tick is told whole, and no more than the quantity has."""
    return next((n for n in range(digits + 1) if round(value, n) == round(value, 6)), digits)


def _limits(pane: LinePane, up: Up, over: Across, chart: Chart, words: Words) -> Iterator[Drawn]:
    shown = sorted(
        (one for one in pane.limits if up.low <= one.value <= up.high), key=lambda one: one.value
    )
    raising = [one for one in shown if one.priority is not None]
    for number, limit in enumerate(shown):
        dashes = _DASHES[min(number, 2)] if limit.priority is not None else "1 3"
        css = "th" if limit.priority is not None else "ref"
        yield across(css, over.left, over.right, up.y(limit.value), dashes)
    if pane.main:
        yield from _strip(raising, up, over)
    digits = max((trace.digits for trace in pane.traces), default=0)
    named: list[tuple[float, str, int | str | None]] = [
        (up.y(one.value), fitted(one.label, words.number(one.value, digits)), one.priority)
        for one in shown
    ]
    if pane.known and up.low <= pane.known[1] <= up.high:
        y = up.y(pane.known[1])
        yield across("ref", over.left, over.right, y, "1 3")
        named.append((y, f"{pane.known[0]} {words.number(pane.known[1], digits)}", None))
    named += _keys(pane, up, words)
    named.sort(key=lambda one: -one[0])
    places = spread([one[0] for one in named], up.top, up.bottom)
    for (_, words_of, key), y in zip(named, places, strict=True):
        if isinstance(key, str):
            yield from _key(words_of, key, y, over, chart)
        else:
            yield from _named(words_of, key, y, over, chart)


def _keys(pane: LinePane, up: Up, words: Words) -> list[tuple[float, str, int | str | None]]:
    """Where and how the lines of a pane are named, if there is more than one."""
    several = [trace for trace in pane.traces if not trace.soft and trace.bins]
    plans = [trace for trace in pane.traces if trace.soft and trace.bins]
    found: list[tuple[float, str, int | str | None]] = [
        (up.y(up.low), plan.label, plan.css) for plan in plans
    ]
    if len(several) > 1:
        cut = alike([one.label for one in several])
        found += [(up.y(one.bins[-1].last), one.label[cut:], one.css) for one in several]
    elif plans:
        found += [(up.y(one.bins[-1].last), words.say("measured"), one.css) for one in several]
    return found


def fitted(name: str, value: str) -> str:
    """A name with its value, the name cut where both are too long to stand beside a chart."""
    room = _ROW - len(value) - 1
    cut = name if len(name) <= room else f"{name[: max(room - 1, 3)].rstrip()}{_CUT}"
    return f"{cut} {value}"


def alike(names: Sequence[str]) -> int:
    """How many letters at the head of all names tell them not apart: whole words."""
    if len(names) < 2:
        return 0
    first, last = min(names), max(names)
    same = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0)
    return first[:same].rfind(" ") + 1


def _strip(raising: Sequence[Limit], up: Up, over: Across) -> Iterator[Drawn]:
    """Beside the scale, in which priority each height lies."""
    edges = [*(one.value for one in raising), up.high]
    for limit, (below, above) in zip(raising, pairwise(edges), strict=True):
        top, bottom = up.y(above), up.y(below)
        yield rect(f"strip p{limit.priority}", over.right + 1, top, 5, bottom - top)


def _named(
    words_of: str, priority: int | None, y: float, over: Across, chart: Chart
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


def _key(words_of: str, css: str, y: float, over: Across, chart: Chart) -> Iterator[Drawn]:
    """Which of several lines is which: a piece of it, and its name."""
    if chart.narrow:
        return
    yield path(css, f"M{over.right + 14} {y}h14")
    cut = words_of if len(words_of) <= _BESIDE else f"{words_of[: _BESIDE - 1]}{_CUT}"
    yield text("tiny", over.right + 33, y + 4, cut)


def spread(wanted: Sequence[float], top: float, bottom: float) -> list[float]:
    """Places from the bottom up, as near as can be to those wanted and never one on another."""
    found: list[float] = []
    for y in wanted:
        found.append(min(y, found[-1] - _APART) if found else min(y, bottom - 4))
    if found and found[-1] < top + 4:
        found[-1] = top + 4
        for place in range(len(found) - 2, -1, -1):
            found[place] = max(found[place], found[place + 1] + _APART)
    return found


def gaps(trace: Trace, over: Across) -> list[tuple[float, float]]:
    """Where a series said nothing for longer than it may; up to now at most."""
    if trace.stale_s is None or trace.soft or not trace.hatched:
        return []
    limit = max(trace.stale_s, 2 * (trace.piece or 0))
    end = min(over.now, over.last)
    times = [one.at for one in trace.bins]
    if trace.before:
        times.insert(0, max(trace.before[0], over.first - limit))
    times.append(end)
    piece = trace.piece or 0
    return [
        (max(a + piece, over.first), b)
        for a, b in pairwise(times)
        if b - a > limit and b > over.first
    ]


def _gaps(trace: Trace, over: Across, up: Up, chart: Chart, words: Words) -> Iterator[Drawn]:
    for first, last in gaps(trace, over):
        left, right = over.x(first), over.x(last)
        yield rect("no", left, up.top, right - left, up.bottom - up.top)
        if right - left > (34 if chart.narrow else 46):
            words_of = words.say("missing")
            yield text("halo", (left + right) / 2, up.bottom - 44, words_of, "middle")


def pieces(trace: Trace, over: Across) -> list[list[tuple[float, float, float, float]]]:
    """Runs of (x, low, mean, high) without a gap between."""
    limit = None if trace.stale_s is None else max(trace.stale_s, 2 * (trace.piece or 0))
    half = (trace.piece or 0) / 2
    runs: list[list[tuple[float, float, float, float]]] = []
    previous: float | None = None
    for one in trace.bins:
        if previous is None or (limit is not None and one.at - previous > limit):
            runs.append([])
        runs[-1].append((over.x(min(one.at + half, over.last)), one.low, one.mean, one.high))
        previous = one.at
    return runs


def _trace(trace: Trace, over: Across, up: Up, chart: Chart) -> Iterator[Drawn]:
    steps = trace.soft or trace.kind is Kind.STATE
    for run in pieces(trace, over):
        points = [(x, up.y(mean)) for x, _, mean, _ in run]
        if trace.piece is not None and not steps and len(run) > 1:
            upper = [(x, up.y(high)) for x, _, _, high in run]
            lower = [(x, up.y(low)) for x, low, _, _ in run]
            yield area("env", upper, lower)
        if steps:
            end = over.last if trace.soft else over.x(min(over.now, over.last))
            points = staircase(points, over.right if trace.soft else end)
        yield line(trace.css if not chart.narrow else f"{trace.css} thin", points)
