"""Three databases on three machines, of which one is the primary: lost and brought back."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psycopg

from hypervisor.broker.child import stop
from hypervisor.database.connect import StoreError, connect
from tests.cluster.network import Network

# kill -9 of the server's first process, of all on the machine, of what supervises the server; that
# stopped by a signal; the machine's cable pulled.
Fault = Literal["server", "machine", "supervisor", "hang", "wire"]

Start = Callable[[], "subprocess.Popen[bytes]"]


@dataclass(kw_only=True)
class Databases:
    """Machines are counted from 0. `starts`: what runs on each, the supervisor of it last."""

    network: Network
    url: str
    data: list[Path]
    starts: list[list[Start]]
    _children: dict[int, list["subprocess.Popen[bytes]"]] = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator[None]:
        try:
            for machine in range(len(self.starts)):
                self.start(machine)
            yield
        finally:
            self.stop()

    def stop(self) -> None:
        for children in self._children.values():
            for child in reversed(children):
                child.send_signal(signal.SIGCONT)
                stop(child, seconds=10)

    def start(self, machine: int) -> None:
        with self.network.machines[machine].inside():
            self._children[machine] = [start() for start in self.starts[machine]]

    def find_primary(self) -> int | None:
        """Which machine's database is the primary; None: none, or both others do not copy it."""
        here = self.network.machines[0]
        with (
            suppress(StoreError, psycopg.Error),
            here.inside(),
            connect(self.url, autocommit=True) as connection,
        ):
            row = connection.execute(
                "SELECT host(inet_server_addr()), (SELECT count(*) FROM pg_stat_replication"
                " WHERE state = 'streaming' AND sync_state = 'quorum')"
            ).fetchone()
            if row and row[1] == 2:
                return [each.address for each in self.network.machines].index(row[0])
        return None

    def lose(self, machine: int, fault: Fault) -> None:
        supervisor = self._children[machine][-1]
        if fault == "server":
            first = (self.data[machine] / "postmaster.pid").read_text().split()[0]
            os.kill(int(first), signal.SIGKILL)
        elif fault == "machine":
            self.network.machines[machine].kill()
        elif fault == "wire":
            self.network.machines[machine].link_down()
        else:
            supervisor.send_signal(signal.SIGKILL if fault == "supervisor" else signal.SIGSTOP)

    def heal(self, machine: int, fault: Fault) -> None:
        children = self._children[machine]
        if fault == "machine":
            for child in children:
                child.wait()
            self.start(machine)
        elif fault == "wire":
            self.network.machines[machine].link_up()
        elif fault == "hang":
            children[-1].send_signal(signal.SIGCONT)
        elif fault == "supervisor":
            children[-1].wait()
            with self.network.machines[machine].inside():
                children[-1] = self.starts[machine][-1]()
