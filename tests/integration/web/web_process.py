"""The web as a process of its own, with its workers, and people who ask it much."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from hypervisor.broker.child import wait_until
from hypervisor.broker.ports import LOOPBACK
from tests.integration.web.served import EVERYTHING, Roles, signed_in
from tests.ports import reserve_port


@dataclass(frozen=True, kw_only=True)
class WebProcess:
    """One at work. `url`: of its database."""

    base: str
    url: str
    pid: int

    def sign_in(self, name: str, roles: Roles = EVERYTHING) -> httpx.Client:
        return signed_in(self.base, self.url, name, roles, now=datetime.now(UTC))

    def workers(self) -> list[int]:
        return [worker for fork in _children(self.pid) for worker in _children(fork)]

    def memory(self) -> int:
        """MiB that are not shared, of all its processes."""
        return sum(map(_private, (self.pid, *_children(self.pid), *self.workers())))


@contextmanager
def web_process(url: str, folder: Path) -> Iterator[WebProcess]:
    """`hypervisor web` on a database, until the context ends."""
    port = reserve_port()
    environment = {
        **os.environ,
        "HYPERVISOR_DATABASE_URL": url,
        "HYPERVISOR_DATA": str(folder),
        "HYPERVISOR_WEB_PORT": str(port),
        "HYPERVISOR_EXPORTS": "public",
        "HYPERVISOR_SENSORTHINGS": "public",
        "HYPERVISOR_FEATURES": "public",
    }
    base = f"http://{LOOPBACK}:{port}"
    with subprocess.Popen([sys.executable, "-m", "hypervisor", "web"], env=environment) as process:
        try:
            assert wait_until(lambda: process.poll() is not None or _answers(base), seconds=120)
            assert process.poll() is None
            yield WebProcess(base=base, url=url, pid=process.pid)
        finally:
            process.terminate()
            process.wait(30)


def _answers(base: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{base}/login").status_code == httpx.codes.OK
    return False


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [int(number) for number in text.split()]
    return []


def _private(pid: int) -> int:
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) // 1024
    return 0
