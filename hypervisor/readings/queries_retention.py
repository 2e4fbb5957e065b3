"""Deleting old readings: complete chunks where nothing in them is kept, else single rows.

Imported history (unless a setting says otherwise) and the last good reading of each series are
kept whatever their age; alarms, rule state, revisions and the audit always.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hypervisor.database import locks
from hypervisor.database.connect import Connection
from hypervisor.database.instance import CLOCK
from hypervisor.database.locks import Lock
from hypervisor.database.quality import is_good
from hypervisor.readings import queries_compression
from sensors._quality import Quality

_LOCK_TIMEOUT = "5s"  # a dump may hold a chunk for long, and others queue behind us

_GOOD = is_good("r.")
_IMPORTED = f"r.received_at IS NULL AND r.quality & {int(Quality.MANUAL)} = 0"

# The last good reading of each series, where it lies in the chunk.
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
    """What is older than these times is deleted; None: nothing."""

    readings: datetime | None
    imported: datetime | None
    dead_letters: datetime | None
    official: datetime | None = None
    photographs: datetime | None = None  # the wall's clock


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A chunk of readings, of which `expired` are deleted and `kept` stay."""

    first: datetime
    last: datetime
    expired: int
    kept: int
    imported: datetime | None

    @property
    def parameters(self) -> dict[str, Any]:
        since = "-infinity" if self.imported is None else self.imported.isoformat()
        return {"first": self.first, "last": self.last, "imported": since}


def lock_housekeeping(connection: Connection) -> bool:
    """Be the only process that does housekeeping, as long as the connection lives."""
    return locks.take(connection, Lock.HOUSEKEEPING)


def compressed_before(connection: Connection, days: int) -> datetime | None:
    """Chunks that ended a number of days ago, and before the evaluation, may be compressed."""
    periods = {"readings": days, "imported": None, "dead_letters": None}
    return read_bounds(connection, periods).readings


def read_bounds(connection: Connection, days: Mapping[str, int | None]) -> Bounds:
    """What is kept: a number of days before now, and before what is evaluated.

    In an exercise now is the scenario's. Before the first evaluation no reading is deleted.
    """
    (now, wall, evaluated) = connection.execute(
        f"SELECT {CLOCK}, clock_timestamp(), (SELECT CASE WHEN watermark IS NOT NULL"  # noqa: S608  a constant
        " THEN LEAST(watermark, evaluated_to) END FROM evaluation_progress())"
    ).fetchone() or (None, None, None)

    def before(at: datetime | None, what: str) -> datetime | None:
        span = days[what]
        return None if at is None or span is None else at - timedelta(days=span)

    settled = None if now is None or evaluated is None else min(now, evaluated)
    return Bounds(
        readings=before(settled, "readings"),
        imported=before(settled, "imported"),
        dead_letters=before(now, "dead_letters"),
        official=before(now, "official") if "official" in days else None,
        photographs=before(wall, "photographs") if "photographs" in days else None,
    )


def list_expired(connection: Connection, bounds: Bounds) -> list[Chunk]:
    """The chunks before the bound that hold expired readings, oldest first."""
    if bounds.readings is None:
        return []
    chunks = [
        _count_chunk(connection, first, last, bounds.imported)
        for first, last in queries_compression.list_chunks(connection, until=bounds.readings)
    ]
    return [chunk for chunk in chunks if chunk.expired]


def _count_chunk(
    connection: Connection, first: datetime, last: datetime, imported: datetime | None
) -> Chunk:
    empty = Chunk(first=first, last=last, expired=0, kept=0, imported=imported)
    ((expired, total),) = connection.execute(
        f"SELECT count(*) FILTER (WHERE {_EXPIRED}), count(*) FROM reading r"  # noqa: S608  constants
        " WHERE r.time >= %(first)s AND r.time < %(last)s",
        empty.parameters,
    )
    return replace(empty, expired=expired, kept=total - expired)


def drop_chunk(connection: Connection, chunk: Chunk) -> int:
    """Drop a chunk, or its expired rows, its columnar copy and versions; how many versions.

    In the caller's transaction; it fails after `lock_timeout`.
    """
    connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
    if chunk.kept:
        queries_compression.lift_row_limit(connection)
        connection.execute(f"DELETE FROM reading r WHERE {_EXPIRED}", chunk.parameters)  # noqa: S608  constants
    else:
        connection.execute(
            "SELECT drop_chunks('reading', older_than => %(last)s, newer_than => %(first)s)",
            chunk.parameters,
        )
    connection.execute(
        "DELETE FROM columnar_part WHERE first < %(last)s AND last > %(first)s", chunk.parameters
    )
    return connection.execute(_VERSIONS, chunk.parameters).rowcount


def drop_forecasts(connection: Connection, bounds: Bounds) -> None:
    """Drop the chunks of forecasts before the bound of readings, which they were made from."""
    if bounds.readings is not None:
        connection.execute("SELECT drop_chunks('forecast', older_than => %s)", [bounds.readings])


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
    """For how many days each kind of data is kept (None: for good)."""
    rows = connection.execute("SELECT what, days FROM retention").fetchall()
    return {str(what): days for what, days in rows}


def set_periods(connection: Connection, days: Mapping[str, int | None]) -> None:
    """Set for how many days each kind of data is kept."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO retention (what, days) VALUES (%s, %s) ON CONFLICT (what) DO UPDATE"
            " SET (days, agreed_at) = (EXCLUDED.days, now())"
            " WHERE retention.days IS DISTINCT FROM EXCLUDED.days",
            list(days.items()),
        )
