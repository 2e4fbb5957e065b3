"""Accounts with their roles, sessions and tokens; what is slowed down at the door."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.errors import UniqueViolation

from hypervisor.accounts.duties import Duty, Role
from hypervisor.accounts.errors import AccountError, NoAccountError
from hypervisor.accounts.person import EVERYWHERE, Grant, Person, Territory
from hypervisor.store import standing
from hypervisor.store.connect import Connection

_COLUMNS = "a.id, a.name, a.title, a.language"
# An administrator of the only département sees all that one of the whole instance does.
_GRANTS = """
WITH RECURSIVE held AS (
    SELECT r.role, r.area, a.name, a.kind FROM account_role r LEFT JOIN area a ON a.code = r.area
    WHERE r.account = %s
), below AS (
    SELECT area AS root, area AS code FROM held WHERE area IS NOT NULL
    UNION SELECT below.root, area.code FROM area JOIN below ON area.parent = below.code
)
SELECT held.role, held.area, held.name,
       held.area IS NULL OR held.kind = 'departement'
           AND (SELECT count(*) FROM area WHERE kind = 'departement') = 1,
       held.kind = 'departement',
       ARRAY (SELECT code FROM below JOIN area USING (code)
              WHERE root = held.area AND kind = 'commune' ORDER BY code)
FROM held ORDER BY held.area NULLS FIRST,
    array_position(ARRAY['administrator', 'author', 'operator', 'viewer'], held.role)
"""


@dataclass(frozen=True, kw_only=True)
class Known:
    """An account as those see it who administer it."""

    id: int
    name: str
    title: str
    language: str | None
    made_at: datetime
    disabled_at: datetime | None
    signed_in_at: datetime | None
    signs_in: bool


@dataclass(frozen=True, kw_only=True)
class Session:
    """A browser that is signed in."""

    secret: bytes
    account: int
    made_at: datetime
    seen_at: datetime
    ends_at: datetime
    address: str
    browser: str


@dataclass(frozen=True, kw_only=True)
class Token:
    """An API token; `shown`: its first letters, all that anybody can still see of it."""

    id: int
    account: int
    name: str
    shown: str
    scopes: tuple[Duty, ...]
    made_at: datetime
    ends_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


# Who asks


def of_session(
    connection: Connection, secret: bytes, *, now: datetime, idle: timedelta
) -> tuple[Person, Session] | None:
    """Whose session that is, if it still is one."""
    row = connection.execute(
        f"SELECT {_COLUMNS}, s.secret, s.account, s.made_at, s.seen_at, s.ends_at, s.address,"  # noqa: S608  our own columns
        " s.browser FROM session s JOIN account a ON a.id = s.account"
        " WHERE s.secret = %s AND s.seen_at > %s AND s.ends_at > %s AND a.disabled_at IS NULL",
        [secret, now - idle, now],
    ).fetchone()
    if row is None:
        return None
    person = Person(
        account=row[0],
        name=row[1],
        title=row[2],
        language=row[3],
        grants=grants(connection, row[0]),
        session=secret,
    )
    session = Session(
        secret=row[4],
        account=row[5],
        made_at=row[6],
        seen_at=row[7],
        ends_at=row[8],
        address=row[9],
        browser=row[10],
    )
    return person, session


def of_token(
    connection: Connection, secret: bytes, *, now: datetime
) -> tuple[Person, datetime | None] | None:
    """Whose token that is, if it is still valid, and when it was last used."""
    row = connection.execute(
        f"SELECT {_COLUMNS}, t.id, t.scopes, t.used_at FROM api_token t"  # noqa: S608  our own columns
        " JOIN account a ON a.id = t.account WHERE t.secret = %s AND t.ends_at > %s"
        " AND t.revoked_at IS NULL AND a.disabled_at IS NULL",
        [secret, now],
    ).fetchone()
    if row is None:
        return None
    person = Person(
        account=row[0],
        name=row[1],
        title=row[2],
        language=row[3],
        grants=grants(connection, row[0]),
        scopes=frozenset(Duty(one) for one in row[5]),
        token=row[4],
    )
    return person, row[6]


def of_account(connection: Connection, account: int) -> Person | None:
    """Somebody by the number of their account, as they would be signed in."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM account a WHERE a.id = %s",  # noqa: S608  our own columns
        [account],
    ).fetchone()
    if row is None:
        return None
    return Person(
        account=row[0],
        name=row[1],
        title=row[2],
        language=row[3],
        grants=grants(connection, row[0]),
    )


def grants(connection: Connection, account: int) -> tuple[Grant, ...]:
    """The roles of an account with the communes where each holds."""
    return tuple(
        Grant(
            role=Role(role),
            area=area,
            area_name=name,
            territory=EVERYWHERE
            if whole
            else Territory(unplaced=departement, communes=frozenset(communes)),
        )
        for role, area, name, whole, departement, communes in connection.execute(_GRANTS, [account])
    )


# Accounts


