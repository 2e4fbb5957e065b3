"""The real broker and database for tests: servers once a session, fresh data for every test."""

import gc
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
import pytest
from psycopg import sql

from hypervisor.base.instance import Instance, Mode
from hypervisor.base.settings import Settings
from hypervisor.broker import accounts, binaries, passwords
from hypervisor.broker.folder import DataFolder, open_folder
from hypervisor.broker.mosquitto import Broker
from hypervisor.broker.ports import LOOPBACK
from hypervisor.broker.server_account import server_account
from hypervisor.database import databases
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect, migrate
from hypervisor.stack.postgres import FORGETFUL, Database
from hypervisor.stack.servers import Running, start_broker, start_database
from tests.ports import reserve_port

TEMPLATE = "migrated"
# Of the tests' server. A hundred short-lived databases want no workers, and each of the thousands
# of connections would hash the password 4,096 times.
LEAN = {"autovacuum": "off", "timescaledb.max_background_workers": "0", "scram_iterations": "1"}
LEFT_OVER = "hypervisor-test-"
MEMORY_BYTES = 4 * 1024**3
LONG_SECONDS = 600

# No test is timed: whatever else the machine does, the same inputs pass or fail.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")


def pytest_configure() -> None:
    """No search for garbage while modules are imported: they all stay."""
    gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A long test that states no limit of its own gets more time than a quick one."""
    for item in items:
        if item.get_closest_marker("long") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(LONG_SECONDS))


def pytest_collection_finish() -> None:
    """Nor among them later."""
    gc.freeze()
    gc.enable()


def pytest_sessionfinish() -> None:
    """Collect MQTT clients that nobody uses: their sockets may be finalised before they close them.

    Whether such a cycle is still there at the end is chance, and would fail a session without a
    failing test.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The session's database server and a place for the tests' brokers."""

    database: Database
    root: Path
    maintenance: Connection
    prepared: set[str] = field(default_factory=set)

    @property
    def maintenance_url(self) -> str:
        return self.database.url("postgres")

    @contextmanager
    def fresh_database(self, template: str = TEMPLATE) -> Iterator[str]:
        """The address of a copy of the migrated database, which is dropped afterwards."""
        name = f"test_{os.urandom(6).hex()}"
        copied = f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"
        self.maintenance.execute(copied.encode())
        try:
            yield self.database.url(name)
        finally:
            self.maintenance.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())

    def prepare(self, name: str, fill: Callable[[str], object]) -> str:
        """A template of that name: a migrated database that `fill` fills, once a session."""
        if name not in self.prepared:
            databases.create(self.maintenance_url, name, template=TEMPLATE)
            fill(self.database.url(name))
            databases.seal(self.maintenance_url, name)
            self.prepared.add(name)
        return name


@pytest.fixture(autouse=True)
def _no_instance_of_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test never speaks to the instance of the user who runs it."""
    for key in [key for key in os.environ if key.startswith("HYPERVISOR_")]:
        if key != "HYPERVISOR_SHARED":
            monkeypatch.delenv(key)


@pytest.fixture(scope="session")
def shared_folder() -> Iterator[Path]:
    """A temporary folder that the servers' user can reach (pytest's own is closed to it).

    In memory where there is plenty: a busy disk would make every fresh database ten times slower.
    """
    memory = Path("/dev/shm")  # noqa: S108 -- a folder with a name of its own is made below it
    plenty = memory.is_dir() and shutil.disk_usage(memory).free > MEMORY_BYTES
    parent = memory if plenty else Path(tempfile.gettempdir())
    _remove_left_overs(parent)
    folder = Path(tempfile.mkdtemp(prefix=f"{LEFT_OVER}{os.getpid()}-", dir=parent))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _remove_left_overs(parent: Path) -> None:
    """Of test runs that were killed."""
    for folder in parent.glob(f"{LEFT_OVER}*"):
        pid = folder.name.removeprefix(LEFT_OVER).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def open_tmp(shared_folder: Path) -> Path:
    """A fresh empty folder below it, for a test that runs an instance of its own."""
    folder = Path(tempfile.mkdtemp(dir=shared_folder))
    folder.chmod(0o755)
    return folder


