"""One database for tests that commit nothing."""

import os
from collections.abc import Iterator
from contextlib import closing

import pytest

from hypervisor.database import databases
from hypervisor.database.connect import Connection, connect
from tests.conftest import TEMPLATE, Stack
from tests.integration.database.standing import make_places


@pytest.fixture(scope="package")
def shared_url(stack: Stack) -> Iterator[str]:
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    yield stack.database.url(name)
    databases.drop(stack.maintenance_url, name)


@pytest.fixture
def connection(shared_url: str) -> Iterator[Connection]:
    """Of a transaction that is rolled back: what a test makes is its own."""
    with closing(connect(shared_url)) as made:
        make_places(made)
        yield made
