"""Our own alarm: evaluation is late, so that alarms come late; it ends by itself.

The notifier raises it, since an evaluation that hangs says nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from hypervisor.base.instants import micros, text
from hypervisor.database.connect import Connection
from hypervisor.database.progress import LATE, Progress, get_progress
from hypervisor.notifications import queries_outbox
from hypervisor.notifications.decision import IN_TIME, LATE_EVALUATION
from hypervisor.notifications.queries_outbox import Event

_CONFIRMED = 10.0  # s that it must be late: after a start it catches up at once
_IN_TIME = timedelta(seconds=15)  # a lag below which it is over


@dataclass(kw_only=True)
class Lateness:
    """What one notifier has seen of evaluation's lag."""

    say: Callable[[str], None]
    ticks: Callable[[], float] = monotonic
    _late_since: float | None = None

    def look(self, connection: Connection, *, live: bool, wall: datetime) -> int:
        """Put an event into the outbox when evaluation is late, and when no longer; how many."""
        progress = get_progress(connection)
        lag = progress.lag(wall, live=live)
        if lag is None or lag <= LATE:
            self._late_since = None
            if lag is None or lag > _IN_TIME:
                return 0
        elif self._late_since is None:
            self._late_since = self.ticks()
        late = self._late_since is not None
        if late and self.ticks() - (self._late_since or 0.0) < _CONFIRMED:
            return 0
        with connection.transaction():
            latest = queries_outbox.find_latest(connection, (LATE_EVALUATION, IN_TIME))
            if late is (latest is not None and latest.event == LATE_EVALUATION):
                return 0
            now = queries_outbox.read_clock(connection) or micros(wall)
            event = _describe(progress, lag, now, wall, late=late, after=latest.id if latest else 0)
            put = queries_outbox.put_events(connection, [event])
        if put:
            self.say(f"{event.event}: {lag.total_seconds():.0f} s, {progress.unread} batches wait")
        return put


def _describe(  # noqa: PLR0913
    progress: Progress, lag: timedelta, now: int, wall: datetime, *, late: bool, after: int
) -> Event:
    """`after`: the number of the event before, so that of several notifiers only one puts it."""
    name = LATE_EVALUATION if late else IN_TIME
    body = {
        "rule": "",
        "subjects": [],
        "lag_s": round(lag.total_seconds()),
        "since": text(micros(wall - lag)),
        "unread": progress.unread,
    }
    return Event(alarm=None, event=name, at=now, body=body, key=f"{name}:{after}")
