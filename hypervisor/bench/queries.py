"""The bench's own database: emptied between runs, and counted."""

from typing import LiteralString

from hypervisor.base.instants import micros
from hypervisor.database.connect import Connection, connect
from hypervisor.readings import queries as readings_store
from sensors._row import Rows

BARE = (
    "COPY (SELECT series_id, time, received_at, value, quality FROM reading)"
    " TO STDOUT (FORMAT BINARY)"
)


_AT_ONCE = 500_000  # rows


def clear(url: str) -> None:
    """Empty the tables of a run and write them out, so that every run begins alike."""
    with connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE reading, reading_version, dead_letter")
        connection.execute("TRUNCATE rollup_hour, rollup_day, rollup_suspect")
        connection.execute("TRUNCATE forecast, forecast_due")
        connection.execute("DELETE FROM feed WHERE kind <> 'registry'")
        connection.execute("VACUUM feed")
        connection.execute("CHECKPOINT")


def clear_evaluation(url: str) -> None:
    """Delete the state of evaluation and all alarms."""
    with connect(url) as connection:
        connection.execute(
            "TRUNCATE rule_state, evaluation_input, evaluation_state, transition, outbox,"
            " delivery, external_alarm, alarm"
        )


def _count(url: str, statement: LiteralString) -> int:
    with connect(url) as connection:
        row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0


def unread(url: str) -> int:
    """Batches that evaluation has not taken yet."""
    return _count(
        url,
        "SELECT count(*) FROM feed WHERE kind = 'readings'"
        " AND xid >= coalesce((SELECT cursor FROM evaluation_progress()), '0'::xid8)",
    )


def unrolled(url: str) -> int:
    """Batches not rolled up yet."""
    return _count(
        url,
        "SELECT count(*) FROM feed WHERE kind = 'readings'"
        " AND xid >= (SELECT cursor FROM rollup_state)",
    )


def unissued(url: str) -> int:
    """Batches not rolled up yet, and spans of which no forecast is stored yet."""
    return unrolled(url) + _count(url, "SELECT count(*) FROM forecast_due")


def issued(url: str) -> int:
    """The number of stored forecasts."""
    return _count(url, "SELECT count(*) FROM forecast")


def listening(url: str) -> bool:
    """Whether an ingest worker has reported."""
    return _count(url, "SELECT count(heartbeat_at) FROM worker") > 0


def readings(url: str) -> int:
    """The number of stored readings."""
    return _count(url, "SELECT count(*) FROM reading")


def stored_alarms(url: str, rule: str) -> dict[tuple[str, int], float]:
    """When the raising of each alarm of a rule was committed (s), by subject's name and begin (µs).

    The database must keep the times of commits.
    """
    with connect(url) as connection:
        rows = connection.execute(
            "SELECT a.subject, a.began, extract(epoch FROM pg_xact_commit_timestamp(t.xmin))"
            " FROM transition t JOIN alarm a ON a.id = t.alarm"
            " WHERE t.kind IN ('raised', 'retrospective') AND a.rule = %s",
            [rule],
        ).fetchall()
    return {(subject.rpartition("/")[2], micros(began)): float(at) for subject, began, at in rows}


def load(connection: Connection, rows: Rows) -> None:
    """Store readings without checks and feed."""
    for first in range(0, len(rows), _AT_ONCE):
        readings_store.insert_new(connection, rows[first : first + _AT_ONCE])


def settle(connection: Connection) -> None:
    """Bring the table into the state of daily use: vacuumed, analysed, written out."""
    connection.execute("VACUUM ANALYZE reading")
    connection.execute("CHECKPOINT")
