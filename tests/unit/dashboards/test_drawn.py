"""What looks wrong in Grafana's own components although its JSON is right: each was seen once."""

import json
from collections.abc import Iterator
from typing import Any

from dashboards._build import build_document
from dashboards._colours import GREEN, GREY, ORANGE, YELLOW, ink
from dashboards._describe import Dashboard
from dashboards._options import Options
from dashboards._scan import dashboards
from hypervisor.grafana import check_document
from hypervisor.grafana.boards import iter_panels
from sensors._domain import catalogue
from tests.unit.dashboards.zoo import ZOO

OPTIONS = Options(catalogue=catalogue(), lang="fr")


def _rules(kind: str) -> list[list[dict[str, Any]]]:
    """The overrides' properties of the zoo's panels of a kind, rule after rule."""
    panels = [one for one in iter_panels(build_document(ZOO, OPTIONS)) if one["type"] == kind]
    return [rule["properties"] for panel in panels for rule in panel["fieldConfig"]["overrides"]]


def test_a_lane_lists_no_state_where_nothing_is() -> None:
    assert [{"id": "noValue"}] in _rules("state-timeline")


def test_empty_lanes_tell_the_panels_own_words() -> None:
    lanes = {"state-timeline", "status-history"}
    panels = [one for one in iter_panels(build_document(ZOO, OPTIONS)) if one["type"] in lanes]
    assert {panel["type"] for panel in panels} == lanes
    for one in panels:
        assert [each["id"] for each in one["transformations"]] == [
            "filterFieldsByName",  # lets a frame without columns go
            "partitionByValues",
        ]


def test_a_figure_without_a_value_is_told_in_grey() -> None:
    panels = [one for board in dashboards() for one in iter_panels(build_document(board, OPTIONS))]
    told = [
        (said["noValue"], said["mappings"][-1])
        for said in (
            panel["fieldConfig"]["defaults"] for panel in panels if panel["type"] == "stat"
        )
        if said.get("noValue")
    ]
    assert told
    for words, mapping in told:
        assert mapping["options"] == {
            "match": "null",
            "result": {"text": words, "color": GREY, "index": 0},
        }


def test_words_of_a_table_go_on_in_another_line() -> None:
    said = {each["id"]: each["value"] for rule in _rules("table") for each in rule}
    assert said["custom.wrapHeaderText"]
    assert any(
        each["value"].get("wrapText")
        for rule in _rules("table")
        for each in rule
        if each["id"] == "custom.cellOptions"
    )


def test_alarms_over_a_chart_are_lines_without_tinted_regions() -> None:
    told = [
        annotation["target"]["rawSql"]
        for board in dashboards()
        for annotation in check_document.list_annotations(build_document(board, OPTIONS))
    ]
    assert told
    assert not [sql for sql in told if "timeend" in sql.lower()]
    assert all("alarm.title_fr" in sql for sql in told)


def _brightness(colour: str) -> float:
    """As Grafana weighs it before it chooses the ink of what stands on a colour: 0 to 255."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return (299 * red + 587 * green + 114 * blue) / 1000


def test_what_stands_on_a_light_ground_is_written_in_dark() -> None:
    assert all(_brightness(one) > 180 for one in (GREEN, YELLOW, ORANGE))


def test_words_and_figures_are_not_written_in_the_light_colours_of_grounds() -> None:
    told = [text for board in dashboards() for panel in _panels(board) for text in _written(panel)]
    grounds = (GREEN, YELLOW, ORANGE)
    assert not [text for text in told if any(ground in text for ground in grounds)]
    assert all(any(ink(ground) in text for text in told) for ground in grounds)


def _panels(board: Dashboard) -> list[dict[str, Any]]:
    return [one for one in iter_panels(build_document(board, OPTIONS)) if "fieldConfig" in one]


def _written(panel: dict[str, Any]) -> Iterator[str]:
    """The configuration of what a panel writes in a colour, as text."""
    figure = panel["type"] == "stat" and panel["options"]["colorMode"] == "value"
    if figure:
        yield json.dumps(panel["fieldConfig"]["defaults"])
    for rule in panel["fieldConfig"]["overrides"]:
        said = {each["id"]: each.get("value") for each in rule["properties"]}
        if figure or said.get("custom.cellOptions") == {"type": "color-text"}:
            yield json.dumps(said)
