"""RabbitMQ as one node on the loopback address, for what does not need three machines."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pamqp import commands

from hypervisor.broker.ports import LOOPBACK
from hypervisor.broker.probe import ACCEPTED, connack
from ingest.amqp import AmqpConnection
from ingest.loop import Address
from tests.ports import reserve_port

_SERVER = next(iter(sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin"))), None)
_PLUGINS = "[rabbitmq_mqtt,rabbitmq_consistent_hash_exchange]."
_START_SECONDS = 90
USER, PASSWORD = "ingest", "one-broker"


@dataclass(kw_only=True)
class OneBroker:
    """A node with one account, which may do everything."""

    folder: Path
    amqp: int = field(default_factory=reserve_port)
    mqtt: int = field(default_factory=reserve_port)
    epmd: int = field(default_factory=reserve_port)
    _process: subprocess.Popen[bytes] | None = None

    def _environment(self) -> dict[str, str]:
        folder = self.folder
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self.epmd),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_NODENAME": "one@localhost",
            "RABBITMQ_DIST_PORT": str(reserve_port()),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_LOGS": "-",
        }

    def start(self) -> None:
        """Start the node; returns when it lets MQTT in."""
        self.folder.mkdir(exist_ok=True)
        settings = {
            "listeners.tcp.1": f"{LOOPBACK}:{self.amqp}",
            "mqtt.listeners.tcp.1": f"{LOOPBACK}:{self.mqtt}",
            "mqtt.allow_anonymous": "false",
            "default_user": USER,
            "default_pass": PASSWORD,
            "message_interceptors.incoming.set_header_timestamp.overwrite": "true",
            "vm_memory_high_watermark.absolute": "2GiB",
            "disk_free_limit.absolute": "50MB",
        }
        lines = [f"{key} = {value}\n" for key, value in settings.items()]
        (self.folder / "rabbitmq.conf").write_text("".join(lines))
        (self.folder / "enabled_plugins").write_text(_PLUGINS)
        with (self.folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [f"{_SERVER}/rabbitmq-server"],
                env=self._environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + _START_SECONDS
        while connack(LOOPBACK, self.mqtt, USER, PASSWORD) != ACCEPTED:
            assert time.monotonic() < end, (self.folder / "log.txt").read_text()[-2000:]
            time.sleep(0.2)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            os.killpg(self._process.pid, 9)
            self._process.wait()
            self._process = None

    @contextmanager
    def _connected(self) -> Iterator[AmqpConnection]:
        address = Address(host=LOOPBACK, port=self.amqp, user=USER, password=PASSWORD)
        connection = AmqpConnection(address, "test", lambda *_: None)
        yield connection
        connection.leave()
        connection.close()

    def delete_queues(self, names: Iterable[str]) -> None:
        with self._connected() as connection:
            for name in names:
                connection.call(commands.Queue.Delete(queue=name))

    def publish(self, exchange: str, key: str, payload: bytes) -> None:
        with self._connected() as connection:
            connection.publish(exchange, key, payload)


@contextmanager
def one_broker(folder: Path) -> Iterator[OneBroker]:
    """A node until the context ends; its folder is deleted."""
    broker = OneBroker(folder=folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()
        subprocess.run(
            ["epmd", "-port", str(broker.epmd), "-kill"], check=False, capture_output=True
        )
        shutil.rmtree(folder, ignore_errors=True)
