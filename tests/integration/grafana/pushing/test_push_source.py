"""The data source that a push makes: of a reader, and as the file for provisioning says it."""

from dataclasses import replace

import pytest
import yaml

from hypervisor.grafana import service_push
from hypervisor.grafana.client import GrafanaError
from hypervisor.grafana.service_push import Outcome
from tests.compose import ROOT
from tests.integration.grafana.pushing.fake_grafana import World
from tests.integration.grafana.pushing.pushed import READER, WISH, became, push


def test_a_new_password_is_brought_in(world: World) -> None:
    push(world)
    world.database_password = "rotated"
    new = service_push.source_of(READER.replace("reader-password", "rotated"))
    steps = push(world, replace(WISH, source=new))
    assert steps[1].how is Outcome.UPDATED
    assert world.secrets == {"hypervisor": "rotated"}


def test_a_password_that_does_not_open_is_told(world: World) -> None:
    world.database_password = "another"
    steps = push(world)
    assert "does not reach the database: " in steps[1].note
    assert "password authentication failed" in steps[1].note


def test_what_people_chose_about_the_data_source_is_kept(world: World) -> None:
    push(world)
    world.sources["hypervisor"] |= {"name": "Territory", "isDefault": True}
    world.sources["hypervisor"]["jsonData"] |= {"maxOpenConns": 2, "enableSecureSocksProxy": True}
    assert push(world)[1].how is Outcome.UPDATED
    kept = world.sources["hypervisor"]
    assert (kept["name"], kept["isDefault"]) == ("Territory", True)
    assert kept["jsonData"]["enableSecureSocksProxy"] is True
    assert kept["jsonData"]["maxOpenConns"] == service_push.FIXED["maxOpenConns"]


def test_without_a_reader_it_stays_as_it_is(world: World) -> None:
    push(world)
    world.sources["hypervisor"]["url"] = "elsewhere:5432"
    world.writes.clear()
    assert push(world, replace(WISH, source=None))[1].how is Outcome.LEFT
    assert world.writes == []


def test_an_editor_brings_dashboards_where_the_data_source_is_there(world: World) -> None:
    push(world)
    world.tokens["editor-token"] = "Editor"
    del world.dashboards["hypervisor-flood"]
    steps = push(world, replace(WISH, source=None), token="editor-token")
    assert (steps[1].how, steps[1].note) == (Outcome.LEFT, "the token may not read it")
    assert became(steps)["Flood"] is Outcome.CREATED


def test_an_editor_to_whom_what_is_not_there_is_forbidden(world: World) -> None:
    world.tokens["editor-token"] = "Editor"
    world.shy = True
    steps = push(world, replace(WISH, source=None), token="editor-token")
    assert set(became(steps).values()) == {Outcome.CREATED, Outcome.LEFT}
    assert set(world.dashboards) == set(WISH.documents)


def test_a_provisioned_data_source_is_left(world: World) -> None:
    push(world)
    world.sources["hypervisor"] |= {"readOnly": True, "url": "elsewhere:5432"}
    world.writes.clear()
    step = push(world)[1]
    assert (step.how, world.writes) == (Outcome.LEFT, [])
    assert "provisioned from a file" in step.note


def test_the_file_for_provisioning_says_the_same() -> None:
    file = ROOT / "hypervisor/grafana/provisioning/datasource.yaml"
    (told,) = yaml.safe_load(file.read_text())["datasources"]
    body = service_push.source_of(READER).settings()
    assert (told["uid"], told["name"], told["type"]) == (
        service_push.UID,
        service_push.NAME,
        body["type"],
    )
    assert told["access"] == body["access"]
    assert {key: told["jsonData"][key] for key in service_push.FIXED} == service_push.FIXED
    assert set(told["jsonData"]) == set(body["jsonData"])


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://reader_a:b@c/d", "expected postgresql://"),
        ("postgresql://reader_a@c/d", "user, password or database is missing"),
        ("postgresql://reader_a:b@c", "user, password or database is missing"),
        ("postgresql://hypervisor:b@c/d", "'hypervisor' is no reader"),
        ("postgresql://reader_a:b@c/d?sslmode=maybe", "sslmode 'maybe': expected disable"),
    ],
)
def test_only_a_reader_will_do(url: str, says: str) -> None:
    with pytest.raises(GrafanaError, match=says):
        service_push.source_of(url)


def test_a_reader_s_url_may_say_little() -> None:
    assert service_push.source_of("postgresql://reader_a:p%40@[::1]/d") == service_push.Source(
        address="[::1]:5432", user="reader_a", password="p@", database="d", sslmode="require"
    )
