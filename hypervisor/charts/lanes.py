"""Panes of bars and lanes: amounts, states, many devices, alarms."""

from collections.abc import Iterator

from hypervisor.base.translation import translate as _
from hypervisor.charts.lines import list_gaps
from hypervisor.charts.model import (
    LANE,
    AlarmLane,
    AlarmPane,
    BarPane,
    LaneRow,
    StatePane,
    StripPane,
    Trace,
)
from hypervisor.charts.scale import TimeScale, ValueScale, count_decimals, value_ticks
from hypervisor.charts.shapes import Drawn, Mark, cut, horizontal, rect, text
from hypervisor.charts.words import code_word
from hypervisor.web import filters

_LETTER = 6.4  # px
_SHADES = 5
_APART = 8.0  # px: rows of at least this height have a gap between them
_BESIDE = 20  # letters of a note beside a chart
_DECIMALS = 3  # of the ticks of bars, at most
_SHORTEST = 10  # letters: a shorter piece of a name says nothing


def _span(css: str, first: float, last: float, over: TimeScale, box: tuple[float, float]) -> Drawn:
    """A rectangle from `first` to `last` within the axis; `box`: its top and height."""
    left, right = over.x(max(first, over.first)), over.x(min(last, over.last))
    return rect(css, left, box[0], right - left, box[1])


def draw_bars(pane: BarPane, over: TimeScale, top: float) -> Iterator[Drawn]:
    """Amounts per bin, hanging or standing."""
    trace = pane.trace
    smallest = 2.0 if trace.unit == "mm" else trace.least
    high = max([bin_.total for bin_ in trace.bins] + [smallest]) * 1.08
    low_at, high_at = (top, top + pane.height) if pane.hanging else (top + pane.height, top)
    up = ValueScale(low=0, high=high, top=high_at, bottom=low_at)
    ticks = value_ticks(0, high, 3)
    places = count_decimals(ticks, _DECIMALS)
    for value in ticks:
        y = up.y(value)
        yield horizontal("g", over.left, over.right, y)
        yield text("", over.left - 8, y + 4, filters.number(value, places), "end")
    for first, last in list_gaps(trace, over):
        yield _span("no", first, last, over, (top, pane.height))
    for bin_ in trace.bins:
        if bin_.total > 0:
            # A reading's amount fell before its time; a bin's after the time that it begins.
            first = bin_.at if trace.piece else bin_.at - trace.interval_s
            last = first + (trace.piece or trace.interval_s)
            left = over.x(max(first, over.first))
            right = over.x(min(last, over.last, max(over.now, bin_.at)))
            y, zero = up.y(bin_.total), up.y(0)
            yield rect("rain", left, min(y, zero), max(right - left - 1, 0.8), abs(y - zero))
    if over.narrow:
        yield text("halo", over.left + 6, top + pane.height - 4, pane.title)
        if pane.notes:
            yield text("hl halo", over.right - 4, top + pane.height - 4, pane.notes[0], "end")
        return
    y = top + 12
    for number, note in enumerate((pane.title, *pane.notes)):
        for row in wrap_words(note, _BESIDE):
            yield text("hl" if number == 1 else "", over.right + 10, y, row)
            y += 16


def wrap_words(words: str, letters: int) -> list[str]:
    """Rows of at most `letters` letters, broken between words."""
    rows: list[str] = []
    for word in words.split(" "):
        if rows and len(rows[-1]) + 1 + len(word) <= letters:
            rows[-1] += f" {word}"
        else:
            rows.append(word)
    return rows


def draw_states(pane: StatePane, over: TimeScale, top: float) -> Iterator[Drawn]:
    """A lane for each: filled while on, or in the class of its code."""
    yield text("hl", over.left, top + 12, pane.title)
    for number, trace in enumerate(pane.traces):
        y = top + 22 + number * LANE
        yield horizontal("g", over.left, over.right, y + LANE - 3)
        for first, last, value in list_state_spans(trace, over):
            if value:
                code = trace.codes.get(round(value))
                css = "on" if code is None else f"on code-{code}"
                tooltip = f"{trace.label}: {_state_word(trace, value)}"
                left = over.x(first)
                yield rect(css, left, y + 3, over.x(last) - left, 14, tooltip)
        yield text("halo", over.left + 6, y + 14, trace.label)
        if not over.narrow:
            word = "" if trace.last is None else _state_word(trace, trace.last)
            yield text("", over.right + 10, y + 14, word)


def _state_word(trace: Trace, value: float) -> str:
    if trace.codes:
        return code_word(trace.codes.get(round(value), str(round(value))))
    return _("yes") if value else _("no")


