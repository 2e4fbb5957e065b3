"""A foreign edge node, as docs/formats.md has it, in an environment of its own (paho-mqtt 1)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hypervisor.base.settings import Settings
from tests.documents import ROOT, examples
from tests.integration.ingest.conftest import count, ingest, wait_for
from tests.integration.sparkplug.conftest import bridging
from tests.integration.sparkplug.test_bridge import read_levels

pytestmark = [pytest.mark.integration, pytest.mark.long]


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that has pysparkplug."""
    folder = tmp_path_factory.mktemp("pysparkplug")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    words: list[str | Path] = [python, "-m", "pip", "-q", "install", "pysparkplug==0.6.1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"pysparkplug cannot be installed: {done.stderr[-200:]}")
    return python


def test_the_example(instance_settings: Settings, plant: str, interpreter: Path) -> None:
    settings = instance_settings
    (example,) = (each for each in examples(ROOT / "docs/formats.md") if each.language == "python")
    env = {**os.environ, "PASSWORD": plant, "HYPERVISOR_BROKER_PORT": str(settings.broker_port)}
    with ingest(settings), bridging(settings):
        program = f"{example.text}\ntime.sleep(1)\nnode.disconnect()\n"
        subprocess.run([interpreter, "-c", program], env=env, check=True, timeout=60)
        wait_for(settings, lambda c: count(c) == 2)
    assert read_levels(settings, "sump") == [1.25, 1.5]
