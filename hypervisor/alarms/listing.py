"""Alarms as people see them: the log, how each is handled, why it is silent, its incident."""

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

# By what people look for alarms: the states of the table, what is held, and `suppressed` for any
# reason, by hand or by design.
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
    """The alarms of a selection, the latest to begin first; `shown` narrows it."""
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
    """These alarms with their operator's side, and their incident as it was last grouped."""
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
    """Incidents with the numbers of their alarms, the latest to open first; `every`: closed too."""
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
    """Bring the incidents up to date."""
    queries_incidents.refresh(
        connection, settings.from_stored(queries_lifecycle.read_settings(connection)).incident_quiet
    )


def list_alarms_as_known(
    connection: Connection, at: datetime, selection: Selection
) -> list[dict[str, Any]]:
    """The log as it was known at a time, of the same selection."""
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
