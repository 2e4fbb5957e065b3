"""SQL of the status bar."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.database.connect import Connection

_RANK = {"critical": 1, "major": 2, "minor": 3, "info": 4}
_LATE = timedelta(seconds=30)
_LOAD = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class Glance:
    """`tally`: priority -> (to acknowledge, all open), without shelved and suppressed alarms."""

    tally: dict[int, tuple[int, int]]
    judged_to: datetime | None
    workers: int
    workers_heard: bool
    readings_per_minute: int
    raised_lately: int


def read_glance(connection: Connection, *, now: datetime, wall: datetime) -> Glance:
    """Read it. `now`: the instance's clock; `wall`: real time."""
    tally = dict.fromkeys(_RANK.values(), (0, 0))
    rows = connection.execute(
        "SELECT a.severity->-1->>1, count(*) FILTER (WHERE a.acknowledged IS NULL),"
        " count(*) FROM alarm a WHERE a.withdrawn IS NULL"
        " AND (a.ended IS NULL OR a.acknowledged IS NULL)"
        " AND NOT EXISTS (SELECT FROM alarm_hold h WHERE h.rule = a.rule AND h.subject = a.subject"
        "  AND (h.until IS NULL OR h.until > %s)) GROUP BY 1",
        [now],
    )
    for severity, unseen, active in rows:
        rank = _RANK.get(severity, 4)
        seen, on = tally[rank]
        tally[rank] = (seen + unseen, on + active)
    ((judged, workers, heard, readings, raised),) = connection.execute(
        "SELECT (SELECT evaluated_to FROM evaluation_state),"
        " (SELECT count(*) FROM worker WHERE drained_at IS NULL),"
        " (SELECT coalesce(bool_and(heard_at > %(late)s), false) FROM worker"
        "  WHERE drained_at IS NULL),"
        " (SELECT count(*) FROM reading WHERE received_at > %(lately)s AND received_at <= %(now)s"
        "  AND time > %(day)s),"
        " (SELECT count(*) FROM transition WHERE kind = 'raised' AND noticed_at > %(load)s"
        "  AND noticed_at <= %(now)s)",
        {
            "late": wall - _LATE,
            "lately": now - _LOAD,
            "day": now - timedelta(days=1),
            "now": now,
            "load": now - _LOAD,
        },
    )
    return Glance(
        tally=tally,
        judged_to=judged,
        workers=workers,
        workers_heard=heard,
        readings_per_minute=round(readings / (_LOAD / timedelta(minutes=1))),
        raised_lately=raised,
    )
