"""SQL of the instance's key at push services."""

from dataclasses import dataclass

from hypervisor.database.connect import Connection, fetch


@dataclass(frozen=True, kw_only=True)
class StoredKey:
    """`private`: encrypted PEM."""

    public: str
    private: bytes


def read_key(connection: Connection) -> StoredKey | None:
    rows = fetch(connection, StoredKey, "SELECT public, private FROM push_key")
    return rows[0] if rows else None


def replace_key(connection: Connection, *, public: str, private: bytes) -> int:
    """Keep this key; how many subscriptions to the old one were deleted."""
    connection.execute(
        "INSERT INTO push_key (public, private) VALUES (%s, %s) ON CONFLICT (only_row)"
        " DO UPDATE SET public = EXCLUDED.public, private = EXCLUDED.private, created_at = now()",
        [public, private],
    )
    return connection.execute("DELETE FROM subscription WHERE channel = 'push'").rowcount
