"""Checks frames: what the panel needs, and the columns that overrides and links name."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import cache
from itertools import pairwise

from dashboards._colours import PRIORITIES
from dashboards._widths import count_lanes, measure, plot_room, room
from hypervisor.grafana import check_document, emulation
from hypervisor.grafana.boards import BuiltPanel, Json
from hypervisor.grafana.emulation import TIME, Frame, Span
from sensors._domain import catalogue

_BEFORE = timedelta(hours=36)  # that a state may have begun before the time that is shown
_SMALL = 12 / 14  # the type of lanes, against a table's
_THIN = 2.5  # px: a bar, its gap included, that is narrower is a hair
_MARKS = 5000  # markers and rows beyond which a browser crawls
_TIMED = re.compile(r"\$__(?:timeFilter|timeFrom|timeTo|timeGroup|unixEpoch)")


def timed(sql: str) -> bool:
    """Whether a statement uses the time range."""
    return bool(_TIMED.search(sql))


def find_frame_problems(
    piece: BuiltPanel, frame: Frame, span: Span, interval_ms: int
) -> Iterator[str]:
    """Problems of a query's frame in its panel."""
    yield from _within(piece, frame, span, timedelta(milliseconds=interval_ms))
    yield from _check_bars(piece.panel, frame, span)
    check = _KINDS.get(piece.panel.get("type", ""))
    if check is not None:
        yield from check(piece.panel, frame)
    if len(frame.rows) > _MARKS and piece.panel.get("type") in ("geomap", "table"):
        yield f"it has {len(frame.rows)} rows; no one reads more than {_MARKS}: aggregate them"


def _within(piece: BuiltPanel, frame: Frame, span: Span, bucket: timedelta) -> Iterator[str]:
    """Rows outside the time range: a time filter is missing."""
    if piece.described is not None and piece.described.timeless:
        return
    times = frame.times()
    lanes = piece.panel.get("type") in ("state-timeline", "status-history")
    early = _find_piece(frame, span) if _has_bars(piece.panel, frame) else bucket
    first, last = span.since - (_BEFORE if lanes else early), span.until + bucket
    outside = [time for time in times if not first <= time <= last]
    if outside:
        yield (
            f"{len(outside)} of {len(times)} rows lie outside the time range"
            f" ({span.since:%Y-%m-%d %H:%M}Z to {span.until:%Y-%m-%d %H:%M}Z), for example"
            f" {outside[0]:%Y-%m-%d %H:%M}Z; add $__timeFilter(…) or $__timeFrom() and $__timeTo()"
        )


def _lanes(panel: Json, frame: Frame) -> Iterator[str]:
    yield from _require_column(frame, TIME, TIME)
    for each in panel.get("transformations") or []:
        if each["id"] != "partitionByValues":
            continue
        for lane in each["options"].get("fields", []):
            if frame.kind(lane) is None:
                yield f"its lanes are split by {lane!r}; its columns are {_columns(frame)}"
            elif frame.kind(lane) not in ("string", "boolean"):
                yield f"its lanes are split by {lane!r}, which is not text; expected the device"
            elif len(frame.names) < 3:
                yield f"it has no state beside {_columns(frame)}"
            else:
                yield from _check_room_of_lanes(panel, frame, lane)
    times = frame.times()
    if any(later < earlier for earlier, later in pairwise(times)):
        yield "times must ascend; add ORDER BY time"


def _check_room_of_lanes(panel: Json, frame: Frame, lane: str) -> Iterator[str]:
    """Names that Grafana cuts at two fifths of the width, and lanes lower than a line of text."""
    names = {str(row[frame.names.index(lane)]) for row in frame.rows}
    longest = max(names, key=measure, default="")
    needed, available = measure(longest) * _SMALL, 0.4 * room(panel["gridPos"]["w"])
    if needed > available:
        yield (
            f"the name {longest!r} of a lane needs {needed:.0f} px and has {available:.0f};"
            " make the panel wider or the name shorter"
        )
    most = count_lanes(panel["gridPos"]["h"])
    if len(names) > most and not panel["options"].get("perPage"):
        yield f"it has {len(names)} lanes and room for {most}; make it higher, or set `pages`"


def _check_bars(panel: Json, frame: Frame, span: Span) -> Iterator[str]:
    """Bars all as thin as the two nearest of them are near: a first one moved into the range."""
    if not _has_bars(panel, frame):
        return
    piece = _find_piece(frame, span)
    width = plot_room(panel["gridPos"]["w"]) * (piece / (span.until - span.since))
    if width < _THIN:
        yield f"its bars are {width:.1f} px wide; draw longer pieces of time, of one length"


def _find_piece(frame: Frame, span: Span) -> timedelta:
    """From a bar's time to the next: the shortest, by which Grafana draws all of them."""
    times = sorted(set(frame.times()))
    return min((later - time for time, later in pairwise(times)), default=span.until - span.since)


