"""The guard that kills a primary whose lease was not renewed: it needs no room on any disk."""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hypervisor.broker.child import wait_until
from hypervisor.cluster import patroni_start
from hypervisor.cluster.patroni_start import GUARD

SOON = 30.0
Guards = Callable[[], tuple["subprocess.Popen[bytes]", int]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    made = tmp_path / "database"
    made.mkdir()
    return made


@pytest.fixture
def server(data: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """What stands in for the database."""
    process = subprocess.Popen(["postgres", "60"], executable=shutil.which("sleep"))
    (data / "postmaster.pid").write_text(f"{process.pid}\n")
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def begin(data: Path) -> Iterator[Guards]:
    """Start a guard on a machine whose disk is full: nothing that it writes is taken."""
    started: list[tuple[subprocess.Popen[bytes], int]] = []
    script = shutil.copy(patroni_start.__file__, data.parent)

    def start() -> tuple["subprocess.Popen[bytes]", int]:
        reading, orders = os.pipe()
        with Path("/dev/full").open("wb") as full:
            guard = subprocess.Popen(
                [sys.executable, script, GUARD, str(reading), str(data)],
                pass_fds=[reading],
                stderr=full,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),  # noqa: PLW1509
            )
        os.close(reading)
        started.append((guard, orders))
        return guard, orders

    yield start
    for guard, _ in started:
        guard.kill()
        guard.wait()


def order(to: int, word: str) -> None:
    os.write(to, f"{word}\n".encode())


def test_it_kills_though_the_disk_is_full(begin: Guards, server: "subprocess.Popen[bytes]") -> None:
    guard, orders = begin()
    for _ in range(3):
        order(orders, str(time.monotonic() + 60))
    assert not wait_until(lambda: server.poll() is not None, seconds=0.5)
    order(orders, str(time.monotonic() + 0.1))
    assert wait_until(lambda: server.poll() is not None, seconds=SOON)
    assert guard.poll() is None  # on duty for what Patroni starts next


def test_the_guard_of_a_former_patroni_is_relieved(
    begin: Guards, server: "subprocess.Popen[bytes]"
) -> None:
    former, orders = begin()
    order(orders, str(time.monotonic() + SOON))
    os.close(orders)  # its Patroni died
    _, later = begin()
    order(later, str(time.monotonic() + 600))
    assert wait_until(lambda: former.poll() is not None, seconds=SOON)
    assert server.poll() is None
