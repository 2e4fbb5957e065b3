"""The state of the database and of the parts that write to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from hypervisor.base.instance import Instance
from hypervisor.database import instance
from hypervisor.database.connect import (
    Connection,
    StoreError,
    connect,
    fetch,
    migration_files,
    store_errors,
)
from hypervisor.database.progress import get_progress
from hypervisor.evaluation import queries_setbacks
from hypervisor.evaluation.queries_setbacks import SetAside

_HAS_WAITS = "0145_evaluation_lag.sql"
_HAS_SETBACKS = "0024_set_aside.sql"  # the migration that made the table
_HAS_FAILURES = "0149_event_failures.sql"


@dataclass(frozen=True, kw_only=True)
class Worker:
    """An ingest worker that joined and was not drained. `silent_for` None: always."""

    name: str
    silent_for: timedelta | None


@dataclass(frozen=True, kw_only=True)
class Health:
    """`lacking`: migrations that were not applied."""

    timescaledb: str
    lacking: Sequence[str]
    clock: datetime
    instance: Instance | None
    workers: Sequence[Worker]
    evaluated_to: datetime | None
    waited: timedelta
    dead_letters_last_hour: int
    dead_notifications: int
    failed_events: int
    set_aside: Sequence[SetAside] = ()


def read_health(url: str) -> Health:
    """Read it once. Raises StoreError: the database does not answer, or was never migrated."""
    with connect(url) as connection:
        try:
            version = connection.execute(
                "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'"
            ).fetchone()
            done = {row[0] for row in connection.execute("SELECT name FROM migration")}
            workers = connection.execute(
                "SELECT name, now() - heartbeat_at FROM worker WHERE drained_at IS NULL"
                " ORDER BY name"
            ).fetchall()
            (clock, evaluated_to, letters, given_up) = connection.execute(
                "SELECT clock_timestamp(), (SELECT min(evaluated_to) FROM evaluation_state),"
                " (SELECT count(*)"
                " FROM dead_letter WHERE received_at > now() - INTERVAL '1 hour'),"
                " (SELECT count(*) FROM delivery WHERE state = 'dead')"
            ).fetchone()  # type: ignore[misc]  # always one row
            instance_row = instance.read(connection)
            failed = _count_failed_events(connection) if _HAS_FAILURES in done else 0
            waited = get_progress(connection).waited if _HAS_WAITS in done else timedelta(0)
            aside = queries_setbacks.listing(connection) if _HAS_SETBACKS in done else []
        except psycopg.errors.UndefinedTable as error:
            raise StoreError(
                "the database was never migrated; `hypervisor up` or `hypervisor migrate` does it"
            ) from error
    return Health(
        timescaledb=version[0] if version else "",
        lacking=[name for name in migration_files() if name not in done],
        clock=clock,
        instance=instance_row,
        workers=[Worker(name=name, silent_for=silent) for name, silent in workers],
        evaluated_to=evaluated_to,
        waited=waited,
        dead_letters_last_hour=letters,
        dead_notifications=given_up,
        failed_events=failed,
        set_aside=aside,
    )


def _count_failed_events(connection: Connection) -> int:
    row = connection.execute(
        "SELECT count(*) FROM outbox WHERE failures > 0 AND at > now() - INTERVAL '7 days'"
    ).fetchone()
    return int(row[0]) if row else 0


@dataclass(frozen=True, kw_only=True)
class HeldLock:
    """An advisory lock that a session holds. `part` None: the work is not shared out."""

    address: str  # from where the session came
    lock: int
    part: int | None


def list_held_locks(url: str) -> list[HeldLock]:
    """Who does what, by the address of its machine. Raises StoreError: no primary answers."""
    with store_errors(), connect(url) as connection:
        return fetch(
            connection,
            HeldLock,
            "SELECT coalesce(host(client_addr), '') AS address,"
            " (CASE objsubid WHEN 1 THEN objid ELSE classid END)::int AS lock,"
            " CASE objsubid WHEN 2 THEN objid::int END AS part"
            " FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " JOIN pg_database d ON d.oid = pg_locks.database AND d.datname = current_database()"
            " WHERE locktype = 'advisory' AND granted ORDER BY address, lock, part",
        )
