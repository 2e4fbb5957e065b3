"""The alarm log as it was known at a time, from transitions and acts until then."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from hypervisor.alarms.lifecycle import BaseState
from hypervisor.database.connect import Connection

_SEEN = {"acknowledge": True, "close": True, "unacknowledge": False}


def list_alarms_as_known(connection: Connection, at: datetime) -> list[dict[str, Any]]:
    """The plain values of each alarm as known at a time, latest first.

    `at`: wall clock, in an exercise the scenario's. `state` and `assignee` follow from the acts
    until then; alarms withdrawn by then are left out.
    """
    rows = connection.execute(
        "SELECT DISTINCT ON (alarm) alarm, snapshot FROM transition WHERE noticed_at <= %s"
        " ORDER BY alarm, id DESC",
        [at],
    ).fetchall()
    snapshots = {number: snapshot for number, snapshot in rows if snapshot["withdrawn"] is None}
    acts: dict[int, list[tuple[str, Mapping[str, Any]]]] = {}
    for number, kind, details in connection.execute(
        "SELECT alarm, kind, details FROM alarm_act WHERE alarm = ANY(%s)"
        " AND COALESCE(scenario_at, at) <= %s ORDER BY id",
        [list(snapshots), at],
    ):
        acts.setdefault(number, []).append((kind, details))
    alarms = [
        {**alarm, **_fold_acts(alarm, acts.get(number, []))} for number, alarm in snapshots.items()
    ]
    return sorted(alarms, key=lambda alarm: (alarm["began"], alarm["id"]), reverse=True)


def _fold_acts(
    alarm: Mapping[str, Any], acts: Iterable[tuple[str, Mapping[str, Any]]]
) -> dict[str, Any]:
    seen = closing = False
    assignee = None
    for kind, details in acts:
        seen = _SEEN.get(kind, seen)
        closing = closing or kind == "close"
        assignee = details.get("assignee") if kind == "assign" else assignee
    if alarm["ended"] is not None:
        base = BaseState.NORMAL if seen else BaseState.RETURNED
    elif closing:
        base = BaseState.CLOSING
    else:
        base = BaseState.ACKNOWLEDGED if seen else BaseState.UNACKNOWLEDGED
    return {"state": base.value, "assignee": assignee}
