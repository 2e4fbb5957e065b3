"""The bench's own broker and database, as durable as an instance's, deleted afterwards."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hypervisor.base.instance import Instance, Mode
from hypervisor.base.settings import Settings
from hypervisor.bench import territory
from hypervisor.bench.load import DEVICES, GATEWAY, QUANTITIES, address, device
from hypervisor.broker import accounts, binaries, passwords
from hypervisor.broker.child import stop
from hypervisor.broker.folder import open_folder
from hypervisor.broker.mosquitto import Broker
from hypervisor.broker.ports import LOOPBACK, free_ports
from hypervisor.broker.server_account import server_account
from hypervisor.database import databases
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect, migrate
from hypervisor.readings.queries_codecs import save_codec
from hypervisor.registry.model import Device, Gateway
from hypervisor.stack.postgres import DATABASE, Database
from hypervisor.stack.servers import start_broker, start_database
from ingest.library import list_shipped
from ingest.ports import CodecSource
from sensors._domain import catalogue
from sensors._errors import TerritoryError

_CODEC = "bench"
_SINCE = datetime(2000, 1, 1, tzinfo=UTC)
_LIMITS = {"attention": 3.0, "alert": 4.0, "danger": 5.0}  # m
_OTHERS = 40  # silent devices of each model of the catalogue

_PATIENCE = 120.0  # s
_SETTINGS = (
    "database_url",
    "broker_host",
    "broker_port",
    "broker_parts_port",
    "broker_password",
    "worker",
)
Tick = Callable[[str, int, int], None]  # what is being done, steps done, steps in all


class BenchError(TerritoryError):
    """A run failed; with the output of its process."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The private servers of a benchmark and a folder for its files."""

    settings: Settings
    folder: Path


def ground(**extra: str) -> AbstractContextManager[Ground]:
    """Servers with the bench's devices, for as long as the context lasts.

    `extra`: settings of the database beyond an instance's.
    """
    return _servers(extra, _describe)


def empty_ground() -> AbstractContextManager[Ground]:
    """The same without any device."""
    return _servers({}, lambda _connection: None)


@contextmanager
def _servers(extra: Mapping[str, str], describe: Callable[[Connection], None]) -> Iterator[Ground]:
    root = Path(tempfile.mkdtemp(prefix="hypervisor-bench-"))
    root.chmod(0o755)
    try:
        folder = open_folder(root / "instance", server_account())
        broker_port, parts_port, database_port = free_ports(3)
        broker = Broker(
            folder=folder,
            programs=binaries.find_broker(),
            port=broker_port,
            parts_port=parts_port,
            password=passwords.new_password(),
        )
        database = Database(
            folder=folder,
            programs=binaries.find_database(),
            port=database_port,
            password=passwords.new_password(),
            extra=tuple(extra.items()),
        )
        running = [start_broker(broker)]
        try:
            running.append(start_database(database))
            settings = _prepare(broker, database, describe)
            yield Ground(settings=settings, folder=root)
        finally:
            for server in reversed(running):
                server.halt()
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _describe(connection: Connection) -> None:
    """The bench's devices, behind a gateway too, in a territory of all domains."""
    script = list_shipped()["radar-counter"].script
    fields = dict(zip(("speed", "occupancy", "battery", "flow"), QUANTITIES, strict=True))
    lines = "".join(f"  {field}: {quantity}\n" for field, quantity in fields.items())
    save_codec(
        connection,
        _CODEC,
        CodecSource(mapping=f"payload: javascript\nfields:\n{lines}", script=script),
        "bench",
    )
    names = [device(number) for number in range(DEVICES)]
    words = catalogue()
    others = {
        f"{model.name}-{number}": model
        for model in words.models.values()
        for number in range(_OTHERS)
    }
    devices = [
        Device(
            name=name,
            site=name,
            commissioned=_SINCE,
            gateway=GATEWAY,
            address=address(number),
            codec=_CODEC,
        )
        for number, name in enumerate(names)
    ]
    devices += [
        Device(name=name, site="bench", commissioned=_SINCE, model=model.name)
        for name, model in others.items()
    ]
    limits = [
        territory.limit_fact(name, limit, value)
        for name in names
        for limit, value in _LIMITS.items()
    ]
    territory.write_territory(
        connection,
        dict.fromkeys((*names, "bench"), "flood"),
        devices,
        dict.fromkeys(names, QUANTITIES)
        | {name: model.quantities for name, model in others.items()},
        gateways=(Gateway(name=GATEWAY, title=GATEWAY, protocol="chirpstack"),),
        revisions=tuple(limits),
    )


def _prepare(
    broker: Broker, database: Database, describe: Callable[[Connection], None]
) -> Settings:
    databases.create(database.url("postgres"), DATABASE)
    fill_database(database.url(), describe)
    playing = passwords.new_password()
    accounts.change(broker, put={passwords.PLAYER: playing})
    return Settings(
        data=broker.folder.root,
        database_url=database.url(),
        broker_host=LOOPBACK,
        broker_port=broker.port,
        broker_parts_port=broker.parts_port,
        broker_password=broker.password,
        player_password=playing,
    )


def fill_database(url: str, describe: Callable[[Connection], None] = _describe) -> None:
    """Make a live instance with the bench's devices in an empty database."""
    with connect(url) as connection:
        migrate(connection)
        instance_store.create(connection, Instance(mode=Mode.LIVE, name="bench"))
        describe(connection)


def clean_environment() -> dict[str, str]:
    """Our environment without the settings of another instance."""
    return {key: value for key, value in os.environ.items() if not key.startswith("HYPERVISOR_")}


def settings_environment(settings: Settings) -> dict[str, str]:
    """The environment of a process that works on the private servers."""
    own = {f"HYPERVISOR_{name.upper()}": str(getattr(settings, name)) for name in _SETTINGS}
    return clean_environment() | own | {"PYTHONUNBUFFERED": "1"}


@contextmanager
def run_part(
    settings: Settings,
    part: str,
    log: Path,
    *,
    ready: Callable[[], bool] = lambda: True,
    **environment: str,
) -> "Iterator[subprocess.Popen[bytes]]":
    """A process `hypervisor PART`, from when it is `ready` until the context ends.

    Raises BenchError: it does not start, or ends by itself.
    """
    with log.open("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "hypervisor", "--data", str(settings.data), part],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=settings_environment(settings) | environment,
        )
        try:
            since = time.monotonic()
            while not ready():
                if process.poll() is not None or time.monotonic() - since > _PATIENCE:
                    raise BenchError(f"{part} did not start: {log.read_text()[-2000:]}")
                time.sleep(0.1)
            yield process
            if process.poll() is not None:
                raise BenchError(f"{part} ended: {log.read_text()[-2000:]}")
        finally:
            stop(process)
