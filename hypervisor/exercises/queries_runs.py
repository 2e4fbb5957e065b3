"""Queries of runs and of commands to the exercise player."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg import errors
from psycopg.types.json import Jsonb

from hypervisor.database import locks
from hypervisor.database.connect import Connection
from hypervisor.database.locks import Lock
from sensors._errors import TerritoryError

CHANNEL = "hypervisor_exercise"  # NOTIFY wakes the player and updates pages
_COLUMNS = (
    "id, kind, source, title, title_fr, parameters, state, reason, speed, jump_to, begins, ends,"
    " clock, planned, readings, reached, digest, author, asked_at, started_at, ended_at, version"
)


class RunError(TerritoryError):
    """A command that cannot be executed; the message says why."""


class RunState(StrEnum):
    """State of a run; only one run can be in one of the first four."""

    PREPARING = "preparing"
    RUNNING = "running"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"  # the player stopped; can be resumed
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    RESET = "reset"


ACTIVE = (RunState.PREPARING, RunState.RUNNING, RunState.PAUSED, RunState.INTERRUPTED)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run. `speed` None: as fast as readings are stored."""

    id: int
    kind: str
    source: str
    title: str
    title_fr: str
    parameters: Mapping[str, Any]
    state: RunState
    reason: str
    speed: float | None
    jump_to: datetime | None
    begins: datetime
    ends: datetime
    clock: datetime | None
    planned: int
    readings: int
    reached: float | None
    digest: str | None
    author: str
    asked_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    version: int

    @property
    def active(self) -> bool:
        return self.state in ACTIVE


@dataclass(frozen=True, kw_only=True)
class Command:
    """A leader's command. `refused` None and `done_at` set: it was executed."""

    id: int
    run: int | None
    kind: str
    details: Mapping[str, Any]
    author: str
    asked_at: datetime
    done_at: datetime | None
    refused: str | None


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """A run to add."""

    kind: str
    source: str
    title: str
    title_fr: str
    parameters: Mapping[str, Any]
    speed: float | None
    begins: datetime
    ends: datetime
    author: str


def get_latest_run(connection: Connection) -> Run | None:
    """The active run, else the latest one since the last reset."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM exercise_run WHERE state <> 'reset' ORDER BY id DESC LIMIT 1"  # noqa: S608  our own columns
    ).fetchall()
    return _run_of_row(rows[0]) if rows else None


def list_runs(connection: Connection, *, limit: int = 100, before: int | None = None) -> list[Run]:
    """Runs, the latest first; those with smaller numbers than `before`."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM exercise_run"  # noqa: S608  our own columns
        " WHERE %s::bigint IS NULL OR id < %s ORDER BY id DESC LIMIT %s",
        [before, before, limit],
    )
    return [_run_of_row(row) for row in rows]


def get_run(connection: Connection, number: int) -> Run | None:
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM exercise_run WHERE id = %s",  # noqa: S608  our own columns
        [number],
    ).fetchone()
    return None if row is None else _run_of_row(row)


def add_run(connection: Connection, new: NewRun) -> int:
    """Add a run in preparation; returns its id.

    Raises:
        RunError: another run is active.
    """
    try:
        with connection.transaction():
            ((number,),) = connection.execute(
                "INSERT INTO exercise_run (kind, source, title, title_fr, parameters, state, speed,"
                " begins, ends, author)"
                " VALUES (%s, %s, %s, %s, %s, 'preparing', %s, %s, %s, %s) RETURNING id",
                [
                    *(new.kind, new.source, new.title, new.title_fr),
                    *(Jsonb(dict(new.parameters)), new.speed, new.begins, new.ends, new.author),
                ],
            )
    except errors.UniqueViolation as error:
        raise RunError("another run is active in this exercise: stop it first") from error
    _notify_conductor(connection)
    return int(number)


