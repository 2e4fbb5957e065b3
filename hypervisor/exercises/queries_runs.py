"""Runs of exercises and what their leaders ask for: written by the web, done by the conductor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg import errors
from psycopg.types.json import Jsonb

from hypervisor.database import channels, locks
from hypervisor.database.connect import Connection
from hypervisor.database.locks import Lock
from sensors._errors import TerritoryError

CHANNEL = "hypervisor_exercise"  # NOTIFY wakes the conductor, and tells who looks on
_COLUMNS = (
    "id, kind, source, title, title_fr, parameters, state, reason, speed, jump_to, begins, ends,"
    " clock, planned, readings, reached, digest, author, asked_at, started_at, ended_at, version"
)


class RunError(TerritoryError):
    """What is asked of an exercise cannot be done: says why, and what to do first."""


class RunState(StrEnum):
    """Of a run. Of the first four there is one at a time."""

    PREPARING = "preparing"
    RUNNING = "running"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"  # whoever played it went away; it can be resumed from its clock
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    RESET = "reset"


ACTIVE = (RunState.PREPARING, RunState.RUNNING, RunState.PAUSED, RunState.INTERRUPTED)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A row of the table, without its archive. `speed` None: as fast as it is stored."""

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
    """What a leader asked for. `refused` None and `done_at` set: it was done."""

    id: int
    run: int | None
    kind: str
    details: Mapping[str, Any]
    author: str
    asked_at: datetime
    done_at: datetime | None
    refused: str | None


@dataclass(frozen=True, kw_only=True)
class New:
    """A run to be made."""

    kind: str
    source: str
    title: str
    title_fr: str
    parameters: Mapping[str, Any]
    speed: float | None
    begins: datetime
    ends: datetime
    author: str


def latest(connection: Connection) -> Run | None:
    """The run under way, else the last one that was not reset."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM exercise_run WHERE state <> 'reset' ORDER BY id DESC LIMIT 1"  # noqa: S608  our own columns
    ).fetchall()
    return _run(rows[0]) if rows else None


def runs(connection: Connection, *, limit: int = 100, before: int | None = None) -> list[Run]:
    """Runs, the latest first; those with smaller numbers than `before`."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM exercise_run"  # noqa: S608  our own columns
        " WHERE %s::bigint IS NULL OR id < %s ORDER BY id DESC LIMIT %s",
        [before, before, limit],
    )
    return [_run(row) for row in rows]


def find(connection: Connection, number: int) -> Run | None:
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM exercise_run WHERE id = %s",  # noqa: S608  our own columns
        [number],
    ).fetchone()
    return None if row is None else _run(row)


def add(connection: Connection, new: New) -> int:
    """A run that is being prepared; its number.

    Raises:
        RunError: another one is under way.
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
        raise RunError(
            "another run is under way in this exercise: stop it first (one plays at a time)"
        ) from error
    _tell(connection)
    return int(number)


def add_played(connection: Connection, new: New, *, readings: int, started_at: datetime) -> None:
    """A run that is over: the command line played it."""
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
    _tell(connection)


def update(connection: Connection, number: int, **columns: Any) -> None:
    """Set columns of a run; its next version."""
    named = ", ".join(f"{name} = %s" for name in columns)
    connection.execute(
        f"UPDATE exercise_run SET {named}, version = version + 1 WHERE id = %s",  # noqa: S608  names of ours
        [*columns.values(), number],
    )
    _tell(connection)


def progress(
    connection: Connection, number: int, *, clock: datetime, readings: int, reached: float
) -> None:
    """How far it is; no new version, as nobody's decision changed.

    The player's clock begins a second early, so that it can promise what comes first.
    """
    connection.execute(
        "UPDATE exercise_run SET clock = GREATEST(%s, begins), readings = %s, reached = %s"
        " WHERE id = %s",
        [clock, readings, reached, number],
    )
    _tell(connection)


def interrupt(connection: Connection, reason: str) -> Run | None:
    """Whoever played is gone: the run it left under way, which can be resumed from its clock."""
    row = connection.execute(
        "UPDATE exercise_run SET state = 'interrupted', reason = %s, jump_to = NULL,"  # noqa: S608  our own columns
        " clock = GREATEST(clock, (SELECT max(heard_at) FROM worker)),"
        " version = version + 1 WHERE state IN ('running', 'paused') OR state = 'preparing'"
        " AND NOT EXISTS (SELECT FROM exercise_command c WHERE c.run = exercise_run.id"
        "   AND c.kind = 'start' AND c.done_at IS NULL)"  # nobody has begun with it yet
        f" RETURNING {_COLUMNS}",
        [reason],
    ).fetchone()
    if row is None:
        return None
    _tell(connection)
    return _run(row)


def ask(
    connection: Connection,
    kind: str,
    *,
    author: str,
    run: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> int:
    """Ask the conductor for something; the command's number."""
    ((number,),) = connection.execute(
        "INSERT INTO exercise_command (run, kind, details, author) VALUES (%s, %s, %s, %s)"
        " RETURNING id",
        [run, kind, Jsonb(dict(details or {})), author],
    )
    _tell(connection)
    return int(number)


