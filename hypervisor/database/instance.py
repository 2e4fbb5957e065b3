"""The one row that says what this database is: live or exercise, for good."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import psycopg

from hypervisor.base.instance import Instance, Mode
from hypervisor.database.connect import Connection, StoreError, connect
from hypervisor.database.locks import Lock, is_held


def read(connection: Connection) -> Instance | None:
    """What this database is, or None where nobody has said yet."""
    row = connection.execute("SELECT mode, name, timezone FROM instance").fetchone()
    if row is None:
        return None
    return Instance(mode=Mode(row[0]), name=row[1], timezone=row[2])


def create(connection: Connection, instance: Instance) -> None:
    """Say it, once; a database that has been said to be something stays that."""
    connection.execute(
        "INSERT INTO instance (mode, name, timezone) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        [instance.mode.value, instance.name, instance.timezone],
    )


@dataclass(frozen=True, kw_only=True)
class Versions:
    """The last migration applied (None: not to be seen by whoever asks), and of TimescaleDB."""

    schema: str | None
    timescaledb: str | None


def versions(connection: Connection) -> Versions:
    """What the database stands on."""
    row = connection.execute(
        "SELECT (SELECT max(name) FROM migration),"
        " (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb')"
    ).fetchone()
    schema, timescaledb = row or (None, None)
    return Versions(
        schema=None if schema is None else str(schema).removesuffix(".sql"),
        timescaledb=timescaledb,
    )


def is_sent_away(url: str, worker: str) -> bool:
    """Whether this ingest worker is to join again; False also while the database is away."""
    with suppress(StoreError, psycopg.OperationalError), connect(url) as connection:
        rows = connection.execute(
            "SELECT 1 FROM worker WHERE name = %s AND drained_at IS NOT NULL", [worker]
        )
        return rows.fetchone() is not None
    return False


def has_accounts(url: str) -> bool:
    """Whether anybody can sign in; True also while the database does not answer."""
    with suppress(StoreError, psycopg.OperationalError), connect(url) as connection:
        rows = connection.execute("SELECT 1 FROM account WHERE password IS NOT NULL LIMIT 1")
        return rows.fetchone() is not None
    return True


def has_joined(url: str, worker: str) -> bool:
    """Whether this ingest worker has joined, and a process is at work.

    False also while the database does not answer.
    """
    with suppress(StoreError, psycopg.OperationalError), connect(url) as connection:
        rows = connection.execute("SELECT 1 FROM worker WHERE name = %s", [worker])
        return rows.fetchone() is not None and is_held(connection, Lock.WORKER)
    return False


def scenario_clock(connection: Connection) -> datetime | None:
    """How far an exercise has come: the latest clock that a worker heard, None before its start."""
    ((heard,),) = connection.execute("SELECT max(heard_at) FROM worker")
    return heard  # type: ignore[no-any-return]


def evaluated_to(connection: Connection) -> datetime | None:
    """The clock up to which alarms are evaluated: in an exercise its time."""
    row = connection.execute("SELECT watermark FROM evaluation_state").fetchone()
    return row[0] if row else None
