"""Signs of life: a child that runs gives them, whatever it does; one that is stopped gives none."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hypervisor.base import process
from hypervisor.base.process import LIFE, Life
from hypervisor.broker.child import descendants, is_stopped, wait_until
from hypervisor.stack.liveness import DatabasePulse, PipePulse, SchedulerPulse

SSL_REQUEST = bytes.fromhex("00000008 04d2162f")  # PostgreSQL's protocol, message formats
WORKS = (
    "import time; from hypervisor.base import process; process.BEAT_SECONDS = 0.05;"
    "process.Life.begin(); time.sleep(60)"
)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(["sleep", "60"])
    yield child
    child.kill()
    child.wait()


def stops_giving(signs: PipePulse | SchedulerPulse, child: subprocess.Popen[bytes]) -> bool:
    """Whether it gives none for a while, twenty beats, after those that were on their way."""
    signs.lives(child)
    return not wait_until(lambda: signs.lives(child), seconds=1)


def test_a_part_that_waits_gives_signs_and_a_stopped_one_none() -> None:
    pulse = PipePulse()
    with pulse.renewed() as pipe:
        child = subprocess.Popen(
            [sys.executable, "-c", WORKS], env={**os.environ, LIFE: str(pipe)}, pass_fds=[pipe]
        )
    try:
        assert wait_until(lambda: pulse.lives(child), seconds=30)
        child.send_signal(signal.SIGSTOP)
        assert wait_until(lambda: is_stopped(child.pid), seconds=30)
        assert stops_giving(pulse, child)
        child.send_signal(signal.SIGCONT)
        assert wait_until(lambda: pulse.lives(child), seconds=30)
    finally:
        child.kill()
        child.wait()
        pulse.close()


def test_a_loop_that_must_not_stand_is_silent_once_it_stands(
    monkeypatch: pytest.MonkeyPatch, sleeper: subprocess.Popen[bytes]
) -> None:
    pulse = PipePulse()
    monkeypatch.setattr(process, "BEAT_SECONDS", 0.05)
    with pulse.renewed() as pipe:
        monkeypatch.setenv(LIFE, str(os.dup(pipe)))  # for the thread, as long as we live
    life = Life.begin()
    assert life is not None
    assert LIFE not in os.environ
    assert wait_until(lambda: pulse.lives(sleeper), seconds=30)
    life.turn()
    life.patience = 0.0
    assert wait_until(lambda: not pulse.lives(sleeper), seconds=30)
    assert stops_giving(pulse, sleeper)
    life.patience = 60.0
    assert wait_until(lambda: pulse.lives(sleeper), seconds=30)
    pulse.close()


def test_nothing_is_written_into_what_is_no_pipe(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (tmp_path / "file").open("wb") as file:
        monkeypatch.setenv(LIFE, str(file.fileno()))
        assert Life.begin() is None
    monkeypatch.setenv(LIFE, "999")
    assert Life.begin() is None


def test_a_server_that_wakes_gives_signs_and_a_stopped_one_none() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time\nwhile 1: time.sleep(0.1)"])
    signs = SchedulerPulse()
    try:
        assert signs.lives(child)
        assert wait_until(lambda: signs.lives(child), seconds=30)
        child.send_signal(signal.SIGSTOP)
        assert wait_until(lambda: is_stopped(child.pid), seconds=30)
        assert stops_giving(signs, child)
    finally:
        child.kill()
        child.wait()


def test_a_server_that_listens_and_says_nothing_gives_none(
    sleeper: subprocess.Popen[bytes],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        signs = DatabasePulse(host="127.0.0.1", port=mute.getsockname()[1], patience=0.1)
        assert not wait_until(lambda: signs.lives(sleeper), seconds=1)
        signs.close()


def test_a_server_that_answers_lives_again_after_a_silence(
    sleeper: subprocess.Popen[bytes],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        signs = DatabasePulse(host="127.0.0.1", port=server.getsockname()[1], patience=0.1)

        def answer() -> None:
            for _ in range(2):
                asking, _address = server.accept()
                with asking:
                    if asking.recv(8) == SSL_REQUEST:
                        asking.sendall(b"N")

        threading.Thread(target=answer, daemon=True).start()
        assert wait_until(lambda: signs.lives(sleeper), seconds=30)
        assert wait_until(lambda: signs.lives(sleeper), seconds=30)
        signs.close()


def test_a_server_that_answers_but_has_a_stopped_process_gives_none() -> None:
    words = ["sh", "-c", "sleep 60 & echo $!; wait"]
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        subprocess.Popen(words, stdout=subprocess.PIPE) as child,
    ):
        assert child.stdout is not None
        below = int(child.stdout.readline())
        answered = threading.Event()

        def answer() -> None:
            while True:
                asking, _address = server.accept()
                with asking:
                    if asking.recv(8) == SSL_REQUEST:
                        asking.sendall(b"N")
                        answered.set()

        threading.Thread(target=answer, daemon=True).start()
        signs = DatabasePulse(host="127.0.0.1", port=server.getsockname()[1], patience=0.1)
        os.kill(below, signal.SIGSTOP)
        assert wait_until(lambda: is_stopped(below), seconds=30)
        assert not wait_until(lambda: signs.lives(child), seconds=1)
        assert answered.is_set()
        os.kill(below, signal.SIGCONT)
        assert wait_until(lambda: signs.lives(child), seconds=30)
        signs.close()
        os.kill(below, signal.SIGKILL)
        child.wait(5)


def test_a_stopped_process_of_a_server_is_seen() -> None:
    words = ["sh", "-c", "sleep 60 & echo $!; wait"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        below = int(child.stdout.readline())
        assert wait_until(lambda: descendants(child.pid) == [below], seconds=30)
        assert not is_stopped(below)
        os.kill(below, signal.SIGSTOP)
        assert wait_until(lambda: is_stopped(below), seconds=30)
        os.kill(below, signal.SIGKILL)
        child.wait(5)
