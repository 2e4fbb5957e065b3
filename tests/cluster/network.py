"""Three machines on this one: network namespaces round a router, whose wires can be disturbed.

A fifth namespace is the outside, where devices and receivers are. Nothing is added to the root
namespace, so that several of these may run beside each other with the same addresses.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypervisor.broker.errors import StackError
from tests.wires import within

_NAMES = "hvc"  # of namespaces: hvc<pid>-<run>-<place>
_ROUTER, _OUTSIDE = "10.213.0.1", "10.213.0.2"
_ADDRESSES = ("10.213.0.11", "10.213.0.12", "10.213.0.13")
_SLOW = "slow"  # interface of the delay
_SLOW_TABLE = "100"
_PARTED, _DELAYED = "100", "200"  # preferences of the router's rules; the lower acts first
_FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
_ROOT = Path(__file__).parents[2]


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], check=False, capture_output=True, text=True)
    if done.returncode:
        raise StackError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


@dataclass(frozen=True, kw_only=True)
class Place:
    """A network namespace and its address."""

    namespace: str
    address: str
    environment: Mapping[str, str] = field(default_factory=dict)  # added to a command's
    started: list[subprocess.Popen[bytes]] = field(default_factory=list, compare=False, repr=False)

    def words(self, command: Sequence[str | Path]) -> list[str]:
        """The command line that runs `command` here; its pid is the command's own."""
        return ["nsenter", f"--net=/run/netns/{self.namespace}", *map(str, command)]

    def popen(
        self, command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, **more: Any
    ) -> subprocess.Popen[bytes]:
        """Start a program here, in a session of its own; it is killed when the place goes."""
        process: subprocess.Popen[bytes] = subprocess.Popen(
            self.words(command),
            env={**(os.environ if env is None else env), **self.environment},
            start_new_session=True,
            **more,
        )
        self.started.append(process)
        return process

    def run(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        check: bool = True,
        **more: Any,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program here to its end; its output is text."""
        return subprocess.run(
            self.words(command),
            env={**(os.environ if env is None else env), **self.environment},
            check=check,
            capture_output=True,
            text=True,
            **more,
        )

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets that this thread opens meanwhile, and threads and processes, are here."""
        with Path("/run/netns", self.namespace).open() as namespace, within(namespace.fileno()):
            yield

    def pids(self) -> list[int]:
        return [int(pid) for pid in _ip("netns", "pids", self.namespace).split()]

    def kill(self, by: signal.Signals = signal.SIGKILL) -> None:
        """Every process that runs here, also those that start meanwhile; as if it lost power."""
        while pids := self.pids():
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, by)
            time.sleep(0.02)


@dataclass(frozen=True, kw_only=True)
class Machine(Place):
    """One of the three, with its wire to the router and its clock."""

    number: int
    router: Place
    clock: Path

    @property
    def port(self) -> str:
        """The router's end of its wire."""
        return f"m{self.number}"

    def link_down(self) -> None:
        """Pull its cable: what is sent either way vanishes without a word."""
        _ip("-n", self.router.namespace, "link", "set", self.port, "down")

    def link_up(self) -> None:
        _ip("-n", self.router.namespace, "link", "set", self.port, "up")
        _route(self.router, self.address, self.port)

    def set_clock(self, seconds: float) -> None:
        """How far its clock is ahead, for programs started with its `environment`.

        Seen within a second, by programs that ask libc for the time: C, Python, PostgreSQL. Go
        (etcd) asks the kernel and keeps the right time. The monotonic clock is never changed.
        """
        if not self.environment:
            raise StackError(
                "the clocks of these machines cannot be set: use three_machines(clocks=True)"
            )
        fresh = self.clock.with_suffix(".new")
        fresh.write_text(f"{seconds:+g}\n")
        fresh.replace(self.clock)


@dataclass(frozen=True, kw_only=True)
class Network:
    """The machines, the router between them, and the outside."""

    machines: tuple[Machine, ...]
    outside: Place
    router: Place
    _slow: list[subprocess.Popen[bytes]] = field(default_factory=list)  # the delay, if any

    @property
    def ports(self) -> list[str]:
        return [*(machine.port for machine in self.machines), "out"]

    def part(self, machine: Machine) -> None:
        """Cut it off from the other two; the outside still reaches all three."""
        for other in self.machines:
            if other is not machine:
                self.deafen(machine, to=other)
                self.deafen(other, to=machine)

    def deafen(self, machine: Machine, *, to: Machine) -> None:
        """Drop what `to` sends to it; what it sends itself still arrives."""
        silent = ("iif", to.port, "to", machine.address, "blackhole")
        _ip("-n", self.router.namespace, "rule", "add", "pref", _PARTED, *silent)

    def join(self) -> None:
        """End every partition."""
        _flush_rules(self.router, _PARTED)

    def delay(self, machine: Machine, seconds: float = 0.2) -> None:
        """Whatever it sends, and whatever is sent to it, takes so much longer (one for all)."""
        router = self.router.namespace
        if not self._slow:
            command = [sys.executable, "-m", "tests.cluster.delay", _SLOW, f"{seconds}"]
            process = self.router.popen(command, cwd=_ROOT, stdout=subprocess.PIPE)
            assert process.stdout
            if process.stdout.readline() != b"ready\n":
                raise StackError("the slow wire does not start")
            self._slow.append(process)
            _ip("-n", router, "link", "set", _SLOW, "up", "txqueuelen", "10000")
            _ip("-n", router, "route", "add", "default", "dev", _SLOW, "table", _SLOW_TABLE)
        from_it = [("iif", machine.port)]
        to_it = [
            ("iif", port, "to", machine.address) for port in self.ports if port != machine.port
        ]
        for which in from_it + to_it:
            _ip("-n", router, "rule", "add", "pref", _DELAYED, *which, "lookup", _SLOW_TABLE)

    def end_delays(self) -> None:
        _flush_rules(self.router, _DELAYED)
        for process in self._slow:
            process.kill()
            process.communicate()
        self._slow.clear()

    def heal(self) -> None:
        """All wires and clocks as at the start."""
        self.join()
        self.end_delays()
        for machine in self.machines:
            machine.link_up()
            if machine.environment:
                machine.set_clock(0)


