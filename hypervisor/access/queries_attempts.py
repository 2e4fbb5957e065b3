"""Failed sign-ins, by name and by address: what is slowed down at the door."""

from collections.abc import Sequence
from datetime import datetime

from hypervisor.database.connect import Connection


def lock_failures(connection: Connection, keys: Sequence[str]) -> dict[str, tuple[int, datetime]]:
    """Failures in a row and the last of them, of the keys that have any; held until the end."""
    rows = connection.execute(
        "SELECT key, failures, last_at FROM login_attempt WHERE key = ANY (%s) ORDER BY key"
        " FOR UPDATE",
        [list(keys)],
    )
    return {key: (failures, last) for key, failures, last in rows}


def count_failure(
    connection: Connection, keys: Sequence[str], at: datetime, *, over: datetime
) -> None:
    """Count one more; failures that ended before `over` are forgotten."""
    for key in sorted(keys):
        connection.execute(
            "INSERT INTO login_attempt (key, failures, last_at) VALUES (%(key)s, 1, %(at)s)"
            " ON CONFLICT (key) DO UPDATE SET last_at = %(at)s, failures = 1 +"
            " CASE WHEN login_attempt.last_at < %(over)s THEN 0 ELSE login_attempt.failures END",
            {"key": key, "at": at, "over": over},
        )


def clear_failures(connection: Connection, keys: Sequence[str]) -> None:
    connection.execute("DELETE FROM login_attempt WHERE key = ANY (%s)", [list(keys)])


def uncount_failure(connection: Connection, key: str) -> None:
    """That one was no failure; those before it were."""
    connection.execute(
        "UPDATE login_attempt SET failures = GREATEST(failures - 1, 0) WHERE key = %s", [key]
    )
