"""`hypervisor dashboards build` and `check`, as a person or a container types them."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from sensors._errors import TerritoryError
from tests import command_line
from tests.command_line import Outcome
from tests.integration.grafana.conftest import Week

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
Run = Callable[..., Outcome]


@pytest.fixture
def run(week: Week, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("HYPERVISOR_DATABASE_URL", week.url)
    monkeypatch.setenv("HYPERVISOR_PUBLIC_URL", "https://console.test")
    return partial(command_line.run, "dashboards")


def test_files_are_built_once_and_the_same_again(run: Run, tmp_path: Path) -> None:
    (tmp_path / "hypervisor-gone.json").write_text("{}")
    (tmp_path / "mine.json").write_text("{}")
    assert run("build", "--out", tmp_path, "--lang", "en").exit_code == 0
    before = {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()
    }
    assert "hypervisor-gone.json" not in before
    assert {"mine.json", "hypervisor-flood.json"} <= set(before)
    assert run("build", "--out", tmp_path, "--lang", "en").exit_code == 0
    after = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()}
    assert before == after
    flood = json.loads(before["hypervisor-flood.json"][0])
    assert flood["title"].startswith("Hypervisor")
    assert flood["time"]["to"] == "now"
    assert "https://console.test/sites/" in json.dumps(flood)


def test_an_exercise_is_shown_in_its_own_time(run: Run, tmp_path: Path) -> None:
    assert run("build", "--out", tmp_path, "--instance").exit_code == 0
    flood = json.loads((tmp_path / "hypervisor-flood.json").read_text())
    assert flood["timezone"] == "Europe/Paris"
    assert flood["time"]["from"].startswith("2024-10-0")
    assert flood["time"]["to"].startswith("2024-10-10T19:")
    assert flood["title"].startswith("Hyperviseur")


def test_a_mistake_made_by_hand_turns_it_red(run: Run, tmp_path: Path, week: Week) -> None:
    run("build", "--out", tmp_path)
    keep = tmp_path / "hypervisor-weather.json"
    for path in tmp_path.glob("*.json"):
        if path != keep:
            path.unlink()
    text = keep.read_text()
    keep.write_text(text.replace("bucket.", "bukcet.", 1))
    checked = run("check", "--dir", tmp_path, "--reader-url", week.reader, "--json")
    assert checked.exit_code == 1
    report = json.loads(checked.stdout)
    assert not report["ok"]
    assert any("bukcet" in finding["problem"] for finding in report["findings"])


def test_a_language_that_it_has_not_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(TerritoryError, match="expected fr or en"):
        run("build", "--out", tmp_path, "--lang", "de")
