"""Queries of injects, messages to trainees, observer checklists and skips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from hypervisor.database.connect import Connection
from hypervisor.exercises.queries_runs import CHANNEL
from sensors._errors import TerritoryError

MESSAGE_KINDS = ("call", "rumour", "message")  # kinds that reach trainees as messages
_INJECT = (
    "id, run, kind, title, text, sender, expected, details, planned, state, fired_scenario,"
    " fired_at, done_at, note, author, fired_by, version"
)
_SHEET = "id, run, inject, expected, due, outcome, seen, note, author, noted_by, noted_at, version"


class InjectError(TerritoryError):
    """An invalid inject or checklist line."""


class ChangedError(InjectError):
    """It was changed by someone else."""


@dataclass(frozen=True, kw_only=True)
class Inject:
    """An inject. `planned` and `fired_scenario` are scenario times."""

    id: int
    run: int
    kind: str
    title: str
    text: str
    sender: str
    expected: str
    details: Mapping[str, Any]
    planned: datetime | None
    state: str
    fired_scenario: datetime | None
    fired_at: datetime | None
    done_at: datetime | None
    note: str
    author: str
    fired_by: str | None
    version: int

    @property
    def is_message(self) -> bool:
        return self.kind in MESSAGE_KINDS

    @property
    def waits(self) -> bool:
        return self.state in {"planned", "held"}


@dataclass(frozen=True, kw_only=True)
class ExerciseMessage:
    """A message to trainees."""

    inject: int
    run: int
    kind: str
    sender: str
    title: str
    text: str
    scenario_at: datetime
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A line of an observer checklist."""

    id: int
    run: int
    inject: int | None
    expected: str
    due: datetime | None
    outcome: str
    seen: datetime | None
    note: str
    author: str
    noted_by: str | None
    noted_at: datetime | None
    version: int


@dataclass(frozen=True, kw_only=True)
class Skip:
    """A skipped period. `alarms` is None until evaluated."""

    id: int
    run: int
    from_at: datetime
    to_at: datetime
    alarms: Sequence[int] | None
    author: str
    at: datetime


def list_injects(connection: Connection, run: int) -> list[Inject]:
    """Injects of a run by planned time; those without a time last."""
    rows = connection.execute(
        f"SELECT {_INJECT} FROM exercise_inject WHERE run = %s"  # noqa: S608  our own columns
        " ORDER BY COALESCE(fired_scenario, planned) NULLS LAST, id",
        [run],
    )
    return [_inject(row) for row in rows]


def get_inject(connection: Connection, number: int) -> Inject | None:
    row = connection.execute(
        f"SELECT {_INJECT} FROM exercise_inject WHERE id = %s",  # noqa: S608  our own columns
        [number],
    ).fetchone()
    return None if row is None else _inject(row)


def add_inject(connection: Connection, run: int, *, author: str, **columns: Any) -> int:
    """Add an inject and a checklist line for its expected response; returns its id."""
    details = Jsonb(dict(columns.pop("details", None) or {}))
    names = ["run", "author", "details", *columns]
    ((number,),) = connection.execute(
        f"INSERT INTO exercise_inject ({', '.join(names)})"  # noqa: S608  names of ours
        f" VALUES ({', '.join(['%s'] * len(names))}) RETURNING id",
        [run, author, details, *columns.values()],
    )
    if columns.get("expected"):
        add_sheet(
            connection,
            run,
            expected=columns["expected"],
            author=author,
            inject=number,
            due=columns.get("planned"),
        )
    notify_conductor(connection)
    return int(number)


def change_inject(
    connection: Connection, number: int, *, version: int | None, **columns: Any
) -> None:
    """Set columns of an inject if it has `version` (None: any).

    Raises:
        ChangedError: it has another version.
    """
    _change(connection, "exercise_inject", number, version, columns)
    if "planned" in columns:
        connection.execute(
            "UPDATE exercise_sheet SET due = %s WHERE inject = %s AND outcome = 'open'",
            [columns["planned"], number],
        )
    notify_conductor(connection)


def fire_inject(connection: Connection, number: int, *, at: datetime, by: str) -> Inject | None:
    """Mark a pending inject as fired and send its message; None if it is not pending."""
    with connection.transaction():
        row = connection.execute(
            "UPDATE exercise_inject SET state = 'fired', fired_scenario = %s,"  # noqa: S608  our own columns
            " fired_at = clock_timestamp(), fired_by = %s, version = version + 1"
            f" WHERE id = %s AND state IN ('planned', 'held') RETURNING {_INJECT}",
            [at, by, number],
        ).fetchone()
        if row is None:
            return None
        inject = _inject(row)
        if inject.is_message:
            connection.execute(
                "INSERT INTO exercise_told (inject, run, kind, sender, title, text, scenario_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [number, inject.run, inject.kind, inject.sender, inject.title, inject.text, at],
            )
    return inject


