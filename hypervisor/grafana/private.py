"""A database of our own for as long as a check takes."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hypervisor.broker import binaries, passwords
from hypervisor.broker.folder import open_folder
from hypervisor.broker.ports import free_port
from hypervisor.broker.server_account import server_account
from hypervisor.database import databases
from hypervisor.database.connect import connect, migrate
from hypervisor.grafana.filling import FillOptions, fill
from hypervisor.stack.postgres import DATABASE, FORGETFUL, Database
from hypervisor.stack.servers import start_database


@contextmanager
def filled(scenario: str, *, say: Callable[[str], None]) -> Iterator[str]:
    """The URL of a database in which a story has happened; it goes when the context ends.

    Raises:
        StackError: the server does not start.
    """
    root = Path(tempfile.mkdtemp(prefix="hypervisor-dashboards-"))
    root.chmod(0o755)
    try:
        database = Database(
            folder=open_folder(root / "instance", server_account()),
            programs=binaries.find_database(),
            port=free_port(),
            password=passwords.new_password(),
            extra=tuple(FORGETFUL.items()),
        )
        server = start_database(database)
        try:
            databases.create(database.url("postgres"), DATABASE)
            with connect(database.url()) as connection:
                migrate(connection)
            fill(database.url(), FillOptions(scenario=scenario), say=say)
            yield database.url()
        finally:
            server.halt()
    finally:
        shutil.rmtree(root, ignore_errors=True)
