"""The lines of docs/several-machines.md in a Debian that has nothing yet.

Its packages come from where this machine's apt takes them.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hypervisor.cluster import patroni_start, rabbitmq
from hypervisor.cluster.patroni_start import CHECK
from tests.documents import examples

pytestmark = pytest.mark.timeout(3600)

ROOT = Path(__file__).parents[2]
SERVICES = {"rabbitmq-server.service", "patroni.service", "etcd.service"}


class FreshMachine:
    """A root file system in which no service starts."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def install(self) -> None:
        mirror, release = find_mirror()
        words = ["debootstrap", "--variant=minbase", "--include=ca-certificates", release]
        subprocess.run([*words, self.root, mirror], check=True, timeout=1200)
        self._take_over_sources()
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        policy = self.root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)

    def _take_over_sources(self) -> None:
        """This machine's, without folders that only it has, and without its preferences."""
        own = self.root / "etc/apt"
        (own / "sources.list").unlink(missing_ok=True)
        for folder in ("sources.list.d", "apt.conf.d", "auth.conf.d", "keyrings", "trusted.gpg.d"):
            for file in Path("/etc/apt", folder).glob("*"):
                if file.is_file() and b"file:/" not in file.read_bytes():
                    shutil.copy(file, own / folder / file.name)
        (own / "apt.conf.d/99assume-yes").write_text('APT::Get::Assume-Yes "true";\n')

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["chroot", self.root, "sh", "-c", line],
            capture_output=True,
            text=True,
            check=False,
            timeout=1800,
            env={
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "LC_ALL": "C.UTF-8",
                "DEBIAN_FRONTEND": "noninteractive",
            },
        )

    def require(self, line: str) -> str:
        done = self.run(line)
        assert done.returncode == 0, f"{line}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    def check_patroni(self) -> tuple[int, str]:
        """What `up` asks before it starts Patroni."""
        shutil.copy(Path(patroni_start.__file__), self.root / "tmp/patroni_start.py")
        done = self.run(f"/usr/bin/python3 /tmp/patroni_start.py {CHECK}")
        return done.returncode, done.stderr


def find_mirror() -> tuple[str, str]:
    """The first of Debian's archives in apt's sources, and its release."""
    form = "$(ORIGIN) $(REPO_URI) $(RELEASE)"
    words = ["apt-get", "indextargets", "--format", form, "Created-By: Packages"]
    listed = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    for line in listed.stdout.splitlines():
        origin, uri, release = line.split()
        if origin == "Debian" and "-" not in release:
            return uri, release
    pytest.fail("apt has no archive of Debian in its sources (apt-get update?)")


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[FreshMachine]:
    machine = FreshMachine(tmp_path / "root")
    machine.install()
    yield machine
    shutil.rmtree(machine.root)


def documented_lines() -> list[str]:
    page = ROOT / "docs/several-machines.md"
    (text,) = (each.text for each in examples(page) if each.text.startswith("apt-get install"))
    return text.splitlines()


def test_the_documented_lines_make_a_machine_that_can_join(fresh: FreshMachine) -> None:
    install, disable, *_ = documented_lines()
    fresh.require("apt-get update")
    fresh.require(install)
    links = fresh.root / "etc/systemd/system/multi-user.target.wants"
    assert {link.name for link in links.iterdir()} >= SERVICES
    fresh.run(disable)  # its `--now` is refused, since nothing runs here
    assert not SERVICES & {link.name for link in links.iterdir()}

    assert fresh.check_patroni() == (0, "")
    fresh.require('/usr/bin/python3 -c "from patroni.dcs.etcd3 import Etcd3"')
    assert fresh.require("head -1 $(command -v patroni)").split()[-1] == "/usr/bin/python3"
    assert re.search(r"etcd Version: 3\.", fresh.require("etcd --version"))
    fresh.require("command -v git make timedatectl")
    scripts = fresh.require(f"ls -d /usr/lib/rabbitmq/{rabbitmq._SCRIPTS}").split()  # noqa: SLF001
    fresh.require(f"test -x {scripts[-1]}/rabbitmq-server -a -x {scripts[-1]}/rabbitmqctl")
    for plugin in rabbitmq._PLUGINS:  # noqa: SLF001
        fresh.require(f"ls -d {scripts[-1]}/../plugins/{plugin}-*")

    fresh.require("dpkg --remove --force-depends python3-etcd")  # as the document was once
    status, sentence = fresh.check_patroni()
    assert status == 1
    assert sentence.endswith("apt install python3-etcd\n")
