"""Panels of rows, drawn: figures, tables, bars."""

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from hypervisor.grafana import pictures_svg as svg
from hypervisor.grafana.boards import Json
from hypervisor.grafana.frames import TIME
from hypervisor.grafana.pictures_canvas import Canvas
from hypervisor.grafana.pictures_fields import INK, Field, is_number, on

_ROW, _HEAD = 34, 34  # px, about as Grafana has them
Figure = tuple[str, Field, Any]


def figures(found: Sequence[Field], panel: Json, canvas: Canvas) -> str:
    """Big figures, side by side."""
    told = list(_figures(found, panel))
    ground = panel.get("options", {}).get("colorMode") == "background"
    boxes = []
    for name, field, value in told:
        words, shade = field.told(value, canvas.reader)
        head = f"<span>{escape(name)}</span>" if len(told) > 1 or _named(panel) else ""
        size = min(40.0, canvas.height * 0.5, 1.3 * canvas.width / len(told) / max(len(words), 3))
        style = f"background:{shade};color:{on(shade)}" if ground else f"color:{shade}"
        boxes.append(
            f'<div style="{style}">{head}'
            f'<b style="font-size:{size:.0f}px">{escape(words)}</b></div>'
        )
    return f'<div class="figures">{"".join(boxes)}</div>' if told else ""


def _named(panel: Json) -> bool:
    return "name" in str(panel.get("options", {}).get("textMode", ""))


def _figures(found: Sequence[Field], panel: Json) -> Iterator[Figure]:
    reduced = panel.get("options", {}).get("reduceOptions") or {}
    words = next((field for field in found if field.kind == "string" and not field.hidden), None)
    shown = [
        field
        for field in found
        if field.name != TIME
        and not field.hidden
        and (field.kind == "number" or reduced.get("fields") == "/.*/")
    ]
    if not reduced.get("values"):
        for field in shown:
            yield field.title, field, _last(field.values, reduced.get("calcs") or [])
        return
    for row in range(len(shown[0].values) if shown else 0):
        for field in shown:
            name = str(words.values[row]) if words is not None else field.title
            yield name, field, field.values[row]


def _last(values: Sequence[Any], calcs: Sequence[str]) -> Any:
    known = [value for value in values if value is not None]
    numbers = [float(value) for value in known if is_number(value)]
    match calcs[0] if calcs and numbers else "":
        case "max":
            return max(numbers)
        case "min":
            return min(numbers)
        case "sum":
            return sum(numbers)
        case "mean":
            return sum(numbers) / len(numbers)
    return known[-1] if known else None


def table(found: Sequence[Field], panel: Json, canvas: Canvas) -> str:
    """The first rows; how many more there are."""
    shown = [field for field in found if not field.hidden]
    rows = len(shown[0].values) if shown else 0
    if not rows:
        return ""
    order = _order(found, panel, rows)
    fits = max(int((canvas.height - _HEAD) / _ROW), 1)
    fits -= fits < rows and fits > 1
    wide = [_letters(field, order[:fits], canvas) for field in shown]
    heads = "".join(
        f'<th class="{_side(field)}" style="width:{100 * letters / sum(wide):.1f}%">'
        f"{escape(field.title)}</th>"
        for field, letters in zip(shown, wide, strict=True)
    )
    body = "".join(
        f"<tr>{''.join(_cell(field, field.values[row], canvas) for field in shown)}</tr>"
        for row in order[:fits]
    )
    more = f'<p class="more">+ {rows - fits}</p>' if rows > fits else ""
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>{more}"


def _order(found: Sequence[Field], panel: Json, rows: int) -> list[int]:
    for by in panel.get("options", {}).get("sortBy") or []:
        field = next((one for one in found if one.title == by.get("displayName")), None)
        if field is not None:
            known = [row for row in range(rows) if field.values[row] is not None]
            known.sort(key=lambda row: field.values[row], reverse=bool(by.get("desc")))
            return known + [row for row in range(rows) if field.values[row] is None]
    return list(range(rows))


