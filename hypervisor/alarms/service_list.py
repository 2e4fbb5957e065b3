"""Alarms as people see them: log entry, operator state, suppression, incident, history."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, get_args

from hypervisor.alarms import (
    queries,
    queries_acts,
    queries_incidents,
    queries_lifecycle,
    queries_timeline,
)
from hypervisor.alarms.errors import NoAlarmError
from hypervisor.alarms.log import EXTERNAL
from hypervisor.alarms.model import HandledAlarm
from hypervisor.alarms.queries import Selection
from hypervisor.alarms.service_suppression import read_suppression
from hypervisor.base.instants import text
from hypervisor.database.connect import Connection

# What people filter by: states of the life cycle, holds, and `suppressed` for any reason.
StateFilter = Literal[
    "unacknowledged",
    "acknowledged",
    "closing",
    "returned",
    "normal",
    "withdrawn",
    "shelved",
    "out-of-service",
    "suppressed",
]
STATE_FILTERS: tuple[str, ...] = get_args(StateFilter)
_SUPPRESSED = ("shelved", "out-of-service", "suppressed")


def list_alarms(
    connection: Connection,
    selection: Selection,
    *,
    wall: datetime,
    shown: StateFilter | None = None,
) -> list[HandledAlarm]:
    """The alarms of a selection, latest first; `shown` narrows it by state."""
    narrowed = selection
    if shown in _SUPPRESSED:
        narrowed = replace(selection, active=True, limit=None)
    elif shown is not None:
        withdrawn = selection.withdrawn or shown == "withdrawn"
        narrowed = replace(selection, state=shown, withdrawn=withdrawn)
    clock = queries_lifecycle.read_clock(connection, wall)
    alarms = queries_lifecycle.list_handled(connection, narrowed, clock)
    active = [alarm.id for alarm in alarms if alarm.active]
    reasons = read_suppression(connection, wall=wall).of(connection, active) if active else {}
    alarms = [
        alarm.model_copy(update={"suppressed": reasons.get(alarm.id, ())}) for alarm in alarms
    ]
    if shown == "suppressed":
        alarms = [alarm for alarm in alarms if alarm.suppressed]
    elif shown in _SUPPRESSED:
        alarms = [alarm for alarm in alarms if alarm.hold and alarm.hold.kind.value == shown]
    return alarms[: selection.limit]


def get_alarm(connection: Connection, number: int, *, wall: datetime) -> HandledAlarm:
    """An alarm, also a withdrawn one. Raises NoAlarmError: no such alarm."""
    alarms = list_alarms(connection, Selection(numbers=[number], withdrawn=True), wall=wall)
    if not alarms:
        raise NoAlarmError("no alarm has the number {number}", number)
    return alarms[0]


def refresh_incidents(connection: Connection) -> None:
    """Bring incidents up to date with the alarm log."""
    queries_incidents.refresh(
        connection, queries_lifecycle.read_settings(connection).incident_quiet
    )


def list_alarms_as_known(
    connection: Connection, at: datetime, selection: Selection
) -> list[dict[str, Any]]:
    """The alarms of a selection as they were known at a time."""
    names = ("subject", "rule", "domain", "category", "site", "active", "state")
    criteria = [(name, value) for name in names if (value := getattr(selection, name)) is not None]
    alarms = [
        alarm
        for alarm in queries_timeline.list_alarms_as_known(connection, at)
        if all(alarm[name] == value for name, value in criteria)
        and selection.external in (None, alarm["rule"].startswith(EXTERNAL))
        and selection.source in (None, alarm["rule"].removeprefix(EXTERNAL))
    ]
    return alarms[: selection.limit]


def read_history(connection: Connection, number: int) -> list[dict[str, Any]]:
    """Transitions and acts of an alarm, with those of alarms merged into it.

    Ordered by wall clock; in an exercise by the scenario's clock.
    """
    numbers = [number, *queries.list_merged(connection, number)]
    transitions = [
        {
            "at": text(transition.noticed),
            "alarm": transition.alarm,
            "what": transition.kind,
            "event_time": text(transition.event),
            "author": None,
            "reason": transition.reason,
        }
        for transition in queries.list_transitions(connection, numbers)
    ]
    acts = [
        {
            "at": text(act.time),
            "alarm": act.alarm,
            "what": act.kind,
            "author": act.author,
            "reason": act.reason,
            "done_at": text(act.at),
            "details": act.details,
            "version": act.version,
            "state": act.state,
        }
        for act in queries_acts.list_acts(connection, numbers)
    ]
    # The sort is stable: at equal times transitions come before acts.
    return sorted([*transitions, *acts], key=lambda entry: datetime.fromisoformat(entry["at"]))
