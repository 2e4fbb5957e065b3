"""Panes of bars and lanes: rain, on and off, many devices, alarms."""

from collections.abc import Iterator

from hypervisor.charts.lines import list_gaps
from hypervisor.charts.model import (
    AlarmLane,
    AlarmPane,
    BarPane,
    Chart,
    Labels,
    LaneRow,
    StatePane,
    StripPane,
    Trace,
)
from hypervisor.charts.scale import TimeScale, ValueScale, value_ticks
from hypervisor.charts.shapes import Drawn, Mark, horizontal, rect, text

LANE = 24.0  # px
_LETTER = 6.4
_CUT = "\N{HORIZONTAL ELLIPSIS}"
_SHADES = 5
_APART = 8.0  # px of a row from which on rows stand apart
_BESIDE = 20  # letters of a row beside a chart
_SHORTEST = 10  # letters of a name that are worth saying


def draw_bars(
    pane: BarPane, chart: Chart, over: TimeScale, top: float, words: Labels
) -> Iterator[Drawn]:
    """Amounts per hour (or as long as a bar stands for), hanging or standing."""
    trace = pane.trace
    high = max([bin_.total for bin_ in trace.bins] + [_smallest_bar(trace)]) * 1.08
    low_at, high_at = (top, top + pane.height) if pane.hanging else (top + pane.height, top)
    up = ValueScale(low=0, high=high, top=high_at, bottom=low_at)
    for value in value_ticks(0, high, 3):
        y = up.y(value)
        yield horizontal("g", over.left, over.right, y)
        yield text("", over.left - 8, y + 4, words.number(value, 0 if high >= 3 else 1), "end")
    for first, last in list_gaps(trace, over):
        left, right = over.x(first), over.x(last)
        yield rect("no", left, top, right - left, pane.height)
    for bin_ in trace.bins:
        if bin_.total > 0:
            # An amount is that of the time that ends at its time; rolled up, of the piece it names.
            first = bin_.at if trace.piece else bin_.at - trace.interval_s
            last = first + (trace.piece or trace.interval_s)
            left = over.x(max(first, over.first))
            right = over.x(min(last, over.last, max(over.now, bin_.at)))
            y, zero = up.y(bin_.total), up.y(0)
            yield rect("rain", left, min(y, zero), max(right - left - 1, 0.8), abs(y - zero))
    if chart.narrow:
        yield text("halo", over.left + 6, top + pane.height - 4, pane.title)
        if pane.notes:
            yield text("hl halo", over.right - 4, top + pane.height - 4, pane.notes[0], "end")
        return
    y = top + 12
    for number, note in enumerate((pane.title, *pane.notes)):
        for row in wrap_words(note, _BESIDE):
            yield text("hl" if number == 1 else "", over.right + 10, y, row)
            y += 16


def wrap_words(words_of: str, letters: int) -> list[str]:
    """In rows of at most so many letters, broken between words."""
    rows: list[str] = []
    for word in words_of.split(" "):
        if rows and len(rows[-1]) + 1 + len(word) <= letters:
            rows[-1] += f" {word}"
        else:
            rows.append(word)
    return rows


def _smallest_bar(trace: Trace) -> float:
    return 2.0 if trace.unit == "mm" else trace.least


def state_height(pane: StatePane) -> float:
    return LANE * len(pane.traces) + 22


def draw_states(
    pane: StatePane, chart: Chart, over: TimeScale, top: float, words: Labels
) -> Iterator[Drawn]:
    """A lane for each: full while on, or its code in words."""
    yield text("hl", over.left, top + 12, pane.title)
    for number, trace in enumerate(pane.traces):
        y = top + 22 + number * LANE
        yield horizontal("g", over.left, over.right, y + LANE - 3)
        for first, last, value in list_state_spans(trace, over):
            left, right = over.x(first), over.x(last)
            name = _state_word(trace, value, words)
            if value:
                kind = (
                    f"on code-{trace.codes[round(value)]}" if round(value) in trace.codes else "on"
                )
                yield rect(kind, left, y + 3, right - left, 14, f"{trace.label}: {name}")
        label = text("halo", over.left + 6, y + 14, trace.label)
        yield label
        if chart.narrow:
            continue
        last_of = trace.last
        yield text(
            "",
            over.right + 10,
            y + 14,
            "" if last_of is None else _state_word(trace, last_of[1], words),
        )


def _state_word(trace: Trace, value: float, words: Labels) -> str:
    if trace.codes:
        return words.say(trace.codes.get(round(value), str(round(value))).replace("_", " "))
    return words.say("yes") if value else words.say("no")


def list_state_spans(trace: Trace, over: TimeScale) -> list[tuple[float, float, float]]:
    """Spans in which a state held, (from, to, value); equal ones joined."""
    points = [(bin_.at, bin_.high if trace.piece else bin_.last) for bin_ in trace.bins]
    if trace.before:
        points.insert(0, (over.first, trace.before[1]))
    end = min(over.now, over.last)
    spans: list[tuple[float, float, float]] = []
    for number, (at, value) in enumerate(points):
        until = points[number + 1][0] if number + 1 < len(points) else end
        if spans and spans[-1][2] == value:
            spans[-1] = (spans[-1][0], until, value)
        elif until > at:
            spans.append((at, until, value))
    return spans


def strip_row_height(pane: StripPane) -> float:
    """The height of a row: thin where there are many."""
    return 14.0 if len(pane.rows) <= 12 else 8.0 if len(pane.rows) <= 30 else 5.0


def strip_height(pane: StripPane) -> float:
    return 22 + strip_row_height(pane) * len(pane.rows)