def list_state_spans(trace: Trace, over: TimeScale) -> list[tuple[float, float, float]]:
    """(begin, end, value) of each state; equal ones joined."""
    points = [(bin_.at, bin_.high if trace.piece else bin_.last) for bin_ in trace.bins]
    if trace.before:
        points.insert(0, (over.first, trace.before[1]))
    ends = [*(at for at, _value in points[1:]), over.end]
    spans: list[tuple[float, float, float]] = []
    for (at, value), until in zip(points, ends, strict=False):
        if spans and spans[-1][2] == value:
            spans[-1] = (spans[-1][0], until, value)
        elif until > at:
            spans.append((at, until, value))
    return spans


def draw_strip(pane: StripPane, over: TimeScale, top: float) -> Iterator[Drawn]:
    """One row a device; rows with an active alarm are named and come first."""
    yield text("hl", over.left, top + 12, pane.title)
    high = pane.row_height
    named = 0.0
    for number, row in enumerate(sorted(pane.rows, key=lambda row: (not row.troubled, row.name))):
        y = top + 20 + number * high
        thick = high if high < _APART else high - 1
        yield rect("row", over.left, y, over.right - over.left, thick, row.name)
        for first, last, shade in _list_shades(row.trace, pane.full):
            yield _span(f"lit{shade}", first, last, over, (y, thick))
        for first, last in _list_row_gaps(row, over):
            yield _span("no", first, last, over, (y, thick))
        if row.troubled and not over.narrow and y >= named:
            yield text("tiny", over.right + 10, y + high, row.name)
            named = y + 13
    for number, note in enumerate(() if over.narrow else pane.notes):
        yield text("", over.right + 10, max(top + 30, named + 16) + 15 * number, note)


def _list_shades(trace: Trace, full: float) -> list[tuple[float, float, int]]:
    """(begin, end, shade) of each run of the same shade."""
    runs: list[tuple[float, float, int]] = []
    for bin_ in trace.bins:
        last = bin_.at + (trace.piece or trace.interval_s)
        shade = min(_SHADES - 1, int(bin_.mean / full * (_SHADES - 1) + 0.5))
        joined = runs and runs[-1][2] == shade and bin_.at - runs[-1][1] < trace.interval_s / 2
        if joined:
            runs[-1] = (runs[-1][0], last, shade)
        else:
            runs.append((bin_.at, last, shade))
    return runs


def _list_row_gaps(row: LaneRow, over: TimeScale) -> Iterator[tuple[float, float]]:
    """Its gaps while it had supply."""
    for first, last in list_gaps(row.trace, over):
        if row.speaks is None:
            yield first, last
        for begins, ends in row.speaks or ():
            if min(last, ends) - max(first, begins) > row.trace.interval_s:
                yield max(first, begins), min(last, ends)


def draw_alarms(pane: AlarmPane, over: TimeScale, top: float) -> Iterator[Drawn]:
    """A lane an alarm: filled until it was acknowledged, hollow from then on."""
    yield text("hl", over.left, top + 12, _("Alarms"))
    if not pane.lanes:
        yield text("", over.left, top + 34, _("none in this span"))
    for number, lane in enumerate(pane.lanes):
        y = top + 18 + number * LANE
        yield horizontal("g", over.left, over.right, y + LANE - 3)
        yield from _draw_alarm(lane, over, y)
    if pane.more:
        words = _("and %(count)s more, in the history below") % {"count": pane.more}
        yield text("", over.left, top + 18 + LANE * len(pane.lanes) + 12, words)
    if pane.lanes and not over.narrow:
        yield text("", over.right + 10, top + 32, _("full: to acknowledge"))
        yield text("", over.right + 10, top + 50, _("clear: acknowledged"))


def _draw_alarm(lane: AlarmLane, over: TimeScale, y: float) -> Iterator[Drawn]:
    end = min(lane.until if lane.until is not None else over.now, over.last)
    edges = [*(at for at, _priority in lane.steps[1:]), end]
    for (at, priority), until in zip(lane.steps, edges, strict=True):
        seen = until if lane.seen is None else min(max(lane.seen, at), until)
        for css, first, last in (("band", at, seen), ("band a", seen, until)):
            if min(last, over.last) > max(first, over.first):
                yield _span(f"{css} p{priority}", first, last, over, (y + 2, 14))
    first = max(lane.steps[0][0], over.first)
    left, right = over.x(first), over.x(max(end, first))
    before, after = left - 36 - over.left, over.right - right - 36
    room = int(max(before, after) / _LETTER)
    x = max(left, over.left) + 3  # without room beside the bar the mark lies on it
    if room >= min(_SHORTEST, len(lane.label)):
        name = cut(lane.label, room)
        if before >= len(lane.label) * _LETTER or before >= after:
            x = left - 26
            yield text("halo", left - 34, y + 14, name, "end")
        else:
            x = right + 8
            yield text("halo", right + 32, y + 14, name)
    yield Mark(priority=lane.steps[-1][1], state=lane.state, x=x, y=y, size=18, tooltip=lane.label)
