"""A command that a page shows works where it is copied to."""

import shlex
import sys
from pathlib import Path

import pytest

from hypervisor.base.program import program
from hypervisor.base.settings import default_data_folder


def test_it_is_named_alone_where_a_shell_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = tmp_path / "hypervisor"
    made.write_text("#!/bin/sh\n")
    made.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program(default_data_folder()) == "hypervisor"
    assert shlex.split(program(Path("/my data"))) == ["hypervisor", "--data", "/my data"]


def test_elsewhere_by_its_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    beside = Path(sys.executable).with_name("hypervisor")
    assert program(default_data_folder()) == str(beside)
