"""A systemd of a test's own: first process of its namespace, with an empty /run and no units."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hypervisor.broker.child import descendants, wait_until
from hypervisor.broker.server_account import server_account

SYSTEMD = Path("/usr/lib/systemd/systemd")
MANAGED = Path("/run/systemd/system")  # of this machine: then it has a systemd already
_STUB = "[Unit]\nDefaultDependencies=no\n"
_STUBS = ("sysinit", "basic", "multi-user", "shutdown", "network-online", "time-sync", "exit")
# The tests' Python may lie in a closed home: there it is shown alone, in an open folder.
_SHOW = """\
mkdir /run/kept
mount --bind {python} /run/kept
mount -t tmpfs -o mode=755 tmpfs {closed}
mkdir -p {python}
mount --move /run/kept {python}
"""
_BOOT = """\
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs tmpfs /etc/systemd/system
mkdir -p /run/systemd/system
{show}
export container=lxc SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1
export SYSTEMD_UNIT_PATH=/etc/systemd/system:{stubs}
exec {systemd} --system --unit=basic.target --log-target=null
"""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine that has booted, as far as systemd can tell."""

    init: int

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """A command in it, to its end."""
        return subprocess.run(
            ["nsenter", "--target", str(self.init), "--mount", "--pid", *words],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", "--property", name, unit).stdout.strip()


@contextmanager
def boot(folder: Path) -> Iterator[Machine]:
    """Boot one; whatever runs in it ends with it."""
    stubs = folder / "units"
    stubs.mkdir()
    for name in _STUBS:
        (stubs / f"{name}.target").write_text(_STUB)
    closed = server_account().unreachable(Path(sys.executable).resolve().parent)
    show = _SHOW.format(python=sys.base_prefix, closed=closed) if closed else ""
    script = folder / "boot.sh"
    script.write_text(_BOOT.format(show=show, stubs=stubs, systemd=SYSTEMD))
    words = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    process = subprocess.Popen(
        [*words, "sh", script], stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        assert wait_until(lambda: bool(descendants(process.pid)), seconds=30)
        machine = Machine(init=descendants(process.pid)[0])

        def booted() -> bool:
            return machine.run("systemctl", "is-active", "basic.target").returncode == 0

        assert wait_until(booted, seconds=60, every=0.2)
        yield machine
    finally:
        process.send_signal(signal.SIGKILL)  # the first process of a namespace takes all along
        process.wait()
