"""Descriptions become the JSON that Grafana reads, in two languages, the same every time."""

import json
from dataclasses import replace
from typing import Any

import pytest

from dashboards._build import build_document, render_json
from dashboards._colours import PRIORITIES, Step
from dashboards._describe import Column, Dashboard, Panel, Query
from dashboards._example import DASHBOARD as EXAMPLE
from dashboards._options import Options
from dashboards._scan import dashboards
from dashboards._units import DashboardError
from dashboards._views import Stat, TimeSeries
from dashboards._words import Text
from hypervisor.grafana import check_document, vocabulary
from hypervisor.grafana.boards import Board, iter_panels
from sensors._domain import catalogue
from tests.unit.dashboards.zoo import LINES, TABLE, ZOO

CATALOGUE = catalogue()
FRENCH = Options(
    catalogue=CATALOGUE,
    lang="fr",
    console_url="https://console.test/",
    others=(ZOO, EXAMPLE, *dashboards()),
)
ENGLISH = replace(FRENCH, lang="en")
ALL = FRENCH.others
each = pytest.mark.parametrize("board", ALL, ids=lambda board: board.key)


def panel_of(board: Dashboard, key: str, options: Options = FRENCH) -> dict[str, Any]:
    title = next(
        panel.title
        for part in board.panels
        for panel in getattr(part, "panels", (part,))
        if panel.key == key
    )
    words = title.in_(options.lang)
    return next(p for p in iter_panels(build_document(board, options)) if p.get("title") == words)


@each
def test_nothing_of_its_json_is_wrong_in_either_language(board: Dashboard) -> None:
    uids = [f"hypervisor-{dashboard.key}" for dashboard in ALL]
    for options in (FRENCH, ENGLISH):
        made = Board(document=build_document(board, options), described=board)
        found = [
            str(problem)
            for problem in check_document.find_problems(made, uids, "https://console.test")
        ]
        assert not found


@each
def test_the_same_words_make_the_same_bytes(board: Dashboard) -> None:
    assert render_json(board, FRENCH) == render_json(board, FRENCH)
    assert render_json(board, FRENCH).endswith("}\n")
    assert json.loads(render_json(board, FRENCH)) == build_document(board, FRENCH)


@each
def test_ids_do_not_depend_on_the_language_and_panels_do_not_overlap(board: Dashboard) -> None:
    french, english = (
        [
            (p["id"], p.get("type"), p["gridPos"])
            for p in iter_panels(build_document(board, options))
        ]
        for options in (FRENCH, ENGLISH)
    )
    assert french == english
    taken: dict[tuple[int, int], int] = {}
    for number, _, place in french:
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), number) == number


def test_words_are_of_the_language_and_sql_knows_it() -> None:
    assert panel_of(ZOO, "lines")["title"] == "Le lines"
    assert panel_of(ZOO, "lines", ENGLISH)["title"] == "The lines"
    assert "'fr' AS words" in panel_of(ZOO, "map")["targets"][0]["rawSql"]
    assert "'en' AS words" in panel_of(ZOO, "map", ENGLISH)["targets"][0]["rawSql"]
    told = build_document(ZOO, ENGLISH)["templating"]["list"]
    assert [variable["label"] for variable in told][-3:] == ["River", "Gauge", "Shown"]


def test_quantities_bring_unit_and_decimals_and_states_their_words() -> None:
    levels = panel_of(ZOO, "lines")["fieldConfig"]["defaults"]
    assert (levels["unit"], levels["decimals"]) == ("suffix:m", 2)
    assert levels["thresholds"]["steps"][0] == {"color": "transparent", "value": None}
    override = panel_of(ZOO, "table")["fieldConfig"]["overrides"]
    told = [each for one in override for each in one["properties"]]
    nothing, mapping = (each["value"] for each in told if each["id"] == "mappings")
    assert nothing[0]["options"]["match"] == "null"
    assert {key: one["text"] for key, one in mapping[0]["options"].items()} == {
        state.value: f"{state.symbol} {state.text.in_('fr')}"  # type: ignore[union-attr]
        for state in PRIORITIES
    }


def test_links_to_the_console_only_where_it_can_be_reached() -> None:
    def urls(options: Options) -> list[str]:
        return [
            link["url"] for link in check_document.list_data_links(panel_of(ZOO, "table", options))
        ]

    assert urls(FRENCH) == [
        "https://console.test/sites/${__data.fields.site}",
        "/d/hypervisor-zoo?var-site=${__data.fields.site}&${__url_time_range}",
        "https://console.test/alarms/${__data.fields.alarm}",
    ]
    assert len(urls(replace(FRENCH, console_url=""))) == 1


