"""Roll-ups by hour and day: exact as long as the readings are stored, frozen afterwards.

The follower of the feed names the hours that changed; they are recomputed from the readings, and
their days from the hours, so that late, repeated, corrected and invalidated readings all count
once. Week by week: each statement then names its time, and the planner looks at one or two chunks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from psycopg import Cursor
from psycopg.rows import TupleRow

from hypervisor.base.instants import BEGINNING, POSTGRES_EPOCH, moment
from hypervisor.database.columns import Integers, Times
from hypervisor.database.connect import Connection, fetch
from hypervisor.database.feed import HOUR
from hypervisor.database.quality import is_good, is_suspect

Pair = tuple[int, int]  # series, hour (µs since the epoch / HOUR)

_GOOD = is_good()
_NEAR = timedelta(days=2)  # a counter has mostly reported within so long before an hour

_TABLES = """
CREATE TEMPORARY TABLE IF NOT EXISTS touched (series integer, begins timestamptz)
    ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS due (series integer, begins timestamptz, rises boolean,
    PRIMARY KEY (series, begins)) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS seed (series integer PRIMARY KEY, time timestamptz,
    value double precision) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS counted (series integer, begins timestamptz, count integer,
    sum double precision, min double precision, max double precision, last double precision,
    last_at timestamptz, suspect integer) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS days (series integer, begins timestamptz, ends timestamptz)
    ON COMMIT DELETE ROWS;
TRUNCATE touched, due
"""

_TOUCH = "INSERT INTO touched SELECT * FROM unnest(%s, %s)"
_ADD_HOURS = """
INSERT INTO due SELECT DISTINCT t.series, t.begins, s.quantity = ANY (k.counters)
FROM touched t JOIN series s ON s.id = t.series, rollup_state k
"""
# A counter's first reading after an hour that changed rises from another one than before.
_NEXT = f"""
INSERT INTO due SELECT DISTINCT w.series, date_trunc('hour', n.time, 'UTC'), true
FROM due w CROSS JOIN LATERAL (
    SELECT time FROM reading WHERE series_id = w.series AND time >= w.begins + INTERVAL '1 hour'
        AND time >= %(oldest)s AND {_GOOD} ORDER BY time LIMIT 1
) n WHERE w.rises ON CONFLICT DO NOTHING
"""  # noqa: S608  constants
# All hours of a span that hold a reading, or have held one.
_SPAN = """
INSERT INTO touched
SELECT series_id, date_trunc('hour', time, 'UTC') FROM reading
WHERE time >= %(first)s AND time < %(last)s GROUP BY 1, 2
UNION SELECT series_id, begins FROM rollup_hour WHERE begins >= %(first)s AND begins < %(last)s
UNION SELECT series_id, begins FROM rollup_suspect WHERE begins >= %(first)s AND begins < %(last)s
"""
# A frozen hour stays; before the limit only hours that are missing are added.
_FROZEN = """
DELETE FROM due w WHERE begins < %(frozen)s AND (
    EXISTS (SELECT FROM rollup_hour h WHERE h.series_id = w.series AND h.begins = w.begins)
    OR EXISTS (SELECT FROM rollup_suspect h WHERE h.series_id = w.series AND h.begins = w.begins))
"""
_WEEKS = """
SELECT min(begins), max(begins) + INTERVAL '1 hour', bool_or(rises) FROM due
GROUP BY time_bucket(INTERVAL '7 days', begins, TIMESTAMPTZ '1970-01-01 00:00+00') ORDER BY 1
"""

# Forecasts that are made from these hours; those of deleted readings stay.
_FORECASTS = """
INSERT INTO forecast_due
SELECT DISTINCT i.site, i.quantity, t.begins, t.begins + INTERVAL '1 hour' + i.span
FROM touched t JOIN forecast_input i ON i.series = t.series
WHERE t.begins + INTERVAL '1 hour' + i.span > i.since AND t.begins >= %s ON CONFLICT DO NOTHING
"""

# From here on one week: all due hours have first <= begins < last.
_DELETE_HOURS = """
DELETE FROM {table} h USING due w WHERE h.series_id = w.series AND h.begins = w.begins
    AND h.begins >= %(first)s AND h.begins < %(last)s
"""
_COUNTED = f"""
INSERT INTO counted
SELECT w.series, w.begins, count(*) FILTER (WHERE {_GOOD}), sum(value) FILTER (WHERE {_GOOD}),
    min(value) FILTER (WHERE {_GOOD}), max(value) FILTER (WHERE {_GOOD}),
    last(value, time) FILTER (WHERE {_GOOD}), max(time) FILTER (WHERE {_GOOD}),
    count(*) FILTER (WHERE {is_suspect()})
