"""All that became of an alarm and was done to it, in the order it was noticed or done."""

from typing import Any

from hypervisor.alarms import queries, queries_acts
from hypervisor.alarms.queries import Transition
from hypervisor.alarms.queries_acts import Done
from hypervisor.base.instants import text
from hypervisor.database.connect import Connection


def history(connection: Connection, number: int) -> list[dict[str, Any]]:
    """Transitions and acts on one axis: the wall's clock, or the scenario's in an exercise.

    Those of alarms that were merged into it are told too, with the number of theirs.
    """
    numbers = [number, *queries.merged_into(connection, number)]
    told = [
        (transition.noticed, _transition(transition))
        for transition in queries.transitions(connection, numbers)
    ]
    done = [
        (act.at if act.scenario_at is None else act.scenario_at, _act(act))
        for act in queries_acts.acts(connection, numbers)
    ]
    # At one time what was noticed comes first: sorting keeps the order.
    return [one for _, one in sorted([*told, *done], key=lambda each: each[0])]


def _transition(transition: Transition) -> dict[str, Any]:
    return {
        "at": text(transition.noticed),
        "alarm": transition.alarm,
        "what": transition.kind,
        "event_time": text(transition.event),
        "author": None,
        "reason": transition.reason,
    }


def _act(one: Done) -> dict[str, Any]:
    return {
        "at": text(one.at if one.scenario_at is None else one.scenario_at),
        "alarm": one.alarm,
        "what": one.kind,
        "author": one.author,
        "reason": one.reason,
        "done_at": text(one.at),
        "details": dict(one.details),
        "version": one.version,
        "state": one.state,
    }
