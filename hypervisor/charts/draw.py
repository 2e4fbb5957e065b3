"""A chart as SVG shapes: its panes one below the other, the time axis, a line for the present."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypervisor.base.reader import current
from hypervisor.charts import lanes, lines
from hypervisor.charts.model import (
    AlarmPane,
    BarPane,
    Chart,
    LinePane,
    Pane,
    StatePane,
    StripPane,
    Trace,
)
from hypervisor.charts.scale import TimeScale, time_ticks
from hypervisor.charts.shapes import Drawn, path, text, vertical
from hypervisor.charts.words import clock, code_word, display_unit, tick_label
from hypervisor.web import filters
from sensors._quantity import Kind

_LEFT, _RIGHT = 46.0, 138.0
_NARROW_LEFT, _NARROW_RIGHT = 38.0, 10.0
_BETWEEN = 18.0


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Shapes for the template. `data`: plain values for the cursor."""

    width: float
    height: float
    shapes: list[Drawn]
    data: dict[str, Any]
    summary: str


def draw_chart(chart: Chart) -> Drawing:
    """Draw all panes."""
    over = time_scale(chart)
    shapes: list[Drawn] = []
    top = 10.0
    for pane in chart.panes:
        shapes += _draw_pane(pane, over, top)
        top += pane.height + _BETWEEN
    bottom = top + 4 - (_BETWEEN if chart.panes else 0)
    grid = [vertical("g", over.x(tick.at), 10, bottom) for tick in _ticks(over)]
    return Drawing(
        width=chart.width,
        height=bottom + 26,
        shapes=[*grid, *shapes, *_draw_axis(over, bottom)],
        data=_cursor_data(chart, over, bottom),
        summary=chart.summary,
    )


def time_scale(chart: Chart) -> TimeScale:
    """The time axis of a chart."""
    narrow = chart.width < 620
    left, right = (_NARROW_LEFT, _NARROW_RIGHT) if narrow else (_LEFT, _RIGHT)
    return TimeScale(
        first=chart.first,
        last=chart.last,
        left=left,
        right=chart.width - right,
        now=chart.now,
        narrow=narrow,
    )


def _ticks(over: TimeScale) -> list[Any]:
    return time_ticks(over, current().zone)


def _draw_pane(pane: Pane, over: TimeScale, top: float) -> Iterator[Drawn]:
    match pane:
        case LinePane():
            return lines.draw_lines(pane, over, top)
        case BarPane():
            return lanes.draw_bars(pane, over, top)
        case StatePane():
            return lanes.draw_states(pane, over, top)
        case StripPane():
            return lanes.draw_strip(pane, over, top)
        case AlarmPane():
            return lanes.draw_alarms(pane, over, top)


def _draw_axis(over: TimeScale, bottom: float) -> Iterator[Drawn]:
    yield path("ax", f"M{over.left} {bottom}H{over.right}")
    now_at = over.x(over.now) if over.inside(over.now) else None
    for tick in _ticks(over):
        x = over.x(tick.at)
        yield vertical("ax", x, bottom, bottom + 5)
        if now_at is None or abs(x - now_at) > 44:
            inside = min(max(x, over.left + 14), over.right - 10)
            yield text("", inside, bottom + 18, tick_label(tick), "middle")
    if now_at is not None:
        yield path("now", f"M{now_at} 10V{bottom}")
        yield text("hl", min(now_at, over.right - 16), bottom + 18, clock(over.now), "middle")


def _cursor_data(chart: Chart, over: TimeScale, bottom: float) -> dict[str, Any]:
    """The scale and the points of each series."""
    return {
        "first": over.first,
        "last": over.last,
        "left": over.left,
        "right": over.right,
        "top": 10,
        "bottom": bottom,
        "now": over.now,
        "series": [_series_data(trace) for pane in chart.panes for trace in _list_traces(pane)],
    }


def _list_traces(pane: Pane) -> list[Trace]:
    match pane:
        case LinePane() | StatePane():
            return list(pane.traces)
        case BarPane():
            return [pane.trace]
        case _:
            return []


def _series_data(trace: Trace) -> dict[str, Any]:
    half = (trace.piece or 0) / 2
    total = trace.kind is Kind.INCREMENT
    return {
        "name": trace.name,
        "label": trace.label,
        "unit": filters.unit(display_unit(trace.unit)),
        "digits": trace.digits,
        "hold": trace.piece or trace.stale_s or 0,
        "codes": {str(key): code_word(word) for key, word in trace.codes.items()},
        "points": [
            [round(bin_.at + half), round(bin_.total if total else bin_.mean, 4)]
            for bin_ in trace.bins
        ],
    }