FROM due w JOIN reading r ON r.series_id = w.series
    AND time >= w.begins AND time < w.begins + INTERVAL '1 hour'
    AND w.begins = date_trunc('hour', time, 'UTC')
WHERE time >= %(first)s AND time < %(last)s AND w.begins >= %(first)s AND w.begins < %(last)s
GROUP BY 1, 2
"""  # noqa: S608  constants
# The counters' values before the week: within two days, else anywhere; before the limit rolled up.
_SEED_NEAR = f"""
INSERT INTO seed SELECT c.series, b.time, b.value
FROM (SELECT DISTINCT series FROM due
      WHERE rises AND begins >= %(first)s AND begins < %(last)s) c
CROSS JOIN LATERAL (
    SELECT time, value FROM reading WHERE series_id = c.series AND time < %(first)s
        AND time >= %(near)s AND {_GOOD} ORDER BY time DESC LIMIT 1) b
"""  # noqa: S608  constants
_SEED_FAR = f"""
INSERT INTO seed SELECT DISTINCT ON (c.series) c.series, b.time, b.value
FROM (SELECT DISTINCT series FROM due WHERE rises AND begins >= %(first)s AND begins < %(last)s
      EXCEPT SELECT series FROM seed) c
CROSS JOIN LATERAL (
    (SELECT time, value FROM reading WHERE series_id = c.series AND time < %(near)s
        AND time >= %(kept)s AND {_GOOD} ORDER BY time DESC LIMIT 1)
    UNION ALL
    (SELECT last_at, last FROM rollup_hour WHERE series_id = c.series
        AND begins < LEAST(%(first)s, %(frozen)s) ORDER BY begins DESC LIMIT 1)) b
ORDER BY c.series, b.time DESC
"""  # noqa: S608  constants
# Each reading of a counter is compared with the good one before it, wherever that lies.
_HOURS = f"""
INSERT INTO rollup_hour (series_id, begins, day, count, sum, min, max, last, last_at, increase)
SELECT h.series, h.begins, date_trunc('day', h.begins, %(zone)s), h.count, h.sum, h.min, h.max,
    h.last, h.last_at, risen.increase
FROM counted h LEFT JOIN (
    SELECT series_id, date_trunc('hour', time, 'UTC') AS begins, sum(CASE WHEN before IS NULL
        THEN 0 WHEN value < before THEN value ELSE value - before END) AS increase
    FROM (
        SELECT *, lag(value) OVER (PARTITION BY series_id ORDER BY time) AS before FROM (
            SELECT series_id, time, value, true AS own
            FROM (SELECT DISTINCT series FROM due
                  WHERE rises AND begins >= %(first)s AND begins < %(last)s) c
            JOIN reading ON series_id = c.series AND time >= %(first)s AND time < %(last)s
                AND {_GOOD}
            UNION ALL SELECT series, time, value, false FROM seed
        ) each
    ) each WHERE own GROUP BY 1, 2
) risen ON risen.series_id = h.series AND risen.begins = h.begins
WHERE h.count > 0
"""  # noqa: S608  constants
_SUSPECT = """
INSERT INTO rollup_suspect (series_id, begins, day, count)
SELECT series, begins, date_trunc('day', begins, %(zone)s), suspect FROM counted WHERE suspect > 0
"""

# The next local midnight: a day may have 23 or 25 hours.
_OF_DAYS = """
INSERT INTO days SELECT series, day, date_trunc('day', day + INTERVAL '30 hours', %(zone)s)
FROM (SELECT DISTINCT series, date_trunc('day', begins, %(zone)s) AS day FROM due
      WHERE begins >= %(first)s AND begins < %(last)s) d
"""
_DAYS_GONE = """
DELETE FROM rollup_day r USING days d WHERE r.series_id = d.series AND r.begins = d.begins
    AND r.begins >= %(before)s AND r.begins < %(last)s
"""
_DAYS = """
INSERT INTO rollup_day (series_id, begins, count, sum, min, max, last, last_at, increase)
SELECT h.series_id, d.begins, sum(h.count), sum(h.sum), min(h.min), max(h.max),
    last(h.last, h.last_at), max(h.last_at), sum(h.increase)
FROM days d JOIN rollup_hour h ON h.series_id = d.series AND h.day = d.begins
    AND h.begins >= d.begins AND h.begins < d.ends
