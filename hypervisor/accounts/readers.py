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


def add(  # noqa: PLR0913  who, where, and by whom
    connection: Connection,
    name: str,
    password: str,
    *,
    area: str | None = None,
    author: str = _AUTHOR,
    timeout: float = TIMEOUT,
) -> Reader:
    """Make a reader of one area, or of the whole territory, in the caller's transaction.

    Raises:
        AccountError: its name or password cannot be these, or the name is taken.
        NoAccountError: no area has that code.
    """
    _lock(connection, name, area)
    if queries_readers.one(connection, name) is not None:
        raise AccountError(
            f"a reader is named {name!r} already: `hypervisor reader rotate {name}` gives it"
            " another password"
        )
    return _let_in(connection, name, password, area=area, author=author, timeout=timeout)


def ensure_reader(
    connection: Connection,
    name: str,
    password: str,
    area: str | None = None,
    *,
    timeout: float = TIMEOUT,
) -> Reader:
    """Have a reader of this name, area and password, whether or not it was there.

    Raises:
        AccountError: as `add`; that it is there already is none.
    """
    _lock(connection, name, area)
    return _let_in(connection, name, password, area=area, author=_AUTHOR, timeout=timeout)


def rotate(
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
    queries_readers.lock(connection)
    found = named(connection, name)
    _check(connection, name, password)
    _give(connection, found, password, timeout)
    queries_readers.cut_off(connection, found.role)
    _record(connection, "reader-rotate", name, author, "gave it another password")
    return found


def remove(connection: Connection, name: str, *, author: str = _AUTHOR, reason: str = "") -> None:
    """Take a reader away.

    Raises:
        NoAccountError: there is none of that name.
    """
    queries_readers.lock(connection)
    found = named(connection, name)
    queries_readers.forget(connection, name)
    if not _anothers(connection, found.role):
        queries_readers.keep_out(connection, found.role)
    _record(connection, "reader-remove", name, author, reason or "took it away")


def named(connection: Connection, name: str) -> Reader:
    """The reader of that name.

    Raises:
        NoAccountError: there is none.
    """
    found = queries_readers.one(connection, name)
    if found is None:
        raise NoAccountError(f"no reader is named {name!r}: `hypervisor reader list` names them")
    return found


def _lock(connection: Connection, name: str, area: str | None) -> None:
    if not _NAME.fullmatch(name):
        raise AccountError(
            f"{name!r} is no reader's name: expected up to 40 small letters, digits and '_', a"
            " letter first"
        )
    if area is not None and queries_places.of_area(connection, area) is None:
        raise NoAccountError(f"no area has the code {area!r}")
    queries_readers.lock(connection)


def _let_in(  # noqa: PLR0913  who, where, and by whom
    connection: Connection,
    name: str,
    password: str,
    *,
    area: str | None,
    author: str,
    timeout: float,
) -> Reader:
    before = queries_readers.one(connection, name)
    _check(connection, name, password)
    queries_readers.put(connection, name, area, author)
    _give(connection, named(connection, name), password, timeout)
    if before is None or before.area != area:
        reads = "the whole territory" if area is None else area
        _record(connection, "reader", name, author, f"lets it read {reads}")
    return named(connection, name)


def _check(connection: Connection, name: str, password: str) -> None:
    role = queries_readers.role_of(name)
    others = _anothers(connection, role)
    if others:
        raise AccountError(f"the server's role {role!r} is {others}: give the reader another name")
    try:
        passwords.checked(password, name=role)
    except AccountError as error:
        raise AccountError(f"reader {name!r}: {error}") from error


def _give(connection: Connection, reader: Reader, password: str, timeout: float) -> None:
    whole = reader.area is None
    queries_readers.let_in(connection, reader.role, password, whole=whole, timeout=timeout)


def _anothers(connection: Connection, role: str) -> str:
    """Whose a role of that name is, where it is not this database's reader; else nothing."""
    held = queries_readers.held(connection, role)
    if held is None:
        return ""
    if held.elsewhere:
        return f"a reader of the database {', '.join(held.elsewhere)}"
    return "" if held.reads else "no reader's"


def _record(connection: Connection, kind: str, name: str, author: str, reason: str) -> None:
    audit.record(connection, kind=kind, subject=name, reason=reason, author=author)
