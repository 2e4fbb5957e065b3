"""The watch's line to the database: one watch at a time, woken by the feed, errors translated."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from hypervisor.database import channels, locks
from hypervisor.database.connect import Connection, StoreError
from hypervisor.database.feed import CHANNEL
from hypervisor.database.locks import Lock


def take(connection: Connection) -> bool:
    """Become the one watch of this database; False while another one is."""
    return locks.take(connection, Lock.WATCH)


def listen(connection: Connection) -> None:
    """Be woken from now on by what is appended to the feed."""
    channels.listen(connection, CHANNEL)


@contextmanager
def translated() -> Iterator[None]:
    """Whatever the database says that stops us, as a StoreError."""
    try:
        yield
    except psycopg.Error as error:
        raise StoreError(f"the database says: {str(error).strip()}") from error
