"""SQL of commands: drafted, moved from state to state, listed."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from hypervisor.commands.model import (
    Command,
    CommandEvent,
    CommandHistory,
    CommandState,
    NewCommand,
)
from hypervisor.database.connect import Connection
from hypervisor.database.instance import CLOCK
from sensors._command import Value

# SQL: the one clock of commands; before an exercise begins the wall's.
NOW: LiteralString = f"coalesce({CLOCK}, clock_timestamp())"

_COLUMNS: LiteralString = (
    "c.id, c.batch, c.kind, c.parameters, d.name AS device, s.name AS site, s.title AS site_title,"
    " s.commune, c.target, c.author, c.reason, c.alarm, c.rule, c.signatures, c.quantity, c.low,"
    " c.high, c.drafted_at, c.valid_until, c.state, c.version, c.changed_at, c.sent_at, c.due_at"
)
_FROM: LiteralString = (
    " FROM command c JOIN device d ON d.id = c.device JOIN site s ON s.id = c.site "
)
_INSERT = """
INSERT INTO command (id, batch, kind, parameters, actuator, device, site, target, author, reason,
    alarm, rule, signatures, quantity, low, high, within, drafted_at, valid_until, changed_at)
SELECT %(id)s, %(batch)s, %(kind)s, %(parameters)s, %(actuator)s, id, site, %(target)s, %(author)s,
    %(reason)s, %(alarm)s, %(rule)s, %(signatures)s, %(quantity)s, %(low)s, %(high)s, %(within)s,
    %(drafted_at)s, %(valid_until)s, %(drafted_at)s
FROM device WHERE name = %(device)s ON CONFLICT (id) DO NOTHING
"""
# Rows are locked in the order of their keys, as everywhere, so that there is no deadlock.
_MOVE = """
INSERT INTO command_event (command, to_state, at, who, why)
SELECT id, %(to_state)s, %(at)s, %(who)s, %(why)s FROM (
    SELECT id FROM command WHERE id = ANY (%(ids)s) AND state = ANY (%(states)s)
    ORDER BY id FOR UPDATE) AS held
RETURNING command
"""
# One order at a time for a device. Then what it supersedes, locked together with it.
_HOLD_DEVICES = """
SELECT FROM device WHERE id IN (SELECT device FROM command WHERE id = ANY (%s))
ORDER BY id FOR NO KEY UPDATE
"""
_HOLD = """
SELECT held.id FROM command held WHERE held.id = ANY (%(ids)s) OR held.due_at IS NOT NULL
    AND held.state <> 'drafted' AND EXISTS (SELECT FROM command newer WHERE newer.id = ANY (%(ids)s)
        AND newer.device = held.device AND newer.actuator = held.actuator)
