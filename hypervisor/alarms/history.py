"""The history of an alarm: transitions and acts in order."""

from typing import Any

from hypervisor.alarms import queries, queries_acts
from hypervisor.alarms.queries import Transition
from hypervisor.alarms.queries_acts import ActRecord
from hypervisor.base.instants import text
from hypervisor.database.connect import Connection


def read_history(connection: Connection, number: int) -> list[dict[str, Any]]:
    """Transitions and acts, with those of alarms merged into it.

    Ordered by wall clock; in an exercise by the scenario's clock.
    """
    numbers = [number, *queries.list_merged(connection, number)]
    noticed = [
        (transition.noticed, _transition_entry(transition))
        for transition in queries.list_transitions(connection, numbers)
    ]
    done = [
        (act.at if act.scenario_at is None else act.scenario_at, _act_entry(act))
        for act in queries_acts.list_acts(connection, numbers)
    ]
    # The sort is stable: at equal times transitions come before acts.
    return [entry for _, entry in sorted([*noticed, *done], key=lambda entry: entry[0])]


def _transition_entry(transition: Transition) -> dict[str, Any]:
    return {
        "at": text(transition.noticed),
        "alarm": transition.alarm,
        "what": transition.kind,
        "event_time": text(transition.event),
        "author": None,
        "reason": transition.reason,
    }


def _act_entry(act: ActRecord) -> dict[str, Any]:
    return {
        "at": text(act.at if act.scenario_at is None else act.scenario_at),
        "alarm": act.alarm,
        "what": act.kind,
        "author": act.author,
        "reason": act.reason,
        "done_at": text(act.at),
        "details": dict(act.details),
        "version": act.version,
        "state": act.state,
    }
