"""The feed from ingest to the watch: committed batches in commit order, each exactly once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

import numpy as np

from hypervisor.base.instants import micros, moment
from hypervisor.database.connect import Connection
from sensors._row import ROW, Rows

CHANNEL = "hypervisor_feed"  # NOTIFY wakes the watch
HOUR = 3_600_000_000  # µs
DAY = 24 * HOUR
_MOST_SPANS = 64  # of hours in one entry
_ALL = 1 << 62
_BYTES = 8 * 2**20  # of readings at once: 280,000 rows


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One committed batch. `rows` of kind 'readings', `worker` and `at` of 'heartbeat'."""

    kind: str
    worker: str
    at: datetime | None
    rows: Rows


def append(
    connection: Connection,
    kind: str,
    *,
    worker: str = "",
    at: datetime | None = None,
    rows: bytes | None = None,
) -> None:
    """Add an entry in the caller's transaction, and wake the watch."""
    hours = None if rows is None else hours_of(np.frombuffer(rows, dtype=ROW))
    connection.execute(
        "INSERT INTO feed (kind, worker, at, rows, hours) VALUES (%s, %s, %s, %s, %s)",
        [kind, worker, at, rows, hours],
    )
    connection.execute("SELECT wake(%s)", [CHANNEL])


def hours_of(rows: Rows) -> str:
    """The hours of readings, as a tstzmultirange; very many spans become one.

    Until they are rolled up, queries of roll-ups take these hours from the readings.
    """
    if not len(rows):
        return "{}"
    hours = rows["time"] // HOUR
    least, most = int(hours.min()), int(hours.max())
    if most - least > 1:
        touched = np.unique(hours)
        gaps = np.flatnonzero(np.diff(touched) > 1)
        if len(gaps) < _MOST_SPANS:
            ends = [*touched[gaps].tolist(), most]
            begins = [least, *touched[gaps + 1].tolist()]
            return "{" + ",".join(map(_span, begins, ends)) + "}"
    return "{" + _span(least, most) + "}"


def _span(first: int, last: int) -> str:
    return f"[{moment(first * HOUR).isoformat()},{moment((last + 1) * HOUR).isoformat()})"


def read(
    connection: Connection, cursor: str, *, most: int | None = None
) -> tuple[Sequence[Entry], str]:
    """Entries from `cursor` on that no running transaction can still precede; the next cursor.

    A transaction that began earlier and commits later is not skipped: nothing at or beyond the
    oldest running transaction that can write here is read before it has ended (schema 0028).
    With `most`, about so many entries, and complete transactions; of readings about `_BYTES`.
    """
    with connection.pipeline():
        receive = request(connection, cursor, most=most)
    entries, upto, _ = receive()
    return entries, upto


def request(
    connection: Connection, cursor: str, *, most: int | None = None, most_bytes: int = _BYTES
) -> Callable[[], tuple[Sequence[Entry], str, bool]]:
    """Ask for what `read` returns, in a pipeline; call the result when that has ended.

    Also whether more may wait.

    The horizon stays at the server, and is of an older snapshot than the entries: what committed
    below it is among them.
    """
    horizon = connection.execute(
        "SELECT set_config('hypervisor.feed_horizon', commit_horizon()::text, true)"
    )
    fetched = connection.execute(
        "SELECT xid::text::bigint, id, kind, worker, at, rows FROM"
        " (SELECT *, sum(octet_length(rows))"
        "   OVER (ORDER BY xid GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before"
        "   FROM (SELECT * FROM feed WHERE xid >= %s::xid8"
        "     AND xid < current_setting('hypervisor.feed_horizon')::xid8"
        "     ORDER BY xid FETCH FIRST %s ROWS WITH TIES) AS first) AS summed"
        " WHERE before IS NULL OR before < %s",
        [cursor, _ALL if most is None else most, _ALL if most is None else most_bytes],
    )

    def receive() -> tuple[Sequence[Entry], str, bool]:
        rows = sorted(fetched.fetchall(), key=lambda row: row[:2])
        entries = [
            Entry(kind=kind, worker=worker, at=at, rows=np.frombuffer(rows or b"", dtype=ROW))
            for _, _, kind, worker, at, rows in rows
        ]
        size = sum(entry.rows.nbytes for entry in entries)
        if most is not None and (len(rows) >= most or size >= most_bytes):
            return entries, str(rows[-1][0] + 1), True
        return entries, str(horizon.fetchall()[0][0]), False

    return receive


def ahead(connection: Connection) -> int:
    """A cursor that no transaction committed by now has reached."""
    row = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text").fetchone()
    return int(row[0]) if row else 0


def prune(connection: Connection, cursor: str) -> None:
    """Delete entries read up to `cursor`, except those of kind 'registry', which are counted.

    Notes the days whose readings changed since the columnar copy. Keeps what is not rolled up yet
    if the roll-up ran within the hour; after a longer absence everything is rolled up again.
    """
    with connection.transaction():
        cursor = _prunable(connection, cursor)
        (copied,) = connection.execute("SELECT max(last) FROM columnar_part").fetchone() or (None,)
        if copied is not None:
            dirty = changed_days(connection, "xid < %s::xid8", cursor, before=micros(copied))
            with connection.cursor() as own:
                own.executemany(
                    "INSERT INTO columnar_dirty (day, xid) VALUES (%s, %s::xid8)"
                    " ON CONFLICT (day) DO UPDATE SET xid ="
                    " GREATEST(columnar_dirty.xid, EXCLUDED.xid)",
                    [(moment(day * DAY).date(), str(xid)) for day, xid in dirty.items()],
                )
        connection.execute("DELETE FROM feed WHERE xid < %s::xid8 AND kind <> 'registry'", [cursor])


def _prunable(connection: Connection, cursor: str) -> str:
    """The cursor, or that of the roll-up if it is behind and running."""
    row = connection.execute(
        "SELECT cursor::text FROM rollup_state WHERE cursor < %s::xid8"
        " AND seen_at > clock_timestamp() - INTERVAL '1 hour'",
        [cursor],
    ).fetchone()
    if row is not None:
        return str(row[0])
    connection.execute(
        "UPDATE rollup_state SET fill = '-infinity' WHERE cursor < %s::xid8",
        [cursor],
    )
    return cursor


def changed_days(
    connection: Connection, which: LiteralString, cursor: str, *, before: int
) -> dict[int, int]:
    """The days (since the epoch) of the entries' readings, with the latest xid of each.

    Only of readings older than `before` (µs). In a transaction; streams the entries.
    """
    latest: dict[int, int] = {}
    with connection.cursor(name="changed") as entries:
        entries.itersize = 50
        entries.execute(
            f"SELECT xid::text, rows FROM feed WHERE {which} AND kind = 'readings'",  # noqa: S608  a literal
            [cursor],
        )
        for xid, rows in entries:
            times = np.frombuffer(rows or b"", dtype=ROW)["time"]
            old = times[times < before]
            for day in np.unique(old // DAY).tolist() if len(old) else ():
                latest[day] = max(int(xid), latest.get(day, 0))
    return latest


def registry_version(connection: Connection) -> int:
    """How often the registry has changed: cheap, for holders of a copy."""
    return request_registry_version(connection)()


def request_registry_version(connection: Connection) -> Callable[[], int]:
    """Ask for it in a pipeline; call the result when that has ended."""
    cursor = connection.execute("SELECT count(*) FROM feed WHERE kind = 'registry'")

    def receive() -> int:
        ((version,),) = cursor
        return int(version)

    return receive
