"""What the Dockerfile's build stage runs gives an environment that is whole, outside any checkout.

Its own commands are run, on the files that .dockerignore lets through; what npm would fetch is what
set-up fetched. It downloads every locked package, so it is long.
"""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from hypervisor.broker.child import wait_until
from hypervisor.broker.ports import LOOPBACK
from hypervisor.web.vendoring import FILES
from tests.compose import ROOT
from tests.ports import reserve_port

pytestmark = [pytest.mark.acceptance, pytest.mark.long, pytest.mark.timeout(1800)]
INSTALLED = "/opt/hypervisor"


@dataclass(frozen=True, kw_only=True)
class Image:
    """The environment that was built, and a place from which no checkout is seen."""

    installed: Path
    outside: Path

    @property
    def env(self) -> Mapping[str, str]:
        return {"PATH": f"{self.installed / 'bin'}:{os.defpath}", "HYPERVISOR_DATA": "/nowhere"}

    def run(self, *words: str) -> str:
        done = subprocess.run(
            words, env=self.env, cwd=self.outside, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def commands(stage: str) -> list[str]:
    """What a stage of the Dockerfile runs."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    (inside,) = re.findall(rf"^FROM \S+ AS {stage}$(.*?)^FROM", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"^RUN (.+)$", inside, re.MULTILINE)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    here = tmp_path_factory.mktemp("image")
    context, installed, outside = here / "src", here / "installed", here / "outside"
    outside.mkdir()
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    for name in (line.removeprefix("!") for line in kept if line.startswith("!")):
        target = context / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__", "vendor")
            )
        else:
            shutil.copy(ROOT / name, target)
    shutil.copytree(ROOT / "node_modules", context / "node_modules")
    for line in commands("build"):
        done = subprocess.run(
            ["/bin/sh", "-ec", line.replace(INSTALLED, str(installed))],
            env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **pip_settings()},
            cwd=context,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    shutil.rmtree(context)
    return Image(installed=installed, outside=outside)


def pip_settings() -> dict[str, str]:
    """Where this machine's packages come from, if its person said so."""
    return {key: value for key, value in os.environ.items() if key.startswith(("PIP_", "HOME"))}


def test_the_command_is_there(image: Image) -> None:
    assert "dashboards" in image.run("hypervisor", "--help")


def test_what_comes_as_data_is_there(image: Image) -> None:
    assert "october-flood" in image.run("hypervisor", "simulate", "--list")
    assert "essonne" in image.run("hypervisor", "inventory", "examples")
    image.run("hypervisor", "rules", "check")  # of every pack, with its own tests


def test_dashboards_are_built(image: Image, tmp_path: Path) -> None:
    image.run("hypervisor", "dashboards", "build", "--out", str(tmp_path), "--lang", "fr")
    assert (tmp_path / "hypervisor-territory.json").is_file()


def test_tools_of_development_are_gone(image: Image) -> None:
    look = (
        "import importlib.util as u;"
        "print([n for n in ('mypy', 'pip', 'playwright', 'pytest', 'ruff') if u.find_spec(n)])"
    )
    assert image.run("python", "-c", look) == "[]\n"


def test_a_health_check_is_light(image: Image) -> None:
    look = (
        "import sys, hypervisor.stack.health_check;"
        "print([n for n in ('numpy', 'pydantic', 'psycopg', 'typer') if n in sys.modules])"
    )
    assert image.run("python", "-c", look) == "[]\n"


def test_the_console_is_served_with_what_it_loads(image: Image, database_url: str) -> None:
    port = reserve_port()
    env = {**image.env, "HYPERVISOR_DATABASE_URL": database_url, "HYPERVISOR_WEB_PORT": str(port)}
    subprocess.run(["hypervisor", "migrate"], env=env, cwd=image.outside, check=True)
    check = ["python", "-m", "hypervisor.stack.health_check", "web"]
    web = subprocess.Popen(["hypervisor", "web"], env=env, cwd=image.outside)

    def healthy() -> bool:
        done = subprocess.run(check, env=env, cwd=image.outside, capture_output=True, check=False)
        return done.returncode == 0

    try:
        assert wait_until(healthy, seconds=120, every=0.5)
        page = fetched(f"http://{LOOPBACK}:{port}/login").decode()
        stamp = re.findall(r"/static/(\w+)/", page)[0]
        for name in FILES.values():
            assert fetched(f"http://{LOOPBACK}:{port}/static/{stamp}/vendor/{name}")
    finally:
        web.terminate()
        web.wait(30)


def fetched(address: str) -> bytes:
    with urllib.request.urlopen(address) as answer:  # noqa: S310 -- our own
        found: bytes = answer.read()
    return found