def draw_strip(
    pane: StripPane, chart: Chart, over: TimeScale, top: float, words: Labels
) -> Iterator[Drawn]:
    """One row a device; rows with an open alarm are named, and come first."""
    yield text("hl", over.left, top + 12, pane.title)
    high = strip_row_height(pane)
    rows = sorted(pane.rows, key=lambda row: (not row.troubled, row.name))
    named = 0.0
    for number, row in enumerate(rows):
        y = top + 20 + number * high
        thick = high if high < _APART else high - 1
        yield rect("row", over.left, y, over.right - over.left, thick, row.name)
        yield from _draw_row(row, pane, over, y, thick)
        if row.troubled and not chart.narrow and y >= named:
            yield text("tiny", over.right + 10, y + high, row.name)
            named = y + 13
    for number, note in enumerate(pane.notes):
        if not chart.narrow:
            y = max(top + 30, named + 16) + 15 * number
            yield text("", over.right + 10, y, note)
    del words


def _draw_row(
    row: LaneRow, pane: StripPane, over: TimeScale, y: float, high: float
) -> Iterator[Drawn]:
    """Runs of the same shade."""
    trace = row.trace
    run: tuple[float, float, int] | None = None
    for bin_ in trace.bins:
        last = bin_.at + (trace.piece or trace.interval_s)
        shade = min(_SHADES - 1, int(bin_.mean / pane.full * (_SHADES - 1) + 0.5))
        if run and run[2] == shade and bin_.at - run[1] < trace.interval_s / 2:
            run = (run[0], last, shade)
            continue
        if run:
            yield _draw_shade(run, over, y, high)
        run = (bin_.at, last, shade)
    if run:
        yield _draw_shade(run, over, y, high)
    for first, last in _list_row_gaps(row, over):
        left = over.x(first)
        yield rect("no", left, y, over.x(last) - left, high)


def _list_row_gaps(row: LaneRow, over: TimeScale) -> Iterator[tuple[float, float]]:
    """Its gaps, as far as it had supply then."""
    for first, last in list_gaps(row.trace, over):
        if row.speaks is None:
            yield first, last
            continue
        for begins, ends in row.speaks:
            if min(last, ends) - max(first, begins) > row.trace.interval_s:
                yield max(first, begins), min(last, ends)


def _draw_shade(run: tuple[float, float, int], over: TimeScale, y: float, high: float) -> Drawn:
    first, last = max(run[0], over.first), min(run[1], over.last)
    left = over.x(first)
    return rect(f"lit{run[2]}", left, y, over.x(last) - left, high)


def alarm_height(pane: AlarmPane) -> float:
    return 22 + LANE * max(len(pane.lanes), 1) + (16 if pane.more else 0)


def draw_alarms(
    pane: AlarmPane, chart: Chart, over: TimeScale, top: float, words: Labels
) -> Iterator[Drawn]:
    """A lane an alarm: full until somebody acknowledged it, clear from then on."""
    yield text("hl", over.left, top + 12, words.say("Alarms"))
    if not pane.lanes:
        yield text("", over.left, top + 34, words.say("none in this span"))
    for number, lane in enumerate(pane.lanes):
        y = top + 18 + number * LANE
        yield horizontal("g", over.left, over.right, y + LANE - 3)
        yield from _draw_alarm(lane, over, y)
    if pane.more:
        words_of = words.say("and %(count)s more, in the history below") % {"count": pane.more}
        yield text("", over.left, top + 18 + LANE * len(pane.lanes) + 12, words_of)
    if pane.lanes and not chart.narrow:
        yield text("", over.right + 10, top + 32, words.say("full: to acknowledge"))
        yield text("", over.right + 10, top + 50, words.say("clear: acknowledged"))


def _draw_alarm(lane: AlarmLane, over: TimeScale, y: float) -> Iterator[Drawn]:
    end = min(lane.until if lane.until is not None else over.now, over.last)
    first = max(lane.steps[0][0], over.first)
    edges = [*(at for at, _ in lane.steps[1:]), end]
    for (at, priority), until in zip(lane.steps, edges, strict=True):
        seen = until if lane.seen is None else min(max(lane.seen, at), until)
        yield from _draw_band(f"band p{priority}", at, seen, over, y)
        yield from _draw_band(f"band a p{priority}", seen, until, over, y)
    left, right = over.x(first), over.x(max(end, first))
    priority = lane.steps[-1][1]
    before, after = left - 36 - over.left, over.right - right - 36
    room = int(max(before, after) / _LETTER)
    if room < min(_SHORTEST, len(lane.label)):
        # No room beside the bar: the mark stands on it, and whoever points at it hears the name.
        x = max(left, over.left) + 3
        yield Mark(priority=priority, state=lane.state, x=x, y=y, size=18, tooltip=lane.label)
        return
    name = lane.label if len(lane.label) <= room else lane.label[: room - 1].rstrip() + _CUT
    if before >= len(lane.label) * _LETTER or before >= after:
        x = left - 26
        yield text("halo", left - 34, y + 14, name, "end")
    else:
        x = right + 8
        yield text("halo", right + 32, y + 14, name)
    yield Mark(priority=priority, state=lane.state, x=x, y=y, size=18, tooltip=lane.label)


def _draw_band(css: str, first: float, last: float, over: TimeScale, y: float) -> Iterator[Drawn]:
    first, last = max(first, over.first), min(last, over.last)
    if last > first:
        left = over.x(first)
        yield rect(css, left, y + 2, over.x(last) - left, 14)
