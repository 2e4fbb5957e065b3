"""SQL of the operator state of alarms, holds and settings."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.alarms.lifecycle import AlarmState, BaseState, Hold
from hypervisor.base.instants import micros, micros_if, moment_if, text, text_if
from hypervisor.database import feed
from hypervisor.database.connect import Connection

SYSTEM = "system"  # the author of automatic acts


@dataclass(frozen=True, kw_only=True)
class HoldRecord:
    """A rule silenced by hand at a subject. Times in µs, on the instance's clock."""

    rule: str
    subject: str
    kind: Hold
    since: int
    until: int | None
    author: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Handling:
    """The operator state of an alarm. `acknowledged`: the severity acknowledged."""

    alarm: int
    version: int
    base: BaseState
    acknowledged: str | None
    assignee: str | None
    closing: int | None
    merged_into: int | None
    split_from: int | None
    held: HoldRecord | None

    @property
    def state(self) -> AlarmState:
        return AlarmState(base=self.base, hold=self.held.kind if self.held else Hold.NONE)


def read_clock(connection: Connection, wall: datetime) -> datetime | None:
    """Now on the instance's clock: wall clock, or the scenario's (None before it begins)."""
    row = connection.execute(
        "SELECT CASE (SELECT mode FROM instance) WHEN 'exercise'"
        " THEN (SELECT max(heard_at) FROM worker) ELSE %s::timestamptz END",
        [wall],
    ).fetchone()
    return row[0] if row else None


def is_exercise(connection: Connection) -> bool:
    """Whether the instance runs an exercise."""
    row = connection.execute("SELECT mode FROM instance").fetchone()
    return row is not None and row[0] == "exercise"


def lock_alarm(connection: Connection, number: int) -> bool:
    """Lock an alarm with all others of its rule and subject; False: no such alarm."""
    row = connection.execute("SELECT rule, subject FROM alarm WHERE id = %s", [number]).fetchone()
    if row is None:
        return False
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 4))", ["\n".join(row)])
    connection.execute("SELECT 1 FROM alarm WHERE id = %s FOR UPDATE", [number])
    return True


def read_handling(
    connection: Connection, numbers: Sequence[int], at: datetime | None
) -> dict[int, Handling]:
    """The operator state of these alarms; `at`: to tell which are still shelved."""
    rows = connection.execute(
        "SELECT a.id, a.version, a.state, a.acknowledged, a.assignee, a.closing, a.merged_into,"
        " a.split_from, a.rule, a.subject, h.kind, h.since, h.until, h.author, h.reason"
        " FROM alarm a LEFT JOIN alarm_hold h ON h.rule = a.rule AND h.subject = a.subject"
        " AND (h.until IS NULL OR %(at)s::timestamptz IS NULL OR h.until > %(at)s)"
        " WHERE a.id = ANY(%(numbers)s)",
        {"at": at, "numbers": list(numbers)},
    )
    return {row[0]: _handling(row) for row in rows}


def list_holds(connection: Connection, at: datetime | None) -> list[HoldRecord]:
    """The holds in force at a time."""
    rows = connection.execute(
        "SELECT rule, subject, kind, since, until, author, reason FROM alarm_hold"
        " WHERE until IS NULL OR %(at)s::timestamptz IS NULL OR until > %(at)s"
        " ORDER BY rule, subject",
        {"at": at},
    )
    return [_held(row) for row in rows]


def save_handling(connection: Connection, handled: Handling) -> None:
    """Save the operator state of an alarm and its version."""
    connection.execute(
        "UPDATE alarm SET acknowledged = %s, assignee = %s, closing = %s, version = %s"
        " WHERE id = %s",
        [
            *(handled.acknowledged, handled.assignee, moment_if(handled.closing)),
            *(handled.version, handled.alarm),
        ],
    )


def save_hold(connection: Connection, held: HoldRecord) -> None:
    """Insert or replace a hold."""
    connection.execute(
        "INSERT INTO alarm_hold (rule, subject, kind, since, until, author, reason)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (rule, subject) DO UPDATE SET"
        " (kind, since, until, author, reason) = (EXCLUDED.kind, EXCLUDED.since, EXCLUDED.until,"
        " EXCLUDED.author, EXCLUDED.reason)",
        [
            *(held.rule, held.subject, held.kind, moment_if(held.since), moment_if(held.until)),
            *(held.author, held.reason),
        ],
    )


def delete_hold(connection: Connection, rule: str, subject: str) -> None:
    """End a hold."""
    connection.execute("DELETE FROM alarm_hold WHERE rule = %s AND subject = %s", [rule, subject])


def record_closing(  # noqa: PLR0913  one argument a column
    connection: Connection,
    *,
    alarm: int,
    rule: str,
    subject: str,
    at: datetime,
    author: str,
    reason: str,
) -> None:
    """Record an alarm closed by hand, and wake the evaluation."""
    connection.execute(
        "INSERT INTO closing (rule, subject, at, author, reason, alarm)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [rule, subject, at, author, reason, alarm],
    )
    feed.append(connection, "registry")


def as_text(handled: Handling) -> dict[str, Any]:
    """The operator state as plain values; times RFC 3339 in UTC."""
    held = handled.held
    return {
        "state": handled.base.value,
        "version": handled.version,
        "acknowledged": handled.acknowledged,
        "assignee": handled.assignee,
        "closing": text_if(handled.closing),
        "merged_into": handled.merged_into,
        "split_from": handled.split_from,
        "hold": None
        if held is None
        else {
            "kind": held.kind.value,
            "since": text(held.since),
            "until": text_if(held.until),
            "author": held.author,
            "reason": held.reason,
        },
    }


def read_settings(connection: Connection) -> dict[str, Any]:
    """The settings that differ from the defaults."""
    return dict(connection.execute("SELECT name, value FROM alarm_setting").fetchall())


def save_setting(connection: Connection, name: str, value: object) -> None:
    """Set a setting."""
    connection.execute(
        "INSERT INTO alarm_setting (name, value) VALUES (%s, %s)"
        " ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value",
        [name, json.dumps(value)],
    )


def _handling(row: Sequence[Any]) -> Handling:
    return Handling(
        alarm=row[0],
        version=row[1],
        base=BaseState(row[2]),
        acknowledged=row[3],
        assignee=row[4],
        closing=micros_if(row[5]),
        merged_into=row[6],
        split_from=row[7],
        held=_held((row[8], row[9], *row[10:])) if row[10] else None,
    )


def _held(row: Sequence[Any]) -> HoldRecord:
    rule, subject, kind, since, until, author, reason = row
    return HoldRecord(
        rule=rule,
        subject=subject,
        kind=Hold(kind),
        since=micros(since),
        until=micros_if(until),
        author=author,
        reason=reason,
    )
