"""A chart drawn: its panes one under another, the time axis, one line for now through all."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypervisor.charts import lanes, lines
from hypervisor.charts.model import (
    AlarmPane,
    BarPane,
    Chart,
    Labels,
    LinePane,
    Pane,
    StatePane,
    StripPane,
    Trace,
)
from hypervisor.charts.scale import TimeScale, time_ticks
from hypervisor.charts.shapes import Drawn, path, text, vertical

_LEFT, _RIGHT = 46.0, 138.0
_NARROW_LEFT, _NARROW_RIGHT = 38.0, 10.0
_BETWEEN = 18.0
_BARE = frozenset({"1", "bool", "code"})  # units that nobody says


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """What the template writes down. `data`: what the cursor reads; plain values."""

    width: float
    height: float
    shapes: list[Drawn]
    data: dict[str, Any]
    summary: str


def draw_chart(chart: Chart, words: Labels) -> Drawing:
    """All of it."""
    over = time_scale(chart)
    shapes: list[Drawn] = []
    top = 10.0
    for number, pane in enumerate(chart.panes):
        last = number == len(chart.panes) - 1
        shapes += _draw_pane(pane, chart, over, top, words)
        top += _pane_height(pane) + (0 if last else _BETWEEN)
    bottom = top + 4
    back = list(_draw_grid(over, words, bottom))
    shapes = [*back, *shapes, *_draw_axis(chart, over, words, bottom)]
    return Drawing(
        width=chart.width,
        height=bottom + 26,
        shapes=shapes,
        data=_cursor_data(chart, over, bottom, words),
        summary=chart.summary,
    )


def time_scale(chart: Chart) -> TimeScale:
    """Time across this chart."""
    left, right = (_NARROW_LEFT, _NARROW_RIGHT) if chart.narrow else (_LEFT, _RIGHT)
    return TimeScale(
        first=chart.first, last=chart.last, left=left, right=chart.width - right, now=chart.now
    )


def _draw_pane(
    pane: Pane, chart: Chart, over: TimeScale, top: float, words: Labels
) -> Iterator[Drawn]:
    match pane:
        case LinePane():
            return lines.draw_lines(pane, chart, over, top, words)
        case BarPane():
            return lanes.draw_bars(pane, chart, over, top, words)
        case StatePane():
            return lanes.draw_states(pane, chart, over, top, words)
        case StripPane():
            return lanes.draw_strip(pane, chart, over, top, words)
        case AlarmPane():
            return lanes.draw_alarms(pane, chart, over, top, words)


def _pane_height(pane: Pane) -> float:
    match pane:
        case LinePane() | BarPane():
            return pane.height
        case StatePane():
            return lanes.state_height(pane)
        case StripPane():
            return lanes.strip_height(pane)
        case AlarmPane():
            return lanes.alarm_height(pane)


def _draw_grid(over: TimeScale, words: Labels, bottom: float) -> Iterator[Drawn]:
    for tick in time_ticks(over, words.zone):
        yield vertical("g", over.x(tick.at), 10, bottom)


def _draw_axis(chart: Chart, over: TimeScale, words: Labels, bottom: float) -> Iterator[Drawn]:
    yield path("ax", f"M{over.left} {bottom}H{over.right}")
    now_at = over.x(chart.now) if over.inside(chart.now) else None
    for tick in time_ticks(over, words.zone):
        x = over.x(tick.at)
        yield vertical("ax", x, bottom, bottom + 5)
        if now_at is None or abs(x - now_at) > 44:
            say = words.month if tick.month else words.day if tick.day else words.clock
            yield text(
                "",
                min(max(x, over.left + 14), over.right - 10),
                bottom + 18,
                say(tick.at),
                "middle",
            )
    if now_at is not None:
        yield path("now", f"M{now_at} 10V{bottom}")
        yield text(
            "hl", min(now_at, over.right - 16), bottom + 18, words.clock(chart.now), "middle"
        )


def _cursor_data(chart: Chart, over: TimeScale, bottom: float, words: Labels) -> dict[str, Any]:
    """For the cursor: the scale, and of each series its points."""
    return {
        "first": over.first,
        "last": over.last,
        "left": over.left,
        "right": over.right,
        "top": 10,
        "bottom": bottom,
        "now": over.now,
        "series": [_series_data(trace, words) for trace in _list_traces(chart)],
    }


def _list_traces(chart: Chart) -> Iterator[Trace]:
    for pane in chart.panes:
        match pane:
            case LinePane() | StatePane():
                yield from pane.traces
            case BarPane():
                yield pane.trace
            case _:
                pass


def _series_data(trace: Trace, words: Labels) -> dict[str, Any]:
    half = (trace.piece or 0) / 2
    total = isinstance(trace.kind, str) and trace.kind == "increment"
    return {
        "name": trace.name,
        "label": trace.label,
        "unit": "" if trace.unit in _BARE else words.unit(trace.unit),
        "digits": trace.digits,
        "hold": trace.piece or trace.stale_s or 0,
        "codes": {str(key): word for key, word in trace.codes.items()},
        "points": [
            [round(bin_.at + half), round(bin_.total if total else bin_.mean, 4)]
            for bin_ in trace.bins
        ],
    }
