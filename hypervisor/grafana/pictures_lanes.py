"""Lanes of states, drawn: a lane a device, its states over time."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from hypervisor.charts.scale import Across
from hypervisor.grafana import pictures_svg as svg
from hypervisor.grafana.boards import Json
from hypervisor.grafana.frames import TIME
from hypervisor.grafana.pictures_canvas import FOOT, LEGEND, Canvas, axis
from hypervisor.grafana.pictures_fields import Field

_LANE = 15


def lanes(found: Sequence[Field], panel: Json, canvas: Canvas) -> str:
    """A lane a device; where there is no room for all, the first of them and how many more."""
    rows = _parted(found, panel)
    if not rows:
        return ""
    state = next(field for field in found if field.kind != TIME and field.name == "state")
    room = canvas.height - LEGEND - FOOT
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
    height = high * len(shown) + FOOT
    named = list(seen.items()) if state.stated else []
    return svg.drawing(canvas.width, height, marks) + svg.legend(named, canvas.width)


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
