"""What is done to a running instance in the campaign: kills, halts, a wire that falls silent."""

import ctypes
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from hypervisor.base.settings import Settings
from hypervisor.broker.child import command_line, find_processes, wait_until
from hypervisor.stack import detached, run_state

PARTS = ("ingest", "watch", "notify", "web", "rollup", "housekeeping")
BACK_SECONDS = 120.0
_LIBC = ctypes.CDLL(None, use_errno=True)
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET


@dataclass(frozen=True, kw_only=True)
class Event:
    """A fault, and when it began and its repair was over (s since the epoch).

    `broker_died`: the moment at which the broker was killed outright.
    """

    kind: str
    began: float
    ended: float
    broker_died: float | None = None


@dataclass(kw_only=True)
class Victim:
    """An instance kept up by `up` in the background."""

    settings: Settings
    say: Callable[[str], None]
    cuts_wires: bool
    events: list[Event] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.settings.data

    def pid(self, part: str) -> int | None:
        found = run_state.read_state(self.data)
        pid = None if found is None else found.pids.get(part)
        return pid if pid is not None and command_line(pid) else None

    def await_all(self) -> None:
        """Wait until every part has a process again."""
        names = ("database", "broker", *PARTS)
        back = wait_until(lambda: all(map(self.pid, names)), seconds=BACK_SECONDS, every=0.1)
        assert back, f"not back: {[name for name in names if not self.pid(name)]}"

    def suffer(self, kind: str, chance: random.Random) -> None:
        """Let one fault happen and wait until it is repaired."""
        began = time.time()
        died = FAULTS[kind](self, chance)
        self.await_all()
        self.events.append(Event(kind=kind, began=began, ended=time.time(), broker_died=died))

    def kill(self, *parts: str) -> float:
        """kill -9 of each, as soon as it runs; when that of the last was."""
        for part in parts:
            assert wait_until(lambda: self.pid(part) is not None, seconds=BACK_SECONDS), part  # noqa: B023  at once
            pid = self.pid(part)
            died = time.time()
            os.kill(pid or 0, signal.SIGKILL)
            wait_until(lambda: not command_line(pid or 0), seconds=20)  # noqa: B023  at once
        return died


def _kill_part(victim: Victim, chance: random.Random) -> float | None:
    victim.kill(chance.choice(PARTS))
    return None


def _kill_ingest(victim: Victim, _chance: random.Random) -> float | None:
    victim.kill("ingest")
    return None


def _kill_database(victim: Victim, _chance: random.Random) -> float | None:
    victim.kill("database")
    return None


def _kill_broker(victim: Victim, _chance: random.Random) -> float | None:
    return victim.kill("broker")


def _kill_ingest_then_broker(victim: Victim, chance: random.Random) -> float | None:
    """What came in the meantime is only the broker's when it dies."""
    victim.kill("ingest")
    time.sleep(chance.uniform(0.1, 0.8))
    return victim.kill("broker")


def _kill_machine(victim: Victim, chance: random.Random) -> float | None:
    """Everything at once, `up` first, as when the power fails; then it is switched on again."""
    found = run_state.read_state(victim.data)
    assert found is not None
    pids = [found.pid, *found.pids.values()]
    died = time.time()
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    folder = str(victim.data)
    wait_until(
        lambda: not find_processes(lambda words: any(folder in w for w in words)), seconds=30
    )
    time.sleep(chance.uniform(0, 2))
    detached.start(victim.data, say=victim.say)
    return died


def _down_and_up(victim: Victim, chance: random.Random) -> float | None:
    assert detached.stop(victim.data)
    time.sleep(chance.uniform(0, 3))
    detached.start(victim.data, say=victim.say)
    return None


def _halt(victim: Victim, chance: random.Random) -> float | None:
    """SIGSTOP: it keeps its sockets open and answers nothing."""
    part = chance.choice(("ingest", "watch", "broker", "database"))
    pid = victim.pid(part)
    if pid is None:
        return None
    os.kill(pid, signal.SIGSTOP)
    time.sleep(chance.uniform(1, 6))
    with suppress(ProcessLookupError):  # its supervisor may have killed it meanwhile
        os.kill(pid, signal.SIGCONT)
    return None


def _cut_wire(victim: Victim, chance: random.Random) -> float | None:
    """Nothing goes over the network any more, and no socket is closed."""
    if not victim.cuts_wires:
        return _halt(victim, chance)
    _ip("link", "set", "lo", "down")
    time.sleep(chance.uniform(1, 6))
    _ip("link", "set", "lo", "up")
    return None


FAULTS: dict[str, Callable[[Victim, random.Random], float | None]] = {
    "part": _kill_part,
    "ingest": _kill_ingest,
    "database": _kill_database,
    "broker": _kill_broker,
    "ingest, then the broker": _kill_ingest_then_broker,
    "the whole machine": _kill_machine,
    "down and up": _down_and_up,
    "SIGSTOP": _halt,
    "silent wire": _cut_wire,
}


def plan(count: int, chance: random.Random) -> Sequence[str]:
    """`count` faults: rounds in which every kind comes once, each in an order of chance."""
    rounds = -(-count // len(FAULTS))
    kinds = [kind for _ in range(rounds) for kind in chance.sample(list(FAULTS), len(FAULTS))]
    return kinds[:count]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def own_network() -> Iterator[bool]:
    """A network of this thread's own, children included; False where that may not be had."""
    with Path("/proc/thread-self/ns/net").open() as here:
        if shutil.which("ip") is None or _LIBC.unshare(_NEW_NETWORK):
            yield False
            return
        _ip("link", "set", "lo", "up")
        try:
            yield True
        finally:
            assert _LIBC.setns(here.fileno(), _NEW_NETWORK) == 0
