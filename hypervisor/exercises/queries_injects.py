"""Queries of injects, messages to trainees, observer checklists and skips."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hypervisor.database.connect import Connection
from hypervisor.exercises.model import ChangedError, ChecklistItem, ExerciseMessage, Inject, Skip
from hypervisor.exercises.queries_runs import CHANNEL

_INJECT = ", ".join(Inject.model_fields)
_ITEM = ", ".join(ChecklistItem.model_fields)
_MESSAGE = ", ".join(ExerciseMessage.model_fields)


def list_injects(connection: Connection, run: int) -> list[Inject]:
    """Injects of a run by planned time; those without a time last."""
    tail = "run = %s ORDER BY COALESCE(fired_scenario, planned) NULLS LAST, id"
    return _injects(connection, tail, run)


def get_inject(connection: Connection, number: int) -> Inject | None:
    return next(iter(_injects(connection, "id = %s", number)), None)


def _injects(connection: Connection, where: str, number: int) -> list[Inject]:
    cursor = connection.cursor(row_factory=class_row(Inject))
    query = f"SELECT {_INJECT} FROM exercise_inject WHERE {where}"  # noqa: S608  our own columns
    return cursor.execute(query, [number]).fetchall()


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
        add_checklist_item(
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

    Raises ChangedError: it has another version.
    """
    _change(connection, "exercise_inject", number, version, columns)
    if "planned" in columns:
        connection.execute(
            "UPDATE exercise_checklist SET due = %s WHERE inject = %s AND outcome = 'open'",
            [columns["planned"], number],
        )
    notify_conductor(connection)


def fire_inject(connection: Connection, number: int, *, at: datetime, by: str) -> Inject | None:
    """Mark a pending inject as fired and send its message; None if it is not pending."""
    with connection.transaction():
        done = connection.execute(
            "UPDATE exercise_inject SET state = 'fired', fired_scenario = %s,"
            " fired_at = clock_timestamp(), fired_by = %s, version = version + 1"
            " WHERE id = %s AND state IN ('planned', 'held')",
            [at, by, number],
        )
        inject = get_inject(connection, number) if done.rowcount else None
        if inject is not None and inject.is_message:
            connection.execute(
                "INSERT INTO exercise_message (inject, run, kind, sender, title, text, scenario_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [number, inject.run, inject.kind, inject.sender, inject.title, inject.text, at],
            )
    return inject


def list_messages(connection: Connection, run: int) -> list[ExerciseMessage]:
    """Messages to trainees, the latest first."""
    cursor = connection.cursor(row_factory=class_row(ExerciseMessage))
    return cursor.execute(
        f"SELECT {_MESSAGE} FROM exercise_message WHERE run = %s"  # noqa: S608  our own columns
        " ORDER BY scenario_at DESC, inject DESC",
        [run],
    ).fetchall()


def list_checklist(connection: Connection, run: int) -> list[ChecklistItem]:
    """Checklist lines of a run by due time."""
    return _list_items(connection, "run = %s ORDER BY due NULLS LAST, id", run)


def get_checklist_item(connection: Connection, number: int) -> ChecklistItem | None:
    return next(iter(_list_items(connection, "id = %s", number)), None)


def _list_items(connection: Connection, where: str, number: int) -> list[ChecklistItem]:
    cursor = connection.cursor(row_factory=class_row(ChecklistItem))
    query = f"SELECT {_ITEM} FROM exercise_checklist WHERE {where}"  # noqa: S608  our own columns
    return cursor.execute(query, [number]).fetchall()


def add_checklist_item(  # noqa: PLR0913  one argument a column
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
        "INSERT INTO exercise_checklist (run, inject, expected, due, author)"
        " VALUES (%s, %s, %s, %s, %s) RETURNING id",
        [run, inject, expected, due, author],
    )
    return int(number)


def change_checklist_item(
    connection: Connection, number: int, *, version: int | None, **columns: Any
) -> None:
    """Set columns of a line if it has `version` (None: any).

    Raises ChangedError: it has another version.
    """
    _change(connection, "exercise_checklist", number, version, columns)
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
    cursor = connection.cursor(row_factory=class_row(Skip))
    return cursor.execute(
        "SELECT id, run, from_at, to_at, alarms, author, at FROM exercise_skip WHERE run = %s"
        " ORDER BY id",
        [run],
    ).fetchall()


def settle_skips(connection: Connection) -> None:
    """Record the alarms of skipped periods once these are evaluated."""
    connection.execute(
        "UPDATE exercise_skip s SET alarms = (SELECT COALESCE(array_agg(a.id ORDER BY a.id), '{}')"
        "   FROM alarm a WHERE a.began > s.from_at AND a.began <= s.to_at AND a.withdrawn IS NULL)"
        " WHERE alarms IS NULL AND to_at <= (SELECT least(watermark, evaluated_to)"
        " FROM evaluation_progress())"
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
        raise ChangedError("number {number} was changed by someone else: reload it first", number)
