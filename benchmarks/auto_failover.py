"""pg_auto_failover on three machines, its monitor outside: what Patroni is compared with."""

import os
import pwd
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hypervisor.bench.servers import BenchError
from hypervisor.broker.binaries import find_program
from hypervisor.broker.child import spawn, stop
from hypervisor.broker.folder import DataFolder, open_folder
from hypervisor.broker.server_account import Account
from hypervisor.database.connect import CLUSTER
from tests.cluster.databases import Databases
from tests.cluster.network import Network, Place

_PORTS = (5441, 5442, 5443)  # each its own: their sockets lie in one folder
_MONITOR_PORT = 5440
# As quick as its documents let it be; by default each of them is four to six times as long.
_MONITOR = {
    "pgautofailover.health_check_period": 1000,
    "pgautofailover.health_check_timeout": 1000,
    "pgautofailover.health_check_max_retries": 2,
    "pgautofailover.health_check_retry_delay": 500,
    "pgautofailover.node_considered_unhealthy_timeout": 5000,
    "pgautofailover.primary_demote_timeout": 5000,
    "pgautofailover.startup_grace_period": 1000,
}
_NODE = {"timeout.network_partition_timeout": 5, "timeout.postgresql_restart_failure_timeout": 5}
_EVERYBODY = "host all all 10.213.0.0/24 trust"
_POSTGRES = {
    "shared_preload_libraries": "pgautofailover,timescaledb",
    **CLUSTER.server_settings(),
    "wal_sender_timeout": "5s",
    "wal_receiver_timeout": "5s",
    "wal_retrieve_retry_interval": "200ms",
    "synchronous_commit": "on",
}


@dataclass(frozen=True, kw_only=True)
class Node:
    """A machine's database, or the monitor, and how pg_autoctl is asked to do something."""

    place: Place
    folder: DataFolder

    @property
    def data(self) -> Path:
        return self.folder.database

    def environment(self) -> Mapping[str, str]:
        home = str(self.folder.root)
        names = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR")
        return {**os.environ, **dict.fromkeys(names, home), "PG_CONFIG": "/usr/bin/pg_config"}

    def ask(self, *words: str) -> None:
        """Run pg_autoctl to its end. Raises BenchError: with what it says."""
        account = self.folder.account
        become = ("setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups")
        done = self.place.run(
            [*become, "pg_autoctl", *words, "--pgdata", self.data],
            env=self.environment(),
            check=False,
            cwd="/",
        )
        if done.returncode:
            raise BenchError(f"pg_autoctl {words[0]}: {done.stderr[-2000:]}")

    def add_lines(self, file: str, *lines: str) -> None:
        with (self.data / file).open("a") as opened:
            opened.write("\n".join(["", *lines, ""]))

    def run(self) -> "subprocess.Popen[bytes]":
        with self.place.inside():
            return spawn(
                [find_program("pg_autoctl"), "run", "--pgdata", self.data],
                account=self.folder.account,
                log=self.folder.log("pg_autoctl"),
                env=self.environment(),
            )


@contextmanager
def auto_failover(network: Network, folder: Path) -> Iterator[Databases]:
    """Three nodes, and outside their monitor, without which no loss would be noticed."""
    folder.chmod(0o755)
    entry = pwd.getpwnam("postgres")  # who may write where Debian's servers have their sockets
    account = Account(name="postgres", uid=entry.pw_uid, gid=entry.pw_gid, demotes=True)
    outside = network.outside
    monitor = Node(place=outside, folder=open_folder(folder / "monitor", account))
    monitor.ask("create", "monitor", "--hostname", outside.address, *_options(_MONITOR_PORT))
    monitor.add_lines("pg_hba.conf", _EVERYBODY)
    monitor.add_lines("postgresql.conf", *(f"{key} = {value}" for key, value in _MONITOR.items()))
    nodes = [
        Node(place=machine, folder=open_folder(folder / f"{machine.number}", account))
        for machine in network.machines
    ]
    pairs = zip(network.machines, _PORTS, strict=True)
    hosts = ",".join(f"{machine.address}:{port}" for machine, port in pairs)
    databases = Databases(
        network=network,
        url=f"postgresql://{account.name}@{hosts}/postgres?target_session_attrs=primary",
        data=[node.data for node in nodes],
        starts=[[node.run] for node in nodes],
    )
    watching = monitor.run()
    try:
        _await_monitor(monitor)
        for number, node in enumerate(nodes):
            _create_node(node, number, outside.address)
            databases.start(number)
        yield databases
    finally:
        databases.stop()
        stop(watching, seconds=10)


def _create_node(node: Node, number: int, monitor: str) -> None:
    address = f"postgres://autoctl_node@{monitor}:{_MONITOR_PORT}/pg_auto_failover"
    node.ask(
        *("create", "postgres", "--hostname", node.place.address, "--listen", "*"),
        *("--name", f"machine_{number + 1}", "--monitor", address, "--dbname", "postgres"),
        *_options(_PORTS[number]),
    )
    if number == 0:  # the others copy it
        replicating = _EVERYBODY.replace("all all", "replication all")
        node.add_lines("pg_hba.conf", _EVERYBODY, replicating)
        node.add_lines(
            "postgresql.conf", *(f"{key} = '{value}'" for key, value in _POSTGRES.items())
        )
    for key, value in _NODE.items():
        node.ask("config", "set", key, str(value))


def _options(port: int) -> list[str]:
    plain = ["--auth", "trust", "--no-ssl", "--pgctl", str(find_program("pg_ctl"))]
    return ["--pgport", str(port), *plain]


def _await_monitor(monitor: Node) -> None:
    for _ in range(60):
        with suppress(BenchError):
            monitor.ask("show", "state")
            return
        time.sleep(0.5)
    monitor.ask("show", "state")
