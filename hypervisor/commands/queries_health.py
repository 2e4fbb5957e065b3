"""Figures of commands: for doctor and metrics."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from hypervisor.commands.queries import NOW
from hypervisor.database.connect import Connection


@dataclass(frozen=True, kw_only=True)
class CommandHealth:
    """How commands and their sender do. `seen_at`: of the sender, the wall's clock; None: never.

    `connected`: to the broker. `lost`: failed or expired after they were sent, in the last day.
    """

    seen_at: datetime | None
    connected: bool
    unsigned: int
    queued: int
    unconfirmed: int
    lost: int


_HEALTH = f"""
SELECT (SELECT seen_at FROM command_sender) AS seen_at,
    coalesce((SELECT broker IS NOT NULL FROM command_sender), false) AS connected,
    count(*) FILTER (WHERE state = 'drafted' AND due_at IS NOT NULL)::int AS unsigned,
    count(*) FILTER (WHERE state = 'queued' AND due_at IS NOT NULL)::int AS queued,
    count(*) FILTER (WHERE state IN ('sent', 'accepted', 'acknowledged')
        AND due_at IS NOT NULL)::int AS unconfirmed,
    count(*) FILTER (WHERE state IN ('failed', 'expired') AND sent_at IS NOT NULL
        AND changed_at > {NOW} - interval '1 day')::int AS lost
FROM command WHERE due_at IS NOT NULL OR drafted_at > {NOW} - interval '2 days'
"""  # noqa: S608  a constant


def read_health(connection: Connection) -> CommandHealth:
    """All figures at once."""
    with connection.cursor(row_factory=class_row(CommandHealth)) as cursor:
        return cursor.execute(_HEALTH).fetchall()[0]
