"""A world for each test."""

from collections.abc import Iterator

import pytest

from hypervisor.database.connect import connect
from tests.integration.evaluation.world import World, make_world


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = make_world(database_url, connect(database_url))
    yield made
    made.close()
