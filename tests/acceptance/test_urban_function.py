"""Adding an urban function as CONTRIBUTING.md says: four files more, no existing file edited."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from hypervisor.base.settings import Settings
from sensors._domain import catalogue
from tests.acceptance.conftest import REPOSITORY, Exercise, command

pytestmark = pytest.mark.acceptance

SITES = """
gateways:
  - {name: lora, title: LoRaWAN network server, protocol: chirpstack}
sites:
  - name: orge-viry
    title: L'Orge à Viry-Châtillon
    domain: water_quality
    lon: 2.37
    lat: 48.67
    devices:
      - {name: oxygen-viry, commissioned: 2020-01-01, series: {dissolved_oxygen: 15 min}}
  - name: orge-morsang
    title: L'Orge à Morsang
    domain: water_quality
    lon: 2.35
    lat: 48.66
    devices:
      - name: oxygen-morsang
        gateway: lora
        address: 02e50a0000000001
        codec: do-probe
        commissioned: 2020-01-01
        series: {dissolved_oxygen: 15 min}
"""
MAPPING = """
payload: json
ports: [12]
fields:
  probe.o2: {quantity: dissolved_oxygen, unit: ug/l, scale: 10}
"""
FILE = re.compile(r"^```\w+ [^\n]*\n(# (\w+/water_quality\.\w+):.*?)^```", re.MULTILINE | re.DOTALL)
CONTRACTS = (  # what holds for every domain, model, pack, dashboard and simulator
    *("tests/unit/test_domains.py", "tests/unit/packs/test_packs.py", "tests/unit/dashboards"),
    *("tests/unit/simulators/test_contract.py", "tests/unit/simulators/test_payloads.py"),
)


def guide_files() -> dict[str, str]:
    """The files which the guide shows, by path."""
    guide = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files = {name: text for text, name in FILE.findall(guide)}
    assert sorted(name.partition("/")[0] for name in files) == [
        *("dashboards", "rules", "sensors", "simulators")
    ]
    return files


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds exactly the files which the guide shows, and is on Python's path."""
    folder = tmp_path / "town"
    for name, text in guide_files().items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


@dataclass(frozen=True)
class Copy:
    """A copy of the repository with the guide's files put where they say."""

    root: Path

    def run(self, *words: str) -> str:
        environment = {name: v for name, v in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, cwd=self.root, env=environment
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """Its .venv has the packages of ours, and the copy in place of the repository."""
    root = tmp_path_factory.mktemp("copy") / "repository"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, capture_output=True, check=True, cwd=REPOSITORY).stdout
    for name in filter(None, names.decode().split("\0")):
        if (REPOSITORY / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, root / name)
    for name, text in guide_files().items():
        assert not (root / name).exists()
        (root / name).write_text(text, encoding="utf-8")
    _make_venv(root)
    copy = Copy(root)
    copy.run("git", "init", "-q")
    copy.run("git", "add", "--all")
    return copy


def _make_venv(root: Path) -> None:
    venv.create(root / ".venv", symlinks=True, with_pip=False)
    ours, new = Path(sys.prefix), root / ".venv"
    (packages,) = ours.glob("lib/python3*/site-packages")
    (site,) = new.glob("lib/python3*/site-packages")
    (site / "borrowed.pth").write_text(f"{root}\n{packages}\n", encoding="utf-8")
    for name in ("mypy", "lint-imports"):
        script = (ours / "bin" / name).read_text(encoding="utf-8").partition("\n")[2]
        (new / "bin" / name).write_text(f"#!{new}/bin/python\n{script}", encoding="utf-8")
        (new / "bin" / name).chmod(0o755)
    (new / "bin" / "ruff").symlink_to(ours / "bin" / "ruff")


def test_the_guide_fits_on_a_screen() -> None:
    guide = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = guide.partition("## Add an urban function")[2].partition("\n## ")[0]
    assert len(section.splitlines()) <= 68  # as the formatter lays its code out


@pytest.mark.long
@pytest.mark.timeout(900)
def test_make_check_is_green_with_the_guide_s_files(copied: Copy) -> None:
    checked = copied.run("make", "--old-file=setup", "check")
    assert "All checks passed!" in checked
    assert "Success: no issues found" in checked


@pytest.mark.timeout(600)
def test_the_contracts_hold_with_the_guide_s_files(copied: Copy) -> None:
    python = str(copied.root / ".venv" / "bin" / "python")
    where = copied.run(python, "-c", "import sensors; print(*sensors.__path__)").split()
    assert where == [str(copied.root / "sensors")]
    chosen = ("-m", "not long", "-k", f"water_quality or not ({' or '.join(catalogue().domains)})")
    passed = copied.run(python, "-m", "pytest", "-v", *chosen, *CONTRACTS)
    assert "[water_quality]" in passed


def test_its_rules_are_found_and_its_dashboard_is_drawn(town: Path) -> None:
    checked = command("rules", "test", str(town / "rules" / "water_quality.yaml"))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "SUCCESS: 1 passed" in checked.stdout
    built = command("dashboards", "build", "--out", str(town / "grafana"), "--lang", "en")
    assert built.returncode == 0, built.stderr
    board = json.loads((town / "grafana" / "hypervisor-water_quality.json").read_text())
    assert board["panels"][0]["fieldConfig"]["defaults"]["unit"] == "suffix:mg/l"


def test_it_plays_and_raises_its_alarm(
    town: Path, tmp_path: Path, exercise_settings: Settings
) -> None:
    """One probe sends the native format, another one what its vendor's codec reads."""
    sites, mapping = tmp_path / "sites.yaml", tmp_path / "do-probe.yaml"
    sites.write_text(SITES, encoding="utf-8")
    mapping.write_text(MAPPING, encoding="utf-8")
    exercise = Exercise(settings=exercise_settings)
    here = ("--data", str(exercise_settings.data))
    added = command(*here, "codec", "add", "do-probe", "--mapping", str(mapping))
    assert added.returncode == 0, added.stderr
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
    assert loads["dead_letters"] == {}
    assert loads["published"] == loads["stored"] > 800
    alarms = [alarm["rule"] for alarm in loads["alarms"]]
    assert "water_quality-oxygen" in alarms
    assert town.is_dir()