def _require_servers() -> None:
    absent = binaries.list_missing()
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}; {binaries.HOW_TO_MEND}")


@pytest.fixture(scope="session")
def stack(shared_folder: Path) -> Iterator[Stack]:
    _require_servers()
    folder = open_folder(shared_folder / "servers", server_account())
    database = Database(
        folder=folder,
        programs=binaries.find_database(),
        port=reserve_port(),
        password=passwords.new_password(),
        extra=tuple({**FORGETFUL, **LEAN}.items()),
    )
    server = start_database(database)
    try:
        with connect(database.url("postgres"), autocommit=True) as maintenance:
            again = sql.SQL("ALTER ROLE CURRENT_USER PASSWORD {}").format(database.password)
            maintenance.execute(again)  # hashed as LEAN says
            databases.create(database.url("postgres"), TEMPLATE)
            with connect(database.url(TEMPLATE)) as connection:
                migrate(connection)
            databases.seal(database.url("postgres"), TEMPLATE)
            yield Stack(database=database, root=shared_folder, maintenance=maintenance)
    finally:
        server.halt()


@pytest.fixture
def database_url(stack: Stack) -> Iterator[str]:
    """A fresh migrated database, in which nothing is said yet (not even live or exercise)."""
    with stack.fresh_database() as url:
        yield url


def begin_broker(shared_folder: Path, *, sparkplug: bool = False) -> tuple[Broker, Running]:
    """Start a fresh broker that has our parts' accounts only; the caller halts it."""
    below = Path(tempfile.mkdtemp(dir=shared_folder))
    below.chmod(0o755)
    made = Broker(
        folder=open_folder(below / "instance", server_account()),
        programs=binaries.find_broker(),
        port=reserve_port(),
        parts_port=reserve_port(),
        password=passwords.new_password(),
        sparkplug=sparkplug,
    )
    return made, start_broker(made)


@pytest.fixture
def make_broker(shared_folder: Path) -> Iterator[Callable[..., Broker]]:
    """Start a fresh broker that has our parts' accounts only; as many as the test wants."""
    _require_servers()
    started: list[Running] = []

    def make(*, sparkplug: bool = False) -> Broker:
        made, server = begin_broker(shared_folder, sparkplug=sparkplug)
        started.append(server)
        return made

    yield make
    for server in started:
        server.halt()


@pytest.fixture
def broker(make_broker: Callable[[], Broker]) -> Broker:
    """A fresh broker that has our parts' accounts only."""
    return make_broker()


@pytest.fixture
def add_device(broker: Broker) -> Callable[[str], str]:
    """Give a device an account on this test's broker; the password comes back."""

    def add(name: str) -> str:
        passwords.check_name(name)
        password = passwords.new_password()
        accounts.change(broker, put={name: password})
        return password

    return add


def _settings(database_url: str, broker: Broker, instance: Instance) -> Settings:
    with connect(database_url) as connection:
        instance_store.create(connection, instance)
    playing = passwords.new_password()
    accounts.change(broker, put={passwords.PLAYER: playing})
    folder: DataFolder = broker.folder
    settings = Settings(
        data=folder.root,
        database_url=database_url,
        broker_host=LOOPBACK,
        broker_port=broker.port,
        broker_parts_port=broker.parts_port,
        broker_password=broker.password,
        player_password=playing,
        web_port=reserve_port(),
    )
    lines = [
        f"HYPERVISOR_{key.upper()}={value}"
        for key, value in settings.model_dump(exclude={"data"}, exclude_defaults=True).items()
    ]
    folder.write(folder.settings_file, "\n".join(lines) + "\n")
    return settings


@pytest.fixture
def instance_settings(database_url: str, broker: Broker) -> Settings:
    """A live instance: fresh database, fresh broker; its data folder holds `hypervisor.env`."""
    return _settings(database_url, broker, Instance(mode=Mode.LIVE, name="test"))


@pytest.fixture
def exercise_settings(database_url: str, broker: Broker) -> Settings:
    """An exercise: fresh database, fresh broker; its data folder holds `hypervisor.env`."""
    return _settings(database_url, broker, Instance(mode=Mode.EXERCISE, name="test"))
