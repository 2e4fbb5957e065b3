"""What is old enough to go: whole chunks of readings where nothing in them is kept, else its rows.

Kept whatever their age: imported history (unless a setting says otherwise) and the last good
reading of each series, whose value may still hold; alarms, journal, revisions and the audit always.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.database import locks
from hypervisor.database.connect import Connection
from hypervisor.database.locks import Lock
from hypervisor.database.quality import is_good
from hypervisor.readings import queries_compression
from sensors._quality import Quality

_LOCK_TIMEOUT = "5s"  # a dump may hold a chunk for long: whoever waits for us must not wait as long

_GOOD = is_good("r.")
_IMPORTED = f"r.received_at IS NULL AND r.quality & {int(Quality.MANUAL)} = 0"

# Of each series the last good reading, where that lies in the chunk.
_HELD = f"""
SELECT series_id, time FROM (
    SELECT series_id, max(time) AS time FROM reading r
    WHERE r.time >= %(first)s AND r.time < %(last)s AND {_GOOD} GROUP BY series_id
) held WHERE NOT EXISTS (SELECT FROM reading r
    WHERE r.series_id = held.series_id AND r.time >= %(last)s AND {_GOOD})
"""  # noqa: S608  constants
_EXPIRED = f"""
r.time >= %(first)s AND r.time < %(last)s
AND NOT ({_IMPORTED} AND r.time >= %(imported)s)
AND (r.series_id, r.time) NOT IN ({_HELD})
"""

# A version whose reading is gone.
_VERSIONS = """
DELETE FROM reading_version v WHERE v.time >= %(first)s AND v.time < %(last)s
AND NOT EXISTS (SELECT FROM reading r WHERE r.series_id = v.series_id AND r.time = v.time
    AND r.time >= %(first)s AND r.time < %(last)s)
"""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Nothing from these times on goes; None: nothing at all."""

    readings: datetime | None
    imported: datetime | None
    dead_letters: datetime | None


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Readings of a span of time that lie together; `kept` of them stay."""

    first: datetime
    last: datetime
    going: int
    kept: int
    imported: datetime | None

    @property
    def words(self) -> dict[str, Any]:
        since = "-infinity" if self.imported is None else self.imported.isoformat()
        return {"first": self.first, "last": self.last, "imported": since}


def lock_housekeeping(connection: Connection) -> bool:
    """Be the only one that keeps house, as long as the connection lives."""
    return locks.take(connection, Lock.HOUSEKEEPING)


def compressed_before(connection: Connection, days: int) -> datetime | None:
    """What ends so many days before now, or before where the watch stands, may be compressed."""
    limits = read_bounds(connection, {"readings": days, "imported": None, "dead_letters": None})
    return limits.readings


def read_bounds(connection: Connection, days: Mapping[str, int | None]) -> Bounds:
    """The oldest that is kept: so many days before now, or before where the watch stands.

    In an exercise now is the scenario's. Where nothing was judged yet no reading goes.
    """
    (now, judged) = connection.execute(
        "SELECT CASE mode WHEN 'live' THEN clock_timestamp()"
        " ELSE (SELECT max(heard_at) FROM worker) END,"
        " (SELECT CASE WHEN watermark IS NOT NULL THEN LEAST(watermark, evaluated_to) END"
        "   FROM evaluation_state) FROM instance"
    ).fetchone() or (None, None)

    def before(at: datetime | None, what: str) -> datetime | None:
        span = days[what]
        return None if at is None or span is None else at - timedelta(days=span)

    settled = None if now is None or judged is None else min(now, judged)
    return Bounds(
        readings=before(settled, "readings"),
        imported=before(settled, "imported"),
        dead_letters=before(now, "dead_letters"),
    )


def list_expired(connection: Connection, bounds: Bounds) -> list[Chunk]:
    """The chunks that lie before the bound and hold something that goes, oldest first."""
    if bounds.readings is None:
        return []
    rows = connection.execute(
        "SELECT range_start, range_end FROM timescaledb_information.chunks"
        " WHERE hypertable_schema = 'public' AND hypertable_name = 'reading'"
        " AND range_end <= %s ORDER BY range_start",
        [bounds.readings],
    ).fetchall()
    chunks = [_count_chunk(connection, first, last, bounds.imported) for first, last in rows]
    return [chunk for chunk in chunks if chunk.going]


def _count_chunk(
    connection: Connection, first: datetime, last: datetime, imported: datetime | None
) -> Chunk:
    empty = Chunk(first=first, last=last, going=0, kept=0, imported=imported)
    ((going, every),) = connection.execute(
        f"SELECT count(*) FILTER (WHERE {_EXPIRED}), count(*) FROM reading r"  # noqa: S608  constants
        " WHERE r.time >= %(first)s AND r.time < %(last)s",
        empty.words,
    )
    return Chunk(first=first, last=last, going=going, kept=every - going, imported=imported)


def drop_chunk(connection: Connection, chunk: Chunk) -> int:
    """Drop the chunk, or delete what goes of it, its copy and the versions; how many versions.

    In the caller's transaction. Fails rather than waits for long, see `lock_timeout`.
    """
    connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
    if chunk.kept:
        queries_compression.lift_row_limit(connection)
        connection.execute(f"DELETE FROM reading r WHERE {_EXPIRED}", chunk.words)  # noqa: S608  constants
    else:
        connection.execute(
            "SELECT drop_chunks('reading', older_than => %(last)s, newer_than => %(first)s)",
            chunk.words,
        )
    connection.execute(
        "DELETE FROM columnar_part WHERE first < %(last)s AND last > %(first)s", chunk.words
    )
    return connection.execute(_VERSIONS, chunk.words).rowcount


def count_expired_letters(connection: Connection, bounds: Bounds) -> int:
    """How many dead letters arrived before the bound."""
    ((letters,),) = connection.execute(
        "SELECT count(*) FROM dead_letter WHERE received_at < %s", [bounds.dead_letters]
    )
    return int(letters)


def delete_expired_letters(connection: Connection, bounds: Bounds) -> int:
    """Delete them, in the caller's transaction; how many."""
    return connection.execute(
        "DELETE FROM dead_letter WHERE received_at < %s", [bounds.dead_letters]
    ).rowcount


def list_periods(connection: Connection) -> dict[str, int | None]:
    """For how many days each thing is kept by agreement (None: for good)."""
    rows = connection.execute("SELECT what, days FROM retention").fetchall()
    return {str(what): days for what, days in rows}


def set_periods(connection: Connection, days: Mapping[str, int | None]) -> None:
    """Keep things so long from now on."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO retention (what, days) VALUES (%s, %s) ON CONFLICT (what) DO UPDATE"
            " SET (days, agreed_at) = (EXCLUDED.days, now())"
            " WHERE retention.days IS DISTINCT FROM EXCLUDED.days",
            list(days.items()),
        )
