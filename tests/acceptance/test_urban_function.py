"""Adding an urban function as CONTRIBUTING.md says: files of its own, no existing one edited."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hypervisor.base.settings import Settings
from tests.acceptance.conftest import REPOSITORY, Exercise, command

pytestmark = pytest.mark.acceptance

SITES = """
sites:
  - name: orge-viry
    title: L'Orge à Viry-Châtillon
    domain: water_quality
    lon: 2.37
    lat: 48.67
    devices:
      - {name: oxygen-viry, commissioned: 2020-01-01, series: {dissolved_oxygen: 15 min}}
"""
FILE = re.compile(r"^```\w+\n(# (\w+/water_quality\.\w+):.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds exactly the files which the guide shows, and is on Python's path."""
    folder = tmp_path / "town"
    guide = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files = FILE.findall(guide)
    rooms = sorted(name.partition("/")[0] for _, name in files)
    assert rooms == ["dashboards", "rules", "sensors", "simulators"]
    for text, name in files:
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def test_the_guide_fits_on_a_screen() -> None:
    guide = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = guide.partition("## Add an urban function")[2].partition("\n## ")[0]
    assert len(section.splitlines()) <= 68  # as the formatter lays its code out


def test_its_rules_and_quantities_are_found_and_pass_the_contract(town: Path) -> None:
    checked = command("rules", "test", str(town / "rules" / "water_quality.yaml"))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "SUCCESS: 1 passed" in checked.stdout
    contract = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-v",
            "-p",
            "no:cacheprovider",
            "tests/unit/test_domains.py",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(town)},
    )
    assert contract.returncode == 0, contract.stdout
    assert "[water_quality]" in contract.stdout
    built = command("dashboards", "build", "--out", str(town / "grafana"), "--lang", "en")
    assert built.returncode == 0, built.stderr
    board = json.loads((town / "grafana" / "hypervisor-water_quality.json").read_text())
    assert board["panels"][0]["fieldConfig"]["defaults"]["unit"] == "suffix:mg/l"


def test_it_plays_and_raises_its_alarm(
    town: Path, tmp_path: Path, exercise_settings: Settings
) -> None:
    sites = tmp_path / "sites.yaml"
    sites.write_text(SITES, encoding="utf-8")
    exercise = Exercise(settings=exercise_settings)
    here = ("--data", str(exercise_settings.data))
    applied = command(*here, "inventory", "apply", str(sites))
    assert applied.returncode == 0, applied.stderr
    try:
        exercise.start("ingest")
        exercise.start("watch")
        exercise.await_worker()
        played = command(*here, "simulate", "october-flood", "--speed", "max", "--json")
    finally:
        exercise.stop()
    assert played.returncode == 0, played.stderr
    loads = json.loads(played.stdout)
    assert loads["lost"] == 0
    assert loads["published"] == loads["stored"] > 400
    alarms = [alarm["rule"] for alarm in loads["alarms"]]
    assert "water_quality-oxygen" in alarms
    assert town.is_dir()
