"""SQL of acts on alarms: append-only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from hypervisor.base.instants import micros, micros_if, moment_if, text, text_if
from hypervisor.database.connect import Connection


@dataclass(frozen=True, kw_only=True)
class ActRecord:
    """A row of alarm_act. Times in µs; `version`, `state`: of the alarm after the act."""

    id: int
    alarm: int
    kind: str
    author: str
    at: int
    scenario_at: int | None
    reason: str
    details: Mapping[str, Any]
    version: int
    state: str


def record(connection: Connection, done: ActRecord) -> int:
    """Append an act; returns its id."""
    row = connection.execute(
        "INSERT INTO alarm_act"
        " (alarm, kind, author, at, scenario_at, reason, details, version, state)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        [
            *(done.alarm, done.kind, done.author, moment_if(done.at), moment_if(done.scenario_at)),
            *(done.reason, Jsonb(dict(done.details)), done.version, done.state),
        ],
    ).fetchone()
    return int(row[0]) if row else 0


def list_acts(connection: Connection, numbers: Sequence[int]) -> list[ActRecord]:
    """The acts on these alarms, oldest first."""
    rows = connection.execute(
        "SELECT id, alarm, kind, author, at, scenario_at, reason, details, version, state"
        " FROM alarm_act WHERE alarm = ANY(%s) ORDER BY id",
        [list(numbers)],
    )
    return [
        ActRecord(
            id=row[0],
            alarm=row[1],
            kind=row[2],
            author=row[3],
            at=micros(row[4]),
            scenario_at=micros_if(row[5]),
            reason=row[6],
            details=row[7],
            version=row[8],
            state=row[9],
        )
        for row in rows
    ]


def as_text(done: ActRecord) -> dict[str, Any]:
    """An act as plain values."""
    return {
        "id": done.id,
        "kind": done.kind,
        "author": done.author,
        "at": text(done.at),
        "scenario_at": text_if(done.scenario_at),
        "reason": done.reason,
        "details": dict(done.details),
        "version": done.version,
        "state": done.state,
    }
