"""Transactions that wait for few answers: from another machine each one takes its time.

`begin`, `commit` and `roll_back` go into pipelines with other statements. The end of a pipeline
waits for one answer, and so does each result that is read within it: read them behind it.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg.pq import TransactionStatus

from hypervisor.database.connect import Connection


def begin(connection: Connection) -> None:
    """Begin a transaction, unless one has begun. `connection` is in autocommit."""
    if connection.info.transaction_status is TransactionStatus.IDLE:
        connection.execute("BEGIN")


def wake_later(connection: Connection) -> None:
    """Have the session notify after its commits, as `commit` does: see schema 0143."""
    connection.execute("SET hypervisor.wake = 'later'")


def commit(connection: Connection) -> None:
    """Commit at the end of a pipeline; psycopg's `commit` waits for an answer more."""
    connection.execute("COMMIT")
    connection.execute("SELECT wake_waiting()")


def roll_back(connection: Connection) -> None:
    """End a transaction that only read, as the last statement of a pipeline."""
    connection.execute("ROLLBACK")


@contextmanager
def rolled_back_on_error(connection: Connection) -> Iterator[None]:
    """What was begun and is not committed when an error leaves the block never happened."""
    try:
        yield
    except BaseException:
        with suppress(psycopg.Error):  # where the server is gone, so is the transaction
            connection.rollback()
        raise
