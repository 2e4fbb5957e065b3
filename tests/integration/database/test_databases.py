"""Databases of a server: made, copied, sealed, dropped."""

import os
from collections.abc import Iterator

import pytest

from hypervisor.database import databases
from hypervisor.database.connect import StoreError, connect
from tests.conftest import Stack

pytestmark = pytest.mark.integration


@pytest.fixture
def name(stack: Stack) -> Iterator[str]:
    name = f"Odd-{os.urandom(4).hex()}"
    yield name
    for left in (name, f"{name}-copy"):
        databases.drop(stack.maintenance_url, left)


def _names(stack: Stack) -> set[str]:
    with connect(stack.maintenance_url) as connection:
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


def test_a_database_is_made_once_and_copied_whole(stack: Stack, name: str) -> None:
    databases.create(stack.maintenance_url, name)
    url = stack.database.url(name)
    with connect(url) as connection:
        connection.execute("CREATE TABLE kept (number integer); INSERT INTO kept VALUES (7)")
    databases.create(stack.maintenance_url, name, template="postgres")  # it is there: as it was
    databases.seal(stack.maintenance_url, name)  # nobody may be in what is copied
    databases.create(stack.maintenance_url, f"{name}-copy", template=name)
    with connect(stack.database.url(f"{name}-copy")) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(7,)]


def test_a_template_that_is_not_there_is_told(stack: Stack, name: str) -> None:
    with pytest.raises(StoreError, match=r'^cannot make the database .Odd-.*"none" does not exist'):
        databases.create(stack.maintenance_url, name, template="none")
    assert name not in _names(stack)


def test_a_sealed_one_lets_nobody_in_and_puts_out_who_is_in(stack: Stack, name: str) -> None:
    databases.create(stack.maintenance_url, name)
    url = stack.database.url(name)
    with connect(url, autocommit=True) as inside, connect(stack.maintenance_url) as other:
        databases.seal(stack.maintenance_url, name)
        assert other.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(Exception, match=r"terminat|closed"):  # whichever comes first
            inside.execute("SELECT 1")
    with pytest.raises(StoreError, match="not currently accepting connections"):
        connect(url)


def test_one_is_dropped_whoever_is_in_it_and_twice(stack: Stack, name: str) -> None:
    databases.create(stack.maintenance_url, name)
    with connect(stack.database.url(name)):
        databases.drop(stack.maintenance_url, name)
    assert name not in _names(stack)
    databases.drop(stack.maintenance_url, name)


def test_whether_a_server_answers(stack: Stack) -> None:
    assert databases.answers(stack.maintenance_url)
    assert not databases.answers("postgresql://nobody@127.0.0.1:1/nowhere")
