"""SQL of the operator state of alarms, holds and settings."""

import json
from dataclasses import asdict
from datetime import datetime

from psycopg.rows import class_row

from hypervisor.alarms.model import HandledAlarm, HoldRecord
from hypervisor.alarms.queries import SELECTED, Selection
from hypervisor.alarms.settings import AlarmSettings, from_stored
from hypervisor.base.instants import moment, moment_if
from hypervisor.database import feed
from hypervisor.database.connect import Connection
from hypervisor.database.instance import SCENARIO_CLOCK

_HANDLED = """
SELECT a.id, a.rule, a.source, a.subject, site.name AS site,
    coalesce(site.commune, a.commune) AS commune, a.domain, category, a.title, advice, title_fr,
    advice_fr, ended IS NULL AND withdrawn IS NULL AS active, a.since, began, ended, end_reason,
    severity, stale, last_value, withdrawn, noticed_at, changed_at, state, a.version, acknowledged,
    assignee, closing, merged_into, split_from, i.incident,
    CASE WHEN h.rule IS NOT NULL THEN to_jsonb(h) END AS hold
FROM alarm a LEFT JOIN site ON site.id = a.site LEFT JOIN incident_alarm i ON i.alarm = a.id
LEFT JOIN alarm_hold h ON h.rule = a.rule AND h.subject = a.subject
    AND (h.until IS NULL OR %(clock)s::timestamptz IS NULL OR h.until > %(clock)s)
"""


def read_clock(connection: Connection, wall: datetime) -> datetime | None:
    """Now on the instance's clock: wall clock, or the scenario's (None before it begins)."""
    row = connection.execute(
        f"SELECT CASE (SELECT mode FROM instance) WHEN 'exercise' THEN {SCENARIO_CLOCK}"  # noqa: S608  a constant
        " ELSE %s::timestamptz END",
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


def list_handled(
    connection: Connection, selection: Selection, clock: datetime | None
) -> list[HandledAlarm]:
    """Alarms with their operator state, latest first; `clock`: which are still shelved."""
    query = f"{_HANDLED} {SELECTED}"
    rows = connection.cursor(row_factory=class_row(HandledAlarm)).execute(
        query, {**asdict(selection), "clock": clock}
    )
    return rows.fetchall()


def find_handled(
    connection: Connection, number: int, clock: datetime | None
) -> HandledAlarm | None:
    """An alarm with its operator state, also a withdrawn one."""
    rows = list_handled(connection, Selection(numbers=[number], withdrawn=True), clock)
    return rows[0] if rows else None


def save_handling(connection: Connection, alarm: HandledAlarm) -> None:
    """Save the operator state of an alarm and its version."""
    connection.execute(
        "UPDATE alarm SET acknowledged = %s, assignee = %s, closing = %s, version = %s"
        " WHERE id = %s",
        [
            *(alarm.acknowledged, alarm.assignee, moment_if(alarm.closing)),
            *(alarm.version, alarm.id),
        ],
    )


def list_holds(connection: Connection, at: datetime | None) -> list[HoldRecord]:
    """The holds in force at a time."""
    rows = connection.cursor(row_factory=class_row(HoldRecord)).execute(
        "SELECT rule, subject, kind, since, until, author, reason FROM alarm_hold"
        " WHERE until IS NULL OR %(at)s::timestamptz IS NULL OR until > %(at)s"
        " ORDER BY rule, subject",
        {"at": at},
    )
    return rows.fetchall()


def save_hold(connection: Connection, hold: HoldRecord) -> None:
    """Insert or replace a hold."""
    connection.execute(
        "INSERT INTO alarm_hold (rule, subject, kind, since, until, author, reason)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (rule, subject) DO UPDATE SET"
        " (kind, since, until, author, reason) = (EXCLUDED.kind, EXCLUDED.since, EXCLUDED.until,"
        " EXCLUDED.author, EXCLUDED.reason)",
        [
            *(hold.rule, hold.subject, hold.kind, moment(hold.since), moment_if(hold.until)),
            *(hold.author, hold.reason),
        ],
    )


def delete_hold(connection: Connection, rule: str, subject: str) -> None:
    """End a hold."""
    connection.execute("DELETE FROM alarm_hold WHERE rule = %s AND subject = %s", [rule, subject])


def record_closing(
    connection: Connection, alarm: HandledAlarm, at: datetime, *, author: str, reason: str
) -> None:
    """Record an alarm closed by hand, and wake the evaluation."""
    connection.execute(
        "INSERT INTO closing (rule, subject, at, author, reason, alarm)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [alarm.rule, alarm.subject, at, author, reason, alarm.id],
    )
    feed.append(connection, "registry")


def read_settings(connection: Connection) -> AlarmSettings:
    """The settings, with defaults for those never changed."""
    rows = connection.execute("SELECT name, value FROM alarm_setting").fetchall()
    return from_stored(dict(rows))


def save_setting(connection: Connection, name: str, value: object) -> None:
    """Set a setting."""
    connection.execute(
        "INSERT INTO alarm_setting (name, value) VALUES (%s, %s)"
        " ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value",
        [name, json.dumps(value)],
    )
