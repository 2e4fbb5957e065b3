"""All that became of an alarm and was done to it, in the order it was noticed or done."""

from typing import Any

from hypervisor.instants import text
from hypervisor.store.alarms import alarm_acts, alarms
from hypervisor.store.alarms.alarm_acts import Done
from hypervisor.store.alarms.alarms import Transition
from hypervisor.store.connect import Connection


def history(connection: Connection, number: int) -> list[dict[str, Any]]:
    """Transitions and acts on one axis: the wall's clock, or the scenario's in an exercise.

    Those of alarms that were merged into it are told too, with the number of theirs.
    """
    numbers = [number, *alarms.merged_into(connection, number)]
    told = [(one.noticed, _transition(one)) for one in alarms.transitions(connection, numbers)]
    done = [
        (one.at if one.scenario_at is None else one.scenario_at, _act(one))
        for one in alarm_acts.acts(connection, numbers)
    ]
    # At one time what was noticed comes first: sorting keeps the order.
    return [one for _, one in sorted([*told, *done], key=lambda each: each[0])]


def _transition(one: Transition) -> dict[str, Any]:
    return {
        "at": text(one.noticed),
        "alarm": one.alarm,
        "what": one.kind,
        "event_time": text(one.event),
        "author": None,
        "reason": one.reason,
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
