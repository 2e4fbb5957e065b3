"""How transitions change the operator state, in the same transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypervisor.alarms.queries_lifecycle import SYSTEM
from hypervisor.base.instants import moment
from hypervisor.database.connect import Connection
from rules._rule import SEVERITIES


@dataclass(frozen=True, kw_only=True)
class Followed:
    """The part of a transition that concerns the operator state. `noticed` in µs."""

    alarm: int
    kind: str
    noticed: int
    other: int | None


def apply_transitions(connection: Connection, transitions: Sequence[Followed]) -> None:
    """Require a new acknowledgement where a severity rose; merge and split operator states.

    A revised alarm keeps its acknowledgement. A merged one is acknowledged only if all its parts
    were. A piece split off is unacknowledged.
    """
    for transition in transitions:
        if transition.kind == "merged" and transition.other is not None:
            _merge(connection, transition, into=transition.other)
        if transition.kind == "split" and transition.other is not None:
            connection.execute(
                "UPDATE alarm SET split_from = %s WHERE id = %s",
                [transition.other, transition.alarm],
            )
    stepped = {
        transition.alarm: transition.noticed
        for transition in transitions
        if transition.kind in ("severity", "revised")
    }
    if stepped:
        _step_up(connection, stepped)


def _step_up(connection: Connection, noticed: Mapping[int, int]) -> None:
    rows = connection.execute(
        "WITH was AS (SELECT id, acknowledged, severity->-1->>1 AS stands FROM alarm"
        "  WHERE id = ANY(%(ids)s) AND state = 'acknowledged' AND"
        "  array_position(%(ranks)s::text[], severity->-1->>1)"
        "  > array_position(%(ranks)s::text[], acknowledged) AND (SELECT value FROM alarm_setting"
        "  WHERE name = 'step_up_unacknowledges') IS DISTINCT FROM 'false'::jsonb FOR UPDATE)"
        " UPDATE alarm SET acknowledged = NULL FROM was WHERE alarm.id = was.id"
        " RETURNING alarm.id, was.acknowledged, was.stands",
        {"ids": list(noticed), "ranks": list(SEVERITIES)},
    ).fetchall()
    for number, before, stands in rows:
        reason = f"its severity rose to {stands}; it was acknowledged as {before}"
        _record_unacknowledge(connection, number, reason, noticed[number])


def _merge(connection: Connection, transition: Followed, *, into: int) -> None:
    connection.execute("UPDATE alarm SET merged_into = %s WHERE id = %s", [into, transition.alarm])
    row = connection.execute(
        "UPDATE alarm SET acknowledged = NULL WHERE id = %s AND acknowledged IS NOT NULL"
        " AND closing IS NULL AND (SELECT acknowledged FROM alarm WHERE id = %s) IS NULL"
        " RETURNING id",
        [into, transition.alarm],
    ).fetchone()
    if row is not None:
        reason = f"alarm {transition.alarm}, which nobody had acknowledged, proved to be part of it"
        _record_unacknowledge(connection, into, reason, transition.noticed)


def _record_unacknowledge(connection: Connection, number: int, reason: str, noticed: int) -> None:
    connection.execute(
        "INSERT INTO alarm_act (alarm, kind, author, at, scenario_at, reason, version, state)"
        " SELECT id, 'unacknowledge', %s, clock_timestamp(),"
        " CASE (SELECT mode FROM instance) WHEN 'exercise' THEN %s::timestamptz END,"
        " %s, version, state FROM alarm WHERE id = %s",
        [SYSTEM, moment(noticed), reason, number],
    )
