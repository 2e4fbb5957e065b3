"""SQL of official road events: every version, what stands at a time, what is over."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from hypervisor.database.connect import Connection
from hypervisor.feeds.model import Feed, RoadEvent

_FIELDS = """feed, reference, version, state, kind, closed, detail, road, place, words, begins,
    ends, issued, producer, geometry, source, licence"""
# What differs from the newest that is stored of the event, unless it is older.
_ADD = f"""
WITH newest AS (
    SELECT * FROM official_event
    WHERE feed = %(feed)s AND reference = %(reference)s AND superseded_at IS NULL
), other AS (
    SELECT WHERE NOT EXISTS (
        SELECT FROM newest
        WHERE issued > %(issued)s OR version = %(version)s AND state = %(state)s
          AND words = %(words)s AND begins = %(begins)s AND ends IS NOT DISTINCT FROM %(ends)s
          AND kind = %(kind)s AND closed = %(closed)s AND geometry = %(geometry)s::jsonb)
), superseded AS (
    UPDATE official_event e SET superseded_at = now() FROM newest, other WHERE e.id = newest.id
)
INSERT INTO official_event ({_FIELDS})
SELECT %(feed)s, %(reference)s, %(version)s, %(state)s, %(kind)s, %(closed)s, %(detail)s, %(road)s,
    %(place)s, %(words)s, %(begins)s, %(ends)s, %(issued)s, %(producer)s, %(geometry)s::jsonb,
    %(source)s, %(licence)s
FROM other
"""  # noqa: S608  a constant
# What was listed, and is not any more: the same once more, as gone.
_END = f"""
WITH gone AS (
    UPDATE official_event SET superseded_at = now()
    WHERE feed = %(feed)s AND superseded_at IS NULL AND state = 'active'
      AND (ends IS NULL OR ends > %(at)s) AND reference <> ALL (%(listed)s)
    RETURNING *
)
INSERT INTO official_event ({_FIELDS})
SELECT feed, reference, version, 'gone', kind, closed, detail, road, place, words, begins, ends,
    issued, producer, geometry, source, licence
FROM gone
"""  # noqa: S608  a constant
_STANDING = f"""
SELECT {_FIELDS}, created_at FROM official_event
WHERE created_at <= %(stored_by)s AND (superseded_at IS NULL OR superseded_at > %(stored_by)s)
  AND state = 'active' AND begins <= %(at)s AND issued <= %(at)s AND (ends IS NULL OR ends > %(at)s)
ORDER BY kind = 'flood' DESC, closed DESC, begins DESC, reference LIMIT %(most)s
"""  # noqa: S608  a constant
_HISTORY = f"""
SELECT {_FIELDS}, created_at FROM official_event
WHERE created_at BETWEEN %(since)s AND %(until)s ORDER BY id LIMIT %(most)s
"""  # noqa: S608  a constant
_DELETE = """
DELETE FROM official_event WHERE created_at < %(before)s
  AND (superseded_at IS NOT NULL OR state <> 'active' OR ends < %(before)s)
"""
MOST = 500


@dataclass(frozen=True, kw_only=True)
class StoredEvent:
    """A version of a road event as it was issued."""

    feed: str
    reference: str
    version: str
    state: str
    kind: str
    closed: bool
    detail: str
    road: str
    place: str
    words: str
    begins: datetime
    ends: datetime | None
    issued: datetime
    producer: str
    geometry: dict[str, Any]
    source: str
    licence: str
    created_at: datetime


def store(
    connection: Connection,
    feed: Feed,
    events: Sequence[RoadEvent],
    *,
    listed: Collection[str] | None,
    at: datetime,
) -> None:
    """Store what is new; `listed`: all that the service lists, None: it does not say."""
    with connection.cursor() as cursor:
        cursor.executemany(_ADD, [_row(feed, event) for event in events])
    if listed is not None:
        parameters = {"feed": feed.name, "at": at, "listed": list(listed)}
        connection.execute(_END, parameters)


def _row(feed: Feed, event: RoadEvent) -> dict[str, object]:
    return {
        **vars(event),
        "feed": feed.name,
        "source": feed.source,
        "licence": feed.licence,
        "closed": event.is_closed,
        "geometry": json.dumps(event.geometry),
    }


def list_standing(
    connection: Connection, at: datetime, *, stored_by: datetime | None = None
) -> list[StoredEvent]:
    """What holds at a time, floods and closures first; as it was stored by then."""
    cursor = connection.cursor(row_factory=class_row(StoredEvent))
    parameters = {"at": at, "stored_by": stored_by or "infinity", "most": MOST}
    return cursor.execute(_STANDING, parameters).fetchall()


def list_history(
    connection: Connection, since: datetime, until: datetime, *, most: int
) -> list[StoredEvent]:
    """Every version stored in a span, the oldest first."""
    cursor = connection.cursor(row_factory=class_row(StoredEvent))
    parameters = {"since": since, "until": until, "most": most}
    return cursor.execute(_HISTORY, parameters).fetchall()


def list_bounds(connection: Connection) -> list[tuple[float, float, float, float]]:
    """West, south, east and north of each département's communes and sites, with a margin.

    A site outside all communes has edges of its own. Empty: none has a place.
    """
    rows = connection.execute(
        "SELECT min(lon) - 0.06, min(lat) - 0.04, max(lon) + 0.06, max(lat) + 0.04 FROM ("
        " SELECT lon, lat, code AS commune, '' AS name FROM area WHERE kind = 'commune'"
        " UNION ALL SELECT lon, lat, commune, name FROM site) place"
        " WHERE lon IS NOT NULL"
        " GROUP BY CASE WHEN commune IS NULL THEN 'site ' || name"
        " WHEN commune LIKE '97%' OR commune LIKE '98%' THEN left(commune, 3)"
        " ELSE left(commune, 2) END ORDER BY 1, 2, 3, 4"
    )
    return rows.fetchall()


def delete_old(connection: Connection, before: datetime) -> int:
    """Delete what was stored before, but for what may still hold; how many."""
    return connection.execute(_DELETE, {"before": before}).rowcount
