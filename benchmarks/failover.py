"""How long nothing can be written when the primary database is lost, on three machines.

The machines are network namespaces. A client on each of them commits one row after the other. The
gap of a loss is the time from the fault to the next commit, of that client on a machine that is
left which waits longest. In the end every row whose commit was acknowledged must be there.
"""

import itertools
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psycopg

from benchmarks.auto_failover import auto_failover
from benchmarks.databases import Databases, Fault
from hypervisor.bench.servers import BenchError
from hypervisor.broker.child import wait_until
from hypervisor.broker.folder import open_folder
from hypervisor.broker.server_account import server_account
from hypervisor.cluster import patroni
from hypervisor.cluster.etcd import start_etcd
from hypervisor.cluster.plan import Member, make_plan
from hypervisor.database.connect import StoreError, connect
from tests.cluster.network import Machine, Network, three_machines

Kind = Literal["short", "stock", "auto-failover"]
STOCK = {"ttl": 20, "loop_wait": 2, "retry_timeout": 8}  # the shortest lease Patroni itself allows
_SETTLE_SECONDS = 180.0
_PAUSE = 0.005  # s between two commits of a client
_AT_LEAST = 0.3  # s; what was under way when the fault came is no end of its gap


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

    def waited(self, fault: float) -> float | None:
        """From a fault to the first commit after it (s); None: there is none yet."""
        later = (at for _, at in reversed(self.acknowledged) if at > fault + _AT_LEAST)
        return min(later, default=fault) - fault or None


def measure(plan: Plan, tick: Callable[[str, int, int], object]) -> dict[str, Any]:
    """The gaps of so many losses (s), and how many acknowledged rows are missing."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hypervisor-lost-")))
        folder.chmod(0o755)
        network = stack.enter_context(three_machines())
        databases = stack.enter_context(_databases(plan.kind, network, folder))
        _await_primary(databases)
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
            _await_primary(databases)
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
def patroni_databases(
    network: Network, folder: Path, shared: Mapping[str, Any] = patroni.SHARED
) -> Iterator[Databases]:
    """Etcd, Patroni and PostgreSQL on each machine."""
    plan = make_plan("bench", [machine.address for machine in network.machines])
    account = server_account()
    members = [
        Member(plan=plan, machine=each, folder=open_folder(folder / f"{each.number}", account))
        for each in plan.machines
    ]
    databases = Databases(
        network=network,
        url=plan.database_url("postgres"),
        data=[member.folder.database for member in members],
        starts=[
            [start_etcd(member).start, patroni.start_patroni(member, shared=shared).start]
            for member in members
        ],
    )
    with databases.running():
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


def _await_primary(databases: Databases) -> int:
    """Which machine's database is the primary, once both others copy it."""
    end = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < end:
        primary = databases.find_primary()
        if primary is not None:
            return primary
        time.sleep(0.5)
    raise BenchError(f"no primary with two copies within {_SETTLE_SECONDS:.0f} s")


def _lose_primary(databases: Databases, clients: list[Client], fault: Fault) -> float:
    primary = _await_primary(databases)
    time.sleep(2.0)
    began = time.monotonic()
    databases.lose(primary, fault)
    left = [each for number, each in enumerate(clients) if number != primary]
    if not wait_until(lambda: all(each.waited(began) for each in left), seconds=_SETTLE_SECONDS):
        raise BenchError(f"nothing could be written {_SETTLE_SECONDS:.0f} s after the loss")
    if fault == "hang":  # it must not have gone on as a primary that nobody watches
        time.sleep(5.0)
    databases.heal(primary, fault)
    return max(each.waited(began) or 0.0 for each in left)
