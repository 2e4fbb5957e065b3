"""Readings rolled up by hour and day: exact while the readings are there, frozen beyond.

Whoever follows the feed says which hours changed; these are made anew out of `reading`, and the
days that hold them out of the hours. So nothing that comes late, twice, corrected or invalidated is
counted wrongly, whatever the order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.instants import BEGINNING, micros, moment
from hypervisor.store.connect import Connection
from hypervisor.store.feed import HOUR
from sensors._quality import Quality

_UNFIT = int(Quality.SUSPECT)
_GOOD = f"value IS NOT NULL AND quality & {_UNFIT} = 0"
_LOCK = 7358

Pair = tuple[int, int]  # series, hour (µs since the epoch / HOUR)

# Of the hours that are wanted: what they hold. Of counters (`rises`) each reading with the one
# before it, wherever that lies; where that was let go, it is what was rolled up of it.
_HOURS = f"""
INSERT INTO rollup_hour (series_id, begins, day, count, sum, min, max, last, last_at, increase)
SELECT w.series, w.begins, date_trunc('day', w.begins, %(zone)s), h.count, h.sum, h.min, h.max,
    h.last, h.last_at, CASE WHEN w.rises THEN COALESCE(c.increase, 0) END
FROM wanted w
CROSS JOIN LATERAL (
    SELECT count(*), sum(value), min(value), max(value), last(value, time), max(time) AS last_at
    FROM reading WHERE series_id = w.series AND time >= w.begins
        AND time < w.begins + INTERVAL '1 hour' AND {_GOOD}
) h
LEFT JOIN LATERAL (
    SELECT sum(CASE WHEN value < before THEN value ELSE value - before END) AS increase FROM (
        SELECT value, lag(value) OVER (ORDER BY time) AS before, time FROM (
            (SELECT time, value FROM reading WHERE series_id = w.series AND time < w.begins
                AND (time >= %(frozen)s OR w.begins < %(frozen)s) AND {_GOOD}
                ORDER BY time DESC LIMIT 1)
            UNION ALL
            (SELECT last_at, last FROM rollup_hour WHERE series_id = w.series
                AND begins < LEAST(w.begins, %(frozen)s) ORDER BY begins DESC LIMIT 1)
            UNION ALL
            SELECT time, value FROM reading WHERE series_id = w.series AND time >= w.begins
                AND time < w.begins + INTERVAL '1 hour' AND {_GOOD}
        ) own
    ) risen WHERE time >= w.begins AND before IS NOT NULL
) c ON w.rises
WHERE h.count > 0
"""  # noqa: S608  constants

# A counter's first reading after an hour that changed rises from another one than before.
_NEXT = f"""
INSERT INTO wanted SELECT DISTINCT w.series, date_trunc('hour', n.time, 'UTC'), true
FROM wanted w CROSS JOIN LATERAL (
    SELECT time FROM reading WHERE series_id = w.series AND time >= w.begins + INTERVAL '1 hour'
        AND {_GOOD} ORDER BY time LIMIT 1
) n WHERE w.rises ON CONFLICT DO NOTHING
"""  # noqa: S608  constants

_SUSPECT = f"""
INSERT INTO rollup_suspect (series_id, begins, day, count)
SELECT w.series, w.begins, date_trunc('day', w.begins, %(zone)s), h.count
FROM wanted w CROSS JOIN LATERAL (
    SELECT count(*) FROM reading WHERE series_id = w.series AND time >= w.begins
        AND time < w.begins + INTERVAL '1 hour' AND quality & {_UNFIT} <> 0
) h WHERE h.count > 0
"""  # noqa: S608  constants

# What was rolled up before the limit stays; there an hour is only ever made where none was.
_FROZEN = """
DELETE FROM wanted w WHERE begins < %(frozen)s AND (
    EXISTS (SELECT FROM rollup_hour h WHERE h.series_id = w.series AND h.begins = w.begins)
    OR EXISTS (SELECT FROM rollup_suspect h WHERE h.series_id = w.series AND h.begins = w.begins))
"""

_DAYS = """
INSERT INTO rollup_day (series_id, begins, count, sum, min, max, last, last_at, increase)
SELECT h.series_id, d.begins, sum(h.count), sum(h.sum), min(h.min), max(h.max),
    last(h.last, h.last_at), max(h.last_at), sum(h.increase)
FROM days d JOIN rollup_hour h ON h.series_id = d.series
    AND h.begins >= d.begins AND h.begins < d.ends
GROUP BY 1, 2
"""


@dataclass(frozen=True, kw_only=True)
class State:
    """`cursor` of the feed; `fill`: from when on all is to be rolled up anew; None: done."""

    cursor: str
    fill: datetime | None
    frozen: datetime


def take(connection: Connection) -> bool:
    """Be the only one that rolls up, as long as the connection lives."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
    return bool(row and row[0])


def state(connection: Connection) -> State:
    """How far it is, in the caller's transaction; whoever refreshes has it to themselves."""
    row = connection.execute(
        "SELECT cursor::text, CASE WHEN fill = '-infinity' THEN %(old)s ELSE fill END,"
        " GREATEST(frozen, %(old)s) FROM rollup_state FOR UPDATE",
        {"old": moment(BEGINNING)},
    ).fetchone()
    if row is None:
        raise AssertionError("the migration made its row")
    return State(cursor=row[0], fill=row[1], frozen=row[2])


def followed(connection: Connection, cursor: str, *, fill: datetime | None) -> None:
    """Remember how far it is, in the caller's transaction."""
    connection.execute(
        "UPDATE rollup_state SET cursor = %s::xid8, fill = %s, seen_at = clock_timestamp()",
        [cursor, fill],
    )


