"""What leaders put into an exercise, what trainees were told of it, and what observers noted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from hypervisor.database.connect import Connection
from hypervisor.exercises.queries_runs import CHANNEL
from sensors._errors import TerritoryError

TOLD = ("call", "rumour", "message")  # kinds that those who train hear or read
_INJECT = (
    "id, run, kind, title, text, sender, expected, details, planned, state, fired_scenario,"
    " fired_at, done_at, note, author, fired_by, version"
)
_SHEET = "id, run, inject, expected, due, outcome, seen, note, author, noted_by, noted_at, version"


class InjectError(TerritoryError):
    """An inject or a sheet that cannot be so: says which, and what was expected."""


class ChangedError(InjectError):
    """Somebody else changed it since it was seen."""


@dataclass(frozen=True, kw_only=True)
class Inject:
    """A row of the table. `planned` and `fired_scenario` on the scenario's clock."""

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
    def told(self) -> bool:
        return self.kind in TOLD

    @property
    def waits(self) -> bool:
        return self.state in {"planned", "held"}


@dataclass(frozen=True, kw_only=True)
class ExerciseMessage:
    """What those who train were told."""

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
    """An observer's line: what was to be seen, whether it was, and when of the scenario."""

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
    """A span that was jumped over. `alarms` None: the watch has not come so far."""

    id: int
    run: int
    from_at: datetime
    to_at: datetime
    alarms: Sequence[int] | None
    author: str
    at: datetime


def injects(connection: Connection, run: int) -> list[Inject]:
    """All of a run, in the order they are planned; those without a time last."""
    rows = connection.execute(
        f"SELECT {_INJECT} FROM exercise_inject WHERE run = %s"  # noqa: S608  our own columns
        " ORDER BY COALESCE(fired_scenario, planned) NULLS LAST, id",
        [run],
    )
    return [_inject(row) for row in rows]


def inject(connection: Connection, number: int) -> Inject | None:
    row = connection.execute(
        f"SELECT {_INJECT} FROM exercise_inject WHERE id = %s",  # noqa: S608  our own columns
        [number],
    ).fetchone()
    return None if row is None else _inject(row)


def add(connection: Connection, run: int, *, author: str, **columns: Any) -> int:
    """An inject; its number. `columns`: of the table. What it expects gets a sheet's line."""
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
    tell(connection)
    return int(number)


def change(connection: Connection, number: int, *, version: int | None, **columns: Any) -> None:
    """Set columns of an inject as it was seen at `version`; None: whatever it is.

    Raises:
        ChangedError: it has another version.
    """
    _change(connection, "exercise_inject", number, version, columns)
    if "planned" in columns:
        connection.execute(
            "UPDATE exercise_sheet SET due = %s WHERE inject = %s AND outcome = 'open'",
            [columns["planned"], number],
        )
    tell(connection)


def fire(connection: Connection, number: int, *, at: datetime, by: str) -> Inject | None:
    """It goes out now, once; None: it had gone, or may not. Those who train are told."""
    with connection.transaction():
        row = connection.execute(
            "UPDATE exercise_inject SET state = 'fired', fired_scenario = %s,"  # noqa: S608  our own columns
            " fired_at = clock_timestamp(), fired_by = %s, version = version + 1"
            f" WHERE id = %s AND state IN ('planned', 'held') RETURNING {_INJECT}",
            [at, by, number],
        ).fetchone()
        if row is None:
            return None
        found = _inject(row)
        if found.told:
            connection.execute(
                "INSERT INTO exercise_told (inject, run, kind, sender, title, text, scenario_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [number, found.run, found.kind, found.sender, found.title, found.text, at],
            )
    return found


def told(connection: Connection, run: int) -> list[ExerciseMessage]:
    """What those who train were told, the latest first."""
    rows = connection.execute(
        "SELECT inject, run, kind, sender, title, text, scenario_at, at FROM exercise_told"
        " WHERE run = %s ORDER BY scenario_at DESC, inject DESC",
        [run],
    )
    names = ("inject", "run", "kind", "sender", "title", "text", "scenario_at", "at")
    return [ExerciseMessage(**dict(zip(names, row, strict=True))) for row in rows]


def sheets(connection: Connection, run: int) -> list[Sheet]:
    """The observers' lines of a run, by when they were due."""
    rows = connection.execute(
        f"SELECT {_SHEET} FROM exercise_sheet WHERE run = %s ORDER BY due NULLS LAST, id",  # noqa: S608  our own columns
        [run],
    )
    return [_sheet(row) for row in rows]


def sheet(connection: Connection, number: int) -> Sheet | None:
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
    """A line of the observers' sheets; its number."""
    ((number,),) = connection.execute(
        "INSERT INTO exercise_sheet (run, inject, expected, due, author)"
        " VALUES (%s, %s, %s, %s, %s) RETURNING id",
        [run, inject, expected, due, author],
    )
    return int(number)


def change_sheet(
    connection: Connection, number: int, *, version: int | None, **columns: Any
) -> None:
    """Set columns of a line as it was seen at `version`; None: whatever it is.

    Raises:
        ChangedError: it has another version.
    """
    _change(connection, "exercise_sheet", number, version, columns)
    tell(connection)


def skip(
    connection: Connection, run: int, *, from_at: datetime, to_at: datetime, author: str
) -> None:
    """A span was jumped over."""
    connection.execute(
        "INSERT INTO exercise_skip (run, from_at, to_at, author) VALUES (%s, %s, %s, %s)",
        [run, from_at, to_at, author],
    )


def skips(connection: Connection, run: int) -> list[Skip]:
    """What was jumped over in a run."""
    names = ("id", "run", "from_at", "to_at", "alarms", "author", "at")
    rows = connection.execute(
        "SELECT id, run, from_at, to_at, alarms, author, at FROM exercise_skip WHERE run = %s"
        " ORDER BY id",
        [run],
    )
    return [Skip(**dict(zip(names, row, strict=True))) for row in rows]


def settle_skips(connection: Connection) -> None:
    """Of spans that are judged by now: the alarms that began in them, which nobody could handle."""
    connection.execute(
        "UPDATE exercise_skip s SET alarms = (SELECT COALESCE(array_agg(a.id ORDER BY a.id), '{}')"
        "   FROM alarm a WHERE a.began > s.from_at AND a.began <= s.to_at AND a.withdrawn IS NULL)"
        " WHERE alarms IS NULL AND to_at <= (SELECT least(watermark, evaluated_to)"
        " FROM evaluation_state)"
    )


def tell(connection: Connection) -> None:
    """Wake the conductor: what is planned has changed."""
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
        raise ChangedError(f"number {number} was changed meanwhile: look again, then decide")


def _inject(row: Sequence[Any]) -> Inject:
    return Inject(**dict(zip(_INJECT.split(", "), row, strict=True)))


def _sheet(row: Sequence[Any]) -> Sheet:
    return Sheet(**dict(zip(_SHEET.split(", "), row, strict=True)))
