"""RabbitMQ on three machines: whom it lets in, and what it keeps when one of them is lost."""

import json
import sys
import tempfile
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from hypervisor.broker import binaries, queries_accounts
from hypervisor.broker.accounts import TableAccounts
from hypervisor.broker.folder import open_folder
from hypervisor.broker.ports import free_port
from hypervisor.broker.probe import ACCEPTED, connack
from hypervisor.broker.server_account import server_account
from hypervisor.cluster.rabbitmq_accounts import MANAGER
from hypervisor.database import databases
from hypervisor.database.connect import connect, migrate
from hypervisor.stack.postgres import DATABASE, FORGETFUL, Database
from hypervisor.stack.servers import Running, start_database
from tests.cluster.brokers import Broker, Brokers, three_brokers, wait_for
from tests.cluster.devices import Device
from tests.cluster.network import Network, three_machines

SECRET = "of-the-device"
DEVICES = [f"pump-{number}" for number in range(1, 13)]


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with three_machines() as laid:
        yield laid


class LocalDatabase:
    """A database that machines reach by a socket file, whatever happens to their wires."""

    def __init__(self, root: Path) -> None:
        root.chmod(0o755)
        self._socket = tempfile.mkdtemp(prefix="hv-")
        account = server_account()
        account.own(Path(self._socket))
        self._database = Database(
            folder=open_folder(root / "database", account),
            programs=binaries.find_database(),
            port=free_port(),
            password=SECRET,
            extra=(*FORGETFUL.items(), ("unix_socket_directories", self._socket)),
        )
        self.url = (
            f"postgresql://hypervisor:{SECRET}@/{DATABASE}"
            f"?host={self._socket}&port={self._database.port}"
        )
        self._running: Running | None = None

    def start(self) -> None:
        self._running = start_database(self._database)
        databases.create(self._database.url("postgres"), DATABASE)
        with connect(self.url, autocommit=True) as connection:
            migrate(connection)

    def stop(self) -> None:
        if self._running:
            self._running.halt()
            self._running = None


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalDatabase]:
    root = tmp_path_factory.mktemp("database")
    for above in (root.parent, root.parent.parent):
        above.chmod(0o755)
    local = LocalDatabase(root)
    local.start()
    yield local
    local.stop()


@pytest.fixture(scope="module")
def brokers(
    network: Network, database: LocalDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Brokers]:
    with three_brokers(network, tmp_path_factory.mktemp("brokers")) as cluster:
        for number in range(1, cluster.plan.parts + 1):
            arguments = {"x-queue-type": "quorum"}
            ask(cluster[1], "PUT", f"queues/%2F/ingest.part-{number}",
                {"durable": True, "arguments": arguments})  # fmt: skip
        ask(cluster[1], "POST", "bindings/%2F/e/amq.topic/q/ingest.part-1",
            {"routing_key": "devices.*.readings"})  # fmt: skip
        TableAccounts(url=database.url).change(put=dict.fromkeys(DEVICES, SECRET))
        for broker in cluster.each:
            broker.admit(database.url)
            wait_for(lambda each=broker: gets_in(each, DEVICES[0]), seconds=20, what="a device")  # type: ignore[misc]
        yield cluster


@pytest.fixture(autouse=True)
def _healed(network: Network, brokers: Brokers) -> Iterator[None]:
    yield
    network.heal()
    for broker in brokers.each:
        broker.await_start()


def ask(broker: Broker, method: str, path: str, body: object = None) -> Any:
    """RabbitMQ's management, as its manager."""
    plan = broker.node.member.plan
    secret = b64encode(f"{MANAGER}:{plan.secrets.broker}".encode()).decode()
    request = Request(
        f"http://127.0.0.1:{plan.ports.management}/api/{path}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Basic {secret}", "Content-Type": "application/json"},
        method=method,
    )
    with broker.machine.inside(), urlopen(request, timeout=30) as answer:  # noqa: S310
        text = answer.read()
    return json.loads(text) if text else None


def gets_in(broker: Broker, name: str, password: str = SECRET, *, client: str = "") -> bool:
    with broker.machine.inside():
        port = broker.node.member.plan.ports.mqtt
        session = client or name
        return connack(broker.machine.address, port, name, password, session=session) == ACCEPTED


def drain(broker: Broker) -> Counter[str]:
    """What waits for ingest."""
    found: Counter[str] = Counter()
    while rows := ask(
        broker,
        "POST",
        "queues/%2F/ingest.part-1/get",
        {"count": 5_000, "ackmode": "ack_requeue_false", "encoding": "auto"},
    ):
        found.update(row["payload"] for row in rows)
    return found


@contextmanager
def connected(broker: Broker, name: str, *filters: str) -> Iterator[tuple[Client, list[str]]]:
    """A device that listens; its events: what it heard, and `closed`."""
    events: list[str] = []
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv5,
                    reconnect_on_failure=False)  # fmt: skip
    client.username_pw_set(name, SECRET)
    client.on_connect = lambda *_: events.append("open")
    client.on_disconnect = lambda *_: events.append("closed")
    client.on_message = lambda _c, _d, message: events.append(message.topic)
    client.on_subscribe = lambda *about: events.append(f"subscribed {about[3][0]}")
    with broker.machine.inside():
        client.connect(broker.machine.address, broker.node.member.plan.ports.mqtt)
        client.loop_start()
    wait_for(lambda: "open" in events, seconds=10, what="connected")
    for each in filters:
        client.subscribe(each, qos=1)
    try:
        yield client, events
    finally:
        client.disconnect()
        client.loop_stop()


