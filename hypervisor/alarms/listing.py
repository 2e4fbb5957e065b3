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
from hypervisor.alarms.situation import situation
from hypervisor.alarms.suppression import Suppression
from hypervisor.base.instants import micros, text
from hypervisor.database.connect import Connection

# By what people look for alarms: the states of the table, what is held, and `suppressed` for any
# reason, by hand or by design.
Shown = Literal[
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
SHOWN: tuple[str, ...] = get_args(Shown)
_OF_HOLD = ("shelved", "out-of-service", "suppressed")


def views(
    connection: Connection, selection: Selection, *, wall: datetime, shown: Shown | None = None
) -> list[dict[str, Any]]:
    """The alarms of a selection, the latest to begin first; `shown` narrows it."""
    wanted = selection
    if shown in _OF_HOLD:
        wanted = replace(selection, active=True, limit=None)
    elif shown is not None:
        gone = selection.withdrawn or shown == "withdrawn"
        wanted = replace(selection, state=shown, withdrawn=gone)
    found = viewed(connection, queries.listing(connection, wanted), wall=wall)
    if shown == "suppressed":
        found = [one for one in found if one["suppressed"]]
    elif shown in _OF_HOLD:
        found = [one for one in found if one["hold"] and one["hold"]["kind"] == shown]
    return found[: selection.limit]


def viewed(
    connection: Connection, found: Sequence[Alarm], *, wall: datetime
) -> list[dict[str, Any]]:
    """These alarms with their operator's side, and their incident as it was last grouped."""
    numbers = [alarm.id for alarm in found]
    clock = queries_lifecycle.clock(connection, wall)
    handled = queries_lifecycle.handling(connection, numbers, clock)
    active = [alarm.id for alarm in found if alarm.active]
    silent = situation(connection, wall=wall).of(connection, active) if active else {}
    belongs = queries_incidents.of_alarms(connection, numbers)
    return [
        {
            **queries.as_text(alarm),
            **queries_lifecycle.as_text(handled[alarm.id]),
            "suppressed": [_suppression(why) for why in silent.get(alarm.id, ())],
            "incident": belongs.get(alarm.id),
        }
        for alarm in found
        if alarm.id in handled
    ]


def incidents_viewed(  # noqa: PLR0913  a filter each
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
    clock = queries_lifecycle.clock(connection, wall)
    rows = queries_incidents.listing(
        connection,
        opened_at=None if every else clock,
        domain=domain,
        number=number,
        limit=limit,
        behind=behind,
    )
    belong = queries_incidents.alarms_of(connection, [row.number for row in rows])
    now = None if clock is None else micros(clock)
    return [{**queries_incidents.as_text(row, now), "alarms": belong[row.number]} for row in rows]


def regroup(connection: Connection) -> None:
    """Bring the incidents up to date."""
    queries_incidents.refresh(
        connection, settings.of(queries_lifecycle.settings(connection)).incident_quiet
    )


def known_at(connection: Connection, at: datetime, selection: Selection) -> list[dict[str, Any]]:
    """The log as it was known at a time, of the same selection."""
    wanted = {
        "subject": selection.subject,
        "rule": selection.rule,
        "domain": selection.domain,
        "category": selection.category,
        "site": selection.site,
        "active": selection.active,
        "state": selection.state,
    }
    found = [
        one
        for one in queries_as_known.known(connection, at)
        if all(value is None or one[name] == value for name, value in wanted.items())
    ]
    return found[: selection.limit]


def _suppression(why: Suppression) -> dict[str, Any]:
    return {
        "kind": why.kind,
        "reason": why.reason,
        "by": why.by,
        "until": None if why.until is None else text(why.until),
    }
