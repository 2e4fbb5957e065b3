"""Queries of runs, their archived debriefs, and commands to the exercise player."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import errors
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hypervisor.database.connect import Connection
from hypervisor.exercises.model import Command, NewRun, Run, RunError

CHANNEL = "hypervisor_exercise"  # NOTIFY wakes the player and updates pages
_COLUMNS = ", ".join(Run.model_fields)
_COMMAND_COLUMNS = ", ".join(Command.model_fields)


def get_latest_run(connection: Connection) -> Run | None:
    """The active run, else the latest one since the last reset."""
    return next(iter(_runs(connection, "WHERE state <> 'reset' ORDER BY id DESC LIMIT 1")), None)


def list_runs(connection: Connection, *, limit: int = 100, before: int | None = None) -> list[Run]:
    """Runs, the latest first; those with smaller numbers than `before`."""
    tail = "WHERE %s::bigint IS NULL OR id < %s ORDER BY id DESC LIMIT %s"
    return _runs(connection, tail, before, before, limit)


def get_run(connection: Connection, number: int) -> Run | None:
    return next(iter(_runs(connection, "WHERE id = %s", number)), None)


def _runs(connection: Connection, tail: str, *parameters: Any) -> list[Run]:
    cursor = connection.cursor(row_factory=class_row(Run))
    query = f"SELECT {_COLUMNS} FROM exercise_run {tail}"  # noqa: S608  our own columns
    return cursor.execute(query, parameters).fetchall()


def add_run(connection: Connection, new: NewRun) -> int:
    """Add a run in preparation; returns its id. Raises RunError: another run is active."""
    try:
        with connection.transaction():
            return _insert_run(connection, new, state="preparing")
    except errors.UniqueViolation as error:
        raise RunError("another run is active in this exercise: stop it first") from error


def add_played(connection: Connection, new: NewRun, *, readings: int, started_at: datetime) -> None:
    """Add a finished run that the command line played."""
    _insert_run(
        connection,
        new,
        state="finished",
        clock=new.ends,
        planned=readings,
        readings=readings,
        requested_at=started_at,
        started_at=started_at,
        ended_at=get_wall_clock(connection),
    )


def _insert_run(connection: Connection, new: NewRun, **more: Any) -> int:
    columns = {**vars(new), "parameters": Jsonb(dict(new.parameters)), **more}
    ((number,),) = connection.execute(
        f"INSERT INTO exercise_run ({', '.join(columns)})"  # noqa: S608  names of ours
        f" VALUES ({', '.join(['%s'] * len(columns))}) RETURNING id",
        list(columns.values()),
    )
    _notify_conductor(connection)
    return int(number)


def update_run(connection: Connection, number: int, **columns: Any) -> None:
    """Set columns of a run and increment its version."""
    named = ", ".join(f"{name} = %s" for name in columns)
    connection.execute(
        f"UPDATE exercise_run SET {named}, version = version + 1 WHERE id = %s",  # noqa: S608  names of ours
        [*columns.values(), number],
    )
    _notify_conductor(connection)


def claim_version(connection: Connection, number: int, version: int) -> bool:
    """Give a run its next version if it has this one: of two who saw it, one orders."""
    claimed = connection.execute(
        "UPDATE exercise_run SET version = version + 1 WHERE id = %s AND version = %s",
        [number, version],
    )
    return claimed.rowcount == 1


def save_progress(
    connection: Connection, number: int, *, clock: datetime, readings: int, reached: float
) -> None:
    """Save progress; the version stays, as no command changed the run.

    The player's clock starts a second before the first message.
    """
    connection.execute(
        "UPDATE exercise_run SET clock = GREATEST(%s, begins), readings = %s, reached = %s"
        " WHERE id = %s",
        [clock, readings, reached, number],
    )
    _notify_conductor(connection)


def interrupt_run(connection: Connection, reason: str) -> Run | None:
    """Mark the active run of a lost player as interrupted; returns it."""
    row = connection.execute(
        "UPDATE exercise_run SET state = 'interrupted', reason = %s, jump_to = NULL,"
        " clock = GREATEST(clock, (SELECT max(heartbeat_at) FROM worker)),"
        " version = version + 1 WHERE state IN ('running', 'paused') OR state = 'preparing'"
        " AND NOT EXISTS (SELECT FROM exercise_command c WHERE c.run = exercise_run.id"
        "   AND c.kind = 'start' AND c.done_at IS NULL)"  # not started yet
        " RETURNING id",
        [reason],
    ).fetchone()
    if row is None:
        return None
    _notify_conductor(connection)
    return get_run(connection, row[0])


def add_command(
    connection: Connection,
    kind: str,
    *,
    author: str,
    run: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> int:
    """Add a command for the player; returns its id."""
    ((number,),) = connection.execute(
        "INSERT INTO exercise_command (run, kind, details, author) VALUES (%s, %s, %s, %s)"
        " RETURNING id",
        [run, kind, Jsonb(dict(details or {})), author],
    )
    _notify_conductor(connection)
    return int(number)


def list_pending_commands(connection: Connection) -> Sequence[Command]:
    """Pending commands in order."""
    return _commands(connection, "WHERE done_at IS NULL ORDER BY id")


def list_commands(connection: Connection, run: int) -> list[Command]:
    """Commands of a run in order."""
    return _commands(connection, "WHERE run = %s ORDER BY id", run)


def get_command(connection: Connection, number: int) -> Command | None:
    return next(iter(_commands(connection, "WHERE id = %s", number)), None)


def _commands(connection: Connection, tail: str, *parameters: Any) -> list[Command]:
    cursor = connection.cursor(row_factory=class_row(Command))
    query = f"SELECT {_COMMAND_COLUMNS} FROM exercise_command {tail}"  # noqa: S608  our own columns
    return cursor.execute(query, parameters).fetchall()


def finish_command(connection: Connection, number: int, refused: str | None = None) -> None:
    """Mark a command as executed or refused."""
    connection.execute(
        "UPDATE exercise_command SET done_at = clock_timestamp(), refused = %s WHERE id = %s",
        [refused, number],
    )


def get_first_run_time(connection: Connection) -> datetime | None:
    """Request time of the first run since the last reset."""
    ((time,),) = connection.execute(
        "SELECT min(requested_at) FROM exercise_run WHERE state <> 'reset'"
    )
    return time  # type: ignore[no-any-return]


def mark_runs_reset(connection: Connection) -> list[int]:
    """Mark all runs as reset; returns their ids."""
    rows = connection.execute(
        "UPDATE exercise_run SET state = 'reset', version = version + 1 WHERE state <> 'reset'"
        " RETURNING id"
    ).fetchall()
    _notify_conductor(connection)
    return sorted(number for (number,) in rows)


def save_heartbeat(connection: Connection, pid: int) -> None:
    """Save the player's heartbeat."""
    connection.execute(
        "INSERT INTO conductor (seen_at, pid) VALUES (clock_timestamp(), %s)"
        " ON CONFLICT (only_one) DO UPDATE SET seen_at = EXCLUDED.seen_at, pid = EXCLUDED.pid",
        [pid],
    )


