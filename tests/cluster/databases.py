"""Three databases on three machines, of which one is the primary: lost and brought back."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psycopg

from hypervisor.broker.child import stop, wait_until
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import open_folder
from hypervisor.broker.server_account import server_account
from hypervisor.cluster import patroni
from hypervisor.cluster.etcd import EtcdClient, name, start_etcd, trust
from hypervisor.cluster.patroni_start import LOOK_SECONDS
from hypervisor.cluster.plan import Member, make_plan
from hypervisor.cluster.survey import Asker
from hypervisor.database.connect import StoreError, connect
from tests.cluster.network import Network

# kill -9 of the server's first process, of all on the machine, of what supervises the server; that
# stopped by a signal; the machine's cable pulled.
Fault = Literal["server", "machine", "supervisor", "hang", "wire"]

Start = Callable[[], "subprocess.Popen[bytes]"]


@dataclass(kw_only=True)
class Databases:
    """Machines are counted from 0. `starts`: what runs on each, the supervisor of it last.

    `may_be_lost`: whether a copy would be promoted if this primary were lost now.
    """

    network: Network
    url: str
    data: list[Path]
    starts: list[list[Start]]
    members: list[Member] = field(default_factory=list)
    may_be_lost: Callable[[int], bool] = lambda _primary: True
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

    def await_primary(self, seconds: float = 300.0) -> int:
        """Which machine's database is the primary, once both others copy it."""
        found: list[int] = []

        def complete() -> bool:
            primary = self.find_primary()
            found.extend([] if primary is None else [primary])
            return bool(found)

        if not wait_until(complete, seconds=seconds, every=0.5):
            raise StackError(f"no primary with two copies within {seconds:.0f} s")
        return found[0]

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
                primary = [each.address for each in self.network.machines].index(row[0])
                return primary if self.may_be_lost(primary) else None
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

    def lead_etcd(self, machine: int, seconds: float = 60.0) -> None:
        """Have a machine's member of etcd lead, and everybody notice it."""
        wanted = name(self.members[machine].machine)

        def leads() -> bool:
            for place, member in zip(self.network.machines, self.members, strict=True):
                client = EtcdClient(member=member, context=trust(member.secret_files()))
                with place.inside(), suppress(StackError):
                    if not client.read_state(member.machine).is_leader:
                        continue
                    if name(member.machine) == wanted:
                        return True
                    answer = client._ask(member.machine, "v3/cluster/member/list", {})  # noqa: SLF001
                    numbers = {each["name"]: each["ID"] for each in answer["members"]}
                    order = {"targetID": numbers[wanted]}
                    client._ask(member.machine, "v3/maintenance/transfer-leadership", order)  # noqa: SLF001
            return False

        if not wait_until(leads, seconds=seconds, every=0.5):
            raise StackError(f"{wanted} does not lead within {seconds:.0f} s")
        time.sleep(2 * LOOK_SECONDS)

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


@contextmanager
def patroni_databases(
    network: Network, folder: Path, shared: Mapping[str, Any] = patroni.SHARED
) -> Iterator[Databases]:
    """Etcd, Patroni and PostgreSQL on each machine."""
    folder.chmod(0o755)  # the servers' account goes through it
    plan = make_plan("databases", [machine.address for machine in network.machines])
    account = server_account()
    members = [
        Member(plan=plan, machine=each, folder=open_folder(folder / f"{each.number}", account))
        for each in plan.machines
    ]

    def may_be_lost(primary: int) -> bool:
        """PostgreSQL waits for its copies a second before etcd has their names."""
        asker = Asker(member=members[0], context=trust(members[0].secret_files()))
        with suppress(StackError):
            copies = asker.list_copies(plan.machines[primary])
            return sum(copy.confirms for copy in copies.values()) == len(members) - 1
        return False

    databases = Databases(
        network=network,
        members=members,
        may_be_lost=may_be_lost,
        url=plan.database_url("postgres"),
        data=[member.folder.database for member in members],
        starts=[
            [start_etcd(member).start, patroni.start_patroni(member, shared=shared).start]
            for member in members
        ],
    )
    with databases.running():
        yield databases
