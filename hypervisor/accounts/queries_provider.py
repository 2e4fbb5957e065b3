"""Accounts and sessions of the identity provider, and the sign-in rules."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from hypervisor.database.connect import Connection
from hypervisor.database.documents import Document

RULES = Document(table="sign_in_rules", kind="sign-in-rules")


@dataclass(frozen=True, kw_only=True)
class ProviderAccount:
    """An account that signs in with the provider."""

    id: int
    name: str
    title: str
    language: str | None
    disabled_at: datetime | None


def find_account(connection: Connection, issuer: str, subject: str) -> ProviderAccount | None:
    """The account of somebody whom the provider names so; held until the transaction's end."""
    with connection.cursor(row_factory=class_row(ProviderAccount)) as cursor:
        return cursor.execute(
            "SELECT a.id, a.name, a.title, a.language, a.disabled_at FROM account a"
            " JOIN provider_account p ON p.account = a.id WHERE p.issuer = %s AND p.subject = %s"
            " FOR UPDATE OF a",
            [issuer, subject],
        ).fetchone()


def link_account(connection: Connection, account: int, issuer: str, subject: str) -> None:
    """From now on this account is that person's."""
    connection.execute(
        "INSERT INTO provider_account (account, issuer, subject) VALUES (%s, %s, %s)",
        [account, issuer, subject],
    )


def is_provider_account(connection: Connection, account: int) -> bool:
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM provider_account WHERE account = %s)", [account]
    ).fetchone()
    return bool(row and row[0])


def insert_session(
    connection: Connection, session: bytes, *, sid: str | None, id_token: str
) -> None:
    """What the provider said when this session began."""
    connection.execute(
        "INSERT INTO provider_session (session, sid, id_token) VALUES (%s, %s, %s)",
        [session, sid, id_token],
    )


def find_id_token(connection: Connection, session: bytes | None) -> str | None:
    """With which a session began; None: with a password."""
    row = connection.execute(
        "SELECT id_token FROM provider_session WHERE session = %s", [session]
    ).fetchone()
    return None if row is None else str(row[0])


def delete_sessions(
    connection: Connection,
    *,
    issuer: str,
    subject: str | None,
    sid: str | None,
    opened_before: datetime,
) -> list[str]:
    """End the sessions that the provider ended; the name of each one's account.

    Those of `sid`; where the provider did not name it when they began, or names none now, all of
    `subject`.
    """
    rows = connection.execute(
        "DELETE FROM session s USING provider_session v, provider_account p, account a"
        " WHERE v.session = s.secret AND p.account = s.account AND a.id = s.account"
        " AND p.issuer = %(issuer)s AND s.created_at <= %(opened_before)s"
        " AND (v.sid = %(sid)s OR p.subject = %(subject)s AND (v.sid IS NULL OR %(sid)s IS NULL))"
        " RETURNING a.name",
        {"issuer": issuer, "subject": subject, "sid": sid, "opened_before": opened_before},
    )
    return [name for (name,) in rows]


def has_emergency_door(connection: Connection) -> bool:
    """Whether somebody who administers the whole instance signs in with a password."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM account a JOIN account_role r ON r.account = a.id"
        " WHERE r.role = 'administrator' AND r.area IS NULL"
        " AND a.password IS NOT NULL AND a.disabled_at IS NULL)"
    ).fetchone()
    return bool(row and row[0])
