"""The instance of a database: live or exercise, for good; its workers, clock and versions."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

import psycopg

from hypervisor.base.instance import Instance, Mode
from hypervisor.database.connect import Connection, StoreError, connect
from hypervisor.database.locks import Lock, is_held

# SQL: how far an exercise has come, which is the latest clock that a worker heard; else null.
SCENARIO_CLOCK: LiteralString = (
    "(SELECT max(heartbeat_at) FROM worker WHERE (SELECT mode FROM instance) = 'exercise')"
)
# SQL: now, as arrivals are stamped; null in an exercise that has not begun.
CLOCK: LiteralString = (
    f"(SELECT CASE mode WHEN 'live' THEN clock_timestamp() ELSE {SCENARIO_CLOCK} END FROM instance)"  # noqa: S608  constants
)


def read(connection: Connection) -> Instance | None:
    """The instance, or None where none was created yet."""
    row = connection.execute("SELECT mode, name, timezone FROM instance").fetchone()
    if row is None:
        return None
    return Instance(mode=Mode(row[0]), name=row[1], timezone=row[2])


def is_there(connection: Connection) -> bool:
    """Whether the database holds an instance; false, too, before its first migration."""
    row = connection.execute("SELECT to_regclass('instance') IS NOT NULL").fetchone()
    return bool(row and row[0]) and read(connection) is not None


def require(connection: Connection) -> Instance:
    """The instance. Raises StoreError: none was created yet."""
    instance = read(connection)
    if instance is None:
        raise StoreError(
            "this database holds no instance yet; run `hypervisor up` or `hypervisor migrate` first"
        )
    return instance


def create(connection: Connection, instance: Instance) -> None:
    """Create it, once; an existing one stays as it is."""
    connection.execute(
        "INSERT INTO instance (mode, name, timezone) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        [instance.mode.value, instance.name, instance.timezone],
    )


@dataclass(frozen=True, kw_only=True)
class Versions:
    """The last migration applied (None: the role may not see it), and of TimescaleDB."""

    schema: str | None
    timescaledb: str | None


def versions(connection: Connection) -> Versions:
    """The versions of schema and extension."""
    row = connection.execute(
        "SELECT (SELECT max(name) FROM migration),"
        " (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb')"
    ).fetchone()
    schema, timescaledb = row or (None, None)
    return Versions(
        schema=None if schema is None else str(schema).removesuffix(".sql"),
        timescaledb=timescaledb,
    )


def is_drained(url: str, worker: str) -> bool:
    """Whether this ingest worker must join again; False also while the database is away."""
    query = "SELECT drained_at IS NOT NULL FROM worker WHERE name = %s"
    return _check(url, query, [worker], otherwise=False)


def has_accounts(url: str) -> bool:
    """Whether any account can sign in; True also while the database does not answer."""
    query = "SELECT EXISTS (SELECT FROM account WHERE password IS NOT NULL)"
    return _check(url, query, [], otherwise=True)


def has_joined(url: str, worker: str) -> bool:
    """Whether this ingest worker has joined and runs; False also while the database is away."""
    query = "SELECT true FROM worker WHERE name = %s"
    return _check(url, query, [worker], lock=Lock.WORKER, otherwise=False)


def _check(
    url: str,
    query: LiteralString,
    parameters: list[str],
    *,
    otherwise: bool,
    lock: Lock | None = None,
) -> bool:
    """The one truth value of a query, and whether somebody holds the lock."""
    with suppress(StoreError, psycopg.OperationalError), connect(url) as connection:
        row = connection.execute(query, parameters).fetchone()
        return bool(row and row[0]) and (lock is None or is_held(connection, lock))
    return otherwise


def scenario_clock(connection: Connection) -> datetime | None:
    """How far an exercise has come: the latest clock that a worker heard, None before its start."""
    ((heard,),) = connection.execute("SELECT max(heartbeat_at) FROM worker")
    return heard  # type: ignore[no-any-return]


def watermark(connection: Connection) -> datetime | None:
    """The time up to which silence is evaluated: in an exercise of its scenario."""
    row = connection.execute("SELECT watermark FROM evaluation_progress()").fetchone()
    return row[0] if row else None