def _flush_rules(router: Place, preference: str) -> None:
    while f"{preference}:" in _ip("-n", router.namespace, "rule", "list"):
        _ip("-n", router.namespace, "rule", "delete", "pref", preference)


def _route(router: Place, address: str, port: str) -> None:
    _ip("-n", router.namespace, "route", "replace", f"{address}/32", "dev", port)


@contextmanager
def three_machines(*, clocks: bool = False) -> Iterator[Network]:
    """Lay the wires; at the end every process on them is killed and nothing is left.

    `clocks`: programs are started with a clock that `set_clock` changes.
    """
    absent = [name for name in ("ip", "nsenter") if shutil.which(name) is None]
    if absent or os.geteuid() != 0:
        raise StackError(f"three machines need root{''.join(f' and {name}' for name in absent)}")
    if clocks and not _FAKETIME.exists():
        raise StackError("clocks need libfaketime (Debian: apt install libfaketime)")
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix="hypervisor-clocks-"))
    folder.chmod(0o755)
    network = _name_places(folder, clocks=clocks)
    places = (network.router, network.outside, *network.machines)
    try:
        for place in places:
            _ip("netns", "add", place.namespace)
            _ip("-n", place.namespace, "link", "set", "lo", "up")
        router = network.router
        _set(router, "ip_forward", "1")
        _set(router, "conf/all/rp_filter", "0")
        _set(router, "conf/default/rp_filter", "0")
        for machine in network.machines:
            _join_to_router(router, machine, machine.port)
            if clocks:
                machine.set_clock(0)
        _join_to_router(router, network.outside, "out")
        yield network
    finally:
        network.end_delays()
        for place in places:
            _remove(place.namespace)
            for process in place.started:
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _name_places(folder: Path, *, clocks: bool) -> Network:
    run = f"{_NAMES}{os.getpid()}-{os.urandom(2).hex()}"
    router = Place(namespace=f"{run}-router", address=_ROUTER)
    machines = []
    for number, address in enumerate(_ADDRESSES, start=1):
        clock = folder / f"clock-{number}"
        faked = {
            "LD_PRELOAD": str(_FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
        }
        machines.append(
            Machine(
                namespace=f"{run}-{number}",
                address=address,
                environment=faked if clocks else {},
                number=number,
                router=router,
                clock=clock,
            )
        )
    outside = Place(namespace=f"{run}-outside", address=_OUTSIDE)
    return Network(machines=tuple(machines), outside=outside, router=router)


def _join_to_router(router: Place, place: Place, port: str) -> None:
    here, there = router.namespace, place.namespace
    _ip("-n", here, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", there)
    _ip("-n", here, "address", "add", f"{_ROUTER}/32", "dev", port)
    _ip("-n", here, "link", "set", port, "up")
    _ip("-n", there, "address", "add", f"{place.address}/32", "dev", "eth0")
    _ip("-n", there, "link", "set", "eth0", "up")
    _ip("-n", there, "route", "add", _ROUTER, "dev", "eth0")
    _ip("-n", there, "route", "add", "default", "via", _ROUTER)
    _route(router, place.address, port)
    # While its cable is pulled nobody answers for it, as on a real wire.
    _ip("-n", here, "route", "add", "blackhole", f"{place.address}/32", "metric", "1000")


def _set(place: Place, key: str, value: str) -> None:
    place.run(["sh", "-c", f"echo {value} > /proc/sys/net/ipv4/{key}"])


def _remove(namespace: str) -> None:
    if Path("/run/netns", namespace).exists():
        Place(namespace=namespace, address="").kill()
        _ip("netns", "delete", namespace)


def _sweep() -> None:
    """Remove what runs that were killed left behind."""
    for name in sorted(path.name for path in Path("/run/netns").glob(f"{_NAMES}*")):
        pid = name.removeprefix(_NAMES).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            _remove(name)
