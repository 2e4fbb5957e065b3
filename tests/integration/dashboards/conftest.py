"""The Essonne in a database, for the dashboards: once for all their tests."""

import os
from collections.abc import Iterator
from contextlib import closing

import pytest

from hypervisor.database import databases
from hypervisor.database.connect import Connection, connect
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.inventory_files import read_sources
from tests.conftest import TEMPLATE, Stack
from tests.integration.dashboards.telling import NOW


@pytest.fixture(scope="package")
def essonne(stack: Stack) -> Iterator[Connection]:
    """The Essonne's inventory: each test tells of gauges, or of a time, of its own."""
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    with closing(connect(stack.database.url(name), autocommit=True)) as connection:
        connection.execute("INSERT INTO instance (mode, name) VALUES ('exercise', 'test')")
        apply_inventory(connection, read_sources(["essonne"]), author="test", now=NOW)
        yield connection
    databases.drop(stack.maintenance_url, name)
