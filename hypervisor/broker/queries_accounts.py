"""Accounts at a cluster's broker: the table that all machines share."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.database.connect import Connection, fetch

CHANNEL = "broker_account"  # notified of every change
FIRST_SECONDS, LONGEST_SECONDS = 30.0, 600.0  # of a pause; doubled each time


@dataclass(frozen=True, kw_only=True)
class AccountRow:
    """`topics`: what a listener reads. `paused`: put out for a while."""

    name: str
    password_hash: str
    topics: Sequence[str]
    changed_at: datetime
    paused: bool


def load_accounts(connection: Connection) -> dict[str, AccountRow]:
    rows = fetch(
        connection,
        AccountRow,
        "SELECT name, password_hash, topics, changed_at,"
        " COALESCE(paused_until > clock_timestamp(), false) AS paused FROM broker_account",
    )
    return {row.name: row for row in rows}


def seconds_to_next_end(connection: Connection) -> float | None:
    """Until the next pause is over; None: there is none."""
    row = connection.execute(
        "SELECT extract(epoch FROM min(paused_until) - clock_timestamp())::float8"
        " FROM broker_account WHERE paused_until > clock_timestamp()"
    ).fetchone()
    return row[0] if row else None


def change_accounts(
    connection: Connection,
    put: Mapping[str, str],
    drop: Collection[str] = (),
    topics: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Set the hashes of `put` and remove `drop`; `topics`: of listeners."""
    with connection.transaction():
        connection.execute("DELETE FROM broker_account WHERE name = ANY(%s)", [list(drop)])
        connection.cursor().executemany(
            "INSERT INTO broker_account (name, password_hash, topics) VALUES (%s, %s, %s)"
            " ON CONFLICT (name) DO UPDATE SET password_hash = excluded.password_hash,"
            " topics = excluded.topics, changed_at = clock_timestamp(),"
            " paused_until = NULL, pause_seconds = NULL",
            [(name, hashed, list((topics or {}).get(name, ()))) for name, hashed in put.items()],
        )
        _notify(connection)


def pause(connection: Connection, name: str) -> float | None:
    """Put an account out for a while; the seconds, or None: it is out, or there is none.

    Each machine that hears of a flood asks for it; the first is followed.
    """
    with connection.transaction():
        row = connection.execute(
            "UPDATE broker_account"
            " SET pause_seconds = s, paused_until = at + make_interval(secs => s)"
            " FROM (SELECT name AS who, clock_timestamp() AS at, CASE"
            "   WHEN paused_until > clock_timestamp() - interval '1 hour'"
            "   THEN least(2 * pause_seconds, %(longest)s) ELSE %(first)s END AS s"
            "   FROM broker_account WHERE name = %(name)s FOR UPDATE) next"
            " WHERE name = who AND (paused_until IS NULL OR paused_until <= at)"
            " RETURNING pause_seconds",
            {"name": name, "first": FIRST_SECONDS, "longest": LONGEST_SECONDS},
        ).fetchone()
        if row is None:
            return None
        _notify(connection)
    return float(row[0])


def _notify(connection: Connection) -> None:
    connection.execute("SELECT pg_notify(%s, '')", [CHANNEL])
