"""The unit that `hypervisor service` writes: systemd understands it; it fits its data folder."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hypervisor.broker.errors import StackError
from hypervisor.broker.server_account import current_account
from hypervisor.stack import service_unit
from hypervisor.stack.service_unit import ServiceUnit, describe_service

ODD = '/var/lib/a b%i$c"d\\e'
SYSTEM = ServiceUnit(data=Path("/var/lib/town"), account=current_account())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="not installed: systemd")
@pytest.mark.parametrize("own", [False, True])
def test_systemd_understands_it(tmp_path: Path, own: bool) -> None:  # noqa: FBT001  a case
    """Whatever is in the folder's name; `verify` prints what it does not understand."""
    unit = ServiceUnit(data=Path(ODD), account=None if own else current_account())
    file = tmp_path / "town.service"
    file.write_text(unit.text())
    done = subprocess.run(
        ["systemd-analyze", "verify", file], capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if "town.service" in line]
    assert (done.returncode, ours) == (0, [])


def test_a_folder_s_name_is_a_word_of_its_own() -> None:
    text = replace(SYSTEM, data=Path(ODD)).text()
    assert r'--data" "/var/lib/a b%%i$$c\"d\\e" "up"' in text
    assert r'ReadWritePaths="/var/lib/a b%%i$c\"d\\e"' in text


def test_data_in_a_temporary_folder_stay_in_sight() -> None:
    assert "PrivateTmp=yes" in SYSTEM.text()
    assert "PrivateTmp=no" in replace(SYSTEM, data=Path("/var/tmp/town")).text()  # noqa: S108


def test_one_s_own_starts_with_oneself_and_is_kept_at_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    own = replace(SYSTEM, account=None)
    assert own.file == tmp_path / "systemd/user/territory-hypervisor.service"
    assert "WantedBy=default.target" in own.text()
    assert "User=" not in own.text()


@pytest.mark.parametrize("act", [service_unit.install, service_unit.remove])
def test_a_unit_of_somebody_else_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, act: Callable[[ServiceUnit], object]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    own = replace(SYSTEM, account=None)
    own.file.parent.mkdir(parents=True)
    own.file.write_text("[Service]\n")
    with pytest.raises(StackError, match="was not written by us: choose another --name"):
        act(own)
    assert own.file.read_text() == "[Service]\n"


@pytest.mark.parametrize("name", ["", "../up", "a b", "é"])
def test_a_name_that_no_unit_has_is_refused(name: str) -> None:
    with pytest.raises(StackError, match="is no name of a service"):
        describe_service(Path("/var/lib/town"), name=name, own=True)