def add_played(connection: Connection, new: NewRun, *, readings: int, started_at: datetime) -> None:
    """Add a finished run that the command line played."""
    connection.execute(
        "INSERT INTO exercise_run (kind, source, title, title_fr, parameters, state, speed, begins,"
        " ends, clock, planned, readings, author, asked_at, started_at, ended_at)"
        " VALUES (%s, %s, %s, %s, %s, 'finished', %s, %s, %s, %s, %s, %s, %s, %s, %s,"
        " clock_timestamp())",
        [
            *(new.kind, new.source, new.title, new.title_fr, Jsonb(dict(new.parameters))),
            *(new.speed, new.begins, new.ends, new.ends, readings, readings, new.author),
            *(started_at, started_at),
        ],
    )
    _notify_conductor(connection)


def update_run(connection: Connection, number: int, **columns: Any) -> None:
    """Set columns of a run and increment its version."""
    named = ", ".join(f"{name} = %s" for name in columns)
    connection.execute(
        f"UPDATE exercise_run SET {named}, version = version + 1 WHERE id = %s",  # noqa: S608  names of ours
        [*columns.values(), number],
    )
    _notify_conductor(connection)


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
        "UPDATE exercise_run SET state = 'interrupted', reason = %s, jump_to = NULL,"  # noqa: S608  our own columns
        " clock = GREATEST(clock, (SELECT max(heard_at) FROM worker)),"
        " version = version + 1 WHERE state IN ('running', 'paused') OR state = 'preparing'"
        " AND NOT EXISTS (SELECT FROM exercise_command c WHERE c.run = exercise_run.id"
        "   AND c.kind = 'start' AND c.done_at IS NULL)"  # not started yet
        f" RETURNING {_COLUMNS}",
        [reason],
    ).fetchone()
    if row is None:
        return None
    _notify_conductor(connection)
    return _run_of_row(row)


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
    rows = connection.execute(
        "SELECT id, run, kind, details, author, asked_at, done_at, refused FROM exercise_command"
        " WHERE done_at IS NULL ORDER BY id"
    )
    return [_command_of_row(row) for row in rows]


def get_command(connection: Connection, number: int) -> Command | None:
    row = connection.execute(
        "SELECT id, run, kind, details, author, asked_at, done_at, refused FROM exercise_command"
        " WHERE id = %s",
        [number],
    ).fetchone()
    return None if row is None else _command_of_row(row)


def finish_command(connection: Connection, number: int, refused: str | None = None) -> None:
    """Mark a command as executed or refused."""
    connection.execute(
        "UPDATE exercise_command SET done_at = clock_timestamp(), refused = %s WHERE id = %s",
        [refused, number],
    )


def list_commands(connection: Connection, run: int) -> list[Command]:
    """Commands of a run in order."""
    rows = connection.execute(
        "SELECT id, run, kind, details, author, asked_at, done_at, refused FROM exercise_command"
        " WHERE run = %s ORDER BY id",
        [run],
    )
    return [_command_of_row(row) for row in rows]


def get_first_run_time(connection: Connection) -> datetime | None:
    """Request time of the first run since the last reset."""
    ((time,),) = connection.execute("SELECT min(asked_at) FROM exercise_run WHERE state <> 'reset'")
    return time  # type: ignore[no-any-return]


def mark_runs_reset(connection: Connection) -> list[int]:
    """Mark all runs as reset; returns their ids."""
    rows = connection.execute(
        "UPDATE exercise_run SET state = 'reset', version = version + 1 WHERE state <> 'reset'"
        " RETURNING id"
    ).fetchall()
    _notify_conductor(connection)
    return sorted(number for (number,) in rows)


def take_conductor_lock(connection: Connection) -> bool:
    """Take the player's lock for the life of the connection; False: another holds it."""
    return locks.take(connection, Lock.CONDUCTOR)


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


def _run_of_row(row: Sequence[Any]) -> Run:
    columns = dict(zip(_COLUMNS.split(", "), row, strict=True))
    return Run(**{**columns, "state": RunState(columns["state"])})


def _command_of_row(row: Sequence[Any]) -> Command:
    names = ("id", "run", "kind", "details", "author", "asked_at", "done_at", "refused")
    return Command(**dict(zip(names, row, strict=True)))
