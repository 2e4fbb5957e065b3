"""Second factors of accounts, recovery codes, and which roles must have a factor."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from hypervisor.base.duties import Role
from hypervisor.database.connect import Connection


def list_factors(connection: Connection, account: int) -> list[str]:
    """The kinds of factor that an account has."""
    rows = connection.execute(
        "SELECT 'totp' FROM totp_factor WHERE account = %(account)s"
        " UNION ALL SELECT DISTINCT 'passkey' FROM passkey WHERE account = %(account)s",
        {"account": account},
    )
    return [kind for (kind,) in rows]


def find_totp(connection: Connection, account: int) -> bytes | None:
    """The key of an account's authenticator."""
    row = connection.execute("SELECT key FROM totp_factor WHERE account = %s", [account]).fetchone()
    return None if row is None else bytes(row[0])


def put_totp(connection: Connection, account: int, key: bytes, *, step: int, at: datetime) -> None:
    """Let this authenticator be the account's; the code of `step` has been shown."""
    connection.execute(
        "INSERT INTO totp_factor (account, key, last_step, added_at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (account) DO UPDATE SET key = EXCLUDED.key, last_step = EXCLUDED.last_step,"
        " added_at = EXCLUDED.added_at",
        [account, key, step, at],
    )


def use_totp(connection: Connection, account: int, *, step: int) -> bool:
    """Take the code of a step; False: it, or a later one, was taken before."""
    return (
        connection.execute(
            "UPDATE totp_factor SET last_step = %(step)s"
            " WHERE account = %(account)s AND last_step < %(step)s",
            {"account": account, "step": step},
        ).rowcount
        == 1
    )


def replace_recovery_codes(connection: Connection, account: int, digests: Iterable[bytes]) -> None:
    """Give an account these codes and no others."""
    connection.execute("DELETE FROM recovery_code WHERE account = %s", [account])
    connection.cursor().executemany(
        "INSERT INTO recovery_code (account, digest) VALUES (%s, %s)",
        [(account, digest) for digest in digests],
    )


def use_recovery_code(connection: Connection, account: int, digest: bytes, at: datetime) -> bool:
    """Take a recovery code; False: it is none, or was taken before."""
    return (
        connection.execute(
            "UPDATE recovery_code SET used_at = %s"
            " WHERE account = %s AND digest = %s AND used_at IS NULL",
            [at, account, digest],
        ).rowcount
        == 1
    )


def count_recovery_codes(connection: Connection, account: int) -> int:
    """How many are left."""
    row = connection.execute(
        "SELECT count(*) FROM recovery_code WHERE account = %s AND used_at IS NULL", [account]
    ).fetchone()
    return int(row[0]) if row else 0


def delete_factors(connection: Connection, account: int) -> list[str]:
    """Take every factor and recovery code from an account; the kinds that it had."""
    kinds = list_factors(connection, account)
    connection.execute("DELETE FROM totp_factor WHERE account = %s", [account])
    connection.execute("DELETE FROM passkey WHERE account = %s", [account])
    connection.execute("DELETE FROM recovery_code WHERE account = %s", [account])
    return kinds


def list_required_roles(connection: Connection) -> list[Role]:
    """The roles whose accounts must have a second factor."""
    rows = connection.execute("SELECT role FROM required_factor ORDER BY role")
    return [Role(role) for (role,) in rows]


def require_factor(
    connection: Connection, roles: Sequence[Role], *, at: datetime, author: str
) -> None:
    """Let these roles and no others ask for a second factor."""
    connection.execute("DELETE FROM required_factor WHERE NOT role = ANY (%s)", [list(roles)])
    for role in dict.fromkeys(roles):
        connection.execute(
            "INSERT INTO required_factor (role, required_at, author) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [role.value, at, author],
        )


def must_have_factor(connection: Connection, account: int) -> bool:
    """Whether one of the account's roles asks for a second factor."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM account_role JOIN required_factor USING (role)"
        " WHERE account = %s)",
        [account],
    ).fetchone()
    return bool(row and row[0])


def put_challenge(
    connection: Connection, session: bytes, act: str, challenge: bytes, at: datetime
) -> None:
    """Give a session something to answer, in place of what it had for this act."""
    connection.execute(
        "INSERT INTO factor_challenge (session, act, challenge, created_at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (session, act) DO UPDATE SET challenge = EXCLUDED.challenge,"
        " created_at = EXCLUDED.created_at",
        [session, act, challenge, at],
    )


def find_challenge(
    connection: Connection, session: bytes | None, act: str, *, since: datetime
) -> bytes | None:
    """What a session has to answer for an act, if it was given that lately."""
    row = connection.execute(
        "SELECT challenge FROM factor_challenge"
        " WHERE session = %s AND act = %s AND created_at > %s",
        [session, act, since],
    ).fetchone()
    return None if row is None else bytes(row[0])


def take_challenge(
    connection: Connection, session: bytes | None, act: str, *, since: datetime
) -> bytes | None:
    """The same, once: nobody else answers it any more."""
    row = connection.execute(
        "DELETE FROM factor_challenge WHERE session = %s AND act = %s"
        " RETURNING challenge, created_at",
        [session, act],
    ).fetchone()
    return bytes(row[0]) if row is not None and row[1] > since else None