def waiting(connection: Connection) -> Sequence[Command]:
    """Commands not yet done, in order."""
    rows = connection.execute(
        "SELECT id, run, kind, details, author, asked_at, done_at, refused FROM exercise_command"
        " WHERE done_at IS NULL ORDER BY id"
    )
    return [_command(row) for row in rows]


def command(connection: Connection, number: int) -> Command | None:
    row = connection.execute(
        "SELECT id, run, kind, details, author, asked_at, done_at, refused FROM exercise_command"
        " WHERE id = %s",
        [number],
    ).fetchone()
    return None if row is None else _command(row)


def done(connection: Connection, number: int, refused: str | None = None) -> None:
    """It was done, or refused and why."""
    connection.execute(
        "UPDATE exercise_command SET done_at = clock_timestamp(), refused = %s WHERE id = %s",
        [refused, number],
    )


def commands(connection: Connection, run: int) -> list[Command]:
    """All that was asked for in a run, in order."""
    rows = connection.execute(
        "SELECT id, run, kind, details, author, asked_at, done_at, refused FROM exercise_command"
        " WHERE run = %s ORDER BY id",
        [run],
    )
    return [_command(row) for row in rows]


def first_asked(connection: Connection) -> datetime | None:
    """When the first run that was not reset was asked for: what was there before is its start."""
    ((asked,),) = connection.execute(
        "SELECT min(asked_at) FROM exercise_run WHERE state <> 'reset'"
    )
    return asked  # type: ignore[no-any-return]


def forget_runs(connection: Connection) -> list[int]:
    """They are of an exercise that was begun anew; their numbers."""
    rows = connection.execute(
        "UPDATE exercise_run SET state = 'reset', version = version + 1 WHERE state <> 'reset'"
        " RETURNING id"
    ).fetchall()
    _tell(connection)
    return sorted(number for (number,) in rows)


def take(connection: Connection) -> bool:
    """Be the one conductor of this exercise, as long as the connection lives; False: another is."""
    return locks.take(connection, Lock.CONDUCTOR)


def listen(connection: Connection) -> None:
    """Be woken from now on by what leaders ask for."""
    channels.listen(connection, CHANNEL)


def beat(connection: Connection, pid: int) -> None:
    """The conductor lives."""
    connection.execute(
        "INSERT INTO conductor (seen_at, pid) VALUES (clock_timestamp(), %s)"
        " ON CONFLICT (only_one) DO UPDATE SET seen_at = EXCLUDED.seen_at, pid = EXCLUDED.pid",
        [pid],
    )


def seen(connection: Connection) -> float | None:
    """Seconds since the conductor last said that it lives; None: it never did."""
    row = connection.execute(
        "SELECT EXTRACT(epoch FROM clock_timestamp() - seen_at)::float FROM conductor"
    ).fetchone()
    return None if row is None else float(row[0])


def wall(connection: Connection) -> datetime:
    """The wall's clock, as the database has it."""
    (now,) = connection.execute("SELECT clock_timestamp()").fetchone()  # type: ignore[misc]
    return now  # type: ignore[no-any-return]


def _tell(connection: Connection) -> None:
    connection.execute(f"NOTIFY {CHANNEL}")


def _run(row: Sequence[Any]) -> Run:
    found = dict(zip(_COLUMNS.split(", "), row, strict=True))
    return Run(**{**found, "state": RunState(found["state"])})


def _command(row: Sequence[Any]) -> Command:
    names = ("id", "run", "kind", "details", "author", "asked_at", "done_at", "refused")
    return Command(**dict(zip(names, row, strict=True)))
