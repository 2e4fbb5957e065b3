"""SQL of backup and restore."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from hypervisor.base.instance import Instance, Mode
from hypervisor.base.instants import micros
from hypervisor.database import instance as instance_store
from hypervisor.database import locks, tenancy
from hypervisor.database.connect import Connection, StoreError, connect, store_errors
from hypervisor.database.locks import Lock
from hypervisor.readings import queries_workers

_READINGS = ("reading", "reading_version")


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The database at one instant; `name` lets a dump see the same."""

    name: str
    taken_at: datetime
    instance: Instance
    migrations: tuple[str, ...]
    timescaledb: str
    counts: Mapping[str, int]


@contextmanager
def open_snapshot(url: str, *, readings: bool) -> Iterator[Snapshot]:
    """Hold one snapshot of the database until the end of the block, without blocking others.

    Raises StoreError: no database answers, or it is no instance yet.
    """
    with connect(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        instance = instance_store.read(connection)
        if instance is None:
            raise StoreError("the database holds no instance yet: there is nothing to back up")
        (name, taken, version) = connection.execute(
            "SELECT pg_export_snapshot(), clock_timestamp(),"
            " (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb')"
        ).fetchone()  # type: ignore[misc]  # always one row
        names = connection.execute("SELECT name FROM migration ORDER BY name").fetchall()
        yield Snapshot(
            name=name,
            taken_at=taken,
            instance=instance,
            migrations=tuple(row[0] for row in names),
            timescaledb=version,
            counts=_count_tables(connection, readings=readings),
        )


def count_rows(url: str) -> dict[str, int]:
    """How many rows each table has."""
    with connect(url) as connection:
        return _count_tables(connection, readings=True)


def _count_tables(connection: Connection, *, readings: bool) -> dict[str, int]:
    tables = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    ).fetchall()
    counts: dict[str, int] = {}
    for (table,) in tables:
        if table in _READINGS and not readings:
            continue
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        row = connection.execute(query).fetchone()
        counts[table] = int(row[0]) if row else 0
    return counts


def exclude_readings() -> list[str]:
    """Options by which pg_dump leaves the tables of readings empty."""
    chunks = ("_hyper_*", "compress_hyper_*")
    names = (
        *(f"_timescaledb_internal.{name}" for name in chunks),
        *(f"public.{name}" for name in _READINGS),
    )
    return [f"--exclude-table-data={name}" for name in names]


def measure_size(url: str) -> int:
    """Bytes of the database; 0: it does not answer."""
    with suppress(StoreError), store_errors(), connect(url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        return int(row[0]) if row else 0
    return 0


def connection_options(url: str) -> tuple[list[str], dict[str, str]]:
    """Options and environment with which PostgreSQL's programs reach a database."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    password = parts.pop("password", None)
    words = [
        "--dbname",
        psycopg.conninfo.make_conninfo("", **{k: str(v) for k, v in parts.items()}),
    ]
    return words, {} if password is None else {"PGPASSWORD": str(password)}


def prepare_restore(url: str, *, timescaledb: str) -> None:
    """Prepare an empty database for a dump.

    Raises StoreError: it holds something, or its TimescaleDB is not the dump's.
    """
    require_empty(url)
    with connect(url, autocommit=True) as connection:
        offered = connection.execute(
            "SELECT version FROM pg_available_extension_versions WHERE name = 'timescaledb'"
        ).fetchall()
        if timescaledb not in {row[0] for row in offered}:
            there = ", ".join(sorted(row[0] for row in offered)) or "none"
            raise StoreError(
                f"the backup was made with TimescaleDB {timescaledb}, here is {there}: install that"
                " one, restore, then update it"
            )
        connection.execute(
            sql.SQL("CREATE EXTENSION IF NOT EXISTS timescaledb VERSION {}").format(
                sql.Literal(timescaledb)
            )
        )
        tenancy.prepare(connection)  # a dump's policies name roles, and a dump holds none
        connection.execute("SELECT timescaledb_pre_restore()")


@contextmanager
def keep_machines_waiting(url: str) -> Iterator[None]:
    """Let no machine of a cluster use the database before it is whole: `up` takes this lock, too.

    Raises StoreError: a machine has held it for too long.
    """
    maintenance, end = psycopg.conninfo.make_conninfo(url, dbname="postgres"), time.monotonic() + 60
    with connect(maintenance, autocommit=True) as connection:
        if not locks.stand_by(
            connection, Lock.MIGRATING, lambda: time.monotonic() > end, lambda _text: None
        ):
            raise StoreError("a machine prepares the database: try again when that has ended")
        yield


def require_empty(url: str) -> None:
    """Raises StoreError: the database holds tables."""
    with connect(url, autocommit=True) as connection:
        held = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone()
        if held and held[0]:
            raise StoreError("the database is not empty: nothing is restored over existing data")


def empty(url: str) -> None:
    """Take away again what a restore brought into an empty database."""
    with connect(url, autocommit=True) as connection:
        connection.execute("DROP EXTENSION IF EXISTS timescaledb CASCADE")
        connection.execute("DROP SCHEMA IF EXISTS seen, shown, public CASCADE")
        connection.execute("CREATE SCHEMA public")


def finish_restore(url: str) -> None:
    """After the dump was read: leave restore mode and analyse the tables."""
    with connect(url, autocommit=True) as connection:
        connection.execute("SELECT timescaledb_post_restore()")
        connection.execute("ANALYZE")


def resume(connection: Connection, now: datetime) -> None:
    """Let evaluation continue where it stood, in a cluster with new transaction numbers.

    It reads what it had not read, in commit order, and nothing twice. Live, the time since the
    backup becomes an ingest gap, so that no gauge counts as silent.
    """
    unread = "xid >= COALESCE((SELECT cursor FROM evaluation_progress()), '0')"
    connection.execute(f"DELETE FROM feed WHERE NOT ({unread}) AND kind <> 'registry'")  # noqa: S608  a constant
    connection.execute(f"UPDATE feed SET xid = '0' WHERE NOT ({unread})")  # noqa: S608  a constant
    connection.execute(
        f"WITH gone AS (DELETE FROM feed WHERE {unread} RETURNING *)"  # noqa: S608  a constant
        " INSERT INTO feed (kind, worker, at, rows)"
        " SELECT kind, worker, at, rows FROM gone ORDER BY xid, id"
    )
    connection.execute("UPDATE evaluation_state SET cursor = pg_current_xact_id()")
    connection.execute("TRUNCATE columnar_part, columnar_dirty")  # its files are not in the backup
    connection.execute("UPDATE rollup_state SET cursor = '0', fill = '-infinity', seen_at = NULL")
    connection.execute("TRUNCATE event_log")  # open pages followed another cluster
    connection.execute("UPDATE event_log_horizon SET xid = pg_current_xact_id()")
    instance = instance_store.read(connection)
    if instance is None or instance.mode is not Mode.LIVE:
        return  # in an exercise only its scenario declares gaps
    for worker in queries_workers.list_workers(connection):
        since = worker.heartbeat_at or worker.joined_at
        if worker.drained_at is None and since < now:
            queries_workers.record_gaps(connection, worker.name, [(micros(since), micros(now))])
