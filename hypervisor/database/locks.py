"""Advisory locks, each with a number of its own."""

import logging
import time
from collections.abc import Callable, Iterable
from enum import IntEnum, unique

from psycopg import Connection
from psycopg.errors import LockNotAvailable

from hypervisor.database.errors import describe_held_lock

STANDBY_SECONDS = 0.5  # between two tries to take over
LONGEST_WAIT = "5min"  # of a session for a lock of any kind: its `lock_timeout`

log = logging.getLogger(__name__)


@unique
class Lock(IntEnum):
    """Work that one process does at a time. Notifiers have a second number: which one."""

    MIGRATING = 7351  # also for creating roles
    REGISTRY = 7352
    WORKER = 7353  # in a cluster a part of the devices each
    WATCH = 7354  # a shard of the evaluation each
    CONDUCTOR = 7355
    NOTIFIER = 7356
    DECIDING = 7357  # which notifications are due
    ROLLING_UP = 7358
    CORRECTING = 7359  # readings, by people
    HOUSEKEEPING = 7360
    LIT_PLANS = 7361
    COPYING = 7362  # readings into the columnar copy
    INCIDENTS = 7363
    FEEDS = 7364  # asking official services
    COMMANDS = 7365  # sending commands to devices
    CITIZENS_MAIL = 7371  # sending warnings to citizens
    CITIZENS_PUSH = 7372
    EVALUATOR = 7373  # which of the processes that evaluate
    OBSERVATIONS = 7374  # publishing new readings by MQTT
    SPARKPLUG = 7375  # the bridge
    RECEIVER = 7376  # which of the processes that share out the parts of ingest


def take(connection: Connection, lock: Lock) -> bool:
    """Hold it until the connection ends or `release`; False: another session holds it."""
    return _ask(connection, "pg_try_advisory_lock", lock)


def stand_by(
    connection: Connection,
    lock: Lock,
    stopping: Callable[[], bool],
    say: Callable[[str], None],
) -> bool:
    """Wait until it is ours, for as long as the connection lives; False: stopped meanwhile."""
    stands_by = False
    while not take(connection, lock):
        if stopping():
            return False
        if not stands_by:
            say(f"another process has the lock {lock.name}: standing by until it ends")
        stands_by = True
        time.sleep(STANDBY_SECONDS)
    return True


def is_held(connection: Connection, lock: Lock) -> bool:
    """Whether a session holds it in this database."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database d ON d.oid = database"
        " WHERE d.datname = current_database() AND locktype = 'advisory' AND granted"
        " AND classid = 0 AND objid = %s AND objsubid = 1)",
        [lock.value],
    ).fetchone()
    return bool(row and row[0])


def take_parts(connection: Connection, lock: Lock, parts: Iterable[int]) -> set[int]:
    """Hold parts of a work until the connection ends; those that no other session holds."""
    rows = connection.execute(
        "SELECT part FROM unnest(%s::int[]) part WHERE pg_try_advisory_lock(%s, part)",
        [sorted(parts), lock.value],
    )
    return {part for (part,) in rows}


def release_parts(connection: Connection, lock: Lock, parts: Iterable[int]) -> None:
    """Release parts that the session holds."""
    connection.execute(
        "SELECT pg_advisory_unlock(%s, part) FROM unnest(%s::int[]) part",
        [lock.value, sorted(parts)],
    )


def list_held_parts(connection: Connection, lock: Lock) -> set[int]:
    """The parts of a work that any session holds in this database."""
    with connection.pipeline():  # with the BEGIN of a transaction
        rows = connection.execute(
            "SELECT objid::int FROM pg_locks JOIN pg_database d ON d.oid = database"
            " WHERE d.datname = current_database() AND locktype = 'advisory' AND granted"
            " AND classid = %s AND objsubid = 2",
            [lock.value],
        )
    return {part for (part,) in rows}


def release(connection: Connection, lock: Lock) -> None:
    """Release a lock of the session."""
    connection.execute("SELECT pg_advisory_unlock(%s)", [lock.value])


def wait_for(connection: Connection, lock: Lock) -> None:
    """Wait for it, as long as the session waits for any, and hold it until the transaction ends.

    Raises StoreError: another session held it for longer.
    """
    if take_in_transaction(connection, lock):
        return
    log.warning("another process has the lock %s: waiting until it ends", lock.name)
    try:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [lock.value])
    except LockNotAvailable as error:
        raise describe_held_lock() from error


def take_in_transaction(connection: Connection, lock: Lock) -> bool:
    """Hold it until the transaction ends; False: another session holds it."""
    return _ask(connection, "pg_try_advisory_xact_lock", lock)


def _ask(connection: Connection, function: str, lock: Lock) -> bool:
    row = connection.execute(f"SELECT {function}(%s)".encode(), [lock.value]).fetchone()
    return bool(row and row[0])
