"""Readers: roles of the database for programs that ask it in SQL, as Grafana does."""

import re

from hypervisor.access import passwords, queries_places
from hypervisor.access.errors import AccountError, NoAccountError
from hypervisor.accounts import queries_readers
from hypervisor.accounts.queries_readers import Reader
from hypervisor.database import audit
from hypervisor.database.connect import Connection

TIMEOUT = 30.0  # s that one question of theirs may take, unless they ask for longer
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_AUTHOR = "hypervisor"


def add_reader(  # noqa: PLR0913  who, where, and by whom
    connection: Connection,
    name: str,
    password: str,
    *,
    area: str | None = None,
    personal: bool = False,
    author: str = _AUTHOR,
    timeout: float = TIMEOUT,
) -> Reader:
    """Make a reader of one area, or of the whole territory, in the caller's transaction.

    `personal`: also of the homes in it.

    Raises:
        AccountError: its name or password cannot be these, or the name is taken.
        NoAccountError: no area has that code.
    """
    _check_and_lock(connection, name, area)
    if queries_readers.find_reader(connection, name) is not None:
        raise AccountError(
            "a reader is named {name!r} already: `hypervisor reader rotate {name}` gives "
            "it another password",
            name,
        )
    return _grant_access(
        *(connection, name, password),
        area=area,
        personal=personal,
        author=author,
        timeout=timeout,
    )


def ensure_reader(
    connection: Connection,
    name: str,
    password: str,
    area: str | None = None,
    *,
    timeout: float = TIMEOUT,
) -> Reader:
    """Have a reader of this name, area and password, whether or not it was there.

    Raises AccountError: as `add`; that it is there already is none.
    """
    _check_and_lock(connection, name, area)
    return _grant_access(
        connection, name, password, area=area, personal=False, author=_AUTHOR, timeout=timeout
    )


def rotate_password(
    connection: Connection,
    name: str,
    password: str,
    *,
    author: str = _AUTHOR,
    timeout: float = TIMEOUT,
) -> Reader:
    """Give a reader another password: who is logged in with the old one is cut off.

    Also what gives a reader its role again, in a server that a backup was restored into.

    Raises:
        NoAccountError: there is none of that name.
        AccountError: the password cannot be this.
    """
    queries_readers.lock_readers(connection)
    reader = get_reader(connection, name)
    _check_password(connection, name, password)
    _set_password(connection, reader, password, timeout)
    queries_readers.end_sessions(connection, reader.role)
    _record(connection, "reader-rotate", name, author, "gave it another password")
    return reader


def remove_reader(
    connection: Connection, name: str, *, author: str = _AUTHOR, reason: str = ""
) -> None:
    """Take a reader away. Raises NoAccountError: there is none of that name."""
    queries_readers.lock_readers(connection)
    reader = get_reader(connection, name)
    queries_readers.delete_reader(connection, name)
    if not _describe_owner(connection, reader.role):
        queries_readers.drop_role(connection, reader.role)
    _record(connection, "reader-remove", name, author, reason or "took it away")


def get_reader(connection: Connection, name: str) -> Reader:
    """The reader of that name. Raises NoAccountError: there is none."""
    reader = queries_readers.find_reader(connection, name)
    if reader is None:
        raise NoAccountError(
            "no reader is named {name!r}: `hypervisor reader list` names them", name
        )
    return reader


def _check_and_lock(connection: Connection, name: str, area: str | None) -> None:
    if not _NAME.fullmatch(name):
        raise AccountError(
            "{name!r} is no reader's name: expected up to 40 small letters, digits and "
            "'_', a letter first",
            name,
        )
    if area is not None and queries_places.find_area(connection, area) is None:
        raise NoAccountError("no area has the code {area!r}", area)
    queries_readers.lock_readers(connection)


def _grant_access(  # noqa: PLR0913  who, where, and by whom
    connection: Connection,
    name: str,
    password: str,
    *,
    area: str | None,
    personal: bool,
    author: str,
    timeout: float,
) -> Reader:
    before = queries_readers.find_reader(connection, name)
    _check_password(connection, name, password)
    queries_readers.upsert_reader(connection, name, area, author, personal=personal)
    _set_password(connection, get_reader(connection, name), password, timeout)
    if before is None or (before.area, before.personal) != (area, personal):
        reads = "the whole territory" if area is None else area
        reads += ", with personal data" if personal else ""
        _record(connection, "reader", name, author, f"lets it read {reads}")
    return get_reader(connection, name)


def _check_password(connection: Connection, name: str, password: str) -> None:
    role = queries_readers.role_name(name)
    others = _describe_owner(connection, role)
    if others:
        raise AccountError(
            "the server's role {role!r} is {others}: give the reader another name", role, others
        )
    try:
        passwords.require_strong(password, name=role)
    except AccountError as error:
        raise AccountError("reader {name!r}: {error}", name, error) from error


def _set_password(connection: Connection, reader: Reader, password: str, timeout: float) -> None:
    queries_readers.create_role(
        connection, reader.role, password, whole=reader.whole, timeout=timeout
    )


def _describe_owner(connection: Connection, role: str) -> str:
    """Whose a role of that name is, where it is not this database's reader; else nothing."""
    held = queries_readers.find_role(connection, role)
    if held is None:
        return ""
    if held.elsewhere:
        return f"a reader of the database {', '.join(held.elsewhere)}"
    return "" if held.reads else "no reader's"


def _record(connection: Connection, kind: str, name: str, author: str, reason: str) -> None:
    audit.record(connection, kind=kind, subject=name, reason=reason, author=author)
