"""Roles that log in by themselves and only read: the table `reader`, and the server's own."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from hypervisor.database import locks, tenancy
from hypervisor.database.connect import Connection, StoreError, fetch
from hypervisor.database.locks import Lock

MAX_CONNECTIONS = 10  # at once, of one reader
_SELECT = (
    "SELECT reader.name, role, reader.area, area.name AS area_name, personal, created_at,"
    " created_by, reader.area IS NULL AND (personal"
    "   OR NOT EXISTS (SELECT FROM site WHERE site.personal)) AS whole,"
    " EXISTS (SELECT FROM pg_roles WHERE rolname = role AND rolcanlogin) AS may_log_in"
    " FROM reader LEFT JOIN area ON area.code = reader.area"
)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """`area`: a code, None for the whole territory. `may_log_in`: the server has its role.

    `personal`: also homes (`Domain.personal`). `whole`: no policy holds it.
    """

    name: str
    role: str
    area: str | None
    area_name: str | None
    personal: bool
    created_at: datetime
    created_by: str
    whole: bool
    may_log_in: bool


@dataclass(frozen=True, kw_only=True)
class ServerRole:
    """What the server already knows by a role's name: whether it is a reader, and where else.

    Where else: what other databases let it in. What it set for itself there is no sign of that.
    """

    reads: bool
    elsewhere: tuple[str, ...]


def role_name(name: str) -> str:
    """As which a reader logs in; the table says the same."""
    return f"reader_{name}"


def lock_readers(connection: Connection) -> None:
    """Lock the making of roles until the transaction's end."""
    locks.wait_for(connection, Lock.MIGRATING)  # which make roles, too


def list_readers(connection: Connection) -> list[Reader]:
    """All readers by name."""
    return fetch(connection, Reader, f"{_SELECT} ORDER BY 1")


def find_reader(connection: Connection, name: str) -> Reader | None:
    return next(iter(fetch(connection, Reader, f"{_SELECT} WHERE reader.name = %s", [name])), None)


def upsert_reader(
    connection: Connection, name: str, area: str | None, author: str, *, personal: bool = False
) -> None:
    """Say what a reader sees; it may be there already."""
    connection.execute(
        "INSERT INTO reader (name, area, created_by, personal) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (name) DO UPDATE SET area = EXCLUDED.area, personal = EXCLUDED.personal",
        [name, area, author, personal],
    )


def delete_reader(connection: Connection, name: str) -> None:
    connection.execute("DELETE FROM reader WHERE name = %s", [name])


