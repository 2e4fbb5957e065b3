"""Accounts: who there is, and who they are when they are signed in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from hypervisor.access import queries_roles
from hypervisor.access.errors import AccountError, NoAccountError
from hypervisor.base.person import Person
from hypervisor.database.connect import Connection
from sensors._foreign import fold_name

PERSON = "a.id, a.name, a.title, a.language"  # what `person` makes somebody of


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account as those see it who administer it. `by_provider`: by the identity provider."""

    id: int
    name: str
    title: str
    language: str | None
    created_at: datetime
    disabled_at: datetime | None
    signed_in_at: datetime | None
    signs_in: bool
    by_provider: bool


def load_person(connection: Connection, row: Sequence[Any]) -> Person:
    """Somebody with their roles; `row`: the columns PERSON."""
    number, name, title, language = row
    return Person(
        account=number,
        name=name,
        title=title,
        language=language,
        grants=queries_roles.list_grants(connection, number),
    )


def get_person(connection: Connection, account: int) -> Person:
    """Somebody by the number of their account, as they would be signed in.

    Raises NoAccountError: there is none.
    """
    row = connection.execute(
        f"SELECT {PERSON} FROM account a WHERE a.id = %s",  # noqa: S608  our own columns
        [account],
    ).fetchone()
    if row is None:
        raise NoAccountError("no account has the number {number}", account)
    return load_person(connection, row)


def list_accounts(connection: Connection) -> list[Account]:
    """All accounts by name."""
    with connection.cursor(row_factory=class_row(Account)) as cursor:
        return cursor.execute(
            "SELECT a.id, name, title, language, created_at, disabled_at, signed_in_at,"
            " password IS NOT NULL OR p.account IS NOT NULL AS signs_in,"
            " p.account IS NOT NULL AS by_provider"
            " FROM account a LEFT JOIN provider_account p ON p.account = a.id ORDER BY lower(name)"
        ).fetchall()


def get_account(connection: Connection, name: str) -> Account:
    """The account of that name. Raises NoAccountError: there is none."""
    match = next((account for account in list_accounts(connection) if account.name == name), None)
    if match is None:
        raise NoAccountError("no account is named {name!r}", name)
    return match


def find_password_hash(connection: Connection, name: str) -> tuple[int, str | None] | None:
    """The number and the hash of an account that may sign in; its name in any case of letters."""
    row = connection.execute(
        "SELECT id, password FROM account WHERE lower(name) = lower(%s) AND disabled_at IS NULL",
        [name],
    ).fetchone()
    return None if row is None else (row[0], row[1])


def lock_account(connection: Connection, account: int) -> None:
    """Lock this account until the transaction's end."""
    connection.execute("SELECT FROM account WHERE id = %s FOR UPDATE", [account])


def insert_account(
    connection: Connection, *, name: str, title: str, password: str | None, language: str | None
) -> int:
    """A new account; its number. Raises AccountError: the name, or one that looks alike, is taken.

    The caller holds `lock_roles`: nobody else makes an account meanwhile.
    """
    names = [each for (each,) in connection.execute("SELECT name FROM account")]
    for existing in names:
        if fold_name(existing) == fold_name(name):
            raise AccountError("an account named {name!r} already exists", existing)
    try:
        with connection.transaction():
            row = connection.execute(
                "INSERT INTO account (name, title, password, language) VALUES (%s, %s, %s, %s)"
                " RETURNING id",
                [name, title, password, language],
            ).fetchone()
    except UniqueViolation as error:
        raise AccountError("an account named {name!r} already exists", name) from error
    return int(row[0]) if row else 0


def set_password(connection: Connection, account: int, hashed: str | None) -> None:
    connection.execute("UPDATE account SET password = %s WHERE id = %s", [hashed, account])


def update_account(
    connection: Connection, account: int, *, title: str, language: str | None
) -> None:
    connection.execute(
        "UPDATE account SET title = %s, language = %s WHERE id = %s", [title, language, account]
    )


def set_disabled(connection: Connection, account: int, at: datetime | None) -> None:
    """Take an account out of use, or (None) into it again."""
    connection.execute("UPDATE account SET disabled_at = %s WHERE id = %s", [at, account])


def record_sign_in(connection: Connection, account: int, at: datetime) -> None:
    connection.execute("UPDATE account SET signed_in_at = %s WHERE id = %s", [at, account])
