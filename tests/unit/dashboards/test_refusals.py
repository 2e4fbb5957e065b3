"""What the check refuses of a dashboard that draws well in JSON alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dashboards._build import build_document
from dashboards._describe import Dashboard, Panel
from dashboards._options import Options
from dashboards._views import Stat
from dashboards._words import Text
from hypervisor.grafana import check_document
from hypervisor.grafana.boards import Board
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
    width=3,
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


def test_sql_that_reads_the_roll_ups_by_itself() -> None:
    late = replace(FIGURE, sql="SELECT hour.last FROM rollup_hour hour")
    assert "may lag behind" in _find_problems(replace(BOARD, panels=(late,)))
    assert "may lag behind" not in _find_problems(BOARD)


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