def find_role(connection: Connection, role: str) -> ServerRole | None:
    """What is known of a role's name in the whole server; None: it is free."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid"
        "   AND m.roleid::regrole::text = ANY(%s)),"
        " ARRAY(SELECT DISTINCT d.datname::text FROM pg_database d, aclexplode(d.datacl) a"
        "   WHERE a.grantee = r.oid AND d.datname <> current_database() ORDER BY 1)"
        " FROM pg_roles r WHERE r.rolname = %s",
        [[tenancy.READER, tenancy.READER_WHOLE], role],
    ).fetchone()
    return None if row is None else ServerRole(reads=row[0], elsewhere=tuple(row[1]))


def create_role(
    connection: Connection, role: str, password: str, *, whole: bool, timeout: float
) -> None:
    """Make the role, or give it this password; it reads all of this database or its area of it.

    The server gets a digest of the password, so its log holds no more. Raises StoreError:
    the database's user may not make roles.
    """
    try:
        _create_role(connection, role, password, whole=whole, timeout=timeout)
    except psycopg.errors.InsufficientPrivilege as error:
        raise StoreError(
            "the role {role!r} could not be made ({error}): the database's user must be a "
            "superuser, or have CREATEROLE and own the database",
            role,
            str(error).splitlines()[0],
        ) from error


def _create_role(
    connection: Connection, role: str, password: str, *, whole: bool, timeout: float
) -> None:
    name, group = sql.Identifier(role), tenancy.READER_WHOLE if whole else tenancy.READER
    digest = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    verb = "CREATE" if find_role(connection, role) is None else "ALTER"
    connection.execute(
        sql.SQL("{} ROLE {} LOGIN CONNECTION LIMIT {} PASSWORD {}").format(
            sql.SQL(verb), name, sql.Literal(MAX_CONNECTIONS), sql.Literal(digest)
        )
    )
    for one_of in (tenancy.READER, tenancy.READER_WHOLE):
        words = (
            "GRANT {} TO {} WITH INHERIT TRUE, SET FALSE"
            if one_of == group
            else ("REVOKE {} FROM {}")
        )
        _execute_quietly(connection, sql.SQL(words).format(sql.Identifier(one_of), name))
    connection.execute(
        "UPDATE reader SET verifier = sha256(%s::bytea) WHERE role = %s", [digest.encode(), role]
    )
    apply_settings(connection, role, whole=whole, timeout=timeout)
    tenancy.shut(connection)
    _execute_for_role(connection, "GRANT CONNECT ON DATABASE %2$I TO %1$I", role)


def apply_settings(connection: Connection, role: str, *, whole: bool, timeout: float) -> None:
    """Give it the settings with which its sessions begin, and no others, whatever it set itself."""
    _execute_for_role(connection, "ALTER ROLE %I RESET ALL", role)
    for database in _list_databases_with_settings(connection, role):
        reset = sql.SQL("ALTER ROLE {} IN DATABASE {} RESET ALL")
        connection.execute(reset.format(sql.Identifier(role), sql.Identifier(database)))
    for key, value in default_settings(connection, whole=whole, timeout=timeout).items():
        statement = f"ALTER ROLE %I IN DATABASE %I SET {key} = {value}"
        _execute_for_role(connection, statement, role)


def default_settings(connection: Connection, *, whole: bool, timeout: float) -> dict[str, str]:
    """What a reader's sessions begin with, as SQL writes it.

    It may set them otherwise for itself, but for those of a superuser, which are for good.
    """
    defaults = {
        "default_transaction_read_only": "on",
        "search_path": tenancy.search_path(tenancy.READER_WHOLE if whole else tenancy.READER),
        "statement_timeout": f"'{round(timeout * 1000)}ms'",
        "idle_in_transaction_session_timeout": "'60s'",  # it would keep old rows, and chunks
        "TimeZone": "'UTC'",  # as the server writes it
    }
    row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if (row.fetchone() or (False,))[0]:
        defaults["temp_file_limit"] = "'512MB'"  # of the disk on which readings are stored
        defaults["log_min_error_statement"] = "panic"  # nor does a huge text go to the log,
        defaults["log_min_messages"] = "fatal"  # in a message, or as the plan of a query
    return defaults


def _list_databases_with_settings(connection: Connection, role: str) -> list[str]:
    """The databases for which the role has settings, that of another instance aside."""
    rows = connection.execute(
        "SELECT d.datname FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase"
        " JOIN pg_roles r ON r.oid = s.setrole WHERE r.rolname = %s",
        [role],
    )
    return [name for (name,) in rows]


def drop_role(connection: Connection, role: str) -> None:
    """Take the role away, and end what it is doing."""
    if find_role(connection, role) is None:
        return
    _execute_for_role(connection, "REVOKE ALL ON DATABASE %2$I FROM %1$I", role)
    end_sessions(connection, role)
    with suppress(psycopg.errors.InsufficientPrivilege), connection.transaction():
        # Default privileges it may have made, by which a role cannot be dropped.
        connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))
    connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def end_sessions(connection: Connection, role: str) -> None:
    """End its sessions, where we may: they began with what no longer holds."""
    try:
        with connection.transaction():
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [role]
            )
    except psycopg.errors.InsufficientPrivilege:
        return  # not a superuser: it sees nothing any more all the same


def _execute_quietly(connection: Connection, statement: sql.Composed) -> None:
    """Without the server's notice that there was nothing to do."""
    connection.execute("SET LOCAL client_min_messages = error")
    connection.execute(statement)


def _execute_for_role(connection: Connection, statement: str, role: str) -> None:
    """Run what names a role and this database."""
    row = connection.execute("SELECT format(%s, %s::text, current_database())", [statement, role])
    connection.execute(str(row.fetchone()[0]).encode())  # type: ignore[index]  # always one row
