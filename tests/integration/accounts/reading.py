"""Readers in tests: made on a database of two towns, logged in as, taken away again."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import psycopg

from hypervisor.access import passwords
from hypervisor.accounts import queries_readers as store
from hypervisor.accounts import readers
from hypervisor.accounts.reader_guard import Guard
from hypervisor.base.settings import Settings
from hypervisor.database.connect import Connection, connect


def new_name(what: str = "r") -> str:
    """Roles are of the whole server, which other tests use."""
    return f"{what}_{os.urandom(4).hex()}"


def start_guard(
    settings: Settings, *, stopping: Callable[[], bool], say: Callable[[str], None]
) -> Thread:
    thread = Thread(target=Guard(settings, say).run, args=(stopping,), daemon=True)
    thread.start()
    return thread


@contextmanager
def logged_in(
    url: str, area: str | None, *, name: str = "", personal: bool = False
) -> Iterator[Connection]:
    """A session of a new reader of that area."""
    name, secret = name or new_name(), passwords.generate()
    with connect(url) as connection:
        made = readers.add_reader(connection, name, secret, area=area, personal=personal)
    try:
        with log_in(url, made.role, secret) as session:
            yield session
    finally:
        with connect(url) as connection:
            store.drop_role(connection, made.role)


def log_in(url: str, role: str, password: str) -> Connection:
    words = psycopg.conninfo.make_conninfo(url, user=role, password=password)
    return psycopg.connect(words, autocommit=True)


def drop(url: str, *roles: str) -> None:
    with connect(url) as connection:
        for role in roles:
            store.drop_role(connection, role)


def value(connection: Connection, query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    return None if row is None else row[0]
