"""A transaction that writes, on a connection of the pool, which only reads unless told."""

from collections.abc import Iterator
from contextlib import contextmanager

from hypervisor.store.connect import Connection


@contextmanager
def writing(connection: Connection) -> Iterator[None]:
    """Committed at the end, before the answer leaves; nothing is written after an error."""
    connection.commit()  # what was read before; a transaction cannot begin to write midway
    with connection.transaction():
        connection.execute("SET TRANSACTION READ WRITE")
        yield
