"""One database for tests that commit nothing."""

import os
from collections.abc import Iterator

import pytest

from hypervisor.store import databases
from tests.conftest import TEMPLATE, Stack


@pytest.fixture(scope="package")
def shared_url(stack: Stack) -> Iterator[str]:
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    yield stack.database.url(name)
    databases.drop(stack.maintenance_url, name)
