"""Columns of tables: names keep their room, values what they need, in a window of 1,110 px."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from dashboards._build import build_document
from dashboards._describe import Column, Dashboard, Panel
from dashboards._options import Options
from dashboards._scan import dashboards
from dashboards._usual import default_dashboard
from dashboards._views import Table
from dashboards._widths import measure, room, size_columns
from dashboards._words import Text
from hypervisor.grafana import check_document
from hypervisor.grafana.boards import Board, iter_panels
from sensors._domain import catalogue

CATALOGUE = catalogue()
FRENCH = Options(catalogue=CATALOGUE, lang="fr")
BOARDS = (*dashboards(), *map(default_dashboard, CATALOGUE.domains.values()))
NAMES = 118  # px: "Sainte-Geneviève-" in one line


def lay_out(widths: Mapping[str, Mapping[str, int]], available: int) -> dict[str, float]:
    """As Grafana 12 lays out columns: equal parts of what fixed ones leave, down to `minWidth`."""
    fixed = sum(each.get("custom.width", 0) for each in widths.values())
    free = sum("custom.width" not in each for each in widths.values())
    return {
        name: each.get("custom.width")
        or max(each.get("custom.minWidth", 150), (available - fixed) / free)
        for name, each in widths.items()
    }


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.key)
def test_all_columns_are_in_sight(board: Dashboard, lang: str) -> None:
    document = build_document(board, replace(FRENCH, lang=lang))  # type: ignore[arg-type]
    problems = [
        str(problem)
        for problem in check_document.find_problems(
            Board(document=document, described=board), [document["uid"]], ""
        )
        if "px" in str(problem)
    ]
    assert not problems
    for panel in iter_panels(document):
        if panel["type"] == "table":
            widths = check_document.find_widths(panel)
            first = next(iter(widths))
            assert max(widths.values()) >= NAMES, panel["title"]
            assert widths[first] >= 40, panel["title"]


TABLE = Panel(
    key="table",
    title=Text("Table", "Table"),
    about=Text("Table", "Table"),
    view=Table(),
    columns=(
        Column("place", Text("Site", "Site")),
        Column("at", Text("Measured", "Mesurée"), unit="date"),
        Column("level", Text("Level", "Hauteur"), quantity="level"),
    ),
    width=12,
)


def test_a_name_takes_what_values_leave() -> None:
    laid = lay_out(size_columns(TABLE, Table(), FRENCH), room(12))
    assert laid["at"] >= measure("28/11/2026 12:34")
    assert laid["place"] > laid["at"] > laid["level"]
    assert sum(laid.values()) == pytest.approx(room(12))


def test_a_table_that_is_too_narrow_is_refused() -> None:
    board = Dashboard(
        key="narrow",
        title=Text("Narrow", "Étroit"),
        about=Text("Narrow", "Étroit"),
        panels=(replace(TABLE, width=5),),
    )
    document = build_document(board, FRENCH)
    problems = [
        problem.problem
        for problem in check_document.find_problems(
            Board(document=document, described=board), [document["uid"]], ""
        )
    ]
    assert any("make the panel wider" in problem for problem in problems)


def test_a_longer_word_makes_a_wider_column() -> None:
    longer = replace(TABLE.columns[2], title=Text("Level", "Hauteur d'eau extraordinaire"))
    narrow, wide = (
        size_columns(replace(TABLE, columns=(TABLE.columns[0], column)), Table(), FRENCH)["level"]
        for column in (TABLE.columns[2], longer)
    )
    assert wide["custom.width"] > narrow["custom.width"]
