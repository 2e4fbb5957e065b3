"""Connections of the web: to read what the request may see, to write as the owner."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from hypervisor.base.person import Territory
from hypervisor.database import tenancy
from hypervisor.database.connect import Connection, StoreError, guarded, has_standbys
from hypervisor.database.errors import describe_held_lock
from hypervisor.database.primary import PrimaryConnection
from sensors._errors import TerritoryError

READERS = 8
_PATIENCE = 3.0  # s that a request waits for a connection
_RECONNECT = (
    1.0  # s of trying again; then the next request tries, which finds a new primary at once
)
_ABANDONED = "1min"  # that a request's transaction may stay open while nothing is done in it
_WRITERS = _OWNERS = 4  # a request with a reader may take one of each, never the other way round


class UnstorableError(TerritoryError):
    """A value that no column can hold and no earlier check refused."""


class InDoubtError(StoreError):
    """The connection was lost during a commit: it may have been made, or not."""


class Pool:
    """Connections in UTC, opened when needed and replaced when broken.

    Each raises StoreError: the database does not answer.
    """

    def __init__(self, url: str, *, most: int = READERS) -> None:
        """Connect to `url`, with at most so many readers at once.

        Raises StoreError: `url` cannot be understood.
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

    def connection(self) -> AbstractContextManager[Connection]:
        """A connection that reads everything as the owner, for one request."""
        return _taken(self._readers)

    @contextmanager
    def seeing(self, who: Callable[[Connection], Territory]) -> Iterator[Connection]:
        """A connection that reads only a territory, which `who` finds as the owner."""
        with _taken(self._readers) as connection:
            tenancy.become(connection, who(connection))
            try:
                yield connection
            finally:
                _own(connection)

    def owning(self) -> AbstractContextManager[Connection]:
        """A second connection that reads as the owner, for a request that has one already."""
        return _taken(self._owners)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction of the owner, for an authorised write; rolled back after an error.

        Raises InDoubtError: the connection was lost while it was committed.
        """
        committing: Connection | None = None
        try:
            with _taken(self._writers) as connection, connection.transaction():
                yield connection
                committing = connection
        except StoreError as error:
            if committing is not None and committing.closed:
                raise InDoubtError(
                    "the connection was lost while this was saved: it is not known whether it was"
                    " saved; check before you repeat it"
                ) from error
            raise


def _pool(url: str, most: int, options: str) -> ConnectionPool[Connection]:
    # The last: a query ends with the request that was ended while it waited for it.
    timeouts = "-c statement_timeout=20s -c lock_timeout=15s -c client_connection_check_interval=1s"
    options = f"{timeouts} {options}".strip()
    return ConnectionPool(
        guarded(url, options=options, abandoned=_ABANDONED),
        connection_class=PrimaryConnection,
        min_size=0,
        max_size=most,
        open=False,
        timeout=_PATIENCE,
        reconnect_timeout=_RECONNECT,
        kwargs={} if has_standbys(url) else {"connect_timeout": 3},
        check=ConnectionPool.check_connection,
    )


@contextmanager
def _taken(pool: ConnectionPool[Connection]) -> Iterator[Connection]:
    try:
        with pool.connection() as connection:
            yield connection
    except psycopg.errors.LockNotAvailable as error:
        raise describe_held_lock() from error
    except (PoolTimeout, psycopg.OperationalError) as error:
        raise StoreError("the database does not answer: {error}", str(error).strip()) from error
    except psycopg.DataError as error:
        problem = str(error).strip().partition("\n")[0]
        raise UnstorableError(
            "a value that the database cannot hold: {problem}", problem
        ) from error


def _own(connection: Connection) -> None:
    """Reset a connection; close one that cannot be reset."""
    try:
        tenancy.own(connection)
    except psycopg.Error:
        connection.close()
