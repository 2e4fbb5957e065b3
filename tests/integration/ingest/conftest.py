"""An instance with gauges, and a way to publish as them, for ingest's own tests."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from hypervisor.base.settings import Settings
from hypervisor.broker import accounts, passwords
from hypervisor.broker.mosquitto import Broker
from hypervisor.database import feed
from hypervisor.database.connect import Connection, connect
from hypervisor.readings import ingest_worker
from hypervisor.registry import queries as registry_queries
from tests import command_line

GAUGES = tuple(f"gauge-{number}" for number in range(4))
QUANTITIES = ("level", "discharge", "battery")


def seed(url: str, names: Iterable[str] = GAUGES) -> dict[tuple[str, str], int]:
    """Gauges in the registry; series by (device, quantity)."""
    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO site (name, title, domain) VALUES ('river', 'River', 'flood')"
            " ON CONFLICT DO NOTHING"
        )
        cursor.executemany(
            "INSERT INTO device (name, site, commissioned)"
            " SELECT %s, id, '2000-01-01+00' FROM site WHERE name = 'river'",
            [(name,) for name in names],
        )
        cursor.execute(
            "INSERT INTO series (device, quantity) SELECT device.id, quantity"
            " FROM device, unnest(%s::text[]) AS quantity ON CONFLICT DO NOTHING",
            [list(QUANTITIES)],
        )
        feed.append(connection, "registry")
        connection.commit()
        found = registry_queries.load(connection).series
    return {key: series.id for key, series in found.items() if series.id is not None}


@dataclass(kw_only=True)
class Publisher:
    """One account that publishes QoS 1 as fast as the broker takes it."""

    client: Client
    acked: set[int] = field(default_factory=set)
    sent: int = 0

    def send(self, device: str, payload: bytes, *, stamp: str | None = None) -> None:
        topic = f"devices/{device}/readings"
        if stamp is None:
            self.raw(topic, payload)
        else:
            self.raw(f"exercise/{topic}", payload, stamped(stamp))

    def stamped(self, topic: str, payload: bytes, at: datetime) -> None:
        """As the player of an exercise does."""
        self.raw(f"exercise/{topic}", payload, stamped(at.isoformat()))

    def raw(self, topic: str, payload: bytes, properties: Properties | None = None) -> None:
        self.client.publish(topic, payload, qos=1, properties=properties)
        self.sent += 1

    def flush(self, seconds: float = 30) -> None:
        """Wait until the broker has acknowledged everything."""
        end = time.monotonic() + seconds
        while len(self.acked) < self.sent:
            assert time.monotonic() < end, f"{len(self.acked)} of {self.sent} acknowledged"
            time.sleep(0.005)


def stamped(stamp: str) -> Properties:
    """What says when a message arrives in the scenario."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.UserProperty = [("scenario-time", stamp)]
    return properties


@contextmanager
def publisher(
    settings: Settings, user: str, password: str, *, v5: bool = False
) -> Iterator[Publisher]:
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"{user}-{os.urandom(3).hex()}",
        protocol=MQTTv5 if v5 else MQTTv311,
    )
    client.username_pw_set(user, password)
    client.max_inflight_messages_set(1000)
    made = Publisher(client=client)
    client.on_publish = lambda _client, _data, mid, *_: made.acked.add((mid, len(made.acked)))  # type: ignore[arg-type]
    client.connect(settings.broker_host, settings.broker_port)
    client.loop_start()
    end = time.monotonic() + 10
    while not client.is_connected():
        assert time.monotonic() < end
        time.sleep(0.005)
    yield made
    client.disconnect()
    client.loop_stop()


@pytest.fixture
def gauges(instance_settings: Settings, broker: Broker) -> dict[str, str]:
    """Passwords of the gauges, which the registry knows as well."""
    seed(instance_settings.database_url)
    made = {name: passwords.new_password() for name in GAUGES}
    accounts.change(broker, put=made)
    return made


@contextmanager
def ingest(settings: Settings, worker: str = "ingest-1", *, joined: bool = True) -> Iterator[None]:
    """A worker of our own process, joined; stopped as SIGTERM stops one."""
    stop = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            ingest_worker.run(settings.model_copy(update={"worker": worker}), stop.is_set)
        except BaseException as error:  # noqa: BLE001  raised again below
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        if joined:
            wait_for(settings, lambda c: failed or _joins(c, worker))
        yield
    finally:
        stop.set()
        thread.join(30)
        if failed:
            raise failed[0]


def hypervisor(settings: Settings, *words: str) -> str:
    """What the command prints."""
    ran = command_line.run("--data", settings.data, *words)
    assert ran.exit_code == 0, ran.output
    return ran.stdout


def start_ingest(settings: Settings, worker: str = "ingest-1") -> subprocess.Popen[str]:
    with connect(settings.database_url) as connection:
        before = _joins(connection, worker)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "hypervisor", "--data", str(settings.data)),
            *("ingest", "--worker", worker),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "HYPERVISOR_BATCH_SECONDS": str(settings.batch_seconds)},
    )
    if before is None:
        wait_for(settings, lambda c: _joins(c, worker) is not None)
    return process


def _joins(connection: Connection, worker: str) -> object:
    return connection.execute("SELECT joined_at FROM worker WHERE name = %s", [worker]).fetchone()


def wait_for(settings: Settings, true: Callable[[Connection], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    with connect(settings.database_url, autocommit=True) as connection:
        while not true(connection):
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.02)


def count(connection: Connection, table: str = "reading") -> int:
    (found,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[misc]  # noqa: S608
    return int(found)


def stored(settings: Settings) -> int:
    with connect(settings.database_url) as connection:
        return count(connection)
