"""No figure looks calm unless every input that could contradict it is present and fresh."""

from typing import Any

import pytest

from dashboards._build import build_document
from dashboards._colours import GREEN, GREY, Step
from dashboards._describe import Panel, Section
from dashboards._options import Options
from dashboards._panels import SILENT, says_calm
from dashboards._scan import dashboards
from dashboards._views import Stat
from hypervisor.grafana.boards import iter_panels
from sensors._domain import catalogue

OPTIONS = Options(catalogue=catalogue(), lang="en", others=dashboards())
_GREEN = (Step(None, GREEN),)
# Alarms, whose evaluation `evaluated_at` covers, and figures whose own SQL looks at who is silent.
_BY_THEMSELVES = (
    *("alarms-", "quality-", "territory-", "flood-", "weather-silent"),
    *("lighting-repair", "mobility-closed"),
)


def list_figures() -> dict[str, tuple[Panel, dict[str, Any]]]:
    """Each figure's description and what Grafana gets of it."""
    listed = {}
    for board in dashboards():
        made = {each["title"]: each for each in iter_panels(build_document(board, OPTIONS))}
        for part in board.panels:
            for panel in part.panels if isinstance(part, Section) else (part,):
                if isinstance(panel.view, Stat):
                    listed[panel.key] = panel, made[panel.title.en]
    return listed


FIGURES = list_figures()


@pytest.mark.parametrize("key", FIGURES)
def test_a_figure_is_grey_unless_it_is_sure(key: str) -> None:
    panel, made = FIGURES[key]
    special = [
        each["options"]["result"]
        for each in made["fieldConfig"]["defaults"].get("mappings", [])
        if each["type"] == "special" and each["options"]["match"] == "null"
    ]
    assert [each["color"] for each in special] == [GREY]
    grounds = (panel.steps, *(column.steps for column in panel.columns))
    green = any(steps[:1] == _GREEN for steps in grounds)
    assert says_calm(panel) or not green
    if says_calm(panel):
        assert all("evaluated_at(" in target["rawSql"] for target in made["targets"])
        assert special[0]["text"] in {"not assessable", "\N{EN DASH}"}
        counted = panel.silent or SILENT in {column.name for column in panel.columns}
        assert counted or key.startswith(_BY_THEMSELVES), "count who is silent"


def test_a_zero_beside_somebody_silent_is_no_figure() -> None:
    _panel, made = FIGURES["heat-figures"]
    sql = made["targets"][0]["rawSql"]
    assert "CASE WHEN shown.cold >= 1 OR shown.silent = 0 THEN shown.cold END AS cold" in sql
    assert ", shown.silent FROM (SELECT)" in sql
