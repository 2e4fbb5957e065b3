"""Reset of an exercise in one transaction; territory and accounts stay.

The watch caches some of it: its connection is terminated while the tables are locked; it reconnects
and reads the new state. Ingest workers are drained and register again.
"""

from collections.abc import Sequence

from psycopg import errors, sql

from hypervisor.database import feed
from hypervisor.database.connect import Connection, StoreError
from hypervisor.database.locks import Lock

# Results of runs. All other tables are territory, rules, permissions, and audit of the instance.
CLEARED = (
    *(
        "reading",
        "reading_version",
        "dead_letter",
        "ingest_gap",
        "evaluation_state",
        "rule_state",
    ),
    *("evaluation_input", "set_aside", "alarm", "transition", "alarm_act", "alarm_hold", "closing"),
    *("incident", "incident_alarm", "incident_state", "outbox", "delivery", "external_alarm"),
    *("columnar_part", "columnar_dirty", "log_entry", "attachment", "handover"),
    *("publication", "publication_event", "publication_message"),
    *("command", "command_event", "command_override", "command_proposal", "command_relay"),
    *("intervention", "intervention_event", "intervention_photo"),
    *("rollup_hour", "rollup_day", "rollup_suspect", "forecast", "forecast_due"),
)
EDITED = ("rule", "threshold", "works")  # kinds of revisions made during an exercise
WAIT = "3s"  # lock timeout
POLITE, TRIES = 2, 6


def clear_exercise(connection: Connection, *, since: object) -> int:
    """Clear in the caller's transaction; returns the number of deleted revisions."""
    connection.execute("SELECT set_config('hypervisor.resetting', 'yes', true)")
    tables = list_tables(connection)
    _lock_tables(connection, tables)
    names = sql.SQL(", ").join(map(sql.Identifier, tables))
    connection.execute(sql.SQL("TRUNCATE {}").format(names))
    connection.execute("UPDATE rollup_state SET fill = '-infinity', frozen = '-infinity'")
    _terminate_watch(connection)
    connection.execute("DELETE FROM feed WHERE kind <> 'registry'")
    # Workers register again: their clock is of the previous exercise.
    connection.execute("UPDATE worker SET drained_at = now() WHERE drained_at IS NULL")
    edited = _delete_revisions(connection, since)
    feed.append(connection, "registry")
    return edited


def _lock_tables(connection: Connection, tables: Sequence[str]) -> None:
    """Lock the tables until the end of the transaction.

    Holders are waited for twice, then terminated: all parts reconnect. Raises StoreError: the
    tables stay locked.
    """
    names = sql.SQL(", ").join(map(sql.Identifier, tables))
    for attempt in range(TRIES):
        try:
            with connection.transaction():
                connection.execute("SELECT set_config('lock_timeout', %s, true)", [WAIT])
                connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            if attempt >= POLITE - 1:
                _terminate_holders(connection, tables)
        else:
            return
    raise StoreError("the tables to clear stay locked by other connections; try later")


def _terminate_holders(connection: Connection, tables: Sequence[str]) -> None:
    """Terminate connections that hold locks on the tables or their partitions."""
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


def list_tables(connection: Connection) -> list[str]:
    """Tables to clear that exist in this database."""
    rows = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename = ANY(%s)"
        " ORDER BY 1",
        [list(CLEARED)],
    )
    return [name for (name,) in rows]


def _delete_revisions(connection: Connection, since: object) -> int:
    """Delete revisions of rules and thresholds made during the runs.

    Left there it would change again by itself, at the scenario time at which they did it.
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
    connection.execute("DELETE FROM past_event WHERE recorded_at >= %s", [since])
    return len(numbers)


def _terminate_watch(connection: Connection) -> None:
    """Terminate what evaluates, found by the locks of its shards.

    The tables are already locked, so it can no longer write its cached state.
    """
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM (SELECT DISTINCT pid FROM pg_locks"
        " WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND pid <> pg_backend_pid()"
        " AND classid = %s AND objsubid = 2) AS evaluators",
        [Lock.WATCH.value],
    )
