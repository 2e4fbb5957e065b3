"""Advisory locks, each with a number of its own: whoever waits does not wait for a stranger."""

from enum import IntEnum, unique

from psycopg import Connection


@unique
class Lock(IntEnum):
    """What there is one of at a time. Notifiers have a second number: which one."""

    MIGRATING = 7351  # and whoever makes roles
    REGISTRY = 7352
    WORKER = 7353
    WATCH = 7354
    CONDUCTOR = 7355
    NOTIFIER = 7356
    DECIDING = 7357  # what is notified
    ROLLING_UP = 7358
    HANDS = 7359  # people's acts on readings
    HOUSEKEEPING = 7360
    LIT_PLANS = 7361
    COPYING = 7362  # readings by columns
    INCIDENTS = 7363


def take(connection: Connection, lock: Lock) -> bool:
    """Hold it as long as the connection lives, or until it is let go; False: another does."""
    return _ask(connection, "pg_try_advisory_lock", lock)


def is_held(connection: Connection, lock: Lock) -> bool:
    """Whether somebody holds it in this database."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database d ON d.oid = database"
        " WHERE d.datname = current_database() AND locktype = 'advisory' AND granted"
        " AND classid = 0 AND objid = %s AND objsubid = 1)",
        [lock.value],
    ).fetchone()
    return bool(row and row[0])


def let_go(connection: Connection, lock: Lock) -> None:
    """Hold it no more."""
    connection.execute("SELECT pg_advisory_unlock(%s)", [lock.value])


def wait_for(connection: Connection, lock: Lock) -> None:
    """Hold it until the transaction ends, as soon as nobody else does."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [lock.value])


def take_for_now(connection: Connection, lock: Lock) -> bool:
    """Hold it until the transaction ends; False: another does."""
    return _ask(connection, "pg_try_advisory_xact_lock", lock)


def _ask(connection: Connection, function: str, lock: Lock) -> bool:
    row = connection.execute(f"SELECT {function}(%s)".encode(), [lock.value]).fetchone()
    return bool(row and row[0])
