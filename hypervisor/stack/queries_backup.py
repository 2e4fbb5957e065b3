"""What a backup asks of the database, and what a database needs that came out of one."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from hypervisor.base.instance import Instance, Mode
from hypervisor.base.instants import micros
from hypervisor.database import instance as instance_store
from hypervisor.database import tenancy
from hypervisor.database.connect import Connection, StoreError, connect
from hypervisor.readings import queries_workers

_READINGS = ("reading", "reading_version")


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What the database is at one instant; `name` lets a dump see the same."""

    name: str
    taken_at: datetime
    instance: Instance
    migrations: tuple[str, ...]
    timescaledb: str
    counts: Mapping[str, int]


@contextmanager
def snapshot(url: str, *, readings: bool) -> Iterator[Snapshot]:
    """Hold one state of the database still until the end of the block, without stopping anybody.

    Raises:
        StoreError: no database answers, or it is no instance yet.
    """
    with connect(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = instance_store.read(connection)
        if found is None:
            raise StoreError("the database is no instance yet: there is nothing to keep")
        (name, taken, version) = connection.execute(
            "SELECT pg_export_snapshot(), clock_timestamp(),"
            " (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb')"
        ).fetchone()  # type: ignore[misc]  # always one row
        names = connection.execute("SELECT name FROM migration ORDER BY name").fetchall()
        yield Snapshot(
            name=name,
            taken_at=taken,
            instance=found,
            migrations=tuple(row[0] for row in names),
            timescaledb=version,
            counts=_counts(connection, readings=readings),
        )


def counts(url: str) -> dict[str, int]:
    """How many rows each table has."""
    with connect(url) as connection:
        return _counts(connection, readings=True)


def _counts(connection: Connection, *, readings: bool) -> dict[str, int]:
    tables = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    ).fetchall()
    found: dict[str, int] = {}
    for (table,) in tables:
        if table in _READINGS and not readings:
            continue
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        row = connection.execute(query).fetchone()
        found[table] = int(row[0]) if row else 0
    return found


def without_readings() -> list[str]:
    """The words that keep pg_dump from the readings; their tables are dumped, empty."""
    chunks = ("_hyper_*", "compress_hyper_*")
    names = (
        *(f"_timescaledb_internal.{name}" for name in chunks),
        *(f"public.{name}" for name in _READINGS),
    )
    return [f"--exclude-table-data={name}" for name in names]


def address(url: str) -> tuple[list[str], dict[str, str]]:
    """A database's address as PostgreSQL's programs take it: words, and what nobody may see."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    password = parts.pop("password", None)
    words = [
        "--dbname",
        psycopg.conninfo.make_conninfo("", **{k: str(v) for k, v in parts.items()}),
    ]
    return words, {} if password is None else {"PGPASSWORD": str(password)}


def make_ready(url: str, *, timescaledb: str) -> None:
    """Make an empty database one that a dump can be restored into.

    Raises:
        StoreError: it holds something, or its TimescaleDB is not the dump's.
    """
    with connect(url, autocommit=True) as connection:
        held = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone()
        if held and held[0]:
            raise StoreError("the database is not empty: nothing is restored over what is there")
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


def make_whole(url: str) -> None:
    """After the dump was read in: an ordinary database again, whose planner knows its tables."""
    with connect(url, autocommit=True) as connection:
        connection.execute("SELECT timescaledb_post_restore()")
        connection.execute("ANALYZE")


def go_on(connection: Connection, now: datetime) -> None:
    """Let the watch go on where it stood, in a cluster that counts its transactions anew.

    What it had not read yet it reads next, in the order it was committed; what it had read it does
    not read again. Live, nobody listened since the backup: that accuses no gauge of silence.
    """
    unread = "xid >= COALESCE((SELECT cursor FROM watch_state), '0')"
    connection.execute(f"DELETE FROM feed WHERE NOT ({unread}) AND kind <> 'registry'")  # noqa: S608  a constant
    connection.execute(f"UPDATE feed SET xid = '0' WHERE NOT ({unread})")  # noqa: S608  a constant
    connection.execute(
        f"WITH gone AS (DELETE FROM feed WHERE {unread} RETURNING *)"  # noqa: S608  a constant
        " INSERT INTO feed (kind, worker, at, rows)"
        " SELECT kind, worker, at, rows FROM gone ORDER BY xid, id"
    )
    connection.execute("UPDATE watch_state SET cursor = pg_current_xact_id()")
    connection.execute("TRUNCATE columnar_part, columnar_dirty")  # its files were left behind
    connection.execute("UPDATE rollup_state SET cursor = '0', fill = '-infinity', seen_at = NULL")
    connection.execute("TRUNCATE happening")  # who heard of it did so of another cluster
    connection.execute("UPDATE happening_forgotten SET xid = pg_current_xact_id()")
    found = instance_store.read(connection)
    if found is None or found.mode is not Mode.LIVE:
        return  # in an exercise only its scenario declares deafness
    for worker in queries_workers.every(connection):
        since = worker.heard_at or worker.joined_at
        if worker.drained_at is None and since < now:
            queries_workers.deafen(connection, worker.name, [(micros(since), micros(now))])
