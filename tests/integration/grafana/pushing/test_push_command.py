"""The command `hypervisor dashboards push`: what it says, and what it never says."""

from typing import Any

import pytest

from sensors._errors import TerritoryError
from tests import command_line
from tests.integration.grafana.pushing.fake_grafana import ADMIN, World
from tests.integration.grafana.pushing.pushed import READER


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HYPERVISOR_GRAFANA_TOKEN", ADMIN)
    monkeypatch.setenv("HYPERVISOR_GRAFANA_READER_URL", READER)
    return lambda world, *words: command_line.run("dashboards", "push", "--url", world.url, *words)


def test_the_command_says_what_it_did(world: World, command: Any) -> None:
    first = command(world, "--lang", "en")
    assert first.exit_code == 0, first.output
    assert "something changed" in first.stdout
    assert "created       dashboard   Hypervisor · Flood" in first.stdout
    world.writes.clear()
    assert command(world, "--lang", "en").stdout.endswith("nothing to change\n")
    assert world.writes == []


def test_its_help_can_be_read(world: World, command: Any) -> None:
    said = command(world, "--help")
    assert said.exit_code == 0, said.output
    assert "HYPERVISOR_GRAFANA_TOKEN" in said.stdout


def test_no_secret_is_ever_told(world: World, command: Any) -> None:
    said = [command(world).output]
    troubles: dict[str, Any] = {"broken": True, "tokens": {}, "version": "11.0.0", "html": True}
    for key, value in troubles.items():
        setattr(world, key, value)
        with pytest.raises(TerritoryError) as refused:
            command(world)
        said += [str(refused.value), *refused.value.__notes__]
    for told in said:
        assert ADMIN not in told
        assert "reader-password" not in told
