"""A cable between the test and a database of its own, which can be pulled and put back.

The other end is a network namespace. The kernel closes no socket when the cable is cut: just so a
machine vanishes whose plug was pulled.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import open_folder
from hypervisor.database import databases
from hypervisor.stack.postgres import FORGETFUL, Database
from hypervisor.stack.servers import start_database
from tests.ports import reserve_port

_LIBC = ctypes.CDLL(None, use_errno=True)
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_OURS = Path("/proc/thread-self/ns/net")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@dataclass(frozen=True, kw_only=True)
class Cable:
    """`address`: of our end, `home`; `name`: of the namespace at the other end."""

    name: str
    address: str
    home: int

    @contextmanager
    def at_the_other_end(self) -> Iterator[None]:
        """Sockets that this thread opens meanwhile, and threads and processes, are over there."""
        with Path("/run/netns", self.name).open() as there, within(there.fileno()):
            yield

    def cut(self) -> None:
        with within(self.home):
            _ip("link", "set", self.name, "down")

    def mend(self) -> None:
        with within(self.home):
            _ip("link", "set", self.name, "up")


@contextmanager
def within(namespace: int) -> Iterator[None]:
    """Sockets of this thread, and its new threads and processes, are in that network meanwhile."""
    with _OURS.open() as before:
        _enter(namespace)
        try:
            yield
        finally:
            _enter(before.fileno())


def _enter(namespace: int) -> None:
    if _LIBC.setns(namespace, _NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "the network namespace cannot be entered")


@contextmanager
def cable() -> Iterator[Cable]:
    """Lay one; it is taken away at the end."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        raise StackError("to cut a wire this test needs `ip` (./setup.sh installs it) and root")
    name = f"hv{os.urandom(4).hex()}"
    third, fourth = os.urandom(1)[0], os.urandom(1)[0] & 0xFC
    ours, theirs = (f"10.213.{third}.{fourth + last}" for last in (1, 2))
    _ip("netns", "add", name)
    try:
        _ip("link", "add", name, "type", "veth", "peer", "name", "far", "netns", name)
        _ip("address", "add", f"{ours}/30", "dev", name)
        _ip("link", "set", name, "up")
        _ip("-n", name, "address", "add", f"{theirs}/30", "dev", "far")
        _ip("-n", name, "link", "set", "far", "up")
        with _OURS.open() as home:
            yield Cable(name=name, address=ours, home=home.fileno())
    finally:
        _ip("netns", "delete", name)


@contextmanager
def database_behind(cable: Cable, like: Database) -> Iterator[str]:
    """A server of its own that the other end of the cable reaches, too; its URL there."""
    folder = open_folder(like.folder.root.with_name(cable.name), like.folder.account)
    listening = {"listen_addresses": f"127.0.0.1,{cable.address}"}
    server = replace(
        like, folder=folder, port=reserve_port(), extra=tuple({**FORGETFUL, **listening}.items())
    )
    server.create()
    with (server.cluster / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 10.213.0.0/16 scram-sha-256\n")
    running = start_database(server)
    try:
        databases.create(server.url("postgres"), "hypervisor")
        yield server.url().replace("127.0.0.1", cable.address)
    finally:
        running.halt()
        shutil.rmtree(folder.root, ignore_errors=True)
