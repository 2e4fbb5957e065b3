"""Ports of the loopback interface: free ones, and who holds a taken one."""

import os
import socket
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

LOOPBACK = "127.0.0.1"


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def listen(port: int, host: str = LOOPBACK) -> socket.socket:
    """Return a socket that listens there: from now on the port is ours.

    Raises OSError: somebody else has it, or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends at once only where the protocol is named; else each answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(socket.SOMAXCONN)
    except OSError:
        listener.close()
        raise
    return listener


def reachable_address(host: str) -> str:
    """The address by which this machine reaches a server that listens at `host`."""
    return {"0.0.0.0": LOOPBACK, "::": "[::1]"}.get(host, host)  # noqa: S104 -- compared, not bound


def free_port(*, avoid: Collection[int] = ()) -> int:
    """Draw a port that no socket uses, below those that the kernel lends to clients."""
    for _ in range(200):
        # The kernel's own choice could be lent to a client between two `up`; a lower one is kept.
        port = 20_000 + int.from_bytes(os.urandom(2)) % 12_000
        if port not in avoid and _is_unused(port):
            return port
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def free_ports(count: int) -> list[int]:
    """Draw `count` different ports, each as `free_port` does."""
    drawn: list[int] = []
    while len(drawn) < count:
        drawn.append(free_port(avoid=drawn))
    return drawn


def _is_unused(port: int) -> bool:
    """Whether no socket at all is bound there, not even one that does not listen."""
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def find_holder(port: int) -> str:
    """Who listens on `port`, as 'name (pid N)', or '' when that cannot be seen."""
    inodes = _listening_inodes(port)
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):
            for descriptor in (folder / "fd").iterdir():
                if str(descriptor.readlink()) in inodes:
                    return f"{(folder / 'comm').read_text().strip()} (pid {folder.name})"
    return ""


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                listens = fields[3] == "0A"
                if listens and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    return inodes