def refresh(
    connection: Connection, pairs: Iterable[Pair], *, counters: Sequence[int], zone: str
) -> int:
    """Make these hours anew, and the days that hold them; how many hours.

    In the caller's transaction, which holds `state`. What is frozen stays. `counters`: the series
    whose increase is told; `zone`: whose days.
    """
    _tables(connection)
    known, words = set(counters), {"zone": zone, "frozen": state(connection).frozen}
    with connection.cursor().copy("COPY wanted (series, begins, rises) FROM STDIN") as copy:
        for series, hour in set(pairs):
            copy.write_row((series, moment(hour * HOUR), series in known))
    connection.execute(_NEXT.encode())
    connection.execute(_FROZEN, words)
    connection.execute("ANALYZE wanted")
    for table in ("rollup_hour", "rollup_suspect"):
        connection.execute(
            f"DELETE FROM {table} h USING wanted w"  # noqa: S608  constants
            " WHERE h.series_id = w.series AND h.begins = w.begins"
        )
    made = connection.execute(_HOURS.encode(), words).rowcount
    connection.execute(_SUSPECT.encode(), words)
    connection.execute(
        "INSERT INTO days SELECT DISTINCT series, date_trunc('day', begins, %(zone)s),"
        " date_trunc('day', begins, %(zone)s) FROM wanted",
        {"zone": zone},
    )
    # The next midnight on the wall: a day of a change has 23 or 25 hours.
    connection.execute(
        "UPDATE days SET ends = date_trunc('day', begins + INTERVAL '30 hours', %s)", [zone]
    )
    connection.execute(
        "DELETE FROM rollup_day r USING days d WHERE r.series_id = d.series AND r.begins = d.begins"
    )
    connection.execute(_DAYS)
    return made


def _tables(connection: Connection) -> None:
    connection.execute(
        "CREATE TEMPORARY TABLE IF NOT EXISTS wanted (series integer, begins timestamptz,"
        " rises boolean, PRIMARY KEY (series, begins)) ON COMMIT DELETE ROWS"
    )
    connection.execute(
        "CREATE TEMPORARY TABLE IF NOT EXISTS days (series integer, begins timestamptz,"
        " ends timestamptz, PRIMARY KEY (series, begins)) ON COMMIT DELETE ROWS"
    )
    connection.execute("TRUNCATE wanted, days")


def hours_of(connection: Connection, first: datetime, last: datetime) -> list[Pair]:
    """Series and hours that hold a reading in a span of time, or have held one."""
    rows = connection.execute(
        "SELECT series_id, extract(epoch FROM date_trunc('hour', time, 'UTC'))::bigint / 3600"
        " FROM reading WHERE time >= %(first)s AND time < %(last)s"
        " UNION SELECT series_id, extract(epoch FROM begins)::bigint / 3600 FROM rollup_hour"
        " WHERE begins >= %(first)s AND begins < %(last)s"
        " UNION SELECT series_id, extract(epoch FROM begins)::bigint / 3600 FROM rollup_suspect"
        " WHERE begins >= %(first)s AND begins < %(last)s",
        {"first": first, "last": last},
    )
    return [(int(series), int(hour)) for series, hour in rows]


def chunks(connection: Connection, since: datetime) -> list[tuple[datetime, datetime]]:
    """The spans in which readings lie together, those that end after `since`, oldest first."""
    rows = connection.execute(
        "SELECT range_start, range_end FROM timescaledb_information.chunks"
        " WHERE hypertable_schema = 'public' AND hypertable_name = 'reading'"
        " AND range_end > %s ORDER BY range_start",
        [since],
    )
    return [(first, last) for first, last in rows]


def freeze(connection: Connection, upto: datetime) -> None:
    """From now on what is rolled up before `upto` stays: its readings go with this transaction."""
    connection.execute("UPDATE rollup_state SET frozen = GREATEST(frozen, %s)", [upto])


def counters(connection: Connection, quantities: Sequence[str]) -> list[int]:
    """The series of these quantities, which rise; whoever reads roll-ups is told so, too.

    Where other quantities rise than did, all is to be rolled up anew.
    """
    connection.execute(
        "UPDATE rollup_state SET counters = %(quantities)s, fill = CASE WHEN counters = '{}'"
        " THEN fill ELSE '-infinity' END WHERE counters <> %(quantities)s",
        {"quantities": sorted(quantities)},
    )
    rows = connection.execute("SELECT id FROM series WHERE quantity = ANY(%s)", [list(quantities)])
    return [int(row[0]) for row in rows]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What a series said in an hour or a day."""

    begins: datetime
    count: int
    sum: float
    min: float
    max: float
    last: float
    last_at: datetime
    increase: float | None

    @property
    def mean(self) -> float:
        return self.sum / self.count


def read(
    connection: Connection, series: Sequence[int], span: tuple[datetime, datetime], *, days: bool
) -> dict[int, list[Piece]]:
    """Pieces that begin within first <= begins < last, ascending; none: the series is absent."""
    table = "rollup_day" if days else "rollup_hour"
    rows = connection.execute(
        "SELECT series_id, begins, count, sum, min, max, last, last_at, increase"  # noqa: S608
        f" FROM {table} WHERE series_id = ANY(%s) AND begins >= %s AND begins < %s"
        " ORDER BY series_id, begins",
        [list(series), *span],
    )
    found: dict[int, list[Piece]] = {}
    for one, *values in rows:
        piece = Piece(**dict(zip(Piece.__dataclass_fields__, values, strict=True)))
        found.setdefault(one, []).append(piece)
    return found


def hour_of(at: datetime) -> int:
    """The number of the hour that an instant lies in."""
    return micros(at) // HOUR
