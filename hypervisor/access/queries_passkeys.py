"""Passkeys of accounts."""

from datetime import datetime

from hypervisor.database.connect import Connection


def list_ids(connection: Connection, account: int) -> list[bytes]:
    """The passkeys of an account."""
    rows = connection.execute("SELECT id FROM passkey WHERE account = %s ORDER BY id", [account])
    return [bytes(number) for (number,) in rows]


def lock_passkey(connection: Connection, account: int, key: bytes) -> tuple[bytes, int] | None:
    """Public key and counter of a passkey of this account, locked until the transaction's end."""
    row = connection.execute(
        "SELECT public_key, sign_count FROM passkey WHERE id = %s AND account = %s FOR UPDATE",
        [key, account],
    ).fetchone()
    return None if row is None else (bytes(row[0]), int(row[1]))


def insert_passkey(  # noqa: PLR0913  what a passkey is
    connection: Connection, account: int, key: bytes, *, public_key: bytes, count: int, at: datetime
) -> bool:
    """Add a passkey; False: it is somebody's already."""
    return (
        connection.execute(
            "INSERT INTO passkey (id, account, public_key, sign_count, added_at)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [key, account, public_key, count, at],
        ).rowcount
        == 1
    )


def record_use(connection: Connection, key: bytes, *, count: int, at: datetime) -> None:
    connection.execute(
        "UPDATE passkey SET sign_count = %s, used_at = %s WHERE id = %s", [count, at, key]
    )
