"""The services of docker-compose.yml run as processes: the same commands, variables and checks."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypervisor.broker.ports import LOOPBACK
from hypervisor.broker.server_account import server_account
from tests.compose import ROOT, with_tls

HEALTHY_SECONDS = 180.0  # of a machine that does much else
TOOLS = Path(sys.executable).parent
# An image runs none of it as root. Here the interpreter may lie where only root can read it: so it
# loads everything first, and becomes the other user then.
AS_USER = """\
import encodings.idna, importlib, os, pkgutil, sys
import hypervisor.cli
from hypervisor.base import rooms
list(rooms.modules("cli"))
for info in pkgutil.walk_packages(hypervisor.__path__, "hypervisor."):
    if info.name.startswith(("hypervisor.stack", "hypervisor.broker", "hypervisor.base")):
        importlib.import_module(info.name)
uid, gid, *sys.argv = sys.argv[1:]
os.setgroups([])
os.setgid(int(gid))
os.setuid(int(uid))
hypervisor.cli.main()
"""


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """Where things are when there are no containers: what replaces what, in any word."""

    root: Path
    database: str  # host:port/name
    broker_port: int
    parts_port: int
    web_port: int
    tls_port: int
    certificates: Path

    def word(self, text: str, service: str) -> str:
        own = self.root / service
        for old, new in {
            "database:5432/hypervisor": self.database,
            "/tmp/": f"{own}/",  # noqa: S108 -- the container's
            "/dashboards": f"{self.root / 'dashboards'}",
            "/tls/": f"{self.certificates}/",
        }.items():
            text = text.replace(old, new)
        return LOOPBACK if text == "0.0.0.0" else text  # noqa: S104

    def environment(self, service: str, told: Mapping[str, str]) -> dict[str, str]:
        mended = {
            key: value if key == "PATH" else self.word(value, service)  # a checkout may be in /tmp
            for key, value in told.items()
        }
        ports = {
            "HYPERVISOR_BROKER_HOST": LOOPBACK,
            "HYPERVISOR_BROKER_PORT": str(self.broker_port),
            "HYPERVISOR_BROKER_PARTS_PORT": str(self.parts_port),
            "HYPERVISOR_BROKER_TLS_PORT": str(self.tls_port),
            "HYPERVISOR_WEB_PORT": str(self.web_port),
        }
        return {**mended, **{key: value for key, value in ports.items() if key in mended}}


@dataclass(kw_only=True)
class Container:
    """One service, started. `once`: it is to end by itself."""

    name: str
    child: subprocess.Popen[bytes]
    env: Mapping[str, str]
    check: Sequence[str]
    grace: float
    log: Path

    def said(self) -> str:
        return f"{self.name}:\n{self.log.read_text()[-3000:]}"

    def healthy(self) -> bool:
        done = subprocess.run(self.check, env=self.env, cwd="/", capture_output=True, check=False)
        return done.returncode == 0


@dataclass(kw_only=True)
class Engine:
    """What an engine does with the file: starts in order, waits, looks, stops."""

    where: Elsewhere
    services: Mapping[str, Mapping[str, Any]]
    running: dict[str, Container] = field(default_factory=dict)

    def up(self, *names: str) -> None:
        """Start services, each after what it waits for."""
        for name in names:
            for other, how in self.services[name].get("depends_on", {}).items():
                if other == "database" or other not in names:
                    continue
                awaited = self.running[other]
                if how["condition"] == "service_healthy":
                    self.await_health(awaited)
                else:
                    assert awaited.child.wait(HEALTHY_SECONDS) == 0, awaited.said()
            self.running[name] = self.start(name, self.services[name]["command"])

    def start(self, name: str, words: Sequence[str]) -> Container:
        """Start a service by these words."""
        service = self.services[name]
        env = self.environment(name)
        log = self.where.root / name / "log"
        with log.open("ab") as output:
            child = subprocess.Popen(
                entry(
                    [self.where.word(word, name) for word in words], refuses_root=name == "broker"
                ),
                env=env,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        check = service.get("healthcheck", {"test": ["CMD", "true"]})["test"][1:]
        grace = float(service["stop_grace_period"].removesuffix("s"))
        return Container(name=name, child=child, env=env, check=check, grace=grace, log=log)

    def run(self, name: str, *words: str) -> str:
        """Run other words in a service's place, to their end; what they said."""
        env = self.environment(name)
        done = subprocess.run(
            entry(words), env=env, cwd="/", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def environment(self, name: str) -> dict[str, str]:
        """A service's, with a folder of its own for what it may write."""
        service = self.services[name]
        (self.where.root / name).mkdir(exist_ok=True)
        env = self.where.environment(name, {**image_environment(), **service["environment"]})
        return {
            **env,
            "HYPERVISOR_DATA": str(self.where.root / f"data-{volume_of(service) or name}"),
        }

    def await_health(self, container: Container) -> None:
        end = time.monotonic() + HEALTHY_SECONDS
        while not container.healthy():
            assert container.child.poll() is None, container.said()
            assert time.monotonic() < end, container.said()
            time.sleep(0.5)

    def down(self) -> dict[str, int]:
        """Stop all that still runs; how each ended. One that needs to be killed fails."""
        left = [each for each in self.running.values() if each.child.poll() is None]
        for each in left:
            each.child.send_signal(signal.SIGTERM)
        return {each.name: each.child.wait(each.grace) for each in left}


def image_environment() -> dict[str, str]:
    """What the Dockerfile sets, with our own tools in the place of the image's."""
    text = (ROOT / "Dockerfile").read_text().partition("\nENV ")[2].partition("\nENTRYPOINT")[0]
    pairs = dict(word.split("=", 1) for word in text.replace("\\\n", " ").split())
    return {**pairs, "PATH": f"{TOOLS}:{os.defpath}"}


def volume_of(service: Mapping[str, Any]) -> str:
    """The volume at /data, if there is one."""
    found = [each for each in service.get("volumes", []) if each.endswith(":/data")]
    return found[0].removesuffix(":/data") if found else ""


def entry(words: Sequence[str], *, refuses_root: bool = False) -> list[str]:
    """The image's entry point with these words; as another user where root is refused."""
    if refuses_root and os.geteuid() == 0:
        account = server_account()
        as_whom = [str(account.uid), str(account.gid)]
        return [sys.executable, "-c", AS_USER, *as_whom, "hypervisor", *words]
    return [str(TOOLS / "hypervisor"), *words]


@contextmanager
def engine(where: Elsewhere, env: Mapping[str, str]) -> Iterator[Engine]:
    """An engine that leaves nothing running."""
    made = Engine(where=where, services=with_tls(env))
    try:
        yield made
    finally:
        for each in made.running.values():
            if each.child.poll() is None:
                each.child.kill()
                each.child.wait()
