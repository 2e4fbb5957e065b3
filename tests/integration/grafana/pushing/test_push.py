"""`hypervisor dashboards push` into a stand-in for Grafana: what it makes, mends and removes."""

from dataclasses import replace
from typing import Any

import pytest

from hypervisor.grafana.service_push import Outcome
from tests.integration.grafana.pushing.fake_grafana import World, serving
from tests.integration.grafana.pushing.pushed import FLOOD, WISH, became, push


def test_at_first_all_is_made(world: World) -> None:
    assert became(push(world)) == dict.fromkeys(("Hypervisor", "Flood", "Weather"), Outcome.CREATED)
    assert world.folders["hypervisor"]["title"] == "Hypervisor"
    assert {dashboard["meta"]["folderUid"] for dashboard in world.dashboards.values()} == {
        "hypervisor"
    }
    assert world.sources["hypervisor"]["url"] == "db:5432"
    assert world.secrets == {"hypervisor": "reader-password"}
    assert world.sources["hypervisor"]["isDefault"] is False  # another's may be


def test_the_second_time_nothing_is_changed(world: World) -> None:
    push(world)
    world.writes.clear()
    assert set(became(push(world)).values()) == {Outcome.UNCHANGED}
    assert world.writes == []


def test_what_grafana_adds_or_leaves_out_by_itself_is_no_change(world: World) -> None:
    push(world)
    kept = world.dashboards["hypervisor-flood"]["dashboard"]
    del world.dashboards["hypervisor-weather"]["dashboard"]["panels"]  # of which there are none
    kept |= {"schemaVersion": 42, "liveNow": False}
    kept["panels"][0]["pluginVersion"] = "12.4.12"
    world.writes.clear()
    assert set(became(push(world)).values()) == {Outcome.UNCHANGED}
    assert world.writes == []


@pytest.mark.parametrize(
    "edit",
    [
        lambda board: board["panels"][0].update(title="Mine"),
        lambda board: board["panels"].append({"id": 3, "title": "Mine"}),
        lambda board: board["panels"].pop(),
        lambda board: board.update(title="Mine"),
    ],
)
def test_what_somebody_changed_is_put_right_and_nothing_else(world: World, edit: Any) -> None:
    push(world)
    edit(world.dashboards["hypervisor-flood"]["dashboard"])
    world.writes.clear()
    assert became(push(world))["Flood"] is Outcome.UPDATED
    assert world.writes == ["POST /dashboards/db"]
    stored = world.dashboards["hypervisor-flood"]["dashboard"]
    assert (stored["panels"], stored["title"], stored["version"]) == (FLOOD["panels"], "Flood", 2)


def test_only_ours_that_is_no_more_is_removed(world: World) -> None:
    push(world)
    ours = ["hypervisor"]
    world.folders["theirs"] = {"uid": "theirs", "title": "Theirs", "version": 1}
    world.put_dashboard("hypervisor-old", folder="hypervisor", tags=ours)
    world.put_dashboard("hypervisor-untagged", folder="hypervisor", tags=["theirs"])
    world.put_dashboard("theirs", folder="hypervisor", tags=ours)
    world.put_dashboard("hypervisor-elsewhere", folder="theirs", tags=ours)
    world.sources["theirs"] = {"uid": "theirs", "name": "Theirs", "type": "prometheus"}
    before = set(world.dashboards)
    world.writes.clear()
    assert became(push(world))["hypervisor-old"] is Outcome.REMOVED
    assert before - set(world.dashboards) == {"hypervisor-old"}
    assert world.writes == ["DELETE /dashboards/uid/hypervisor-old"]


def test_a_dashboard_that_somebody_moved_stays_there(world: World) -> None:
    push(world)
    world.folders["theirs"] = {"uid": "theirs", "title": "Theirs", "version": 1}
    world.dashboards["hypervisor-flood"]["meta"]["folderUid"] = "theirs"
    world.dashboards["hypervisor-flood"]["dashboard"]["title"] = "Mine"
    assert became(push(world))["Flood"] is Outcome.UPDATED
    assert world.dashboards["hypervisor-flood"]["meta"]["folderUid"] == "theirs"


def test_a_dry_run_only_says(world: World) -> None:
    assert became(push(world, dry=True)) == dict.fromkeys(
        ("Hypervisor", "Flood", "Weather"), Outcome.CREATED
    )
    assert world.writes == []


def test_the_folder_has_the_title_that_is_asked_for(world: World) -> None:
    push(world, replace(WISH, folder="Hyperviseur"))
    assert world.folders["hypervisor"]["title"] == "Hyperviseur"
    world.folders["hypervisor"]["title"] = "Ours"  # somebody renamed it, and no other is asked for
    assert became(push(world))["Ours"] is Outcome.UNCHANGED
    assert became(push(world, replace(WISH, folder="Crue")))["Crue"] is Outcome.UPDATED
    assert world.folders["hypervisor"]["title"] == "Crue"


def test_below_a_path() -> None:
    with serving(World(path="/grafana")) as below:
        assert set(became(push(below)).values()) == {Outcome.CREATED}
        assert set(became(push(replace(below, url=f"{below.url}/"))).values()) == {
            Outcome.UNCHANGED
        }
