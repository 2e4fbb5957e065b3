"""How ingest is doing: what came in when and how late, deaf spans, dead letters by reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.base.instants import BEGINNING, moment
from hypervisor.database.connect import Connection

_DAY = timedelta(days=1)

_ARRIVALS = """
SELECT time_bucket(%(step)s::interval, received_at, %(since)s::timestamptz) AS at, count(*),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM received_at - time))::float,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM received_at - time))::float
FROM reading
WHERE received_at > %(since)s AND received_at <= %(until)s
  AND time > %(oldest)s AND time <= %(newest)s
GROUP BY at ORDER BY at
"""
_LETTERS = """
SELECT reason, count(*) FILTER (WHERE redriven_at IS NULL),
       count(*) FILTER (WHERE redriven_at IS NOT NULL),
       count(*) FILTER (WHERE redriven_at IS NULL AND received_at > %(since)s),
       max(received_at), count(DISTINCT topic) FILTER (WHERE redriven_at IS NULL),
       count(*) FILTER (WHERE redriven_at IS NULL AND outcome IS NOT NULL)
FROM dead_letter GROUP BY reason ORDER BY 2 DESC, max(received_at) DESC
"""


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """Readings that arrived from `at` on for one step; s from measuring to arrival."""

    at: datetime
    readings: int
    median_s: float
    most_s: float  # of nineteen in twenty


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """Letters refused for one reason. `lately`: within the last day; `tried`: redriven in vain."""

    reason: str
    waiting: int
    redriven: int
    lately: int
    last: datetime
    topics: int
    tried: int


@dataclass(frozen=True, kw_only=True)
class IngestGap:
    """When a worker did not listen."""

    worker: str
    begins: datetime
    ends: datetime


def list_arrivals(
    connection: Connection, *, since: datetime, until: datetime, step: timedelta
) -> list[Arrivals]:
    """By step from `since` on, those in which something arrived."""
    rows = connection.execute(
        _ARRIVALS,
        {
            "step": step,
            "since": since,
            "until": until,
            # What a backlog brings late is counted for a day; older pages are not looked through.
            "oldest": since - _DAY,
            "newest": until + _DAY,
        },
    )
    return [
        Arrivals(at=at, readings=count, median_s=median, most_s=most)
        for at, count, median, most in rows
    ]


def list_refusals(connection: Connection, *, since: datetime) -> list[Refusals]:
    """By reason, the one with the most waiting first."""
    return [
        Refusals(
            reason=row[0],
            waiting=row[1],
            redriven=row[2],
            lately=row[3],
            last=row[4],
            topics=row[5],
            tried=row[6],
        )
        for row in connection.execute(_LETTERS, {"since": since})
    ]


def list_ingest_gaps(connection: Connection, *, limit: int) -> Sequence[IngestGap]:
    """The latest spans in which a worker did not listen; from before the first is none."""
    rows = connection.execute(
        "SELECT worker, from_at, to_at FROM deaf_span WHERE from_at > %s"
        " ORDER BY to_at DESC LIMIT %s",
        [moment(BEGINNING), limit],
    )
    return [IngestGap(worker=worker, begins=begins, ends=ends) for worker, begins, ends in rows]
