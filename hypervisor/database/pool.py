"""Connections of the API: to read as whoever asks may see, to write as the owner."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from hypervisor.base.person import Territory
from hypervisor.database import tenancy
from hypervisor.database.connect import Connection, StoreError, guarded
from sensors._errors import TerritoryError

READERS = 8
_PATIENCE = 3.0  # s that a request waits for a connection
_ABANDONED = "1min"  # that a request's transaction may stay open while nothing is done in it
_WRITERS = _OWNERS = 4  # whoever has a reader may want one of each: these never want a reader


class UnstorableError(TerritoryError):
    """A value that no column can hold, which nothing before had noticed."""


class Pool:
    """Connections in UTC, opened when first asked for and mended when broken."""

    def __init__(self, url: str, *, most: int = READERS) -> None:
        """Take connections to `url`, at most so many at once.

        Raises:
            StoreError: `url` cannot be understood.
        """
        self._readers = _pool(url, most, "-c default_transaction_read_only=on")
        self._owners = _pool(url, _OWNERS, "-c default_transaction_read_only=on")
        self._writers = _pool(url, _WRITERS, "")

    def open(self) -> None:
        for pool in (self._readers, self._owners, self._writers):
            pool.open(wait=False)

    def close(self) -> None:
        for pool in (self._readers, self._owners, self._writers):
            pool.close(timeout=2)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One that reads for one request, as the owner: all there is.

        Raises:
            StoreError: the database does not answer.
        """
        with _taken(self._readers) as connection:
            yield connection

    @contextmanager
    def seeing(self, who: Callable[[Connection], Territory]) -> Iterator[Connection]:
        """One that reads for one request what lies in a territory, which `who` finds as the owner.

        Raises:
            StoreError: the database does not answer.
        """
        with _taken(self._readers) as connection:
            tenancy.become(connection, who(connection))
            try:
                yield connection
            finally:
                _own(connection)

    @contextmanager
    def owning(self) -> Iterator[Connection]:
        """One that reads as the owner, for a request that has a connection of its own.

        Raises:
            StoreError: the database does not answer.
        """
        with _taken(self._owners) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction of the owner, for a write that was allowed; nothing after an error.

        Raises:
            StoreError: the database does not answer.
        """
        with _taken(self._writers) as connection, connection.transaction():
            yield connection


def _pool(url: str, most: int, options: str) -> ConnectionPool[Connection]:
    options = f"-c statement_timeout=20s {options}".strip()
    return ConnectionPool(
        guarded(url, options=options, abandoned=_ABANDONED),
        min_size=0,
        max_size=most,
        open=False,
        timeout=_PATIENCE,
        kwargs={"connect_timeout": 3},
        check=ConnectionPool.check_connection,
    )


@contextmanager
def _taken(pool: ConnectionPool[Connection]) -> Iterator[Connection]:
    try:
        with pool.connection() as connection:
            yield connection
    except (PoolTimeout, psycopg.OperationalError) as error:
        raise StoreError(f"the database does not answer: {str(error).strip()}") from error
    except psycopg.DataError as error:
        problem = str(error).strip().partition("\n")[0]
        raise UnstorableError(f"a value that the database cannot hold: {problem}") from error


def _own(connection: Connection) -> None:
    """Nobody gets a connection that still is somebody's."""
    try:
        tenancy.own(connection)
    except psycopg.Error:
        connection.close()