def every(connection: Connection) -> list[Known]:
    """All accounts by name."""
    rows = connection.execute(
        "SELECT id, name, title, language, made_at, disabled_at, signed_in_at,"
        " password IS NOT NULL FROM account ORDER BY lower(name)"
    )
    return [
        Known(
            id=row[0],
            name=row[1],
            title=row[2],
            language=row[3],
            made_at=row[4],
            disabled_at=row[5],
            signed_in_at=row[6],
            signs_in=row[7],
        )
        for row in rows
    ]


def named(connection: Connection, name: str) -> Known:
    """The account of that name.

    Raises:
        NoAccountError: there is none.
    """
    found = next((one for one in every(connection) if one.name == name), None)
    if found is None:
        raise NoAccountError(f"no account is named {name!r}")
    return found


def password(connection: Connection, name: str) -> tuple[int, str | None] | None:
    """The number and the hash of an account that may sign in; its name in any case of letters."""
    row = connection.execute(
        "SELECT id, password FROM account WHERE lower(name) = lower(%s) AND disabled_at IS NULL",
        [name],
    ).fetchone()
    return None if row is None else (row[0], row[1])


def add(
    connection: Connection, *, name: str, title: str, password: str | None, language: str | None
) -> int:
    """A new account; its number.

    Raises:
        AccountError: the name is taken.
    """
    taken = connection.execute("SELECT name FROM account WHERE lower(name) = lower(%s)", [name])
    found = taken.fetchone()
    if found is not None:
        raise AccountError(f"an account is named {found[0]!r} already")
    try:
        with connection.transaction():
            row = connection.execute(
                "INSERT INTO account (name, title, password, language) VALUES (%s, %s, %s, %s)"
                " RETURNING id",
                [name, title, password, language],
            ).fetchone()
    except UniqueViolation as error:
        raise AccountError(f"an account is named {name!r} already") from error
    return int(row[0]) if row else 0


def set_password(connection: Connection, account: int, hashed: str | None) -> None:
    connection.execute("UPDATE account SET password = %s WHERE id = %s", [hashed, account])


def describe(connection: Connection, account: int, *, title: str, language: str | None) -> None:
    connection.execute(
        "UPDATE account SET title = %s, language = %s WHERE id = %s", [title, language, account]
    )


def disable(connection: Connection, account: int, at: datetime | None) -> None:
    """Take an account out of use, or (None) into it again."""
    connection.execute("UPDATE account SET disabled_at = %s WHERE id = %s", [at, account])


def signed_in(connection: Connection, account: int, at: datetime) -> None:
    connection.execute("UPDATE account SET signed_in_at = %s WHERE id = %s", [at, account])


def roles(connection: Connection, account: int) -> list[tuple[Role, str | None]]:
    """Its roles, each with the code of its area."""
    rows = connection.execute(
        "SELECT role, area FROM account_role WHERE account = %s ORDER BY role, area", [account]
    )
    return [(Role(role), area) for role, area in rows]


def set_roles(
    connection: Connection, account: int, wanted: Sequence[tuple[Role, str | None]]
) -> None:
    """Give it these roles and no others."""
    connection.execute("DELETE FROM account_role WHERE account = %s", [account])
    for role, area in dict.fromkeys(wanted):
        connection.execute(
            "INSERT INTO account_role (account, role, area) VALUES (%s, %s, %s)",
            [account, role.value, area],
        )


def lock(connection: Connection) -> None:
    """Let nobody else change accounts until the transaction's end."""
    connection.execute("LOCK TABLE account_role IN SHARE ROW EXCLUSIVE MODE")


def administrators(connection: Connection) -> int:
    """How many accounts in use administer the whole instance."""
    row = connection.execute(
        "SELECT count(DISTINCT a.id) FROM account a JOIN account_role r ON r.account = a.id"
        " WHERE r.role = 'administrator' AND r.area IS NULL AND a.disabled_at IS NULL"
    ).fetchone()
    return int(row[0]) if row else 0


def territory(connection: Connection, area: str | None) -> Territory:
    """Where a role given for this area would hold.

    Raises:
        NoAccountError: no area has that code.
    """
    if area is None:
        return EVERYWHERE
    found = standing.of_area(connection, area)
    if found is None:
        raise NoAccountError(f"no area has the code {area!r}")
    return found


def areas(connection: Connection) -> list[tuple[str, str, str, str | None]]:
    """(code, kind, name, parent) of all areas, from the département down, by name."""
    rows = connection.execute(
        "SELECT code, kind, name, parent FROM area"
        " ORDER BY array_position(ARRAY['departement', 'epci', 'commune'], kind), name"
    )
    return [(code, kind, name, parent) for code, kind, name, parent in rows]


# Sessions


def open_session(connection: Connection, session: Session) -> None:
    connection.execute(
        "INSERT INTO session (secret, account, made_at, seen_at, ends_at, address, browser)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            session.secret,
            session.account,
            session.made_at,
            session.seen_at,
            session.ends_at,
            session.address,
            session.browser,
        ],
    )


