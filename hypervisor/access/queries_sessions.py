"""Sessions: where browsers are signed in, and as whom."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from psycopg.rows import class_row

from hypervisor.access import queries
from hypervisor.base.person import Person
from hypervisor.database.connect import Connection

_COLUMNS = (
    "s.secret, s.account, s.created_at, s.seen_at, s.ends_at, s.address, s.browser,"
    " s.confirmed_at, s.factor, s.awaits, s.factor IS NULL AND EXISTS (SELECT FROM account_role r"
    " JOIN required_factor USING (role) WHERE r.account = s.account) AS lacks_factor"
)


@dataclass(frozen=True, kw_only=True)
class Session:
    """A browser that is signed in."""

    secret: bytes
    account: int
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    address: str
    browser: str
    confirmed_at: datetime | None = None  # when they last proved who they are
    factor: str | None = None  # the second factor that was shown in it
    awaits: str | None = None  # a `factor` or an `enrolment`, before it opens anything
    lacks_factor: bool = False  # a role of theirs asks for a factor, and none was shown in it


def find_session(
    connection: Connection,
    secret: bytes,
    *,
    now: datetime,
    idle: timedelta,
    awaiting: bool = False,
) -> tuple[Person, Session] | None:
    """Whose session that is, if it still is one; `awaiting`: one that opens nothing yet."""
    row = connection.execute(
        f"SELECT {queries.PERSON}, {_COLUMNS} FROM session s JOIN account a ON a.id = s.account"  # noqa: S608  our own columns
        " WHERE s.secret = %s AND s.seen_at > %s AND s.ends_at > %s AND a.disabled_at IS NULL"
        " AND (s.awaits IS NOT NULL) = %s",
        [secret, now - idle, now, awaiting],
    ).fetchone()
    if row is None:
        return None
    session = Session(**dict(zip(Session.__annotations__, row[4:], strict=True)))
    return replace(queries.load_person(connection, row[:4]), session=secret), session


def insert_session(connection: Connection, session: Session) -> None:
    connection.execute(
        "INSERT INTO session"
        " (secret, account, created_at, seen_at, ends_at, address, browser, confirmed_at, factor,"
        " awaits) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            session.secret,
            session.account,
            session.created_at,
            session.seen_at,
            session.ends_at,
            session.address,
            session.browser,
            session.confirmed_at,
            session.factor,
            session.awaits,
        ],
    )


def touch_session(connection: Connection, secret: bytes, now: datetime) -> None:
    connection.execute(
        "UPDATE session SET seen_at = GREATEST(seen_at, %s) WHERE secret = %s", [now, secret]
    )


def confirm_session(connection: Connection, secret: bytes | None, at: datetime) -> None:
    """The person has proved at this time who they are."""
    connection.execute("UPDATE session SET confirmed_at = %s WHERE secret = %s", [at, secret])


def set_factor(connection: Connection, secret: bytes | None, factor: str) -> None:
    """A second factor of this kind was shown in the session."""
    connection.execute("UPDATE session SET factor = %s WHERE secret = %s", [factor, secret])


def is_awaiting(connection: Connection, secret: bytes | None) -> bool:
    """Whether this session still waits for a second factor."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM session WHERE secret = %s AND awaits IS NOT NULL)", [secret]
    ).fetchone()
    return bool(row and row[0])


def succeed_session(connection: Connection, former: bytes, secret: bytes) -> None:
    """Put a session in the place of the one that waited; the provider's word goes with it."""
    connection.execute(
        "UPDATE provider_session SET session = %s WHERE session = %s", [secret, former]
    )
    delete_session(connection, former)


def delete_session(connection: Connection, secret: bytes) -> None:
    connection.execute("DELETE FROM session WHERE secret = %s", [secret])


def delete_sessions(connection: Connection, account: int, *, but: bytes | None = None) -> int:
    """Sign an account out everywhere, or everywhere else; how many sessions that were."""
    return connection.execute(
        "DELETE FROM session WHERE account = %s AND secret IS DISTINCT FROM %s", [account, but]
    ).rowcount


def keep_latest_sessions(connection: Connection, account: int, *, latest: int) -> None:
    """Let an account keep only its sessions that were seen last."""
    connection.execute(
        "DELETE FROM session WHERE secret IN (SELECT secret FROM session WHERE account = %s"
        " ORDER BY seen_at DESC, created_at DESC OFFSET %s)",
        [account, latest],
    )


def lock_credential(connection: Connection, person: Person) -> bool:
    """Lock the person's account until the transaction's end.

    False: their session was ended meanwhile, or their token revoked.
    """
    queries.lock_account(connection, person.account)
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM session WHERE secret = %(session)s AND account = %(account)s)"
        " OR EXISTS (SELECT FROM api_token WHERE id = %(token)s AND account = %(account)s"
        "  AND revoked_at IS NULL)",
        {"session": person.session, "token": person.token, "account": person.account},
    ).fetchone()
    return bool(row and row[0])


def list_sessions(
    connection: Connection, account: int, *, now: datetime, idle: timedelta
) -> list[Session]:
    """Where an account is signed in, the latest seen first."""
    with connection.cursor(row_factory=class_row(Session)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM session s"  # noqa: S608  our own columns
            " WHERE account = %s AND seen_at > %s AND ends_at > %s AND awaits IS NULL"
            " ORDER BY seen_at DESC",
            [account, now - idle, now],
        ).fetchall()


def delete_expired(connection: Connection, *, now: datetime, idle: timedelta) -> None:
    """Forget sessions that are over, and failures long past."""
    connection.execute(
        "DELETE FROM session WHERE seen_at <= %s OR ends_at <= %s", [now - idle, now]
    )
    connection.execute("DELETE FROM login_attempt WHERE last_at < %s", [now - timedelta(days=1)])
