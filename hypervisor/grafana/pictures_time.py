"""Panels over time, drawn: lines and bars on one or two scales; lanes of states."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from hypervisor.console.views.chart_scale import Across, Up, padded, time_ticks, value_ticks
from hypervisor.grafana import pictures_svg as svg
from hypervisor.grafana.boards import Json
from hypervisor.grafana.frames import TIME
from hypervisor.grafana.macros import Span
from hypervisor.grafana.pictures_fields import Field, Reader, written

_LEGEND, _FOOT, _LANE = 40, 18, 15
Points = list[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """How large, of what time, for whom."""

    width: float
    height: float
    span: Span
    reader: Reader

    def across(self, left: float, right: float) -> Across:
        first, last = self.span.since.timestamp(), self.span.until.timestamp()
        return Across(first=first, last=last, left=left, right=self.width - right, now=last)


def axis(canvas: Canvas, over: Across, bottom: float, top: float = 0) -> Iterator[str]:
    """Hours and days below, and their plumb lines."""
    for tick in time_ticks(over, canvas.reader.zone, apart=84):
        x = over.x(tick.at)
        if over.left + 8 < x < over.right - 8:
            local = datetime.fromtimestamp(tick.at, canvas.reader.zone)
            words = local.strftime("%d/%m" if tick.day else "%H:%M")
            yield svg.path([(x, top), (x, bottom)], svg.GRID, 1)
            yield svg.text(x, bottom + 14, words, "middle")


def lines(found: Sequence[Field], canvas: Canvas) -> str:
    """Lines and bars; values of another side or unit on the right scale."""
    drawn = list(_drawn(found))
    if not any(value is not None for _, line in drawn for value in line.values):
        return ""
    left = [one for one in drawn if not _right(one[1], drawn[0][1])]
    right = [one for one in drawn if _right(one[1], drawn[0][1])]
    over = canvas.across(58, 58 if right else 8)
    bottom = canvas.height - _LEGEND - _FOOT
    marks = list(axis(canvas, over, bottom))
    for group, x, anchor in ((left, over.left - 6, "end"), (right, over.right + 6, "start")):
        if group:
            marks += _scaled(group, canvas, over, bottom, (x, anchor))
    named = [(line.title, line.colour) for _, line in drawn]
    return svg.drawing(canvas.width, bottom + _FOOT, marks) + svg.legend(named, canvas.width)


def _drawn(found: Sequence[Field]) -> Iterator[tuple[list[float], Field]]:
    times: list[float] = []
    for field in found:
        if field.kind == TIME and field.name == TIME:
            times = [value.timestamp() for value in field.values]
        elif field.kind == "number" and times and not field.hidden:
            yield times, field


def _right(field: Field, first: Field) -> bool:
    side = field.custom.get("axisPlacement") or "auto"
    return side == "right" or (
        side == "auto" and field.config.get("unit") != first.config.get("unit")
    )


def _scaled(
    group: Sequence[tuple[list[float], Field]],
    canvas: Canvas,
    over: Across,
    bottom: float,
    place: tuple[float, str],
) -> Iterator[str]:
    stacked = _stacked(group)
    up = _up([field for _, field in group], stacked, bottom)
    field = group[0][1]
    places = field.config.get("decimals")
    for value in value_ticks(min(up.low, up.high), max(up.low, up.high), max(2, int(bottom / 44))):
        y = up.y(value)
        words = written(
            value, field.config.get("unit") or "", _places(value, places), canvas.reader
        )
        if place[1] == "end":
            yield svg.path([(over.left, y), (over.right, y)], svg.GRID, 1)
        yield svg.text(place[0], y + 4, words, place[1])
    for number, (times, line) in enumerate(group):
        yield from _line(times, line, stacked[number], over, up)
    for at, shade in field.steps():
        drawn = (field.custom.get("thresholdsStyle") or {}).get("mode", "off") != "off"
        if drawn and min(up.low, up.high) <= at <= max(up.low, up.high):
            yield svg.path([(over.left, up.y(at)), (over.right, up.y(at))], shade, 1.2, "7 5")


def _places(value: float, said: int | None) -> int:
    least = next((n for n in range(4) if round(value, n) == round(value, 6)), 3)
    return min(least, said) if said is not None else least


def _stacked(group: Sequence[tuple[list[float], Field]]) -> list[list[float | None]]:
    """The heights of each line: on one another where they are stacked."""
    sums: dict[float, float] = {}
    found: list[list[float | None]] = []
    for times, line in group:
        if (line.custom.get("stacking") or {}).get("mode", "none") == "none":
            found.append([None if value is None else float(value) for value in line.values])
            continue
        for time, value in zip(times, line.values, strict=True):
            sums[time] = sums.get(time, 0.0) + float(value or 0)
        found.append([sums[time] for time in times])
    return found


def _up(group: Sequence[Field], heights: Sequence[Sequence[float | None]], bottom: float) -> Up:
    values = [value for line in heights for value in line if value is not None]
    for field in group:
        custom = field.custom
        said = (custom.get("axisSoftMin"), custom.get("axisSoftMax"), field.config.get("min"))
        values += [float(value) for value in (*said, field.config.get("max")) if value is not None]
        if custom.get("drawStyle") == "bars" or custom.get("stacking", {}).get("mode") == "normal":
            values.append(0.0)
    if any(field.custom.get("transform") == "negative-Y" for field in group):
        deepest = max(map(abs, values), default=1.0) or 1.0  # hangs from the top
        return Up(low=deepest, high=0, top=2, bottom=bottom)
    floor = 0.0 if values and min(values) >= 0 else None
    spread = max(values, default=1) - min(values, default=0)
    low, high = padded(values, floor=floor, least=max(spread, 1e-3))
    return Up(low=low, high=high, top=4, bottom=bottom)


def _line(
    times: Sequence[float], field: Field, heights: Sequence[float | None], over: Across, up: Up
) -> Iterator[str]:
    custom, shade = field.custom, field.colour
    fill = float(custom.get("fillOpacity") or 0) / 100
    ground = up.y(max(min(up.low, up.high), min(0.0, max(up.low, up.high))))
    if custom.get("drawStyle") == "bars":
        gap = min((b - a for a, b in pairwise(times)), default=(over.last - over.first) / 40)
        wide = max((over.right - over.left) * gap / (over.last - over.first) * 0.8, 1)
        for time, value in zip(times, heights, strict=True):
            if value is not None and over.inside(time):
                y = up.y(value)
                yield svg.rect(over.x(time), min(y, ground), wide, abs(ground - y), shade, 0.75)
        return
    for run in _runs(times, heights, over, up, spanned=bool(custom.get("spanNulls"))):
        points = _steps(run) if custom.get("lineInterpolation") == "stepAfter" else run
        if custom.get("drawStyle") == "points":
            yield from (svg.circle(x, y, 2, shade) for x, y in run)
            continue
        if fill:
            yield svg.area([(points[0][0], ground), *points, (points[-1][0], ground)], shade, fill)
        dashed = (custom.get("lineStyle") or {}).get("fill") == "dash"
        width = max(float(custom.get("lineWidth") or 1), 1.2)
        yield svg.path(points, shade, width, "6 4" if dashed else "")


def _runs(
    times: Sequence[float],
    heights: Sequence[float | None],
    over: Across,
    up: Up,
    *,
    spanned: bool,
) -> list[Points]:
    runs: list[Points] = [[]]
    for time, value in zip(times, heights, strict=True):
        if value is None:
            if not spanned:
                runs.append([])
        elif over.inside(time):
            runs[-1].append((over.x(time), up.y(value)))
    return [run for run in runs if run]


def _steps(run: Points) -> Points:
    found = [run[0]]
    for (_, before), (x, y) in pairwise(run):
        found += [(x, before), (x, y)]
    return found


def lanes(found: Sequence[Field], panel: Json, canvas: Canvas) -> str:
    """A lane a device; where there is no room for all, the first of them and how many more."""
    rows = _parted(found, panel)
    if not rows:
        return ""
    state = next(field for field in found if field.kind != TIME and field.name == "state")
    room = canvas.height - _LEGEND - _FOOT
    shown = list(rows.items())[: max(int(room / _LANE), 1)]
    left = min(max(len(name) for name, _ in shown) * svg.LETTER + 12, canvas.width * 0.34)
    over = canvas.across(left, 8)
    high = min(room / len(shown), 34)
    marks = list(axis(canvas, over, high * len(shown)))
    seen: dict[str, str] = {}
    for row, (name, moments) in enumerate(shown):
        top = row * high
        marks.append(svg.text(left - 6, top + high / 2 + 4, svg.cut(name, left), "end"))
        for (since, value), until in _stretches(moments, over, panel):
            words, shade = state.told(value, canvas.reader)
            if value is not None and shade != "none":
                seen.setdefault(words, shade)
                x = over.x(since)
                marks.append(svg.rect(x, top + 2, over.x(until) - x, high - 4, shade, 0.85))
    if len(shown) < len(rows):
        marks.append(svg.text(0, high * len(shown) + 14, f"+ {len(rows) - len(shown)}"))
    height = high * len(shown) + _FOOT
    return svg.drawing(canvas.width, height, marks) + svg.legend(list(seen.items()), canvas.width)


def _parted(found: Sequence[Field], panel: Json) -> dict[str, list[tuple[float, Any]]]:
    by = [
        str(name)
        for each in panel.get("transformations") or []
        if each.get("id") == "partitionByValues"
        for name in each["options"]["fields"]
    ]
    columns = {field.name: field for field in found}
    if not {TIME, "state", *by} <= columns.keys() or not by:
        return {}
    rows: dict[str, list[tuple[float, Any]]] = {}
    names = zip(*(columns[name].values for name in by), strict=True)
    for name, time, value in zip(names, columns[TIME].values, columns["state"].values, strict=True):
        rows.setdefault(" ".join(map(str, name)), []).append((time.timestamp(), value))
    return rows


def _stretches(
    moments: Sequence[tuple[float, Any]], over: Across, panel: Json
) -> Iterator[tuple[tuple[float, Any], float]]:
    """Each state and until when it holds: the next, the end, or the end of its cell."""
    cells = panel.get("type") == "status-history"
    if not cells:
        moments = [one for n, one in enumerate(moments) if not n or one[1] != moments[n - 1][1]]
    gaps = [b - a for (a, _), (b, _) in pairwise(moments)]
    wide = min(gaps, default=3600) * 0.9
    for index, (time, value) in enumerate(moments):
        until = moments[index + 1][0] if index + 1 < len(moments) else over.last
        until = time + wide if cells else until
        if until > over.first and time < over.last:
            yield (max(time, over.first), value), min(until, over.last)