def list_messages(connection: Connection, run: int) -> list[ExerciseMessage]:
    """Messages to trainees, the latest first."""
    rows = connection.execute(
        "SELECT inject, run, kind, sender, title, text, scenario_at, at FROM exercise_told"
        " WHERE run = %s ORDER BY scenario_at DESC, inject DESC",
        [run],
    )
    names = ("inject", "run", "kind", "sender", "title", "text", "scenario_at", "at")
    return [ExerciseMessage(**dict(zip(names, row, strict=True))) for row in rows]


def list_sheets(connection: Connection, run: int) -> list[Sheet]:
    """Checklist lines of a run by due time."""
    rows = connection.execute(
        f"SELECT {_SHEET} FROM exercise_sheet WHERE run = %s ORDER BY due NULLS LAST, id",  # noqa: S608  our own columns
        [run],
    )
    return [_sheet(row) for row in rows]


def get_sheet(connection: Connection, number: int) -> Sheet | None:
    row = connection.execute(
        f"SELECT {_SHEET} FROM exercise_sheet WHERE id = %s",  # noqa: S608  our own columns
        [number],
    ).fetchone()
    return None if row is None else _sheet(row)


def add_sheet(  # noqa: PLR0913  one argument a column
    connection: Connection,
    run: int,
    *,
    expected: str,
    author: str,
    inject: int | None = None,
    due: datetime | None = None,
) -> int:
    """Add a checklist line; returns its id."""
    ((number,),) = connection.execute(
        "INSERT INTO exercise_sheet (run, inject, expected, due, author)"
        " VALUES (%s, %s, %s, %s, %s) RETURNING id",
        [run, inject, expected, due, author],
    )
    return int(number)


def change_sheet(
    connection: Connection, number: int, *, version: int | None, **columns: Any
) -> None:
    """Set columns of a line if it has `version` (None: any).

    Raises:
        ChangedError: it has another version.
    """
    _change(connection, "exercise_sheet", number, version, columns)
    notify_conductor(connection)


def add_skip(
    connection: Connection, run: int, *, from_at: datetime, to_at: datetime, author: str
) -> None:
    """Record a skipped period."""
    connection.execute(
        "INSERT INTO exercise_skip (run, from_at, to_at, author) VALUES (%s, %s, %s, %s)",
        [run, from_at, to_at, author],
    )


def list_skips(connection: Connection, run: int) -> list[Skip]:
    """Skipped periods of a run."""
    names = ("id", "run", "from_at", "to_at", "alarms", "author", "at")
    rows = connection.execute(
        "SELECT id, run, from_at, to_at, alarms, author, at FROM exercise_skip WHERE run = %s"
        " ORDER BY id",
        [run],
    )
    return [Skip(**dict(zip(names, row, strict=True))) for row in rows]


def settle_skips(connection: Connection) -> None:
    """Record the alarms of skipped periods once these are evaluated."""
    connection.execute(
        "UPDATE exercise_skip s SET alarms = (SELECT COALESCE(array_agg(a.id ORDER BY a.id), '{}')"
        "   FROM alarm a WHERE a.began > s.from_at AND a.began <= s.to_at AND a.withdrawn IS NULL)"
        " WHERE alarms IS NULL AND to_at <= (SELECT least(watermark, evaluated_to)"
        " FROM evaluation_state)"
    )


def notify_conductor(connection: Connection) -> None:
    """Wake the exercise player after a change of plans."""
    connection.execute(f"NOTIFY {CHANNEL}")


def _change(
    connection: Connection,
    table: str,
    number: int,
    version: int | None,
    columns: Mapping[str, Any],
) -> None:
    named = ", ".join(f"{name} = %s" for name in columns)
    done = connection.execute(
        f"UPDATE {table} SET {named}, version = version + 1"  # noqa: S608  names of ours
        " WHERE id = %s AND (%s::integer IS NULL OR version = %s)",
        [*columns.values(), number, version, version],
    )
    if done.rowcount == 0:
        raise ChangedError(f"number {number} was changed by someone else: reload it first")


def _inject(row: Sequence[Any]) -> Inject:
    return Inject(**dict(zip(_INJECT.split(", "), row, strict=True)))


def _sheet(row: Sequence[Any]) -> Sheet:
    return Sheet(**dict(zip(_SHEET.split(", "), row, strict=True)))
