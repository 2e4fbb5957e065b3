"""What a push refuses, or is refused: it says why, and has changed nothing before."""

from dataclasses import replace

import pytest

from hypervisor.grafana.client import Grafana, GrafanaError
from hypervisor.grafana.service_push import Outcome, PushOptions
from tests.integration.grafana.pushing.fake_grafana import ADMIN, World
from tests.integration.grafana.pushing.pushed import WISH, became, push
from tests.ports import reserve_port


def refusal(world: World, wish: PushOptions = WISH, *, token: str = ADMIN) -> str:
    """What it says; and nothing must have been changed."""
    before = list(world.writes)
    with pytest.raises(GrafanaError) as caught:
        push(world, wish, token=token)
    assert world.writes == before
    return str(caught.value)


def test_nobody_answers(world: World) -> None:
    world.url = f"http://127.0.0.1:{reserve_port()}"
    assert refusal(world).startswith(f"no answer from {world.url}: ")
    assert "Connection refused" in refusal(world)


def test_an_unknown_token(world: World) -> None:
    assert "does not know the token (401)" in refusal(world, token="stolen")


def test_a_viewer_s_token(world: World) -> None:
    world.tokens["viewer-token"] = "Viewer"
    assert "may not read data sources (403)" in refusal(world, token="viewer-token")
    with pytest.raises(GrafanaError, match=r"may not create the folder .* role Editor"):
        push(world, replace(WISH, source=None), token="viewer-token")


def test_an_old_grafana(world: World) -> None:
    world.version = "11.6.3"
    assert "is Grafana 11.6.3: expected 12 or newer" in refusal(world)


def test_one_that_hides_its_version_is_believed(world: World) -> None:
    world.version = ""
    assert set(became(push(world)).values()) == {Outcome.CREATED}


def test_another_server(world: World) -> None:
    world.html = True
    assert "not as a Grafana does" in refusal(world)


def test_one_that_is_broken(world: World) -> None:
    world.broken = True
    assert "fails to read folders (500): database is locked" in refusal(world)


def test_no_data_source_and_no_reader(world: World) -> None:
    assert "expected --reader-url" in refusal(world, replace(WISH, source=None))


def test_another_data_source_has_the_uid(world: World) -> None:
    world.sources["hypervisor"] = {"uid": "hypervisor", "name": "Mine", "type": "prometheus"}
    assert "'Mine'" in refusal(world)
    assert "give it another uid" in refusal(world)


def test_another_data_source_has_the_name(world: World) -> None:
    world.sources["mine"] = {"uid": "mine", "name": "Hypervisor", "type": "prometheus"}
    with pytest.raises(GrafanaError, match=r"refuses to create the data source \(409\): .*exists"):
        push(world)


def test_another_s_dashboard_has_a_uid_of_ours(world: World) -> None:
    world.put_dashboard("hypervisor-flood", folder="", tags=[])
    assert "it is not ours to change" in refusal(world)


def test_dashboards_that_came_from_files(world: World) -> None:
    world.put_dashboard("hypervisor-flood", folder="hypervisor", tags=["hypervisor"], provisioned=1)
    assert "comes from files" in refusal(world)


def test_a_change_at_the_same_time_is_not_overwritten(world: World) -> None:
    push(world)
    stored = world.dashboards["hypervisor-flood"]["dashboard"]
    stored["title"] = "Mine"
    world.before_save = lambda: stored.update(version=stored["version"] + 1, title="Theirs")
    with pytest.raises(GrafanaError, match=r"it was changed meanwhile \(then push again\)"):
        push(world)
    assert stored["title"] == "Theirs"


@pytest.mark.parametrize("url", ["grafana:3000", "ftp://grafana", "https://"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(GrafanaError, match="expected http"):
        Grafana(url, "token")


def test_no_token() -> None:
    with pytest.raises(GrafanaError, match="HYPERVISOR_GRAFANA_TOKEN"):
        Grafana("https://grafana", "")