def test_device_is_what_its_account_says(brokers: Brokers) -> None:
    for broker in brokers.each:
        assert gets_in(broker, "pump-2")
        assert not gets_in(broker, "pump-2", "a guess")
        assert not gets_in(broker, "pump-2", client="pump-3")
        assert not gets_in(broker, "pump-99")
        assert not gets_in(broker, "ingest.session")
    with connected(brokers[2], "pump-2", "devices/pump-2/commands") as (_, events):
        wait_for(lambda: "subscribed Granted QoS 1" in events, seconds=5, what="its commands")
    with connected(brokers[2], "pump-2", "devices/+/commands") as (_, events):
        wait_for(lambda: "closed" in events, seconds=5, what="others' commands are refused")


def test_another_password_closes_the_connection(brokers: Brokers, database: LocalDatabase) -> None:
    with connected(brokers[3], "pump-3") as (_, events):
        TableAccounts(url=database.url).change(put={"pump-3": "another"})
        took = wait_for(lambda: "closed" in events, seconds=5, what="the connection is closed")
    assert took < 3
    for broker in brokers.each:
        assert not gets_in(broker, "pump-3")
        assert gets_in(broker, "pump-3", "another")
    TableAccounts(url=database.url).change(drop=frozenset({"pump-3"}))
    for broker in brokers.each:
        wait_for(lambda each=broker: not gets_in(each, "pump-3", "another"), seconds=5, what="gone")  # type: ignore[misc]
    TableAccounts(url=database.url).change(put={"pump-3": SECRET})


def test_who_floods_is_put_out_for_a_while(brokers: Brokers, database: LocalDatabase) -> None:
    with connected(brokers[1], "pump-4") as (_, events):
        # As ingest says it, by AMQP.
        ask(brokers[2], "POST", "exchanges/%2F/amq.topic/publish",
            {"routing_key": "hypervisor.pause.pump-4", "payload": "", "properties": {},
             "payload_encoding": "string"})  # fmt: skip
        wait_for(lambda: "closed" in events, seconds=5, what="the connection is closed")
    assert not any(gets_in(broker, "pump-4") for broker in brokers.each)
    with connect(database.url, autocommit=True) as connection:
        assert 5 < (queries_accounts.seconds_to_next_end(connection) or 0) <= 30
        assert queries_accounts.pause(connection, "pump-4") is None  # the second that heard it
        connection.execute("UPDATE broker_account SET paused_until = now() + interval '1 s'")
        connection.execute(f"NOTIFY {queries_accounts.CHANNEL}")
    for broker in brokers.each:
        wait_for(lambda each=broker: gets_in(each, "pump-4"), seconds=5, what="in again")  # type: ignore[misc]


def test_accounts_are_known_while_the_database_is_away(
    brokers: Brokers, database: LocalDatabase
) -> None:
    database.stop()
    try:
        time.sleep(2)
        assert all(gets_in(broker, "pump-5") for broker in brokers.each)
        assert not any(gets_in(broker, "pump-5", "a guess") for broker in brokers.each)
    finally:
        database.start()


@contextmanager
def publishing(network: Network, brokers: Brokers) -> Iterator[list[Device]]:
    """Twelve devices; all that they were acknowledged is compared by who uses this."""
    devices = [
        Device(
            name=name, password=SECRET, addresses=brokers.addresses, port=brokers.plan.ports.mqtt
        )
        for name in DEVICES
    ]
    drain(brokers[1])
    with network.outside.inside():
        for device in devices:
            device.start()
    try:
        yield devices
    finally:
        for device in devices:
            device.stop()


def lose_machine(broker: Broker) -> None:
    """Its node dies, and its disk with it; another takes its place."""
    broker.kill()
    broker.lose_data()
    time.sleep(4)
    broker.start()


def kill_node(broker: Broker) -> None:
    broker.kill()
    time.sleep(4)
    broker.start()


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("harm", [kill_node, lose_machine])
def test_nothing_acknowledged_is_lost(
    network: Network,
    brokers: Brokers,
    number: int,
    harm: Callable[[Broker], None],
    record_property: Callable[[str, object], None],
) -> None:
    with publishing(network, brokers) as devices:
        time.sleep(3)
        harm(brokers[number])
        brokers[number].await_start()
        time.sleep(5)
    _compare(brokers, devices, record_property)
    members = brokers[number].tool("rabbitmq-queues", "quorum_status", "ingest.part-1")
    assert members.count("rabbit@") >= 3


def test_machine_that_is_cut_off_lets_its_devices_go(
    network: Network, brokers: Brokers, record_property: Callable[[str, object], None]
) -> None:
    with publishing(network, brokers) as devices:
        time.sleep(3)
        network.part(brokers[2].machine)
        took = wait_for(lambda: not brokers[2].answers(), seconds=20, what="it stops")
        record_property("let go after", round(took, 1))
        time.sleep(5)
        network.join()
        brokers[2].await_start()
        time.sleep(3)
    _compare(brokers, devices, record_property)


def _compare(
    brokers: Brokers, devices: list[Device], record_property: Callable[[str, object], None]
) -> None:
    waiting = drain(brokers[1])
    acknowledged = {body.decode() for device in devices for body in device.acknowledged}
    longest = sorted(device.longest for device in devices)
    facts = {
        "acknowledged": len(acknowledged),
        "waiting": len(waiting),
        "twice": sum(count > 1 for count in waiting.values()),
        "gap median": round(longest[len(longest) // 2], 1),
        "gap worst": round(longest[-1], 1),
    }
    for name, value in facts.items():
        record_property(name, value)
    sys.stderr.write(f"{facts}\n")
    assert len(acknowledged) > 500
    assert acknowledged - waiting.keys() == set()
