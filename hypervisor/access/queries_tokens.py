"""API tokens: whose they are, what they may do, until when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from psycopg.rows import dict_row

from hypervisor.access import queries
from hypervisor.access.errors import NoAccountError
from hypervisor.base.duties import Duty
from hypervisor.base.person import Person
from hypervisor.database.connect import Connection
from hypervisor.database.credentials import CONFIRMED


@dataclass(frozen=True, kw_only=True)
class Token:
    """An API token; `prefix`: its first letters, the only part that is still shown."""

    id: int
    account: int
    name: str
    prefix: str
    scopes: tuple[Duty, ...]
    created_at: datetime
    ends_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


def find_token(
    connection: Connection, secret: bytes, *, now: datetime
) -> tuple[Person, datetime | None] | None:
    """Whose token that is, if it is still valid, and when it was last used."""
    row = connection.execute(
        f"SELECT {queries.PERSON}, t.id, t.scopes, t.used_at FROM api_token t"  # noqa: S608  our own columns
        " JOIN account a ON a.id = t.account WHERE t.secret = %(secret)s AND t.ends_at > %(now)s"
        f" AND t.revoked_at IS NULL AND a.disabled_at IS NULL AND {CONFIRMED}",
        {"secret": secret, "now": now},
    ).fetchone()
    if row is None:
        return None
    number, scopes, used_at = row[4:]
    owner = queries.load_person(connection, row[:4])
    return replace(owner, scopes=frozenset(map(Duty, scopes)), token=number), used_at


def insert_token(  # noqa: PLR0913  what a token is
    connection: Connection,
    *,
    account: int,
    secret: bytes,
    prefix: str,
    name: str,
    scopes: Sequence[Duty],
    created_at: datetime,
    ends_at: datetime,
) -> int:
    row = connection.execute(
        "INSERT INTO api_token (account, secret, prefix, name, scopes, created_at, ends_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
        [account, secret, prefix, name, [duty.value for duty in scopes], created_at, ends_at],
    ).fetchone()
    return int(row[0]) if row else 0


def list_tokens(connection: Connection, account: int | None = None) -> list[Token]:
    """Those of one account, or all, the latest made first."""
    rows = connection.cursor(row_factory=dict_row).execute(
        "SELECT id, account, name, prefix, scopes, created_at, ends_at, used_at, revoked_at"
        " FROM api_token WHERE %(account)s::integer IS NULL OR account = %(account)s"
        " ORDER BY id DESC",
        {"account": account},
    )
    return [Token(**{**row, "scopes": tuple(map(Duty, row["scopes"]))}) for row in rows]


def get_token(connection: Connection, number: int) -> Token:
    """One by its number. Raises NoAccountError: there is none."""
    token = next((token for token in list_tokens(connection) if token.id == number), None)
    if token is None:
        raise NoAccountError("no token has the number {number}", number)
    return token


def record_use(connection: Connection, number: int, at: datetime) -> None:
    connection.execute("UPDATE api_token SET used_at = %s WHERE id = %s", [at, number])


def count_valid_tokens(connection: Connection, account: int, now: datetime) -> int:
    row = connection.execute(
        "SELECT count(*) FROM api_token WHERE account = %s AND ends_at > %s AND revoked_at IS NULL",
        [account, now],
    ).fetchone()
    return int(row[0]) if row else 0


def revoke_tokens(connection: Connection, account: int, at: datetime) -> int:
    """Make every token of an account void; how many were not yet."""
    return connection.execute(
        "UPDATE api_token SET revoked_at = %s WHERE account = %s AND revoked_at IS NULL",
        [at, account],
    ).rowcount


def revoke_token(connection: Connection, number: int, at: datetime) -> None:
    connection.execute(
        "UPDATE api_token SET revoked_at = COALESCE(revoked_at, %s) WHERE id = %s", [at, number]
    )
