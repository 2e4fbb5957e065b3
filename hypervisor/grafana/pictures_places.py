"""Panels of points, drawn: sites where they lie, one number against another, how often."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from hypervisor.charts.scale import padded, value_ticks
from hypervisor.grafana import pictures_svg as svg
from hypervisor.grafana.boards import Json
from hypervisor.grafana.frames import TIME
from hypervisor.grafana.pictures_canvas import Canvas, axis
from hypervisor.grafana.pictures_fields import INK, PALETTE, Field, config_of, written

_LEGEND, _FOOT = 40, 34
Point = tuple[float, float]


def places(found: Sequence[Field], panel: Json, canvas: Canvas) -> str:
    """Markers where the sites lie, with the names that their layer asks for."""
    columns = {field.name: field for field in found}
    layer: Json = next((one for one in panel["options"]["layers"] if one["type"] == "markers"), {})
    style = (layer.get("config") or {}).get("style") or {}
    if not {"lat", "lon"} <= columns.keys() or not columns["lat"].values:
        return ""
    shade_of = columns.get((style.get("color") or {}).get("field", ""))
    label = columns.get((style.get("text") or {}).get("field", ""))
    at = _projected(columns, canvas.width, canvas.height - _LEGEND)
    told = {row: _told(shade_of, row, canvas) for row in at}
    often = Counter(shade for _, shade in told.values())
    marks = [svg.rect(0, 0, canvas.width, canvas.height - _LEGEND, "var(--well)")]
    for row in sorted(at, key=lambda row: -often[told[row][1]]):  # what is rare lies above
        x, y = at[row]
        marks.append(svg.circle(x, y, 5.5, told[row][1], 0.9))
        if label is not None:
            marks.append(svg.text(x + 8, y + 4, str(label.values[row])))
    legend = list(dict(told.values()).items()) if shade_of is not None and shade_of.stated else []
    height = canvas.height - _LEGEND
    return svg.drawing(canvas.width, height, marks) + svg.legend(legend, canvas.width)


def _told(shade_of: Field | None, row: int, canvas: Canvas) -> tuple[str, str]:
    if shade_of is None:
        return "", PALETTE[0]
    words, shade = shade_of.told(shade_of.values[row], canvas.reader)
    return words, PALETTE[0] if shade == INK else shade


def _projected(columns: dict[str, Field], width: float, height: float) -> dict[int, Point]:
    pairs = zip(columns["lat"].values, columns["lon"].values, strict=True)
    known = {
        row: (float(lon), math.degrees(math.asinh(math.tan(math.radians(float(lat))))))
        for row, (lat, lon) in enumerate(pairs)
        if lat is not None and lon is not None
    }
    if not known:
        return {}
    xs, ys = [x for x, _ in known.values()], [y for _, y in known.values()]
    wide, high = max(max(xs) - min(xs), 1e-3), max(max(ys) - min(ys), 1e-3)
    scale = 0.86 * min(width / wide, height / high)
    middle, centre = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    return {
        row: (width / 2 + (x - middle) * scale, height / 2 - (y - centre) * scale)
        for row, (x, y) in known.items()
    }


def scatter(found: Sequence[Field], panel: Json, canvas: Canvas) -> str:
    """The first number across, the others up; a colour a word that parts the rows."""
    numbers = [field for field in found if field.kind == "number" and not field.hidden]
    if len(numbers) < 2:
        return ""
    by = next((field for field in found if field.kind == "string"), None)
    across = numbers[0]
    groups: dict[str, list[Point]] = {}
    for up in numbers[1:]:
        for row, pair in enumerate(zip(across.values, up.values, strict=True)):
            if None not in pair:
                # As Grafana calls the field of rows that are parted by a label.
                name = f"{up.name} {by.values[row]}" if by is not None else up.name
                groups.setdefault(name, []).append((float(pair[0]), float(pair[1])))
    every = [point for points in groups.values() for point in points]
    if not every:
        return ""
    lines = [_line(panel, name, number) for number, name in enumerate(groups)]
    box = _Box(canvas, [p[0] for p in every], [p[1] for p in every])
    marks = [*box.grid(across, lines[0])]
    for line, points in zip(lines, groups.values(), strict=True):
        at = [box.at(point) for point in points]
        joined = "lines" in str(line.custom.get("show", "points"))
        marks += [svg.path(at, line.colour, 1.4)] if joined else []
        if not joined or len(points) < 40:
            size = 1.8 if len(every) > 300 else 3
            marks += [svg.circle(a, b, size, line.colour, 0.7) for a, b in at]
    named = [(line.title, line.colour) for line in lines]
    height = canvas.height - _LEGEND
    return svg.drawing(canvas.width, height, marks) + svg.legend(named, canvas.width)


def _line(panel: Json, name: str, number: int) -> Field:
    config = config_of(panel, name)
    said = str(config.get("displayName") or "")
    title = said if said and "${" not in said else name.partition(" ")[2] or name
    return Field(name=name, title=title, kind="number", values=(), config=config, number=number)


class _Box:
    """Two scales of numbers."""

    def __init__(self, canvas: Canvas, xs: Sequence[float], ys: Sequence[float]) -> None:
        self.canvas = canvas
        self.left, self.bottom = 62.0, canvas.height - _LEGEND - _FOOT
        self.x = padded(list(xs), floor=0 if min(xs) >= 0 else None, least=1e-3)
        self.y = padded(list(ys), floor=0 if min(ys) >= 0 else None, least=1e-3)

    def at(self, point: Point) -> Point:
        wide = self.canvas.width - self.left - 10
        part = (point[0] - self.x[0]) / (self.x[1] - self.x[0])
        rise = (point[1] - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + part * wide, self.bottom - rise * (self.bottom - 6)

    def grid(self, x: Field, y: Field) -> Iterator[str]:
        for value in value_ticks(*self.y, max(2, int(self.bottom / 44))):
            _, up = self.at((self.x[0], value))
            yield svg.path([(self.left, up), (self.canvas.width - 10, up)], svg.GRID, 1)
            yield svg.text(self.left - 6, up + 4, self._told(y, value), "end")
        for value in value_ticks(*self.x, max(2, int(self.canvas.width / 110))):
            across, _ = self.at((value, self.y[0]))
            yield svg.text(across, self.bottom + 15, self._told(x, value), "middle")
        name = x.custom.get("axisLabel") or x.title
        yield svg.text(self.canvas.width / 2, self.bottom + 31, str(name), "middle", opacity=".8")

    def _told(self, field: Field, value: float) -> str:
        places = next((n for n in range(3) if round(value, n) == round(value, 6)), 2)
        unit = str(field.config.get("unit") or "")
        return written(value, unit, places if unit != "percentunit" else 0, self.canvas.reader)


def spread(found: Sequence[Field], panel: Json, canvas: Canvas) -> str:
    """How often values are: thirty equal classes, or those of the panel's width."""
    values = [float(v) for f in found if f.kind == "number" for v in f.values if v is not None]
    if not values:
        return ""
    size = panel["options"].get("bucketSize") or (max(values) - min(values) or 1) / 30
    counts: dict[int, int] = {}
    for value in values:
        counts[math.floor(value / size)] = counts.get(math.floor(value / size), 0) + 1
    field = next(field for field in found if field.kind == "number")
    edges = [key * size for key in counts]
    box = _Box(canvas, [*edges, max(edges) + size], [0, *map(float, counts.values())])
    marks = [*box.grid(field, Field(name="", title="", kind="number", values=(), config={}))]
    for key, count in counts.items():
        (left, top), (right, _) = box.at((key * size, count)), box.at(((key + 1) * size, count))
        marks.append(svg.rect(left, top, right - left - 1, box.bottom - top, PALETTE[0], 0.8))
    return svg.drawing(canvas.width, canvas.height - _LEGEND, marks)


def heat(found: Sequence[Field], _panel: Json, canvas: Canvas) -> str:
    """A row a class, darker where there are more."""
    times: list[Any] = next((list(f.values) for f in found if f.name == TIME), [])
    rows = [field for field in found if field.kind == "number"]
    top = max((float(v) for f in rows for v in f.values if v is not None), default=0)
    if not top or len(times) < 2:
        return ""
    over = canvas.across(96, 8)
    bottom = canvas.height - _FOOT
    high = bottom / len(rows)
    step = (times[1] - times[0]).total_seconds()
    marks = [*axis(canvas, over, bottom)]
    for row, field in enumerate(rows):
        y = bottom - (row + 1) * high
        marks.append(svg.text(90, y + high / 2 + 4, field.title, "end"))
        for time, value in zip(times, field.values, strict=True):
            if value and over.inside(time.timestamp()):
                x = over.x(time.timestamp())
                wide = over.x(time.timestamp() + step) - x
                part = 0.12 + 0.88 * float(value) / top
                marks.append(svg.rect(x, y, wide - 1, high - 1, PALETTE[0], part))
    return svg.drawing(canvas.width, canvas.height, marks)
