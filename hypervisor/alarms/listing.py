"""Alarms as people see them: log entry, operator state, suppression, incident."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, get_args

from hypervisor.alarms import (
    queries,
    queries_as_known,
    queries_incidents,
    queries_lifecycle,
    settings,
)
from hypervisor.alarms.queries import Alarm, Selection
from hypervisor.alarms.situation import read_suppression
from hypervisor.alarms.suppression import Suppression
from hypervisor.base.instants import micros, text
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
) -> list[dict[str, Any]]:
    """The alarms of a selection, latest first; `shown` narrows it by state."""
    narrowed = selection
    if shown in _SUPPRESSED:
        narrowed = replace(selection, active=True, limit=None)
    elif shown is not None:
        gone = selection.withdrawn or shown == "withdrawn"
        narrowed = replace(selection, state=shown, withdrawn=gone)
    views = describe_alarms(connection, queries.list_alarms(connection, narrowed), wall=wall)
    if shown == "suppressed":
        views = [view for view in views if view["suppressed"]]
    elif shown in _SUPPRESSED:
        views = [view for view in views if view["hold"] and view["hold"]["kind"] == shown]
    return views[: selection.limit]


def describe_alarms(
    connection: Connection, alarms: Sequence[Alarm], *, wall: datetime
) -> list[dict[str, Any]]:
    """These alarms with operator state, suppressions and the incident last assigned."""
    numbers = [alarm.id for alarm in alarms]
    clock = queries_lifecycle.read_clock(connection, wall)
    handled = queries_lifecycle.read_handling(connection, numbers, clock)
    active = [alarm.id for alarm in alarms if alarm.active]
    silent = read_suppression(connection, wall=wall).of(connection, active) if active else {}
    belongs = queries_incidents.find_incidents(connection, numbers)
    return [
        {
            **queries.as_text(alarm),
            **queries_lifecycle.as_text(handled[alarm.id]),
            "suppressed": [_suppression(why) for why in silent.get(alarm.id, ())],
            "incident": belongs.get(alarm.id),
        }
        for alarm in alarms
        if alarm.id in handled
    ]


def list_incidents(  # noqa: PLR0913  a filter each
    connection: Connection,
    *,
    wall: datetime,
    every: bool = False,
    domain: str | None = None,
    number: int | None = None,
    limit: int | None = None,
    behind: tuple[datetime, int] | None = None,
) -> list[dict[str, Any]]:
    """Incidents with the numbers of their alarms, latest first; `every`: closed ones too."""
    clock = queries_lifecycle.read_clock(connection, wall)
    rows = queries_incidents.list_incidents(
        connection,
        opened_at=None if every else clock,
        domain=domain,
        number=number,
        limit=limit,
        behind=behind,
    )
    belong = queries_incidents.list_members(connection, [row.number for row in rows])
    now = None if clock is None else micros(clock)
    return [{**queries_incidents.as_text(row, now), "alarms": belong[row.number]} for row in rows]


def refresh_incidents(connection: Connection) -> None:
    """Bring incidents up to date with the alarm log."""
    queries_incidents.refresh(
        connection, settings.from_stored(queries_lifecycle.read_settings(connection)).incident_quiet
    )


def list_alarms_as_known(
    connection: Connection, at: datetime, selection: Selection
) -> list[dict[str, Any]]:
    """The alarms of a selection as they were known at a time."""
    criteria = {
        "subject": selection.subject,
        "rule": selection.rule,
        "domain": selection.domain,
        "category": selection.category,
        "site": selection.site,
        "active": selection.active,
        "state": selection.state,
    }
    alarms = [
        alarm
        for alarm in queries_as_known.list_alarms_as_known(connection, at)
        if all(value is None or alarm[name] == value for name, value in criteria.items())
    ]
    return alarms[: selection.limit]


def _suppression(why: Suppression) -> dict[str, Any]:
    return {
        "kind": why.kind,
        "reason": why.reason,
        "by": why.by,
        "until": None if why.until is None else text(why.until),
    }
