"""What a dashboard's picture says of values, and where it draws them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hypervisor.database.panels import Answer
from hypervisor.grafana.boards import Board, Piece
from hypervisor.grafana.frames import Frame, time_series
from hypervisor.grafana.macros import Span
from hypervisor.grafana.pictures_fields import INK, Reader, fields
from hypervisor.grafana.pictures_page import page, unfolded

NOON = datetime(2024, 10, 10, 12, tzinfo=UTC)
SPAN = Span(since=NOON - timedelta(hours=2), until=NOON)
ENGLISH = Reader(lang="en", zone=UTC, now=NOON)
FRENCH = Reader(lang="fr", zone=UTC, now=NOON)
Json = dict[str, Any]


def panel(kind: str, form: str = "table", **more: Any) -> Json:
    return {
        "id": 7,
        "type": kind,
        "title": "Levels & rain",
        "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8},
        "targets": [{"rawSql": "SELECT 1", "format": form, "refId": "A"}],
        "options": {},
        "fieldConfig": {"defaults": {}, "overrides": []},
    } | more


def table(**columns: list[Any]) -> Frame:
    kinds = []
    for values in columns.values():
        first = next((value for value in values if value is not None), None)
        number = isinstance(first, int | float)
        kinds.append("number" if number else "time" if isinstance(first, datetime) else "string")
    rows = list(zip(*columns.values(), strict=True))
    return Frame(names=tuple(columns), kinds=tuple(kinds), rows=rows)


def drawn(one: Json, *frames: Frame, tall: int = 0, reader: Reader = ENGLISH) -> str:
    board = Board(document={"title": "Floods", "panels": [one]}, described=None)
    return page(board, {7: frames}, SPAN, reader, "light", tall)


STEPS = {
    "unit": "suffix:m",
    "decimals": 2,
    "color": {"mode": "thresholds"},
    "thresholds": {"steps": [{"value": None, "color": "text"}, {"value": 3, "color": "#e2202c"}]},
    "mappings": [{"type": "special", "options": {"match": "null", "result": {"text": "unknown"}}}],
}
LIT = {"mappings": [{"type": "value", "options": {"4": {"text": "red", "color": "#e2202c"}}}]}


@pytest.mark.parametrize(
    ("config", "value", "words", "shade"),
    [
        (STEPS, 2.5, "2.50 m", INK),
        (STEPS, 3.0, "3.00 m", "#e2202c"),
        (STEPS, None, "unknown", INK),
        (LIT, 4, "red", "#e2202c"),
        ({"unit": "percentunit", "decimals": 0}, 0.42, "42 %", INK),
        ({"unit": "dthms"}, 93_784, "26:03:04", INK),
        ({"noValue": "no gauge"}, None, "no gauge", INK),
        ({}, NOON, "10/10 12:00", INK),
    ],
)
def test_a_value_is_told_as_the_panel_says(
    config: Json, value: object, words: str, shade: str
) -> None:
    piece = Piece(panel=panel("table", fieldConfig={"defaults": config}), described=None)
    (field,) = fields(piece, [table(x=[value])])
    assert field.told(value, ENGLISH) == (words, shade)


def test_french_has_its_own_marks() -> None:
    one = Piece(panel=panel("table", fieldConfig={"defaults": STEPS}), described=None)
    (field,) = fields(one, [table(x=[-1234.5])])
    minus, thin = "\N{MINUS SIGN}", "\N{NARROW NO-BREAK SPACE}"
    assert field.told(-1234.5, FRENCH)[0] == f"{minus}1{thin}234,50 m"


def test_an_override_holds_for_its_column_alone() -> None:
    overrides = [
        {
            "matcher": {"id": "byName", "options": "site"},
            "properties": [
                {"id": "displayName", "value": "Gauge"},
                {"id": "custom.hidden", "value": True},
            ],
        }
    ]
    one = Piece(panel=panel("table", fieldConfig={"overrides": overrides}), described=None)
    site, level = fields(one, [table(site=["foix"], level=[1.0])])
    assert (site.title, site.hidden) == ("Gauge", True)
    assert (level.title, level.hidden) == ("level", False)


def test_a_word_parts_the_lines_of_a_time_series() -> None:
    answer = Answer(
        names=("time", "metric", "value"),
        kinds=("time", "string", "number"),
        rows=[(SPAN.since, "Foix", 1.0), (SPAN.since, "Auterive", 2.0), (NOON, "Foix", 3.0)],
    )
    one = Piece(panel=panel("timeseries", "time_series"), described=None)
    times, auterive, foix = fields(one, [time_series(answer)])
    assert (times.values, auterive.values) == ([SPAN.since, NOON], [2.0, None])
    assert (foix.name, foix.values, foix.number) == ("Foix", [1.0, 3.0], 1)


def test_a_picture_says_that_it_is_not_grafana_and_escapes_what_it_tells() -> None:
    told = drawn(panel("table"), table(site=["<b>Foix</b>"]))
    assert "a picture, not Grafana" in told
    assert "Levels &amp; rain" in told
    assert "&lt;b&gt;Foix" in told
    assert "<b>Foix" not in told


def test_a_table_that_is_too_long_says_how_many_rows_more() -> None:
    told = drawn(panel("table"), table(n=list(range(40))))
    shown = told.count("<tr><td")
    assert 0 < shown < 40
    assert f"+ {40 - shown}</p>" in told


def test_an_empty_panel_says_why() -> None:
    one = panel("timeseries", "time_series", fieldConfig={"defaults": {"noValue": "no gauge"}})
    assert "no gauge" in drawn(one, Frame(names=("time",), kinds=("time",), rows=[]))


def test_rain_hangs_from_the_top() -> None:
    times = [SPAN.since + timedelta(minutes=30 * n) for n in range(4)]
    custom = {"drawStyle": "bars", "transform": "negative-Y"}
    one = panel("timeseries", "time_series", fieldConfig={"defaults": {"custom": custom}})
    told = drawn(one, table(time=times, rain=[1.0, 2.0, 4.0, 0.0]))
    bars = re.findall(r'<rect x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', told)
    assert {float(top) for top, _ in bars} == {10.0}
    heights = [float(height) for _, height in bars]
    assert heights[2] == pytest.approx(2 * heights[1], abs=0.2)


def test_lanes_are_parted_by_the_device_and_a_state_holds_until_the_next() -> None:
    parted = [{"id": "partitionByValues", "options": {"fields": ["site"]}}]
    states = {"1": {"text": "lit", "color": "#7fbf6a"}, "2": {"text": "dark", "color": "#e2202c"}}
    config = {"defaults": {"mappings": [{"type": "value", "options": states}]}}
    one = panel("state-timeline", transformations=parted, fieldConfig=config)
    middle = SPAN.since + timedelta(hours=1)
    told = drawn(
        one,
        table(time=[SPAN.since, SPAN.since, middle], site=["A", "B", "A"], state=[1, 2, 2]),
    )
    bars = re.findall(r'<rect x="([\d.]+)" .*? width="([\d.]+)".*?fill:(#\w+)', told)
    assert [shade for *_, shade in bars] == ["#7fbf6a", "#e2202c", "#e2202c"]
    whole, half = float(bars[2][1]), float(bars[0][1])
    assert half == pytest.approx(whole / 2, abs=0.2)


def test_what_a_picture_has_no_room_for_is_left_out_whole() -> None:
    low = panel("table", id=8, title="Below") | {"gridPos": {"x": 0, "y": 8, "w": 24, "h": 9}}
    board = Board(document={"title": "Floods", "panels": [panel("table"), low]}, described=None)
    assert "Below" in page(board, {}, SPAN, ENGLISH, "light", 0)
    assert "Below" not in page(board, {}, SPAN, ENGLISH, "light", 500)


def test_folded_sections_are_opened_and_push_down_what_follows() -> None:
    inner = panel("table", id=8) | {"gridPos": {"x": 0, "y": 1, "w": 24, "h": 9}}
    head = {"type": "row", "gridPos": {"x": 0, "y": 0, "w": 24, "h": 1}, "panels": [inner]}
    after = panel("table") | {"gridPos": {"x": 0, "y": 1, "w": 24, "h": 4}}
    assert [top for _, top in unfolded({"panels": [head, after]})] == [0, 1, 10]


def test_points_parted_by_a_state_have_its_words_and_colour() -> None:
    overrides = [
        {
            "matcher": {"id": "byRegexp", "options": "/^load jammed$/"},
            "properties": [
                {"id": "displayName", "value": "congested"},
                {"id": "color", "value": {"mode": "fixed", "fixedColor": "#e2202c"}},
            ],
        }
    ]
    one = panel("xychart", fieldConfig={"defaults": {}, "overrides": overrides})
    points = table(occupancy=[10.0, 60.0], load=[50.0, 30.0], state=["free", "jammed"])
    told = drawn(one, points)
    assert "congested" in told
    assert "jammed" not in told
    assert "free" in told  # nothing says more of it than its name
    assert told.count("#e2202c") >= 2  # the point and its legend
