"""What the bench asks of its own database: a clean table, and what is there."""

from typing import LiteralString

from hypervisor.base.instants import micros
from hypervisor.database.connect import Connection, connect
from hypervisor.readings import queries as readings_store
from sensors._row import Rows

BARE = (
    "COPY (SELECT series_id, time, received_at, value, quality FROM reading)"
    " TO STDOUT (FORMAT BINARY)"
)


def clear(url: str) -> None:
    """Empty what a run has filled, and have it written out, so that each begins alike."""
    with connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE reading, reading_version, dead_letter")
        connection.execute("TRUNCATE rollup_hour, rollup_day, rollup_suspect")
        connection.execute("DELETE FROM feed WHERE kind <> 'registry'")
        connection.execute("VACUUM feed")
        connection.execute("CHECKPOINT")


def unjudge(url: str) -> None:
    """Forget all that a watch made of it."""
    with connect(url) as connection:
        connection.execute(
            "TRUNCATE rule_state, evaluation_input, evaluation_state, transition, outbox,"
            " delivery, alarm"
        )


def _count(url: str, statement: LiteralString) -> int:
    with connect(url) as connection:
        row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0


def unread(url: str) -> int:
    """How many batches the watch has yet to take."""
    return _count(
        url,
        "SELECT count(*) FROM feed WHERE kind = 'readings'"
        " AND xid >= coalesce((SELECT cursor FROM evaluation_state), '0'::xid8)",
    )


def unrolled(url: str) -> int:
    """How many batches are yet to be rolled up."""
    return _count(
        url,
        "SELECT count(*) FROM feed WHERE kind = 'readings'"
        " AND xid >= (SELECT cursor FROM rollup_state)",
    )


def listening(url: str) -> bool:
    """Whether an ingest worker was heard."""
    return _count(url, "SELECT count(heard_at) FROM worker") > 0


def readings(url: str) -> int:
    """How many readings are stored."""
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
    """Readings as a plain COPY puts them there: nothing is checked, and no feed tells of them."""
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY reading (series_id, time, received_at, value, quality) FROM STDIN (FORMAT binary)"
        ) as copy,
    ):
        copy.write(readings_store.pack_copy(rows))


def settle(connection: Connection) -> None:
    """Have the table as it is after a while: its pages and its planner know what they hold."""
    connection.execute("VACUUM ANALYZE reading")
    connection.execute("CHECKPOINT")
