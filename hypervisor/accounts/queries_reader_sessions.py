"""What readers do beyond reading: sessions that hold things up, settings that they gave themselves.

PostgreSQL lets everybody change password and settings of their own role, undo a time-out, and leave
a transaction open. So it is looked after from outside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from hypervisor.accounts import queries_readers
from hypervisor.database import reader_functions
from hypervisor.database.connect import Connection, StoreError, connect

# What a reader locked; the second: of a row that was changed meanwhile.
BLOCKED = (psycopg.errors.LockNotAvailable, psycopg.errors.InternalError_)
_FULL = 0.1  # of the queue of notifications: then readers that block its emptying are ended
_READERS = """
SELECT r.oid, reader.role, reader.area IS NULL AND (reader.personal
    OR NOT EXISTS (SELECT FROM site WHERE site.personal)) AS whole, reader.verifier
FROM reader JOIN pg_roles r ON r.rolname = reader.role
"""
# Takes no lock on any table, where a reader could make it wait: functions, not their views.
_OVERRUNS = """
SELECT reader, pid, backend_start, reason, pg_terminate_backend(pid) FROM (
    SELECT a.usesysid::bigint AS reader, a.pid, a.backend_start, CASE
        WHEN a.datid <> own.datid THEN 'it was in another database'
        WHEN a.query ~* '(^|[;\n\r]|\\*/)\\s*(notify|listen)\\M'
            THEN 'it took part in notifications'
        WHEN a.backend_xid IS NOT NULL THEN 'it wrote, if only of itself'
        WHEN EXISTS (SELECT FROM pg_lock_status() l WHERE l.pid = a.pid AND l.locktype = 'advisory')
            THEN 'it held an advisory lock'
        WHEN EXISTS (SELECT FROM pg_lock_status() l WHERE l.pid = a.pid AND l.locktype = 'relation'
            AND l.mode NOT IN ('AccessShareLock', 'SIReadLock'))
            THEN 'it asked for a lock on a table'
        WHEN a.xact_start < clock_timestamp() - make_interval(secs => %(longest)s)
            THEN 'its transaction lasted too long'
        WHEN a.xact_start IS NOT NULL AND pg_notification_queue_usage() > %(full)s
            THEN 'its transaction kept notifications waiting'
        END AS reason
    FROM pg_stat_get_activity(NULL) a, pg_stat_get_activity(pg_backend_pid()) own
    WHERE a.usesysid = ANY (%(readers)s::oid[]) OFFSET 0) a
WHERE reason IS NOT NULL
"""
_SET = """
SELECT COALESCE(d.datname, ''), unnest(s.setconfig) FROM pg_db_role_setting s
LEFT JOIN pg_database d ON d.oid = s.setdatabase WHERE s.setrole = %s
"""


@dataclass(frozen=True, kw_only=True)
class EndedSession:
    """A session that was asked to end. `hostile`: no dashboard does that."""

    role: str
    pid: int
    began: datetime
    reason: str

    @property
    def hostile(self) -> bool:
        return self.reason != "its transaction lasted too long"


def list_readers(connection: Connection) -> dict[int, str]:
    """The roles of readers by their number at the server."""
    return {number: role for number, role, *_ in connection.execute(_READERS)}


def end_blocking_sessions(
    connection: Connection, readers: Mapping[int, str], longest: float
) -> list[EndedSession]:
    """End the sessions of readers that hold up others: no transaction of theirs lasts `longest` s.

    Nothing is ended where the database's user may not; `hypervisor doctor` says what that leaves.
    """
    values = {"readers": list(readers), "longest": longest, "full": _FULL}
    try:
        rows = connection.execute(_OVERRUNS, values, prepare=True).fetchall()
    except psycopg.errors.InsufficientPrivilege:
        return []
    return [
        EndedSession(role=readers[number], pid=pid, began=began, reason=reason)
        for number, pid, began, reason, done in rows
        if done
    ]


def suspend_role(connection: Connection, role: str) -> None:
    """Let it log in no more, until its password is rotated, and end what it is doing."""
    queries_readers.end_sessions(connection, role)  # else its locks may keep us waiting
    connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(role)))
    queries_readers.end_sessions(connection, role)


@dataclass(frozen=True, kw_only=True)
class ReaderDrift:
    """Readers that changed what an administrator gave them, and functions that stay open to all."""

    settings: Sequence[str]
    passwords: Sequence[str]
    functions: int


def find_drift(connection: Connection, timeout: float) -> ReaderDrift:
    """What is not as it was given; `timeout` (s): what one question of theirs may take."""
    readers = connection.execute(_READERS).fetchall()
    return ReaderDrift(
        settings=[
            role
            for number, role, whole, _ in readers
            if _has_changed_settings(connection, number, whole=whole, timeout=timeout)
        ],
        passwords=_list_changed_passwords(connection),
        functions=len(reader_functions.excess(connection)) if readers else 0,
    )


def read_drift(url: str, timeout: float) -> ReaderDrift:
    """`strays`, in a connection of its own.

    Raises StoreError: the database does not answer, or its schema is older than this.
    """
    try:
        with connect(url) as connection:
            return find_drift(connection, timeout)
    except (psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedTable) as error:
        raise StoreError("the database's schema is older; `hypervisor migrate`") from error


def restore_settings(connection: Connection, timeout: float) -> list[str]:
    """Give readers their settings again; the roles of those who had others."""
    mended = []
    for number, role, whole, _ in connection.execute(_READERS).fetchall():
        if _has_changed_settings(connection, number, whole=whole, timeout=timeout):
            with connection.transaction():
                queries_readers.apply_settings(connection, role, whole=whole, timeout=timeout)
            mended.append(str(role))
    return mended


def _has_changed_settings(
    connection: Connection, number: int, *, whole: bool, timeout: float
) -> bool:
    usual = queries_readers.default_settings(connection, whole=whole, timeout=timeout)
    here = connection.info.dbname
    given = {(here, key + "=" + value.strip("'")) for key, value in usual.items()}
    return {tuple(row) for row in connection.execute(_SET, [number])} != given


def _list_changed_passwords(connection: Connection) -> list[str]:
    """Readers whose password is not the one that was given; none where that cannot be looked up."""
    try:
        with connection.transaction():
            rows = connection.execute(
                "SELECT reader.role FROM reader JOIN pg_authid a ON a.rolname = reader.role"
                " WHERE reader.verifier <> sha256(a.rolpassword::bytea) ORDER BY 1"
            ).fetchall()
    except psycopg.errors.InsufficientPrivilege:
        return []
    return [role for (role,) in rows]
