"""A database that every machine reaches, whatever happens to the wires."""

import tempfile
from pathlib import Path

from hypervisor.broker import binaries
from hypervisor.broker.folder import open_folder
from hypervisor.broker.server_account import server_account
from hypervisor.database import databases
from hypervisor.database.connect import connect, migrate
from hypervisor.stack.postgres import DATABASE, FORGETFUL, Database
from hypervisor.stack.servers import Running, start_database
from tests.ports import reserve_port

_PASSWORD = "of-the-tests"


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
            port=reserve_port(),
            password=_PASSWORD,
            extra=(*FORGETFUL.items(), ("unix_socket_directories", self._socket)),
        )
        self.url = (
            f"postgresql://hypervisor:{_PASSWORD}@/{DATABASE}"
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
