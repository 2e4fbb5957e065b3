"""Databases of one server: made, copied and dropped; whether the server answers."""

import psycopg
from psycopg import sql

from hypervisor.database.connect import Connection, StoreError, connect, guarded


def answers(url: str) -> bool:
    """Whether the server behind `url` takes a connection."""
    try:
        with psycopg.connect(guarded(url), connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def awaits_copy(connection: Connection) -> bool:
    """Whether commits wait for a copy: not on the first primary of a cluster, until it has one."""
    row = connection.execute("SELECT current_setting('synchronous_standby_names') <> ''").fetchone()
    return bool(row and row[0])


def create(maintenance_url: str, name: str, *, template: str | None = None) -> None:
    """Make the database `name` unless it exists; as a copy of `template` when given."""
    with connect(maintenance_url, autocommit=True) as connection:
        rows = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if rows.fetchone():
            return
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template:
            statement += sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(template))
        try:
            connection.execute(statement)
        except psycopg.Error as error:
            raise StoreError("cannot make the database {name!r}: {error}", name, error) from error


def seal(maintenance_url: str, name: str) -> None:
    """Refuse connections to `name`, as a template must."""
    with connect(maintenance_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false").format(sql.Identifier(name))
        )
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )


def drop(maintenance_url: str, name: str) -> None:
    """Drop the database `name` with whatever is connected to it."""
    with connect(maintenance_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )
