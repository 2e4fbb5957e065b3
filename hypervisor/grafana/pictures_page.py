"""A dashboard's picture as a page: its panels where Grafana lays them, drawn by our own code."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from importlib import resources

from hypervisor.grafana import pictures_lanes, pictures_places, pictures_rows, pictures_time
from hypervisor.grafana.boards import Board, Json, Piece
from hypervisor.grafana.frames import Frame
from hypervisor.grafana.macros import Span
from hypervisor.grafana.pictures_canvas import Canvas
from hypervisor.grafana.pictures_fields import Field, Reader, fields

WIDTH = 1440
_UNIT, _GAP, _EDGE = 38, 8, 16  # px: a row of Grafana's grid, between panels, round the page
_TITLE, _PAD = 30, 12
_SAID = {
    "en": "The dashboard's data, drawn by the hypervisor itself: a picture, not Grafana",
    "fr": "Les données du tableau de bord, dessinées par l'hyperviseur : une image, pas Grafana",
}
_EMPTY = {"en": "nothing in the time shown", "fr": "rien dans la période affichée"}
_DRAWN = {
    "timeseries": lambda found, _panel, canvas: pictures_time.lines(found, canvas),
    "state-timeline": pictures_lanes.lanes,
    "status-history": pictures_lanes.lanes,
    "stat": pictures_rows.figures,
    "gauge": pictures_rows.figures,
    "table": pictures_rows.table,
    "bargauge": pictures_rows.bars,
    "barchart": pictures_rows.bars,
    "geomap": pictures_places.places,
    "xychart": pictures_places.scatter,
    "histogram": pictures_places.spread,
    "heatmap": pictures_places.heat,
}
_CSS = """
body{width:1440px;padding:0 16px;background:var(--ground);position:relative;font-size:13px}
header{height:52px;display:flex;align-items:baseline;gap:14px;padding-top:14px}
header b{font-size:18px} header span{color:var(--ink-3);font-size:12px}
h2{position:absolute;font-size:15px;line-height:30px}
section{position:absolute;background:var(--panel);border:1px solid var(--line);overflow:hidden;
border-radius:3px;padding:0 11px}
section h3{height:30px;line-height:30px;font-size:13px;white-space:nowrap;overflow:hidden}
svg{display:block} svg text{fill:var(--ink-2);font:12px var(--font)}
.legend{font-size:11.5px;line-height:17px;color:var(--ink-2);max-height:36px;overflow:hidden}
.legend i{display:inline-block;width:12px;height:4px;margin:0 5px 3px 12px}
.legend i:first-child{margin-left:0}
.figures{display:flex;gap:6px;height:calc(100% - 40px)}
.figures div{flex:1;border-radius:3px;padding:2px 8px;display:flex;flex-direction:column;
justify-content:center;min-width:0}
.figures span{font-size:11.5px;line-height:1.2;opacity:.85} .figures b{line-height:1.15}
table{width:100%;border-collapse:collapse;table-layout:fixed;font-size:12.5px}
th,td{height:33px;padding:0 6px;border-bottom:1px solid var(--line);white-space:nowrap;
overflow:hidden;text-overflow:ellipsis;text-align:left}
th{color:var(--ink-3);font-weight:400}.num{text-align:right}
td i{display:inline-block;height:10px;margin-right:8px}
.more,.none{color:var(--ink-3);font-size:12px;padding:6px}
.none{display:grid;place-items:center;height:calc(100% - 40px)}
.words{font-size:13px;white-space:pre-line}
"""


def page(  # noqa: PLR0913, PLR0917  what a picture is of
    board: Board,
    answers: Mapping[int, Sequence[Frame]],
    span: Span,
    reader: Reader,
    theme: str,
    tall: int,
) -> str:
    """The page of a board and what its panels were answered, by their ids; `tall` px at most."""
    placed = list(unfolded(board.document))
    parts = []
    whole, bottom = 0, 0  # a heading is nothing without panels below it
    for panel, top in placed:
        low = _EDGE + 52 + (top + panel["gridPos"]["h"]) * _UNIT
        if tall and low > tall:
            continue
        parts.append(_part(panel, top, answers, span, reader))
        if panel.get("type") != "row":
            whole, bottom = len(parts), max(bottom, low)
    tokens = resources.files("hypervisor.web").joinpath("static/css/tokens.css")
    told = f"{_day(span.since, reader)} \N{EN DASH} {_day(span.until, reader)}"
    return (
        f'<!doctype html><html lang="{reader.lang}" data-theme="{theme}"><meta charset="utf-8">'
        f"<style>{tokens.read_text(encoding='utf-8')}{_CSS}</style>"
        f'<body style="height:{bottom + _EDGE}px"><header>'
        f"<b>{escape(str(board.document['title']))}</b><span>{told}</span>"
        f"<span>{escape(_SAID[reader.lang])}</span></header>{''.join(parts[:whole])}</body></html>"
    )


def unfolded(document: Json) -> Iterator[tuple[Json, int]]:
    """Every panel and its row of the grid, with folded sections opened."""
    moved = 0
    for panel in document.get("panels", []):
        top = panel["gridPos"]["y"] + moved
        yield panel, top
        inner = panel.get("panels") or []
        if inner:
            first = panel["gridPos"]["y"] + 1
            yield from ((one, one["gridPos"]["y"] + moved) for one in inner)
            moved += max(one["gridPos"]["y"] + one["gridPos"]["h"] for one in inner) - first


def _part(
    panel: Json, top: int, answers: Mapping[int, Sequence[Frame]], span: Span, reader: Reader
) -> str:
    place = panel["gridPos"]
    column = (WIDTH - 2 * _EDGE + _GAP) / 24
    width, height = place["w"] * column - _GAP, place["h"] * _UNIT - _GAP
    where = f"left:{_EDGE + place['x'] * column:.0f}px;top:{_EDGE + 40 + top * _UNIT}px"
    title = escape(str(panel.get("title") or ""))
    if panel.get("type") == "row":
        return f'<h2 style="{where}">{title}</h2>'
    canvas = Canvas(width=width - 2 * _PAD, height=height - _TITLE - 8, span=span, reader=reader)
    inside = _inside(panel, answers.get(panel["id"], ()), canvas)
    size = f"width:{width:.0f}px;height:{height:.0f}px"
    return f'<section style="{where};{size}"><h3>{title}</h3>{inside}</section>'


def _inside(panel: Json, frames: Sequence[Frame], canvas: Canvas) -> str:
    if panel.get("type") == "text":
        return f'<div class="words">{escape(str(panel["options"].get("content", "")))}</div>'
    found: list[Field] = fields(Piece(panel=panel, described=None), frames) if frames else []
    draw = _DRAWN.get(str(panel.get("type")))
    drawn = draw(found, panel, canvas) if draw and found else ""
    if drawn:
        return drawn
    words = (panel.get("fieldConfig") or {}).get("defaults", {}).get("noValue")
    return f'<p class="none">{escape(str(words or _EMPTY[canvas.reader.lang]))}</p>'


def _day(time: datetime, reader: Reader) -> str:
    return time.astimezone(reader.zone).strftime("%d/%m/%Y %H:%M")
