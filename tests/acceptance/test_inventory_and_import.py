"""The commands as a technician types them: apply, a slip, import of a real flood, twice."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hypervisor.base.settings import Settings

pytestmark = pytest.mark.acceptance

GARONNE = "garonne-2022-01.hubeau.csv.gz"


def hypervisor(
    settings: Settings, *words: str, expect: int = 0
) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from hypervisor.cli import main; main()",
            *("--data", str(settings.data)),
            *words,
        ],
        capture_output=True,
        text=True,
        check=False,
        env={key: value for key, value in os.environ.items() if key != "HYPERVISOR_DATA"},
    )
    assert done.returncode == expect, done.stderr
    return done


@pytest.mark.long
def test_apply_shows_what_changes_and_then_nothing(instance_settings: Settings) -> None:
    dry = hypervisor(instance_settings, "inventory", "apply", "essonne", "--dry-run").stdout
    assert "nothing was" in dry
    assert "Gif-sur-Yvette" in dry
    applied = hypervisor(instance_settings, "inventory", "apply", "essonne").stdout
    said = re.search(r"(\d+) areas, (\d+) sites", applied)
    assert said, applied
    again = hypervisor(instance_settings, "inventory", "apply", "essonne").stdout
    assert again == "nothing to change\n"
    shown = hypervisor(instance_settings, "inventory", "show", "--json").stdout.splitlines()
    kinds = [json.loads(line)["kind"] for line in shown]
    assert kinds.count("area") == int(said[1]) == 208
    assert kinds.count("site") == int(said[2]) > 100


def test_mistakes_are_told_all_at_once(instance_settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "town.yaml"
    file.write_text(
        "sites:\n  - name: bridge\n    lon: 48.7\n    lat: 2.1\n"
        "    thresholds: {atention: 1 m, alert: 3 min}\n"
    )
    told = hypervisor(instance_settings, "inventory", "apply", str(file), expect=2).stderr
    assert "3 problems in the inventory, nothing was changed" in told
    assert f"{file}:4:10: sites.bridge.lat: lon 48.7 and lat 2.1 look exchanged" in told
    assert f"{file}:5:28: sites.bridge.thresholds.atention: unknown threshold 'atention'" in told
    assert "did you mean 'attention'?" in told
    assert "sites.bridge.thresholds.alert: '3 min': expected a value in m" in told


def test_one_gauge_is_imported(instance_settings: Settings) -> None:
    hypervisor(instance_settings, "inventory", "apply", "garonne")
    words = ("import", GARONNE, "--station", "O200004001", "--from", "2022-01-10")
    told = hypervisor(instance_settings, *words).stdout
    assert told == "2,112 rows read: 2,112 stored, 0 already stored, 0 rejected\n"


@pytest.mark.long
def test_a_real_month_is_imported_once(instance_settings: Settings) -> None:
    hypervisor(instance_settings, "inventory", "apply", "garonne")
    words = ("import", GARONNE, "--json")
    first = json.loads(hypervisor(instance_settings, *words).stdout)
    assert first == {"read": 118_164, "stored": 118_164, "already_there": 0, "rejected": {}}
    again = json.loads(hypervisor(instance_settings, *words).stdout)
    assert again == {"read": 118_164, "stored": 0, "already_there": 118_164, "rejected": {}}
