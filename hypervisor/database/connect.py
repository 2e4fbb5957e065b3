"""Connections, and the numbered forward-only migrations."""

from importlib import resources

import psycopg
from psycopg.rows import TupleRow

from hypervisor.database import locks, tenancy, timeouts
from hypervisor.database.locks import Lock
from sensors._errors import TerritoryError

Connection = psycopg.Connection[TupleRow]


class StoreError(TerritoryError):
    """The database cannot be used: says what was tried and what to do."""


def connect(
    url: str, *, autocommit: bool = False, abandoned: str = timeouts.ABANDONED
) -> Connection:
    """Open a connection in UTC, which ends when its other end is gone (see `timeouts`).

    `abandoned`: after so long the server ends a transaction in which nothing is done.

    Raises:
        StoreError: no `url`, or one that cannot be understood, or nobody answers there.
    """
    if not url:
        raise StoreError(
            "no database is named: no instance was made in this data folder (`hypervisor up`),"
            " nor is HYPERVISOR_DATABASE_URL set"
        )
    session = guarded(url, abandoned=abandoned)
    try:
        return psycopg.connect(session, autocommit=autocommit)
    except psycopg.OperationalError as error:
        where = psycopg.conninfo.conninfo_to_dict(url)
        raise StoreError(
            f"no database answers at {where.get('host', 'localhost')}:{where.get('port', 5432)}"
            f" ({' '.join(str(error).split())}); is the instance up?"
        ) from error


def guarded(url: str, *, options: str = "", abandoned: str = timeouts.ABANDONED) -> str:
    """The connection string of a session that neither side keeps when the other is gone.

    Raises:
        StoreError: `url` cannot be understood.
    """
    try:
        return timeouts.guarded(url, options=options, abandoned=abandoned)
    except psycopg.ProgrammingError as error:
        raise StoreError(f"HYPERVISOR_DATABASE_URL cannot be understood: {error}") from error


def migrate(connection: Connection) -> list[str]:
    """Apply the migrations that this database lacks, in order; return their names.

    Raises:
        StoreError: one of them failed; none of this call's is applied.
    """
    with connection.transaction():
        locks.wait_for(connection, Lock.MIGRATING)
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migration"
            " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done = {row[0] for row in connection.execute("SELECT name FROM migration")}
        try:
            tenancy.prepare(connection)
        except psycopg.errors.InsufficientPrivilege as error:
            raise StoreError(
                f"the roles that read could not be made ({str(error).splitlines()[0]}): the"
                " database's user must be a superuser, or have CREATEROLE and, where another user"
                f" of the server has made them, ADMIN on {', '.join(tenancy.ROLES)}"
            ) from error
        applied: list[str] = []
        for name in migration_files():
            if name in done:
                continue
            text = resources.files("hypervisor.database.migrations").joinpath(name).read_text()
            try:
                connection.execute(text.encode())
            except psycopg.Error as error:
                raise StoreError(f"migration {name} failed: {error}") from error
            connection.execute("INSERT INTO migration (name) VALUES (%s)", [name])
            applied.append(name)
        tenancy.grant(connection)
    return applied


def migration_files() -> list[str]:
    """The migrations there are, in order."""
    folder = resources.files("hypervisor.database.migrations")
    return sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
