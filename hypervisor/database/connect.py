"""Connections of the database: opened, guarded against a peer that is gone, woken, migrated.

The kernel says nothing when a cable is cut or a machine is gone: an idle connection stays open for
hours, one with data under way for a quarter of an hour. So each side probes, and gives up, itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow, class_row

from hypervisor.database import locks, personal, tenancy
from hypervisor.database.errors import StoreError, describe
from hypervisor.database.locks import LONGEST_WAIT, Lock
from hypervisor.database.primary import PrimaryConnection, list_hosts
from sensors._domain import catalogue

__all__ = [
    "ABANDONED",
    "ALONE",
    "CLUSTER",
    "Connection",
    "Patience",
    "StoreError",
    "connect",
    "export_snapshot",
    "fetch",
    "guarded",
    "has_standbys",
    "join_snapshot",
    "listen",
    "migrate",
    "migration_files",
    "store_errors",
    "wait_for_notification",
]

Connection = psycopg.Connection[TupleRow]
_Record = TypeVar("_Record")

ABANDONED = "15min"  # that a transaction may stay open in which nothing is done


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long each side waits for the other. `silence`: what a peer may leave unacknowledged."""

    connect: int  # s until a server has let us in
    silence: int  # s; of probes: `idle` + `interval` * `count`
    idle: int
    interval: int
    count: int
    check: str  # how often a server looks whether its client is there, while a statement runs

    def server_settings(self) -> dict[str, str]:
        """Of the server, for each connection: what our sessions set, wherever the server is."""
        return {
            "tcp_keepalives_idle": str(self.idle),
            "tcp_keepalives_interval": str(self.interval),
            "tcp_keepalives_count": str(self.count),
            "tcp_user_timeout": f"{self.silence}s",
            "client_connection_check_interval": self.check,
            "idle_in_transaction_session_timeout": ABANDONED,
        }

    def client_settings(self) -> dict[str, int]:
        return {
            "connect_timeout": self.connect,
            "keepalives": 1,
            "keepalives_idle": self.idle,
            "keepalives_interval": self.interval,
            "keepalives_count": self.count,
            "tcp_user_timeout": self.silence * 1000,
        }


ALONE = Patience(connect=10, silence=20, idle=5, interval=3, count=5, check="5s")
# TLS and a password take six answers: 2.4 s where each takes 0.4 s.
CLUSTER = Patience(connect=4, silence=5, idle=2, interval=1, count=3, check="2s")


def connect(url: str, *, autocommit: bool = False, abandoned: str = ABANDONED) -> Connection:
    """Open a connection in UTC, which ends when its other end is gone.

    `abandoned`: after so long the server ends a transaction in which nothing is done. Raises
    StoreError: `url` is empty or cannot be understood, or no server answers there.
    """
    if not url:
        raise StoreError(
            "no database is named: no instance was made in this data folder (`hypervisor up`),"
            " nor is HYPERVISOR_DATABASE_URL set"
        )
    session = guarded(url, abandoned=abandoned)
    try:
        return PrimaryConnection.connect(session, autocommit=autocommit)
    except psycopg.OperationalError as error:
        raise StoreError(
            "no database answers at {addresses} ({error}); is the instance up?",
            ", ".join(":".join(each) for each in list_hosts(url)),
            " ".join(str(error).split()),
        ) from error


def guarded(url: str, *, options: str = "", abandoned: str = ABANDONED) -> str:
    """The connection string of a session in UTC that neither side keeps when the other is gone.

    What `url` says itself takes precedence, its `options` included. Raises StoreError: `url` cannot
    be understood.
    """
    try:
        written = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise StoreError("HYPERVISOR_DATABASE_URL cannot be understood: {error}", error) from error
    patience = _patience(written)
    session = {
        "timezone": "UTC",
        **patience.server_settings(),
        "idle_in_transaction_session_timeout": abandoned,
        "lock_timeout": LONGEST_WAIT,
    }
    settings = [f"-c {name}={value}" for name, value in session.items()]
    ours: dict[str, Any] = {
        key: value for key, value in patience.client_settings().items() if key not in written
    }
    if patience is CLUSTER and written.get("target_session_attrs", "any") in ("any", "read-write"):
        ours["target_session_attrs"] = "primary"  # "read-write" refuses our read-only sessions
    words = [*settings, options, str(written.get("options") or "")]
    return make_conninfo(url, **ours, options=" ".join(filter(None, words)))


def has_standbys(url: str) -> bool:
    """Whether `url` names several servers, of which one is the primary."""
    return _patience(conninfo_to_dict(url)) is CLUSTER


def _patience(written: Mapping[str, Any]) -> Patience:
    return CLUSTER if "," in str(written.get("host") or "") else ALONE


def fetch(
    connection: Connection,
    record: type[_Record],
    query: str,
    parameters: Sequence[Any] | Mapping[str, Any] | None = None,
) -> list[_Record]:
    """The rows of a query as records whose fields are named as its columns."""
    return connection.cursor(row_factory=class_row(record)).execute(query, parameters).fetchall()


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn any error of the database into a StoreError."""
    try:
        yield
    except psycopg.Error as error:
        raise describe(error) from error


def listen(connection: Connection, channel: str) -> None:
    """Be woken by notifications on a channel from now on."""
    connection.execute(f"LISTEN {channel}".encode())


def wait_for_notification(connection: Connection, seconds: float) -> bool:
    """Sleep until a notification comes, or so long; whether one came."""
    return bool(list(connection.notifies(timeout=seconds, stop_after=1)))


def export_snapshot(connection: Connection) -> str:
    """The name of this transaction's snapshot; others can join it while the transaction is open."""
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    return str(row[0]) if row else ""


def join_snapshot(connection: Connection, snapshot: str) -> None:
    """See in this transaction, which must be new, what the exporting one sees."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))


def migrate(connection: Connection) -> list[str]:
    """Apply the migrations that this database lacks, in order; return their names.

    Raises StoreError: one of them failed, or a newer version was here; nothing is applied.
    """
    with connection.transaction():
        locks.wait_for(connection, Lock.MIGRATING)
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migration"
            " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done = {row[0] for row in connection.execute("SELECT name FROM migration")}
        newer = done.difference(migration_files())
        if newer:
            raise StoreError(
                "a newer version has changed this database ({names}): run that version, or restore "
                "the backup from before into a new folder",
                ", ".join(sorted(newer)),
            )
        try:
            tenancy.prepare(connection)
        except psycopg.errors.InsufficientPrivilege as error:
            raise StoreError(
                "the roles that read could not be made ({error}): the database's user must be "
                "a superuser, or have CREATEROLE and, where another user of the server has "
                "made them, ADMIN on {roles}",
                str(error).splitlines()[0],
                ", ".join(tenancy.ROLES),
            ) from error
        applied: list[str] = []
        for name in migration_files():
            if name in done:
                continue
            text = resources.files("hypervisor.database.migrations").joinpath(name).read_text()
            try:
                connection.execute(text.encode())
            except psycopg.Error as error:
                raise StoreError("migration {name} failed: {error}", name, error) from error
            connection.execute("INSERT INTO migration (name) VALUES (%s)", [name])
            applied.append(name)
        if done.union(applied) >= {"0125_personal.sql"}:
            personal.store_domains(connection, catalogue())
        tenancy.grant(connection)
    return applied


def migration_files() -> list[str]:
    """The migrations there are, in order."""
    folder = resources.files("hypervisor.database.migrations")
    return sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