def test_the_others_are_a_click_away_for_the_same_territory_and_time() -> None:
    links = {link["title"]: link for link in build_document(ZOO, ENGLISH)["links"]}
    assert set(links) == {"Dashboards", "Console"}
    menu = links["Dashboards"]
    assert (menu["type"], menu["asDropdown"], menu["tags"]) == ("dashboards", True, ["hypervisor"])
    assert menu["keepTime"]
    assert menu["includeVars"]
    assert links["Console"]["url"] == "https://console.test/now"
    alone = replace(ENGLISH, others=(), console_url="")
    assert build_document(ZOO, alone)["links"] == []


def test_a_map_is_drawn_without_a_network_and_tiles_are_a_choice() -> None:
    plain = panel_of(ZOO, "map")["options"]
    assert plain["basemap"]["config"]["src"] == "public/maps/countries.geojson"
    tiles = replace(FRENCH, basemap="https://t/{z}/{x}/{y}.png", basemap_words="© They")
    tiled = panel_of(ZOO, "map", tiles)["options"]
    assert tiled["basemap"]["type"] == "xyz"
    assert tiled["basemap"]["config"] == {
        "url": "https://t/{z}/{x}/{y}.png",
        "attribution": "© They",
    }


def test_a_map_comes_near_its_markers_and_its_tooltips_are_theirs_alone() -> None:
    made = panel_of(ZOO, "map")
    assert made["options"]["view"]["id"] == "fit"
    assert made["options"]["view"]["zoom"] > 12  # it stops there: 1 is the whole world
    assert made["options"]["basemap"]["tooltip"] is False
    hidden = {
        one["matcher"]["options"]
        for one in made["fieldConfig"]["overrides"]
        for each in one["properties"]
        if each["id"] == "custom.hideFrom" and each["value"]["tooltip"]
    }
    assert hidden == {"lat", "lon"}


@each
def test_grafana_takes_every_panel_as_one_of_today(board: Dashboard) -> None:
    for panel in iter_panels(build_document(board, FRENCH)):
        # An xychart older than 11.1, or of no version, loses its series when Grafana converts it.
        assert panel["type"] == "row" or panel["pluginVersion"].startswith("12.")


def test_words_below_bars_are_not_cut() -> None:
    assert panel_of(ZOO, "chart")["options"]["xTickLabelMaxLength"] > 50


def test_the_time_that_is_shown_can_be_an_exercises() -> None:
    exercise = replace(FRENCH, since="2024-10-03T19:00:00Z", until="2024-10-10T19:00:00Z")
    assert build_document(ZOO, exercise)["time"] == {
        "from": "2024-10-03T19:00:00Z",
        "to": "2024-10-10T19:00:00Z",
    }
    assert build_document(ZOO, FRENCH)["time"] == {"from": "now-24h", "to": "now"}


def test_both_themes_have_their_own_ground() -> None:
    """No background of ours, so that light and dark stay Grafana's."""
    assert "transparent" not in {
        panel.get("transparent") for panel in iter_panels(build_document(ZOO, FRENCH))
    }
    assert {p["type"] for p in iter_panels(build_document(ZOO, FRENCH))} - {
        "row"
    } <= vocabulary.PANELS


WRONG = {
    "a key twice": (replace(ZOO, panels=(LINES, LINES)), "share an id"),
    "an unknown quantity": (
        replace(ZOO, panels=(replace(LINES, quantity="levle"),)),
        "no quantity 'levle'",
    ),
    "an unknown unit": (
        replace(ZOO, panels=(replace(TABLE, unit="florin"),)),
        "'florin'",
    ),
    "steps that fall": (
        replace(ZOO, panels=(replace(LINES, steps=(*LINES.steps, Step(at=0.5, colour="red"))),)),
        "must rise",
    ),
}


@pytest.mark.parametrize(("board", "said"), WRONG.values(), ids=WRONG)
def test_a_description_that_cannot_be_is_refused(board: Dashboard, said: str) -> None:
    with pytest.raises(DashboardError, match=said):
        build_document(board, FRENCH)


def test_a_query_keeps_its_lines_without_their_margin() -> None:
    query = Query(sql="\n        SELECT 1\n          AS one\n    ")
    text = Text(en="a", fr="a")
    panel = Panel(key="a", title=text, about=text, view=Stat(), queries=(query,))
    assert panel_of(replace(ZOO, panels=(panel,)), "a")["targets"][0]["rawSql"] == (
        "SELECT 1\n  AS one"
    )


def test_a_panel_may_be_refined_last() -> None:
    refined = replace(LINES, refine=lambda builder: builder.transparent(transparent=True))
    assert panel_of(replace(ZOO, panels=(refined,)), "lines")["transparent"] is True


def test_patterns_match_many_series() -> None:
    column = Column(name="/^lane /", dashed=True)
    panel = replace(LINES, view=TimeSeries(), columns=(column,))
    made = panel_of(replace(ZOO, panels=(panel,)), "lines")["fieldConfig"]["overrides"][0]
    assert made["matcher"] == {"id": "byRegexp", "options": "/^lane /"}
