"""An exercise begun anew: what happened is cleared in one transaction, what is there stays.

The watch holds some of it in memory: it is cut off while nobody can read what is being cleared,
comes back, and reads it as it then is. Ingest workers are expected no more, see it, and join anew.
"""

from collections.abc import Sequence

from psycopg import errors, sql

from hypervisor.database import feed
from hypervisor.database.connect import Connection, StoreError
from hypervisor.database.locks import Lock

# What happened in the scenario. Everything else is the territory, its rules, who may do what, and
# what was done to the instance itself.
CLEARED = (
    *("reading", "reading_version", "dead_letter", "deaf_span", "evaluation_state", "rule_state"),
    *("evaluation_input", "set_aside", "alarm", "transition", "alarm_act", "alarm_hold", "closing"),
    *("incident", "incident_alarm", "incident_state", "outbox", "delivery"),
    *("columnar_part", "columnar_dirty", "log_entry", "handover"),
    *("rollup_hour", "rollup_day", "rollup_suspect"),
)
EDITED = ("rule", "threshold", "works")  # revisions that people make during an exercise
WAIT = "3s"  # for whoever reads or writes a table
POLITE, TRIES = 2, 6


def clear(connection: Connection, *, since: object) -> int:
    """Clear it, in the caller's transaction; how many revisions made since then were taken back."""
    connection.execute("SELECT set_config('hypervisor.resetting', 'yes', true)")
    tables = there(connection)
    _take(connection, tables)
    names = sql.SQL(", ").join(map(sql.Identifier, tables))
    connection.execute(sql.SQL("TRUNCATE {}").format(names))
    connection.execute("UPDATE rollup_state SET fill = '-infinity', frozen = '-infinity'")
    _cut_off(connection)
    connection.execute("DELETE FROM feed WHERE kind <> 'registry'")
    # Each joins again as if it were new: what it remembers of the clock was another exercise's.
    connection.execute("UPDATE worker SET drained_at = now() WHERE drained_at IS NULL")
    edited = _take_back(connection, since)
    feed.append(connection, "registry")
    return edited


def _take(connection: Connection, tables: Sequence[str]) -> None:
    """Have the tables to ourselves, to the end of the transaction.

    Who holds one is waited for twice, then cut off: every part comes back by itself.

    Raises:
        StoreError: somebody holds them again and again.
    """
    names = sql.SQL(", ").join(map(sql.Identifier, tables))
    for attempt in range(TRIES):
        try:
            with connection.transaction():
                connection.execute("SELECT set_config('lock_timeout', %s, true)", [WAIT])
                connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            if attempt >= POLITE - 1:
                _make_way(connection, tables)
        else:
            return
    raise StoreError("somebody reads or writes what is to be cleared, again and again; try later")


def _make_way(connection: Connection, tables: Sequence[str]) -> None:
    """Cut off whoever holds one of the tables, or a piece of it."""
    connection.execute(
        "WITH wanted AS (SELECT oid FROM pg_class WHERE relname = ANY(%s)),"
        " whole AS (SELECT oid FROM wanted UNION SELECT inhrelid FROM pg_inherits"
        "   WHERE inhparent IN (SELECT oid FROM wanted))"
        " SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a WHERE a.pid IN"
        "   (SELECT l.pid FROM pg_locks l WHERE l.granted"
        "    AND l.relation IN (SELECT oid FROM whole))"
        " AND a.datname = current_database() AND a.backend_type = 'client backend'"
        " AND a.pid <> pg_backend_pid()",
        [list(tables)],
    )


def there(connection: Connection) -> list[str]:
    """Of what is cleared, the tables that this database has."""
    rows = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename = ANY(%s)"
        " ORDER BY 1",
        [list(CLEARED)],
    )
    return [name for (name,) in rows]


def _take_back(connection: Connection, since: object) -> int:
    """Take back what people changed of rules and thresholds while it was played.

    Left there it would change again by itself, at the scenario's time at which they did it.
    """
    if since is None:
        return 0
    gone = connection.execute(
        "WITH edited AS (SELECT id FROM revision WHERE kind = ANY(%s) AND recorded_at >= %s),"
        " freed AS (UPDATE revision SET previous = NULL WHERE previous IN (SELECT id FROM edited))"
        " SELECT id FROM edited",
        [list(EDITED), since],
    ).fetchall()
    numbers = [number for (number,) in gone]
    connection.execute("DELETE FROM revision WHERE id = ANY(%s)", [numbers])
    connection.execute("DELETE FROM noted_event WHERE noted_at >= %s", [since])
    return len(numbers)


def _cut_off(connection: Connection) -> None:
    """The watch, by the lock that it holds as long as it is connected.

    The tables are ours by now: nothing that it holds in memory can be written any more.
    """
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND pid <> pg_backend_pid()"
        " AND classid = 0 AND objid = %s AND objsubid = 1",
        [Lock.WATCH.value],
    )
