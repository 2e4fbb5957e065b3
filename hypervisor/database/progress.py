"""How far the evaluation is, and how late the alarms are that become due now."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.database.connect import Connection

LATE = timedelta(seconds=30)  # evaluation that keeps up is some seconds behind at most

_PROGRESS = """
SELECT s.watermark, s.evaluated_to, s.engine, f.unread, coalesce(f.waited, '0')
FROM (SELECT 1) AS row LEFT JOIN evaluation_progress() s ON true CROSS JOIN LATERAL (
    SELECT count(*),
        greatest(clock_timestamp() - min(stored_at) FILTER (WHERE kind <> 'registry'), '0')
    FROM feed
    WHERE xid >= coalesce(s.cursor, '0')) f (unread, waited)
"""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Up to where silence (`watermark`) and values are evaluated.

    `unread`: entries of the feed that wait; `waited`: the oldest with readings or a heartbeat so
    long, in real time.
    """

    watermark: datetime | None
    evaluated_to: datetime | None
    engine: str | None
    unread: int
    waited: timedelta

    def lag(self, now: datetime, *, live: bool) -> timedelta | None:
        """How far evaluation is behind a live instance's clock, the way through ingest included.

        Of an exercise, whose clock is the scenario's, how long readings wait. None: it has
        evaluated nothing yet, and nothing waits.
        """
        if live and self.evaluated_to is not None:
            return max(now - self.evaluated_to, self.waited)
        return self.waited if self.unread or not live else None

    def is_late(self, now: datetime, *, live: bool) -> bool:
        """Whether an alarm that becomes due now is not raised in time: nobody may say "calm"."""
        lag = self.lag(now, live=live)
        return lag is None or lag > LATE


def get_progress(connection: Connection) -> Progress:
    """How far the evaluation is; any role may ask."""
    watermark, evaluated_to, engine, unread, waited = connection.execute(_PROGRESS).fetchone() or (
        *(None, None, None, 0),
        timedelta(0),
    )
    return Progress(
        watermark=watermark,
        evaluated_to=evaluated_to,
        engine=engine,
        unread=unread,
        waited=waited,
    )
