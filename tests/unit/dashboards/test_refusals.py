"""What the check refuses of a dashboard that draws well in JSON alone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboards._build import build_document
from dashboards._describe import Dashboard, Panel
from dashboards._options import Options
from dashboards._views import Stat, Timeline, TimeSeries, View
from dashboards._words import Text
from hypervisor.grafana import check_document, check_frames
from hypervisor.grafana.boards import Board, BuiltPanel, Json, iter_panels
from hypervisor.grafana.emulation import Frame, Span
from sensors._domain import catalogue
from tests.unit.dashboards.zoo import ZOO

OPTIONS = Options(
    catalogue=catalogue(), lang="en", console_url="https://console.test", others=(ZOO,)
)
FIGURE = Panel(
    key="figure",
    title=Text("Waiting", "En attente"),
    about=Text("How many wait.", "Combien attendent."),
    view=Stat(),
    sql="SELECT 1 AS waiting WHERE $__timeFilter(now())",
    unit="count",
    width=4,
)
BOARD = Dashboard(
    key="figures",
    title=Text("Figures", "Chiffres"),
    about=Text("Figures.", "Des chiffres."),
    panels=(FIGURE,),
)


def _find_problems(board: Dashboard, change: Callable[[dict[str, Any]], Any] | None = None) -> str:
    document = build_document(board, OPTIONS)
    if change is not None:
        change(document)
    found = check_document.find_problems(
        Board(document=document, described=board), [document["uid"]], OPTIONS.console_url
    )
    return "\n".join(problem.problem for problem in found)


def test_a_title_that_grafana_would_cut() -> None:
    assert "its title needs" not in _find_problems(BOARD)
    long = replace(FIGURE, title=Text("Alarms to acknowledge", "Alarmes à acquitter"))
    assert "its title needs" in _find_problems(replace(BOARD, panels=(long,)))
    wide = replace(long, width=8)
    assert "its title needs" not in _find_problems(replace(BOARD, panels=(wide,)))


@pytest.mark.parametrize("table", ["rollup_hour", "rollup_day", "rollup_suspect"])
def test_sql_that_reads_the_roll_ups_by_itself(table: str) -> None:
    late = replace(FIGURE, sql="SELECT piece.count FROM _ piece".replace("_", table))
    assert f"reads {table}, which may lag behind" in _find_problems(replace(BOARD, panels=(late,)))
    assert "may lag behind" not in _find_problems(BOARD)


def _find(document: dict[str, Any], kind: str) -> Json:
    return next(panel for panel in iter_panels(document) if panel["type"] == kind)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            lambda document: _find(document, "text")["gridPos"].update(y=0),
            "its colours have no legend, and no key below it",
        ),
        (
            lambda document: _find(document, "state-timeline")["options"].update(showValue="auto"),
            "Grafana cuts the words in its lanes",
        ),
        (
            lambda document: _find(document, "status-history")["options"].pop("perPage"),
            "a page has 20 lanes",
        ),
    ],
)
def test_what_nobody_can_read(change: Callable[[dict[str, Any]], Any], problem: str) -> None:
    assert problem not in _find_problems(ZOO)
    assert problem in _find_problems(ZOO, change)


NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
DAY = Span(since=NOON - timedelta(days=1), until=NOON)


def _draw(view: View, frame: Frame, **shape: int) -> str:
    """Problems of a frame in a panel of such a view."""
    panel = replace(FIGURE, view=view, **shape)  # type: ignore[arg-type]
    document = build_document(replace(BOARD, panels=(panel,)), OPTIONS)
    piece = BuiltPanel(panel=next(iter_panels(document)), described=panel)
    return "\n".join(check_frames.find_frame_problems(piece, frame, DAY, 3_600_000))


def _list_counts(*minutes: float) -> Frame:
    times = [DAY.since + timedelta(minutes=each) for each in minutes]
    return Frame(
        names=("time", "waiting"), kinds=("time", "number"), rows=[(time, 1.0) for time in times]
    )


def test_bars_as_thin_as_the_first_is_near_the_second() -> None:
    bars = TimeSeries(draw="bars")
    hours = [60.0 * hour for hour in range(24)]
    assert "px wide" not in _draw(bars, _list_counts(*hours), width=12)
    assert "px wide" in _draw(bars, _list_counts(58.0, *hours[1:]), width=12)
    assert "px wide" not in _draw(TimeSeries(), _list_counts(58.0, *hours[1:]), width=12)


def _list_lanes(*names: str) -> Frame:
    return Frame(
        names=("time", "lane", "state"),
        kinds=("time", "string", "number"),
        rows=[(DAY.since, name, 1) for name in names],
    )


def test_names_of_lanes_that_grafana_would_cut() -> None:
    lanes, name = Timeline(lane="lane"), "Saint-Germain-lès-Arpajon, pont de la Rémarde"
    assert "make the panel wider" in _draw(lanes, _list_lanes(name), width=8)
    assert "make the panel wider" not in _draw(lanes, _list_lanes(name), width=24)


def test_more_lanes_than_there_is_room_for() -> None:
    many = _list_lanes(*map(str, range(30)))
    assert "room for" in _draw(Timeline(lane="lane"), many, height=10)
    assert "room for" not in _draw(Timeline(lane="lane"), many, height=18)
    assert "room for" not in _draw(Timeline(lane="lane", pages=True), many, height=10)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda document: document.update(refresh="30s"), "it refreshes every '30s'"),
        (
            lambda document: document["annotations"]["list"][0].pop("placement"),
            "is not in the menu of controls",
        ),
        (
            lambda document: document["links"].extend([document["links"][-1]] * 2),
            "put them into one drop-down",
        ),
    ],
)
def test_a_bar_of_several_lines(change: Callable[[dict[str, Any]], Any], problem: str) -> None:
    assert problem not in _find_problems(ZOO)
    assert problem in _find_problems(ZOO, change)


def test_links_in_a_line_of_their_own() -> None:
    board = replace(ZOO, key="other", title=Text("Other", "Autre"))

    def spread(document: dict[str, Any]) -> None:
        document["links"][0]["asDropdown"] = False

    assert "must be a drop-down" in _find_problems(board, spread)
    assert "must be a drop-down" not in _find_problems(board)
