"""Connections for those who only read: the API's pool."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from hypervisor.store.connect import Connection, StoreError
from sensors._errors import TerritoryError


class UnstorableError(TerritoryError):
    """A value that no column can hold, which nothing before had noticed."""


_PATIENCE = 3.0  # s that a request waits for a connection


class Pool:
    """Read-only connections in UTC, opened when first asked for and mended when broken."""

    def __init__(self, url: str, *, most: int = 8) -> None:
        """Take connections to `url`, at most so many at once."""
        options = "-c timezone=UTC -c default_transaction_read_only=on -c statement_timeout=20s"
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            min_size=0,
            max_size=most,
            open=False,
            timeout=_PATIENCE,
            kwargs={"options": options, "connect_timeout": 3},
            check=ConnectionPool.check_connection,
        )

    def open(self) -> None:
        self._pool.open(wait=False)

    def close(self) -> None:
        self._pool.close(timeout=2)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One connection for one request.

        Raises:
            StoreError: the database does not answer.
            UnstorableError: what is asked with cannot be a value of the database.
        """
        try:
            with self._pool.connection() as connection:
                yield connection
        except (PoolTimeout, psycopg.OperationalError) as error:
            raise StoreError(f"the database does not answer: {str(error).strip()}") from error
        except psycopg.DataError as error:
            said = str(error).strip().partition("\n")[0]
            raise UnstorableError(f"a value that the database cannot hold: {said}") from error
