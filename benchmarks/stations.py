"""The brokers and databases that the benchmark of parts compares, as stations of ingest."""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from hypervisor.base.settings import Settings
from hypervisor.bench.load import DEVICES, device
from hypervisor.bench.servers import BenchError, Ground, fill_database
from hypervisor.broker.accounts import open_accounts
from hypervisor.broker.child import last_lines, wait_until
from hypervisor.broker.folder import open_folder
from hypervisor.broker.ports import LOOPBACK, free_ports
from hypervisor.broker.server_account import server_account
from hypervisor.cluster.plan import Member, Plan, Ports, make_plan
from hypervisor.cluster.rabbitmq import BrokerNode, find_scripts
from hypervisor.database import databases
from hypervisor.stack.postgres import DATABASE
from tests.cluster.brokers import three_brokers
from tests.cluster.databases import patroni_databases
from tests.cluster.network import Machine, Network, Place, three_machines

USER = "bench"  # at RabbitMQ; mosquitto allows an account one connection
PASSWORD = "bench-devices"  # noqa: S105
_ADDRESSES = ("127.0.0.11", "127.0.0.12", "127.0.0.13")
_PATIENCE = 240.0  # s; a node on a busy machine


@dataclass(frozen=True, kw_only=True)
class Station:
    """A broker and the ingest beside it. Devices reach it at `address`, from `outside`.

    `machine`: the network namespace that it is in, if any.
    """

    settings: Settings
    address: str = LOOPBACK
    machine: Machine | None = None
    outside: Place | None = None

    def inside(self) -> AbstractContextManager[None]:
        return self.machine.inside() if self.machine else nullcontext()

    def from_outside(self) -> AbstractContextManager[None]:
        return self.outside.inside() if self.outside else nullcontext()


@contextmanager
def mosquitto(servers: Ground) -> Iterator[Sequence[Station]]:
    names = map(device, range(DEVICES))
    open_accounts(servers.settings).change(put=dict.fromkeys(names, PASSWORD))
    yield [Station(settings=servers.settings)]


@contextmanager
def one_node(servers: Ground) -> Iterator[Sequence[Station]]:
    """A RabbitMQ node that knows of no other, on ports of its own."""
    names = ("brokers", "amqp", "mqtt", "mqtt_parts", "management", "epmd")
    own = dict(zip(names, free_ports(len(names)), strict=True))
    plan = make_plan("bench", _ADDRESSES, ports=Ports(**own))
    plan = plan.model_copy(update={"machines": plan.machines[:1]})
    root = servers.folder / f"node-{time.monotonic_ns()}"
    root.mkdir(mode=0o755)
    folder = open_folder(root / "1", server_account())
    member = Member(plan=plan, machine=plan.machines[0], folder=folder)
    node = BrokerNode(member=member, scripts=find_scripts())
    node.create()
    with ExitStack() as stack:
        stack.callback(_stop_epmd, plan.ports.epmd)
        process = node.start()
        stack.callback(process.wait)
        stack.callback(process.kill)
        if not wait_until(node.answers, seconds=_PATIENCE):
            raise BenchError(last_lines(folder.log("broker"), 40))
        _admit(node)
        yield [Station(settings=_settings(servers, plan, 1, servers.settings.database_url))]


def _stop_epmd(port: int) -> None:
    """The node started it, and it outlives the node."""
    subprocess.run(["epmd", "-port", str(port), "-kill"], check=False, capture_output=True)


class PlainNode(BrokerNode):
    """A node without TLS to the others: only to measure what TLS costs."""

    def environment(self) -> Mapping[str, str]:
        """Raises BenchError: there is no TLS to leave out."""
        tls = f"-proto_dist inet_tls -ssl_dist_optfile {self.folder}/distribution.tls"
        secured = super().environment()
        plain = {name: text.replace(tls, "") for name, text in secured.items()}
        if plain == secured:
            raise BenchError("the nodes have no TLS that could be left out")
        return plain


@contextmanager
def three_nodes(
    servers: Ground, node_type: type[BrokerNode] = BrokerNode
) -> Iterator[Sequence[Station]]:
    """Three RabbitMQ nodes in three network namespaces, and one database (root)."""
    socket = (
        f"host={servers.settings.data}/database&port={urlsplit(servers.settings.database_url).port}"
    )
    account = urlsplit(servers.settings.database_url).netloc.partition("@")[0]
    with three_machines() as network, _nodes(network, node_type) as plan:
        yield _stations(servers, network, plan, f"postgresql://{account}@/{DATABASE}?{socket}")


@contextmanager
def three_whole_machines(servers: Ground) -> Iterator[Sequence[Station]]:
    """Three RabbitMQ nodes and three databases in three network namespaces (root)."""
    with ExitStack() as stack:
        network = stack.enter_context(three_machines())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hypervisor-bench-")))
        copies = stack.enter_context(patroni_databases(network, folder))
        plan = stack.enter_context(_nodes(network))
        copies.await_primary()
        url = copies.url.replace("/postgres?", f"/{DATABASE}?")
        with network.machines[0].inside():
            databases.create(copies.url, DATABASE)
            fill_database(url)
        yield _stations(servers, network, plan, url)


Kind = Literal["mosquitto", "one node", "three nodes", "three nodes without TLS", "three machines"]
KINDS: Mapping[Kind, Callable[[Ground], AbstractContextManager[Sequence[Station]]]] = {
    "mosquitto": mosquitto,
    "one node": one_node,
    "three nodes": three_nodes,
    "three nodes without TLS": partial(three_nodes, node_type=PlainNode),
    "three machines": three_whole_machines,
}


@contextmanager
def _nodes(network: Network, node_type: type[BrokerNode] = BrokerNode) -> Iterator[Plan]:
    with (
        tempfile.TemporaryDirectory(prefix="hypervisor-bench-") as name,
        three_brokers(network, Path(name), node_type) as brokers,
    ):
        with brokers[1].machine.inside():
            _admit(brokers[1].node)
        yield brokers.plan


def _admit(node: BrokerNode) -> None:
    """Make an account for all devices."""
    permissions = ("set_permissions", USER, ".*", ".*", ".*")
    for words in (("add_user", USER, PASSWORD), permissions):
        done = node.run_tool("rabbitmqctl", *words)
        if done.returncode:
            raise BenchError(done.stderr)


def _stations(servers: Ground, network: Network, plan: Plan, url: str) -> Sequence[Station]:
    return [
        Station(
            settings=_settings(servers, plan, machine.number, url),
            address=machine.address,
            machine=machine,
            outside=network.outside,
        )
        for machine in network.machines
    ]


def _settings(servers: Ground, plan: Plan, number: int, url: str) -> Settings:
    return servers.settings.model_copy(
        update={
            "database_url": url,
            "broker_port": plan.ports.mqtt,
            "broker_parts_port": plan.ports.mqtt_parts,
            "broker_amqp_port": plan.ports.amqp,
            "broker_parts": plan.parts,
            "broker_password": plan.secrets.broker,
            "worker": f"machine-{number}",
        }
    )
