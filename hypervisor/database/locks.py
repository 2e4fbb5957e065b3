"""Advisory locks, each with a number of its own."""

from enum import IntEnum, unique

from psycopg import Connection


@unique
class Lock(IntEnum):
    """Work that one process does at a time. Notifiers have a second number: which one."""

    MIGRATING = 7351  # also for creating roles
    REGISTRY = 7352
    WORKER = 7353
    WATCH = 7354
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


def take(connection: Connection, lock: Lock) -> bool:
    """Hold it until the connection ends or `release`; False: another session holds it."""
    return _ask(connection, "pg_try_advisory_lock", lock)


def is_held(connection: Connection, lock: Lock) -> bool:
    """Whether a session holds it in this database."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database d ON d.oid = database"
        " WHERE d.datname = current_database() AND locktype = 'advisory' AND granted"
        " AND classid = 0 AND objid = %s AND objsubid = 1)",
        [lock.value],
    ).fetchone()
    return bool(row and row[0])


def release(connection: Connection, lock: Lock) -> None:
    """Release a lock of the session."""
    connection.execute("SELECT pg_advisory_unlock(%s)", [lock.value])


def wait_for(connection: Connection, lock: Lock) -> None:
    """Wait for it and hold it until the transaction ends."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [lock.value])


def take_in_transaction(connection: Connection, lock: Lock) -> bool:
    """Hold it until the transaction ends; False: another session holds it."""
    return _ask(connection, "pg_try_advisory_xact_lock", lock)


def _ask(connection: Connection, function: str, lock: Lock) -> bool:
    row = connection.execute(f"SELECT {function}(%s)".encode(), [lock.value]).fetchone()
    return bool(row and row[0])
