"""Three brokers with a dozen devices' accounts, and ingest's queues."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hypervisor.broker.accounts import TableAccounts
from ingest.queues import declare_exchanges, declare_part
from tests.cluster.brokers import Brokers, three_brokers, wait_for
from tests.cluster.devices import DEVICES, SECRET
from tests.cluster.ingesting import reading
from tests.cluster.local_database import LocalDatabase
from tests.cluster.network import Network, three_machines


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with three_machines() as laid:
        yield laid


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """A folder that the servers' user can enter; pytest closes its own at each of its starts."""
    with tempfile.TemporaryDirectory(prefix="hv-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="module")
def database(root: Path) -> Iterator[LocalDatabase]:
    local = LocalDatabase(root)
    local.start()
    yield local
    local.stop()


@pytest.fixture(scope="module")
def brokers(network: Network, database: LocalDatabase, root: Path) -> Iterator[Brokers]:
    with three_brokers(network, root) as cluster:
        with reading(cluster[1], lambda *_: None) as connection:
            declare_exchanges(connection.call, exercise=False)
            for part in range(1, cluster.plan.parts + 1):
                declare_part(connection.call, part, exercise=False)
        TableAccounts(url=database.url).change(put=dict.fromkeys(DEVICES, SECRET))
        for broker in cluster.each:
            broker.admit(database.url)
        wait_for(
            lambda: all(broker.lets_in(DEVICES[0], SECRET) for broker in cluster.each),
            seconds=30,
            what="a device gets in",
        )
        yield cluster


@pytest.fixture(autouse=True)
def _healed(network: Network, brokers: Brokers) -> Iterator[None]:
    yield
    network.heal()
    for broker in brokers.each:
        broker.await_start()
