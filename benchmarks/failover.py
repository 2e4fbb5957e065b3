"""How long nothing can be written when the primary database is lost, on three machines.

The machines are network namespaces. A client on each of them commits one row after the other. The
gap of a loss is the longest time between two commits of a client on a machine that is left. In the
end every row whose commit was acknowledged must be there.
"""

import itertools
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psycopg

from benchmarks.auto_failover import auto_failover
from hypervisor.bench.servers import BenchError
from hypervisor.broker.child import wait_until
from hypervisor.cluster import patroni
from hypervisor.database.connect import StoreError, connect
from tests.cluster.databases import Databases, Fault, patroni_databases
from tests.cluster.network import Machine, Network, three_machines

Kind = Literal["short", "stock", "auto-failover"]
STOCK = {"ttl": 20, "loop_wait": 2, "retry_timeout": 8}  # the shortest lease Patroni itself allows
_SETTLE_SECONDS = 180.0
_PAUSE = 0.02  # s between two commits of a client
_GAP = 1.0  # s; no commit waits so long but for a loss
_WATCHED_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`kind`: Patroni with our lease, with its own shortest one, or pg_auto_failover."""

    kind: Kind = "short"
    fault: Fault = "machine"
    losses: int = 20


@dataclass(kw_only=True)
class Client:
    """Commits from one machine, and notes when each row was acknowledged (s, monotonic)."""

    machine: Machine
    url: str
    acknowledged: list[tuple[int, float]] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        rows = itertools.count(1)
        while not self.stopping.is_set():
            try:
                with self.machine.inside(), connect(self.url, autocommit=True) as connection:
                    while not self.stopping.wait(_PAUSE):
                        row = next(rows)
                        connection.execute(
                            "INSERT INTO written VALUES (%s, %s)", [self.machine.number, row]
                        )
                        self.acknowledged.append((row, time.monotonic()))
            except (StoreError, psycopg.Error):
                time.sleep(0.02)

    def longest_wait(self, since: float) -> float:
        """Between two commits since then (s)."""
        times = [at for _, at in self.acknowledged if at > since]
        return max((later - before for before, later in itertools.pairwise(times)), default=0.0)


def measure(plan: Plan, tick: Callable[[str, int, int], object]) -> dict[str, Any]:
    """The gaps of so many losses (s), and how many acknowledged rows are missing."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hypervisor-lost-")))
        network = stack.enter_context(three_machines())
        databases = stack.enter_context(_databases(plan.kind, network, folder))
        databases.await_primary()
        with network.machines[0].inside(), connect(databases.url, autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE written (machine int, row int, PRIMARY KEY (machine, row))"
            )
        clients = [Client(machine=each, url=databases.url) for each in network.machines]
        with _running(clients):
            gaps = []
            for loss in range(plan.losses):
                tick(f"{plan.kind}: {plan.fault}", loss, plan.losses)
                gaps.append(_lose_primary(databases, clients, plan.fault))
            databases.await_primary()
        with network.machines[0].inside(), connect(databases.url, autocommit=True) as connection:
            stored = set(connection.execute("SELECT machine, row FROM written").fetchall())
    rows = {(each.machine.number, row) for each in clients for row, _ in each.acknowledged}
    return {
        "kind": plan.kind,
        "fault": plan.fault,
        "losses": plan.losses,
        "gap_median_s": round(statistics.median(gaps), 2),
        "gap_worst_s": round(max(gaps), 2),
        "gaps_s": [round(gap, 2) for gap in gaps],
        "acknowledged": len(rows),
        "acknowledged_and_lost": len(rows - stored),
    }


@contextmanager
def _databases(kind: Kind, network: Network, folder: Path) -> Iterator[Databases]:
    if kind == "auto-failover":
        with auto_failover(network, folder) as databases:
            yield databases
        return
    shared = {**patroni.SHARED, **(STOCK if kind == "stock" else {})}
    with patroni_databases(network, folder, shared) as databases:
        yield databases


@contextmanager
def _running(clients: list[Client]) -> Iterator[None]:
    threads = [threading.Thread(target=client.run, daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for client in clients:
            client.stopping.set()
        for thread in threads:
            thread.join()


def _lose_primary(databases: Databases, clients: list[Client], fault: Fault) -> float:
    primary = databases.await_primary()
    time.sleep(2.0)
    began = time.monotonic()
    databases.lose(primary, fault)
    left = [each for number, each in enumerate(clients) if number != primary]

    def writes_again() -> bool:
        return all(each.longest_wait(began - 1.0) > _GAP for each in left)

    if fault in {"supervisor", "hang"}:  # the server itself goes on, for a while at least
        time.sleep(_WATCHED_SECONDS)
    elif not wait_until(writes_again, seconds=_SETTLE_SECONDS):
        raise BenchError(f"nothing could be written {_SETTLE_SECONDS:.0f} s after the loss")
    databases.heal(primary, fault)
    return max(each.longest_wait(began - 1.0) for each in left)