ORDER BY held.id FOR UPDATE
"""


@dataclass(frozen=True, kw_only=True)
class CommandFilter:
    """Which commands are listed; None: any. `open`: whether their life goes on.

    `since`: those whose state changed then or later;
    `drafted_since`, `drafted_until`: both included.
    """

    state: CommandState | None = None
    states: Sequence[CommandState] | None = None
    since: datetime | None = None
    drafted_since: datetime | None = None
    drafted_until: datetime | None = None
    open: bool | None = None
    site: str | None = None
    device: str | None = None
    kind: str | None = None
    alarm: int | None = None
    alarms: Sequence[int] | None = None
    batch: UUID | None = None


def read_clock(connection: Connection) -> datetime:
    """Now, as commands have it: the database's clock, in an exercise the scenario's."""
    ((now,),) = connection.execute(f"SELECT {NOW}").fetchall()
    return now  # type: ignore[no-any-return]


def insert(connection: Connection, commands: Iterable[NewCommand]) -> None:
    """Draft commands; those that are there already stay as they are."""
    rows = []
    for command in commands:
        expected = command.expected
        rows.append(
            {
                **{key: value for key, value in asdict(command).items() if key != "expected"},
                "parameters": Jsonb(dict(command.parameters)),
                "quantity": None if expected is None else expected.quantity,
                "low": None if expected is None else expected.low,
                "high": None if expected is None else expected.high,
            }
        )
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT, rows)


def move(  # noqa: PLR0913  the columns of an event
    connection: Connection,
    ids: Iterable[UUID],
    to_state: CommandState,
    *,
    states: Iterable[CommandState],
    at: datetime,
    who: str,
    why: str,
) -> list[UUID]:
    """Move those commands that are in one of `states`; which they were."""
    rows = connection.execute(
        _MOVE,
        {
            "ids": list(ids),
            "to_state": to_state.value,
            "states": [state.value for state in states],
            "at": at,
            "who": who,
            "why": why,
        },
    )
    return [moved for (moved,) in rows]


def hold_actuators(connection: Connection, ids: Sequence[UUID]) -> list[UUID]:
    """Lock these commands, and those under way for the same actuators; the latter come back."""
    connection.execute(_HOLD_DEVICES, [list(ids)])
    held = connection.execute(_HOLD, {"ids": list(ids)})
    return [other for (other,) in held if other not in ids]


def list_commands(
    connection: Connection,
    selection: CommandFilter,
    *,
    behind: tuple[datetime, UUID] | None = None,
    limit: int | None = None,
) -> list[Command]:
    """Commands, the latest first; `behind`: only those that come after this one."""
    conditions: dict[LiteralString, Any] = {
        "c.state = %s": None if selection.state is None else selection.state.value,
        "c.state = ANY (%s)": selection.states and [state.value for state in selection.states],
        "c.changed_at >= %s": selection.since,
        "c.drafted_at >= %s": selection.drafted_since,
        "c.drafted_at <= %s": selection.drafted_until,
        "(c.due_at IS NOT NULL) = %s": selection.open,
        "s.name = %s": selection.site,
        "d.name = %s": selection.device,
        "c.kind = %s": selection.kind,
        "c.alarm = %s": selection.alarm,
        "c.alarm = ANY (%s)": None if selection.alarms is None else list(selection.alarms),
        "c.batch = %s": selection.batch,
    }
    given = {condition: value for condition, value in conditions.items() if value is not None}
    where: LiteralString = " AND ".join(["true", *given])
    values = list(given.values())
    if behind is not None:
        where += " AND (c.drafted_at, c.id) < (%s, %s)"
        values += behind
    query = f"SELECT {_COLUMNS}{_FROM}WHERE {where} ORDER BY c.drafted_at DESC, c.id DESC LIMIT %s"
    return _read(connection, query, [*values, limit])


def list_of(connection: Connection, key: UUID) -> list[Command]:
    """The command of this key, or all of this batch."""
    query = f"SELECT {_COLUMNS}{_FROM}WHERE c.id = %s OR c.batch = %s ORDER BY c.id"
    return _read(connection, query, [key, key])


def list_by_id(connection: Connection, ids: Iterable[UUID]) -> list[Command]:
    """These commands, by id."""
    query = f"SELECT {_COLUMNS}{_FROM}WHERE c.id = ANY (%s) ORDER BY c.id"
    return _read(connection, query, [list(ids)])


def _read(connection: Connection, query: LiteralString, values: list[Any]) -> list[Command]:
    rows = connection.cursor(row_factory=dict_row).execute(query, values)
    return [Command(**{**row, "state": CommandState(row["state"])}) for row in rows]


def list_acknowledged(
    connection: Connection, since: datetime
) -> list[tuple[str, str, dict[str, Value], datetime]]:
    """What devices have acknowledged since then: device, kind, parameters, when."""
    query = (
        "SELECT d.name, c.kind, c.parameters, e.at FROM command_event e"
        " JOIN command c ON c.id = e.command JOIN device d ON d.id = c.device"
        " WHERE e.to_state = 'acknowledged' AND e.at >= %s ORDER BY e.at, c.id"
    )
    return connection.execute(query, [since]).fetchall()


def list_events(connection: Connection, command: UUID) -> list[CommandEvent]:
    """A command's life, from its beginning."""
    return _read_events(connection, [command]).get(command, [])


def list_histories(
    connection: Connection, selection: CommandFilter, *, limit: int | None = None
) -> list[CommandHistory]:
    """Commands with their lives, the latest first."""
    commands = list_commands(connection, selection, limit=limit)
    events = _read_events(connection, [command.id for command in commands])
    return [
        CommandHistory(command=command, events=tuple(events[command.id])) for command in commands
    ]


def _read_events(connection: Connection, keys: list[UUID]) -> dict[UUID, list[CommandEvent]]:
    rows = connection.cursor(row_factory=dict_row).execute(
        "SELECT command, number, from_state, to_state, at, recorded_at, who, why"
        " FROM command_event WHERE command = ANY (%s) ORDER BY command, number",
        [keys],
    )
    events: dict[UUID, list[CommandEvent]] = {}
    for row in rows:
        before = row["from_state"]
        row |= {
            "from_state": None if before is None else CommandState(before),
            "to_state": CommandState(row["to_state"]),
        }
        events.setdefault(row.pop("command"), []).append(CommandEvent(**row))
    return events


def list_quantities(connection: Connection, devices: Iterable[str]) -> dict[str, set[str]]:
    """What each of these devices measures."""
    rows = connection.execute(
        "SELECT d.name, array_agg(s.quantity) FROM device d JOIN series s ON s.device = d.id"
        " WHERE d.name = ANY (%s) GROUP BY d.name",
        [list(devices)],
    )
    return {name: set(quantities) for name, quantities in rows}


def has_group(connection: Connection, name: str) -> bool:
    """Whether there is a group of this name."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM device_group WHERE name = %s)", [name]
    ).fetchone()
    return bool(row and row[0])