WHERE h.begins >= %(before)s AND h.begins < %(beyond)s
GROUP BY 1, 2
"""


@dataclass(frozen=True, kw_only=True)
class RollupState:
    """`cursor` of the feed; `fill`: from when on all is still to be rolled up; None: done."""

    cursor: str
    fill: datetime | None
    frozen: datetime


def lock_state(connection: Connection) -> RollupState:
    """How far the roll-ups are, locked in the caller's transaction."""
    (state,) = fetch(
        connection,
        RollupState,
        "SELECT cursor::text, CASE WHEN fill = '-infinity' THEN %(old)s ELSE fill END AS fill,"
        " GREATEST(frozen, %(old)s) AS frozen FROM rollup_state FOR UPDATE",
        {"old": moment(BEGINNING)},
    )
    return state


def save_state(connection: Connection, cursor: str, *, fill: datetime | None) -> None:
    """Record how far the roll-ups are, in the caller's transaction."""
    connection.execute(
        "UPDATE rollup_state SET cursor = %s::xid8, fill = %s, seen_at = clock_timestamp()",
        [cursor, fill],
    )


def freeze(connection: Connection, upto: datetime) -> None:
    """Freeze the roll-ups before `upto`, whose readings this transaction deletes."""
    connection.execute("UPDATE rollup_state SET frozen = GREATEST(frozen, %s)", [upto])


def set_counters(connection: Connection, quantities: Sequence[str]) -> None:
    """Set which quantities are counters; if they change, everything is rolled up again."""
    connection.execute(
        "UPDATE rollup_state SET counters = %(quantities)s, fill = CASE WHEN counters = '{}'"
        " THEN fill ELSE '-infinity' END WHERE counters <> %(quantities)s",
        {"quantities": sorted(quantities)},
    )


def refresh(
    connection: Connection,
    changed: Iterable[Pair],
    *,
    span: tuple[datetime, datetime] | None = None,
    frozen: datetime,
    zone: str,
) -> int:
    """Recompute these hours and all hours of a span, and their days; returns how many hours.

    In the caller's transaction, which has locked the state. Frozen hours stay. `zone`: of the days.
    It waits for few answers: while it has begun to write, evaluation reads nothing newer.
    """
    pairs = np.array([*changed], dtype=np.int64).reshape(-1, 2)
    parameters: dict[str, Any] = {"frozen": frozen, "zone": zone}
    with connection.pipeline():
        for statement in _TABLES.split(";"):
            connection.execute(statement.encode())
        if len(pairs):
            series, hours = pairs.T
            connection.execute(
                _TOUCH, [Integers.of(series), Times.of(hours * HOUR - POSTGRES_EPOCH)]
            )
        connection.execute(_ADD_HOURS)
        if len(pairs):
            _execute(connection, _NEXT, {"oldest": moment(int(hours.min()) * HOUR)})
        if span is not None:
            _execute(connection, _SPAN, {"first": span[0], "last": span[1]})
            connection.execute(_ADD_HOURS + " ON CONFLICT DO NOTHING")
        _execute(connection, _FROZEN, parameters)
        connection.execute("ANALYZE due")
        weeks = connection.execute(_WEEKS)
    return sum(
        _refresh_week(connection, {**parameters, "first": first, "last": last}, rises=rises)
        for first, last, rises in weeks.fetchall()
    )


def mark_forecasts(connection: Connection, *, frozen: datetime) -> None:
    """Forecasts that follow from what was just refreshed are due, in the same transaction."""
    connection.execute(_FORECASTS, [frozen])


def _refresh_week(connection: Connection, parameters: dict[str, Any], *, rises: bool) -> int:
    first, last, frozen = parameters["first"], parameters["last"], parameters["frozen"]
    parameters |= {
        "near": max(first - _NEAR, frozen) if first >= frozen else first - _NEAR,
        "kept": frozen if first >= frozen else "-infinity",
        "before": first - timedelta(hours=30),
        "beyond": last + timedelta(hours=30),
    }
    with connection.pipeline():
        connection.execute("TRUNCATE seed, counted, days")
        for table in ("rollup_hour", "rollup_suspect"):
            _execute(connection, _DELETE_HOURS.format(table=table), parameters)
        _execute(connection, _COUNTED, parameters)
        connection.execute("ANALYZE counted")  # otherwise it is scanned once a row
        if rises:
            _execute(connection, _SEED_NEAR, parameters)
            _execute(connection, _SEED_FAR, parameters)
        made = _execute(connection, _HOURS, parameters)
        _execute(connection, _SUSPECT, parameters)
        _execute(connection, _OF_DAYS, parameters)
        connection.execute("ANALYZE days")
        _execute(connection, _DAYS_GONE, parameters)
        _execute(connection, _DAYS, parameters)
    return made.rowcount


def _execute(
    connection: Connection, statement: str, parameters: dict[str, Any]
) -> Cursor[TupleRow]:
    """Execute with a plan for these times."""
    return connection.execute(statement.encode(), parameters, prepare=False)
