"""A container's health check tells a part that goes round from one that hangs."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hypervisor.base import process
from hypervisor.base.process import PULSE
from hypervisor.stack import health_check
from tests.ports import reserve_port


@pytest.fixture
def pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "pulse"
    monkeypatch.setenv(PULSE, str(file))
    return file


@pytest.fixture(autouse=True)
def _signals_as_they_were() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("pulse")
def test_who_asks_whether_to_end_is_well() -> None:
    stopping = process.stopping()
    assert health_check.main("rollup", os.environ) == 1  # it has not gone round yet
    assert not stopping()
    assert health_check.main("rollup", os.environ) == 0


def test_who_hangs_is_not(pulse: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not process.stopping()()
    long_ago = time.time() - health_check.LATE_SECONDS - 1
    os.utime(pulse, (long_ago, long_ago))
    assert health_check.main("rollup", os.environ) == 1
    assert "rollup: its loop has not run for 121 s" in capsys.readouterr().out


def test_a_pulse_is_taken_once_a_second_at_most(pulse: Path) -> None:
    stopping = process.stopping()
    assert not stopping()
    pulse.unlink()
    assert not stopping()
    assert not pulse.exists()


@pytest.mark.usefixtures("pulse")
def test_a_part_with_a_pulse_ends_when_told() -> None:
    stopping = process.stopping()
    os.kill(os.getpid(), signal.SIGTERM)
    assert stopping()


def test_a_part_without_a_pulse_ends_when_told() -> None:
    stopping = process.stopping()
    os.kill(os.getpid(), signal.SIGTERM)
    assert stopping()


def test_a_pulse_that_cannot_be_told_ends_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PULSE, str(tmp_path / "nowhere" / "pulse"))
    assert not process.stopping()()


def test_a_check_without_a_pulse_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert health_check.main("rollup", {}) == 1
    assert f"{PULSE} names no file" in capsys.readouterr().out


@pytest.mark.parametrize("part", ["broker", "web"])
def test_a_server_that_does_not_answer_is_not_well(part: str) -> None:
    port = str(reserve_port())
    env = {"HYPERVISOR_BROKER_PORT": port, "HYPERVISOR_WEB_PORT": port}
    assert health_check.main(part, env) == 1


def test_a_broker_that_listens_and_says_nothing_is_not_well() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        env = {"HYPERVISOR_BROKER_PORT": str(mute.getsockname()[1])}
        assert health_check.main("broker", env) == 1
