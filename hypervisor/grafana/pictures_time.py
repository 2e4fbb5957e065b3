"""Panels over time, drawn: lines and bars on one or two scales."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from hypervisor.charts.scale import Across, Up, padded, value_ticks
from hypervisor.grafana import pictures_svg as svg
from hypervisor.grafana.frames import TIME
from hypervisor.grafana.pictures_canvas import FOOT, LEGEND, Canvas, axis
from hypervisor.grafana.pictures_fields import Field, written

Points = list[tuple[float, float]]
Stack = tuple[Sequence[float | None], Sequence[float | None] | None]  # heights, those below


def lines(found: Sequence[Field], canvas: Canvas) -> str:
    """Lines and bars; values of another side or unit on the right scale."""
    drawn = list(_drawn(found))
    if not any(value is not None for _, line in drawn for value in line.values):
        return ""
    left = [one for one in drawn if not _right(one[1], drawn[0][1])]
    right = [one for one in drawn if _right(one[1], drawn[0][1])]
    over = canvas.across(_margin(left, canvas), _margin(right, canvas) if right else 8)
    bottom = canvas.height - LEGEND - FOOT
    marks = list(axis(canvas, over, bottom))
    for group, x, anchor in ((left, over.left - 6, "end"), (right, over.right + 6, "start")):
        if group:
            marks += _scaled(group, canvas, over, bottom, (x, anchor))
    named = [(line.title, line.colour) for _, line in drawn]
    return svg.drawing(canvas.width, bottom + FOOT, marks) + svg.legend(named, canvas.width)


def _margin(group: Sequence[tuple[list[float], Field]], canvas: Canvas) -> float:
    """Room for the longest words of a scale."""
    words = [
        written(value, line.config.get("unit") or "", _places(value, 1), canvas.reader)
        for _, line in group
        for value in (max((abs(float(v)) for v in line.values if v is not None), default=0.0),)
    ]
    return max(map(len, words), default=2) * svg.LETTER + 16


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
    below: list[float | None] | None = None
    for (times, line), heights in zip(group, stacked, strict=True):
        yield from _line(times, line, (heights, below if _is_stacked(line) else None), over, up)
        below = heights
    for at, shade in field.steps():
        drawn = (field.custom.get("thresholdsStyle") or {}).get("mode", "off") != "off"
        if drawn and min(up.low, up.high) <= at <= max(up.low, up.high):
            yield svg.path([(over.left, up.y(at)), (over.right, up.y(at))], shade, 1.2, "7 5")


def _places(value: float, said: int | None) -> int:
    least = next((n for n in range(4) if round(value, n) == round(value, 6)), 3)
    return min(least, said) if said is not None else least


def _is_stacked(line: Field) -> bool:
    return bool((line.custom.get("stacking") or {}).get("mode", "none") != "none")


def _stacked(group: Sequence[tuple[list[float], Field]]) -> list[list[float | None]]:
    """The heights of each line: on one another where they are stacked."""
    sums: dict[float, float] = {}
    found: list[list[float | None]] = []
    for times, line in group:
        if not _is_stacked(line):
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
        if custom.get("drawStyle") == "bars" or _is_stacked(field):
            values.append(0.0)
    if any(field.custom.get("transform") == "negative-Y" for field in group):
        deepest = max(map(abs, values), default=1.0) or 1.0  # hangs from the top
        return Up(low=deepest, high=0, top=10, bottom=bottom)
    floor = 0.0 if values and min(values) >= 0 else None
    spread = max(values, default=1) - min(values, default=0)
    low, high = padded(values, floor=floor, least=max(spread, 1e-3))
    return Up(low=low, high=high, top=4, bottom=bottom)


def _line(
    times: Sequence[float], field: Field, stack: Stack, over: Across, up: Up
) -> Iterator[str]:
    heights, below = stack
    custom, shade = field.custom, field.colour
    ground = up.y(max(min(up.low, up.high), min(0.0, max(up.low, up.high))))
    base = [ground if value is None else up.y(value) for value in below or [None] * len(times)]
    if custom.get("drawStyle") == "bars":
        yield from _bars(times, heights, base, shade, over, up)
        return
    fill = float(custom.get("fillOpacity") or 0) / 100
    for run in _runs(times, heights, base, over, up, spanned=bool(custom.get("spanNulls"))):
        top, foot = [(x, y) for x, y, _ in run], [(x, y) for x, _, y in run]
        if custom.get("drawStyle") == "points":
            yield from (svg.circle(x, y, 2, shade) for x, y in top)
            continue
        if custom.get("lineInterpolation") == "stepAfter":
            top, foot = _steps(top), _steps(foot)
        if fill:
            yield svg.area([*top, *reversed(foot)], shade, fill)
        dashed = (custom.get("lineStyle") or {}).get("fill") == "dash"
        width = max(float(custom.get("lineWidth") or 1), 1.2)
        yield svg.path(top, shade, width, "6 4" if dashed else "")


def _bars(  # noqa: PLR0913, PLR0917  what bars are
    times: Sequence[float],
    heights: Sequence[float | None],
    base: Sequence[float],
    shade: str,
    over: Across,
    up: Up,
) -> Iterator[str]:
    gap = min((b - a for a, b in pairwise(times)), default=(over.last - over.first) / 40)
    wide = max((over.right - over.left) * gap / (over.last - over.first) * 0.8, 1)
    for time, value, foot in zip(times, heights, base, strict=True):
        if value is not None and over.inside(time):
            y = up.y(value)
            yield svg.rect(over.x(time), min(y, foot), wide, abs(foot - y), shade, 0.75)


def _runs(  # noqa: PLR0913  what a line is
    times: Sequence[float],
    heights: Sequence[float | None],
    base: Sequence[float],
    over: Across,
    up: Up,
    *,
    spanned: bool,
) -> list[list[tuple[float, float, float]]]:
    """Pieces without a gap: across, top, foot."""
    runs: list[list[tuple[float, float, float]]] = [[]]
    for time, value, foot in zip(times, heights, base, strict=True):
        if value is None:
            if not spanned:
                runs.append([])
        elif over.inside(time):
            runs[-1].append((over.x(time), up.y(value), foot))
    return [run for run in runs if run]


def _steps(run: Points) -> Points:
    found = [run[0]]
    for (_, before), (x, y) in pairwise(run):
        found += [(x, before), (x, y)]
    return found
