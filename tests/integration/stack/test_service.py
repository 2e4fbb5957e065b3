"""`hypervisor service` under a real systemd: started, restarted, stopped in order, removed."""

import functools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hypervisor.base.settings import load_settings
from hypervisor.broker.child import command_line, find_processes, wait_until
from hypervisor.broker.probe import get_login
from hypervisor.broker.server_account import server_account
from hypervisor.stack.parts import interpreter_command
from hypervisor.stack.run_state import read_state
from tests.integration.stack.booted import MANAGED, SYSTEMD, Machine, boot
from tests.integration.stack.ups import is_of

NAME = "town"
UNIT = Path(f"/etc/systemd/system/{NAME}.service")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        os.geteuid() != 0 or not SYSTEMD.exists() or MANAGED.exists(),
        reason="needs root, and a systemd that does not run this machine already",
    ),
]


@pytest.fixture
def machine(open_tmp: Path) -> Iterator[Machine]:
    with boot(open_tmp) as booted:
        yield booted


def hypervisor(machine: Machine, root: Path, *words: str) -> str:
    done = machine.run(*interpreter_command(), "--data", root, "service", *words, "--name", NAME)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def is_served(root: Path, *, by: int | None = None) -> bool:
    """Whether its console answers. `by`: from another `up` than that process."""
    state = read_state(root)
    if state is None or state.pid == by:
        return False
    answer = get_login("127.0.0.1", load_settings(root).web_port)
    return answer is not None and answer.run_id == state.run_id


def test_a_service_s_life(machine: Machine, open_tmp: Path) -> None:
    root = open_tmp / "live"
    assert f"runs {root} as 'hypervisor'" in hypervisor(machine, root, "install")
    assert wait_until(functools.partial(is_served, root), seconds=120, every=0.2)
    assert "up after" in machine.show(NAME, "StatusText")
    assert machine.show(NAME, "UnitFileState") == "enabled"
    runs_as_its_user(root)
    comes_back_when_killed(machine, root)
    again = machine.run(*interpreter_command(), "--data", root, "service", "install")
    assert f"the instance in {root} is up" in again.stderr

    assert f"{UNIT}: removed" in hypervisor(machine, root, "remove")
    assert not find_processes(is_of(root))
    assert not (root / "broker" / "mosquitto.pid").exists()  # it had saved: no gap
    assert machine.show(NAME, "LoadState") == "not-found"
    assert (root / "database").exists()
    assert "there is no" in hypervisor(machine, root, "remove")


def runs_as_its_user(root: Path) -> None:
    ours = [pid for pid in find_processes(is_of(root)) if command_line(pid)]
    assert len(ours) > 6
    assert {Path(f"/proc/{pid}").stat().st_uid for pid in ours} == {server_account().uid}


def comes_back_when_killed(machine: Machine, root: Path) -> None:
    state = read_state(root)
    assert state is not None
    (main,) = find_processes(lambda words: str(root) in words and words[-1] == "up")
    os.kill(main, signal.SIGKILL)
    assert wait_until(functools.partial(is_served, root, by=state.pid), seconds=120, every=0.2)
    assert machine.show(NAME, "NRestarts") == "1"