def _side(field: Field) -> str:
    return "num" if field.kind == "number" and not field.stated else "word"


def _letters(field: Field, rows: Sequence[int], canvas: Canvas) -> int:
    """What a column needs: its title or its longest words, within reason."""
    told = (field.told(field.values[row], canvas.reader)[0] for row in rows)
    gauge = (field.custom.get("cellOptions") or {}).get("type") == "gauge"
    return min(max(len(field.title), *map(len, told), 4), 42) + 5 + (10 if gauge else 0)


def _cell(field: Field, value: Any, canvas: Canvas) -> str:
    words, shade = field.told(value, canvas.reader)
    kind = (field.custom.get("cellOptions") or {}).get("type", "auto")
    style = ""
    if kind in {"color-background", "pill"} and shade not in {INK, "none"}:
        style = f"background:{shade};color:{on(shade)}"
    elif kind in {"color-text", "auto"} and shade != "none":
        style = f"color:{shade}"
    bar = ""
    if kind == "gauge" and is_number(value):
        low, high = _bounds(field)
        part = min(max((float(value) - low) / ((high - low) or 1), 0), 1)
        fill = svg.SOFT if shade == INK else shade
        bar = f'<i style="width:{part * 46:.0f}%;background:{fill}"></i>'
    return f'<td class="{_side(field)}" style="{style}">{bar}{escape(words)}</td>'


def _bounds(field: Field) -> tuple[float, float]:
    numbers = [float(value) for value in field.values if is_number(value)]
    low, high = field.config.get("min"), field.config.get("max")
    return (
        float(low) if low is not None else min([0.0, *numbers]),
        float(high) if high is not None else max(numbers, default=1.0),
    )


def bars(found: Sequence[Field], panel: Json, canvas: Canvas) -> str:
    """A horizontal bar a word: of bar gauges and of bar charts alike."""
    by = panel.get("options", {}).get("colorByField")
    words = next((field for field in found if field.kind in {"string", TIME}), None)
    numbers = [one for one in found if one.kind == "number" and not one.hidden and one.name != by]
    if not numbers or not numbers[0].values:
        return ""
    shade_of = next((field for field in found if field.name == by), None)
    named = [(one.title, one.colour) for one in numbers] if len(numbers) > 1 else []
    room = canvas.height - (_LEGENDS if named else 0)
    rows = min(len(numbers[0].values), max(int(room / 16), 1))
    heads = [_head(words, numbers[0], row, canvas) for row in range(rows)]
    left = min(max(map(len, heads)) * svg.LETTER + 14, canvas.width * 0.4)
    low, high = _all_bounds(numbers)
    high_of = min(room / rows, 34)
    thick = (high_of - 4) / len(numbers)
    wide = canvas.width - left - 74
    marks = []
    for row in range(rows):
        top = row * high_of
        marks.append(svg.text(left - 8, top + high_of / 2 + 4, svg.cut(heads[row], left), "end"))
        for number, field in enumerate(numbers):
            value = field.values[row]
            said, shade = field.told(value, canvas.reader)
            if shade_of is not None:
                shade = shade_of.told(shade_of.values[row], canvas.reader)[1]
            shade = field.colour if shade in {INK, "none"} else shade
            length = wide * ((float(value or 0) - low) / ((high - low) or 1))
            y = top + 2 + number * thick
            marks.append(svg.rect(left, y, max(length, 0), thick - 1, shade, 0.85))
            if thick >= 11:
                marks.append(svg.text(left + max(length, 0) + 6, y + thick / 2 + 4, said))
    return svg.drawing(canvas.width, high_of * rows, marks) + svg.legend(named, canvas.width)


_LEGENDS = 24


def _head(words: Field | None, number: Field, row: int, canvas: Canvas) -> str:
    return number.title if words is None else words.told(words.values[row], canvas.reader)[0]


def _all_bounds(numbers: Sequence[Field]) -> tuple[float, float]:
    bounds = [_bounds(field) for field in numbers]
    return min(low for low, _ in bounds), max(high for _, high in bounds) or math.ulp(1)
