"""Three RabbitMQ nodes on three machines, as `hypervisor up` starts them."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from hypervisor.broker.child import stop
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import open_folder
from hypervisor.broker.probe import ACCEPTED, connack
from hypervisor.broker.server_account import server_account
from hypervisor.cluster import settings_file
from hypervisor.cluster.management import Management
from hypervisor.cluster.plan import Member, Plan, make_plan
from hypervisor.cluster.rabbitmq import BrokerNode, find_scripts
from tests.cluster.network import Machine, Network

START_SECONDS = 90.0


def wait_for(happens: Callable[[], bool], *, seconds: float, what: str) -> float:
    """How long it took."""
    began = time.monotonic()
    while not happens():
        assert time.monotonic() - began < seconds, f"{what}: not within {seconds:g} s"
        time.sleep(0.1)
    return time.monotonic() - began


@dataclass(kw_only=True)
class Broker:
    """One of the three. `admission`: the process that it asks about accounts, if any."""

    machine: Machine
    node: BrokerNode
    process: subprocess.Popen[bytes] | None = None
    admission: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.machine.inside():
            self.process = self.node.start()

    def answers(self) -> bool:
        with self.machine.inside():
            return self.node.answers()

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def lose_data(self) -> None:
        """As if another machine took its address."""
        shutil.rmtree(self.node.data)

    def await_start(self) -> float:
        try:
            return wait_for(
                self.answers, seconds=START_SECONDS, what=f"broker {self.machine.number} answers"
            )
        except AssertionError as error:
            log = self.node.member.folder.log("broker").read_text(errors="replace")
            raise AssertionError(f"{error}\n{log[-6000:]}") from None

    @property
    def management(self) -> Management:
        return Management(plan=self.node.member.plan)

    def has_all_copies(self) -> bool:
        """Whether it knows each queue to be on all three machines."""
        with suppress(StackError), self.machine.inside():
            return not self.management.count_thin_queues(3)
        return False

    def lets_in(self, name: str, password: str, *, client: str = "") -> bool:
        """Whether a device may connect; `client`: its client id, if not its name."""
        address, port = self.machine.address, self.node.member.plan.ports.mqtt
        with self.machine.inside():
            return connack(address, port, name, password, session=client or name) == ACCEPTED

    def admit(self, database_url: str) -> None:
        """Start the process that answers about accounts."""
        root = self.node.member.folder.root
        words: list[str | Path] = [
            sys.executable,
            "-P",
            "-m",
            "hypervisor",
            "--data",
            root,
            "cluster",
            "admit",
        ]
        env = {**os.environ, "HYPERVISOR_DATABASE_URL": database_url}
        with (root / "log/admit.log").open("ab") as log:
            self.admission = self.machine.popen(words, env=env, stdout=log, stderr=log)

    def stop(self) -> None:
        for process in (self.admission, self.process):
            if process and process.poll() is None:
                stop(process, seconds=20)


@dataclass(kw_only=True)
class Brokers:
    """All three, by number."""

    plan: Plan
    each: list[Broker] = field(default_factory=list)

    def __getitem__(self, number: int) -> Broker:
        return self.each[number - 1]

    @property
    def addresses(self) -> list[str]:
        return list(self.plan.addresses)


@contextmanager
def three_brokers(
    network: Network, root: Path, node_type: type[BrokerNode] = BrokerNode
) -> Iterator[Brokers]:
    """A cluster that answers; its queues of ingest are not declared."""
    root.chmod(0o755)
    plan = make_plan("tests", [machine.address for machine in network.machines])
    brokers = Brokers(plan=plan)
    for planned, machine in zip(plan.machines, network.machines, strict=True):
        folder = open_folder(root / str(planned.number), server_account())
        settings_file.join(folder, plan, planned.number)
        member = Member(plan=plan, machine=planned, folder=folder)
        node = node_type(member=member, scripts=find_scripts())
        brokers.each.append(Broker(machine=machine, node=node))
    try:
        for broker in brokers.each:
            broker.start()
        for broker in brokers.each:
            broker.await_start()
        yield brokers
    finally:
        for broker in brokers.each:
            broker.stop()