def touch_session(connection: Connection, secret: bytes, now: datetime) -> None:
    connection.execute(
        "UPDATE session SET seen_at = GREATEST(seen_at, %s) WHERE secret = %s", [now, secret]
    )


def close_session(connection: Connection, secret: bytes) -> None:
    connection.execute("DELETE FROM session WHERE secret = %s", [secret])


def close_sessions(connection: Connection, account: int, *, but: bytes | None = None) -> int:
    """Sign an account out everywhere, or everywhere else; how many sessions that were."""
    return connection.execute(
        "DELETE FROM session WHERE account = %s AND secret IS DISTINCT FROM %s", [account, but]
    ).rowcount


def sessions(
    connection: Connection, account: int, *, now: datetime, idle: timedelta
) -> list[Session]:
    """Where an account is signed in, the latest seen first."""
    rows = connection.execute(
        "SELECT secret, account, made_at, seen_at, ends_at, address, browser FROM session"
        " WHERE account = %s AND seen_at > %s AND ends_at > %s ORDER BY seen_at DESC",
        [account, now - idle, now],
    )
    return [
        Session(
            secret=row[0],
            account=row[1],
            made_at=row[2],
            seen_at=row[3],
            ends_at=row[4],
            address=row[5],
            browser=row[6],
        )
        for row in rows
    ]


def sweep(connection: Connection, *, now: datetime, idle: timedelta) -> None:
    """Forget sessions that are over, and failures long past."""
    connection.execute(
        "DELETE FROM session WHERE seen_at <= %s OR ends_at <= %s", [now - idle, now]
    )
    connection.execute("DELETE FROM login_attempt WHERE last_at < %s", [now - timedelta(days=1)])


# Tokens


def add_token(  # noqa: PLR0913  what a token is
    connection: Connection,
    *,
    account: int,
    secret: bytes,
    shown: str,
    name: str,
    scopes: Sequence[Duty],
    made_at: datetime,
    ends_at: datetime,
) -> int:
    row = connection.execute(
        "INSERT INTO api_token (account, secret, shown, name, scopes, made_at, ends_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
        [account, secret, shown, name, [one.value for one in scopes], made_at, ends_at],
    ).fetchone()
    return int(row[0]) if row else 0


def tokens(connection: Connection, account: int | None = None) -> list[Token]:
    """Those of one account, or all, the latest made first."""
    rows = connection.execute(
        "SELECT id, account, name, shown, scopes, made_at, ends_at, used_at, revoked_at"
        " FROM api_token WHERE %(account)s::integer IS NULL OR account = %(account)s"
        " ORDER BY id DESC",
        {"account": account},
    )
    return [
        Token(
            id=row[0],
            account=row[1],
            name=row[2],
            shown=row[3],
            scopes=tuple(Duty(one) for one in row[4]),
            made_at=row[5],
            ends_at=row[6],
            used_at=row[7],
            revoked_at=row[8],
        )
        for row in rows
    ]


def token(connection: Connection, number: int) -> Token:
    """One by its number.

    Raises:
        NoAccountError: there is none.
    """
    found = next((one for one in tokens(connection) if one.id == number), None)
    if found is None:
        raise NoAccountError(f"no token has the number {number}")
    return found


def used(connection: Connection, number: int, at: datetime) -> None:
    connection.execute("UPDATE api_token SET used_at = %s WHERE id = %s", [at, number])


def revoke(connection: Connection, number: int, at: datetime) -> None:
    connection.execute(
        "UPDATE api_token SET revoked_at = COALESCE(revoked_at, %s) WHERE id = %s", [at, number]
    )


# Failed sign-ins


def attempts(connection: Connection, keys: Sequence[str]) -> dict[str, tuple[int, datetime]]:
    """Failures in a row and the last of them, of the keys that have any; held until the end."""
    rows = connection.execute(
        "SELECT key, failures, last_at FROM login_attempt WHERE key = ANY (%s) ORDER BY key"
        " FOR UPDATE",
        [list(keys)],
    )
    return {key: (failures, last) for key, failures, last in rows}


def failed(connection: Connection, keys: Sequence[str], at: datetime, *, over: datetime) -> None:
    """Count one more; failures that ended before `over` are forgotten."""
    for key in sorted(keys):
        connection.execute(
            "INSERT INTO login_attempt (key, failures, last_at) VALUES (%(key)s, 1, %(at)s)"
            " ON CONFLICT (key) DO UPDATE SET last_at = %(at)s, failures = 1 +"
            " CASE WHEN login_attempt.last_at < %(over)s THEN 0 ELSE login_attempt.failures END",
            {"key": key, "at": at, "over": over},
        )


def forgive(connection: Connection, keys: Sequence[str]) -> None:
    connection.execute("DELETE FROM login_attempt WHERE key = ANY (%s)", [list(keys)])


def uncount(connection: Connection, key: str) -> None:
    """That one was no failure; those before it were."""
    connection.execute(
        "UPDATE login_attempt SET failures = GREATEST(failures - 1, 0) WHERE key = %s", [key]
    )