def _has_bars(panel: Json, frame: Frame) -> bool:
    config = panel.get("fieldConfig", {})
    if config.get("defaults", {}).get("custom", {}).get("drawStyle") == "bars":
        return True
    drawn = {"id": "custom.drawStyle", "value": "bars"}
    named = {
        override["matcher"].get("options")
        for override in config.get("overrides", [])
        if drawn in override["properties"]
    }
    return not named.isdisjoint({*frame.names, *frame.series})


def _geomap(panel: Json, frame: Frame) -> Iterator[str]:
    for layer in panel.get("options", {}).get("layers", []):
        if layer.get("type") != "markers":
            continue
        place = layer.get("location", {})
        for column in (place.get("latitude"), place.get("longitude")):
            yield from _require_column(frame, str(column), "number")
        style = layer.get("config", {}).get("style", {})
        for part in ("color", "size", "text"):
            column = style.get(part, {}).get("field")
            if column and frame.kind(column) is None:
                yield f"its markers' {part} uses {column!r}; its columns are {_columns(frame)}"


def _scatter(panel: Json, frame: Frame) -> Iterator[str]:
    for series in panel.get("options", {}).get("series") or []:
        for axis in ("x", "y"):
            column = series.get(axis, {}).get("matcher", {}).get("options")
            yield from _require_column(frame, str(column), "number")


def _trend(panel: Json, frame: Frame) -> Iterator[str]:
    column = str(panel.get("options", {}).get("xField"))
    yield from _require_column(frame, column, "number")
    if column in frame.names:
        place = frame.names.index(column)
        numbers = [row[place] for row in frame.rows if row[place] is not None]
        if any(later < earlier for earlier, later in pairwise(numbers)):
            yield f"its column {column!r} must ascend; add ORDER BY {column}"


def _bars(panel: Json, frame: Frame) -> Iterator[str]:
    column = panel.get("options", {}).get("xField")
    if column and frame.kind(column) is None:
        yield f"its bars use {column!r} as x; its columns are {_columns(frame)}"
    if "number" not in frame.kinds:
        yield f"it has no number to draw as a bar; its columns are {_columns(frame)}"


def _figures(panel: Json, frame: Frame) -> Iterator[str]:
    words = panel.get("options", {}).get("reduceOptions", {}).get("fields")
    if not words and "number" not in frame.kinds:
        yield f"it has no number to show; its columns are {_columns(frame)}"


def _numbers(_panel: Json, frame: Frame) -> Iterator[str]:
    if "number" not in frame.kinds:
        yield f"it has no number; its columns are {_columns(frame)}"


def _require_column(frame: Frame, column: str, kind: str) -> Iterator[str]:
    actual = frame.kind(column)
    if actual is None:
        yield f"it needs a column {column!r}; its columns are {_columns(frame)}"
    elif actual != kind:
        yield f"its column {column!r} is a {actual}; expected a {kind}"


_KINDS = {
    "state-timeline": _lanes,
    "status-history": _lanes,
    "geomap": _geomap,
    "xychart": _scatter,
    "trend": _trend,
    "barchart": _bars,
    "stat": _figures,
    "gauge": _figures,
    "histogram": _numbers,
}


def _columns(frame: Frame) -> str:
    return ", ".join(frame.names)


def find_name_problems(piece: BuiltPanel, frames: Sequence[Frame]) -> Iterator[str]:
    """Columns named by overrides, links and sorting that no query returns.

    `frames`: of every query and every span: a series named by data may be missing in one.
    """
    columns = {name for frame in frames for name in frame.names}
    fields = columns | {name for frame in frames for name in frame.series}
    sql = " ".join(query["rawSql"] for query in piece.queries)
    made = json.dumps(piece.panel.get("transformations") or [], ensure_ascii=False)
    for name in _overridden(piece.panel):
        expected = name in fields or name in known_words() or f"'{name}'" in sql
        if not expected and f'"{name}"' not in made:
            yield f"an override names {name!r}; its columns are {', '.join(sorted(fields))}"
    for link in check_document.list_data_links(piece.panel):
        for name in sorted(emulation.list_fields(link.get("url", "")) - columns):
            yield f"a link takes {name!r} of the row; its columns are {', '.join(sorted(columns))}"
    for name in _sorted_by(piece.panel):
        if name not in _titles(piece.panel) | fields:
            yield f"it is sorted by {name!r}; its columns are {', '.join(sorted(fields))}"


@cache
def known_words() -> frozenset[str]:
    """Names that series may have in other data."""
    ours = catalogue()
    priorities = {str(state.value) for state in PRIORITIES}
    return frozenset({*ours.domains, *ours.quantities, *ours.thresholds, *priorities})


def _overridden(panel: Json) -> Iterator[str]:
    for override in panel.get("fieldConfig", {}).get("overrides", []):
        if override["matcher"]["id"] == "byName":
            yield override["matcher"]["options"]


def _sorted_by(panel: Json) -> Iterator[str]:
    for each in panel.get("options", {}).get("sortBy") or []:
        yield each.get("displayName", "")


def _titles(panel: Json) -> set[str]:
    """The displayed titles of columns, by which Grafana sorts."""
    return {
        each["value"]
        for override in panel.get("fieldConfig", {}).get("overrides", [])
        for each in override["properties"]
        if each["id"] == "displayName"
    }