def seconds_since_heartbeat(connection: Connection) -> float | None:
    """Seconds since the player's last heartbeat; None: never."""
    row = connection.execute(
        "SELECT EXTRACT(epoch FROM clock_timestamp() - seen_at)::float FROM conductor"
    ).fetchone()
    return None if row is None else float(row[0])


def get_wall_clock(connection: Connection) -> datetime:
    """Wall clock of the database."""
    (now,) = connection.execute("SELECT clock_timestamp()").fetchone()  # type: ignore[misc]
    return now  # type: ignore[no-any-return]


def _notify_conductor(connection: Connection) -> None:
    connection.execute(f"NOTIFY {CHANNEL}")


def save_debrief(connection: Connection, run: int, debrief: Mapping[str, Any]) -> None:
    """Save a run's debrief."""
    connection.execute(
        "INSERT INTO exercise_archive (run, debrief) VALUES (%s, %s)"
        " ON CONFLICT (run) DO UPDATE SET debrief = EXCLUDED.debrief",
        [run, Jsonb(dict(debrief))],
    )


def load_debrief(connection: Connection, run: int) -> dict[str, Any] | None:
    """A run's archived debrief, if any."""
    row = connection.execute(
        "SELECT debrief FROM exercise_archive WHERE run = %s", [run]
    ).fetchone()
    return None if row is None else dict(row[0])
